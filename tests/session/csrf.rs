//! Requests that another site has made a browser send.

use bytes::Bytes;
use http::{HeaderName, Method, Request, StatusCode};
use tower::{Layer, ServiceExt};
use tower_keep::{
    SessionLayer,
    session::{CsrfLayer, SessionRefusal},
    test_util::{FakeRemoteSessions, ManualClock},
};

use crate::{
    guarded::{ask, guarded, handler, outcome},
    support::{App, Browser, collected},
};

const ADMITTED: (StatusCode, Option<SessionRefusal>) = (StatusCode::OK, None);
const FORGED: (StatusCode, Option<SessionRefusal>) =
    (StatusCode::FORBIDDEN, Some(SessionRefusal::Forged));

const SAME_ORIGIN: (&str, &str) = ("sec-fetch-site", "same-origin");
const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");

/// A browser whose user is logged in.
async fn logged_in(app: &App) -> Browser {
    let browser = Browser::new(app);
    browser.get("/login").await;
    browser
}

fn with(token: &str) -> [(&str, &str); 1] {
    [("x-csrf-token", token)]
}

async fn post(app: &App, browser: &Browser, fields: &[(&str, &str)]) -> http::Response<Bytes> {
    ask(app, browser, Method::POST, "/transfer", fields).await
}

#[tokio::test]
async fn what_another_site_sends_is_refused_and_says_why() {
    let layer = SessionLayer::new();
    let app = guarded(&layer, &CsrfLayer::new());
    let browser = logged_in(&app).await;
    for site in ["cross-site", "same-site", "something"] {
        let refused = post(&app, &browser, &[("sec-fetch-site", site)]).await;
        assert_eq!(outcome(&refused), FORGED, "{site}");
        assert_eq!(refused.headers()["cache-control"], "no-store");
        assert_eq!(
            refused.body(),
            "the request comes from another site\n",
            "{site}"
        );
    }
    for site in ["same-origin", "none"] {
        let passed = post(&app, &browser, &[("sec-fetch-site", site)]).await;
        assert_eq!(outcome(&passed), ADMITTED, "{site}");
    }
    assert_eq!(layer.stats().turned_away, [("cross-site", 3)]);
}

#[tokio::test]
async fn safe_methods_pass_and_all_others_are_looked_at() {
    let layer = SessionLayer::new();
    let app = guarded(&layer, &CsrfLayer::new().require_token());
    let browser = logged_in(&app).await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        let passed = ask(&app, &browser, method.clone(), "/", &[CROSS_SITE]).await;
        assert_eq!(outcome(&passed), ADMITTED, "{method}");
    }
    let report = Method::from_bytes(b"REPORT").unwrap();
    for method in [
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        report,
    ] {
        let refused = ask(&app, &browser, method.clone(), "/", &[CROSS_SITE]).await;
        assert_eq!(outcome(&refused), FORGED, "{method}");
    }
}

#[tokio::test]
async fn an_old_browser_is_known_by_its_origin() {
    let app = guarded(&SessionLayer::new(), &CsrfLayer::new());
    let browser = logged_in(&app).await;
    let cases = [
        ("https://a.example", ADMITTED),
        ("https://a.example:8443", FORGED),
        ("https://evil.example", FORGED),
        ("null", FORGED),
    ];
    for (origin, expected) in cases {
        let forwarded = ("x-forwarded-host", "evil.example");
        let answer = post(&app, &browser, &[("origin", origin), forwarded]).await;
        assert_eq!(outcome(&answer), expected, "{origin}");
    }
}

#[tokio::test]
async fn a_trusted_origin_may_send_from_another_site() {
    let guard = CsrfLayer::new()
        .trust_origin("https://app.example")
        .unwrap();
    let app = guarded(&SessionLayer::new(), &guard);
    let browser = logged_in(&app).await;
    let from = |origin| [CROSS_SITE, ("origin", origin)];
    let trusted = post(&app, &browser, &from("https://app.example")).await;
    assert_eq!(outcome(&trusted), ADMITTED);
    for origin in [
        "http://app.example",
        "https://app.example.evil.example",
        "https://a.example",
    ] {
        let other = post(&app, &browser, &from(origin)).await;
        assert_eq!(outcome(&other), FORGED, "{origin}");
    }
}

#[tokio::test]
async fn where_nothing_is_said_a_session_proves_itself_by_its_token() {
    let layer = SessionLayer::new();
    let app = guarded(&layer, &CsrfLayer::new());
    let browser = logged_in(&app).await;
    let refused = post(&app, &browser, &[]).await;
    assert_eq!(outcome(&refused), FORGED, "it has no token yet");
    let token = browser.get("/token").await.text;
    assert_eq!(
        outcome(&post(&app, &browser, &with(&token)).await),
        ADMITTED
    );
    let another = browser.get("/token").await.text;
    assert_ne!(token, another, "each is another text");
    assert_eq!(
        outcome(&post(&app, &browser, &with(&another)).await),
        ADMITTED
    );

    let foreign = logged_in(&app).await.get("/token").await.text;
    for wrong in [&*foreign, "", "x", &token[1..]] {
        assert_eq!(
            outcome(&post(&app, &browser, &with(wrong)).await),
            FORGED,
            "{wrong}"
        );
    }
    let twice = [("x-csrf-token", &*token), ("x-csrf-token", &*token)];
    assert_eq!(outcome(&post(&app, &browser, &twice).await), FORGED);
    assert_eq!(layer.stats().turned_away, [("without-token", 6)]);
}

#[tokio::test]
async fn who_has_no_session_has_nothing_to_lose() {
    let app = guarded(&SessionLayer::new(), &CsrfLayer::new().require_token());
    let visitor = Browser::new(&app);
    assert_eq!(outcome(&post(&app, &visitor, &[]).await), ADMITTED);
    let ended = logged_in(&app).await;
    let copy = ended.stolen();
    ended.get("/logout").await;
    assert_eq!(outcome(&post(&app, &copy, &[]).await), ADMITTED);
}

#[tokio::test]
async fn a_token_that_is_required_is_needed_by_the_own_site_too() {
    let app = guarded(&SessionLayer::new(), &CsrfLayer::new().require_token());
    let browser = logged_in(&app).await;
    let token = browser.get("/token").await.text;
    assert_eq!(outcome(&post(&app, &browser, &[SAME_ORIGIN]).await), FORGED);
    let proven = [SAME_ORIGIN, ("x-csrf-token", &*token)];
    assert_eq!(outcome(&post(&app, &browser, &proven).await), ADMITTED);
    let stolen = [CROSS_SITE, ("x-csrf-token", &*token)];
    assert_eq!(outcome(&post(&app, &browser, &stolen).await), FORGED);
}

#[tokio::test]
async fn a_token_is_dead_after_the_next_login() {
    let app = guarded(&SessionLayer::new(), &CsrfLayer::new());
    let browser = logged_in(&app).await;
    let token = browser.get("/token").await.text;
    browser.get("/login").await;
    let answer = post(&app, &browser, &[("x-csrf-token", &token)]).await;
    assert_eq!(outcome(&answer), FORGED);
}

#[tokio::test]
async fn the_field_of_the_token_can_have_another_name() {
    let field = HeaderName::from_static("x-xsrf-token");
    let app = guarded(&SessionLayer::new(), &CsrfLayer::new().token_field(field));
    let browser = logged_in(&app).await;
    let token = browser.get("/token").await.text;
    let usual = post(&app, &browser, &[("x-csrf-token", &token)]).await;
    assert_eq!(outcome(&usual), FORGED);
    let own = post(&app, &browser, &[("x-xsrf-token", &token)]).await;
    assert_eq!(outcome(&own), ADMITTED);
}

#[tokio::test]
async fn exempt_requests_pass_and_forms_are_left_to_their_handlers() {
    let guard = CsrfLayer::new()
        .require_token()
        .exempt(|head| head.uri().path() == "/guarded/hook")
        .token_in_body(|head| head.uri().path() == "/guarded/form");
    let app = guarded(&SessionLayer::new(), &guard);
    let browser = logged_in(&app).await;
    let sent = |path, field| {
        let (app, browser) = (&app, &browser);
        async move { outcome(&ask(app, browser, Method::POST, path, &[field]).await) }
    };
    assert_eq!(sent("/hook", CROSS_SITE).await, ADMITTED);
    assert_eq!(sent("/form", SAME_ORIGIN).await, ADMITTED);
    assert_eq!(sent("/form", CROSS_SITE).await, FORGED);
    assert_eq!(sent("/other", SAME_ORIGIN).await, FORGED);
}

#[tokio::test]
async fn a_handler_tells_the_token_of_its_session_from_others() {
    let app = guarded(&SessionLayer::new(), &CsrfLayer::new());
    let browser = logged_in(&app).await;
    let token = browser.get("/token").await.text;
    let verify = format!("/verify/{token}");
    assert_eq!(browser.get(&verify).await.text, "true");
    assert_eq!(browser.get("/verify/x").await.text, "false");
    assert_eq!(logged_in(&app).await.get(&verify).await.text, "false");
    assert_eq!(Browser::new(&app).get(&verify).await.text, "false");
}

#[tokio::test]
async fn an_id_that_browsers_do_not_send_on_their_own_needs_no_token() {
    let app = guarded(
        &SessionLayer::new().bearer(),
        &CsrfLayer::new().require_token(),
    );
    let login = Browser::new(&app).get("/login").await;
    let id = login.headers["x-session-token"].to_str().unwrap();
    let bearer = format!("Bearer {id}");
    let answer = post(&app, &Browser::new(&app), &[("authorization", &bearer)]).await;
    assert_eq!(outcome(&answer), ADMITTED);
}

#[tokio::test]
async fn a_token_that_cannot_be_looked_up_is_answered_503() {
    let store = FakeRemoteSessions::new(ManualClock::new().clock());
    let app = guarded(&SessionLayer::with_store(store.clone()), &CsrfLayer::new());
    let browser = logged_in(&app).await;
    store.fail_all(true);
    let unavailable = (StatusCode::SERVICE_UNAVAILABLE, Some(SessionRefusal::Store));
    assert_eq!(outcome(&post(&app, &browser, &[]).await), unavailable);
    let said = post(&app, &browser, &[SAME_ORIGIN]).await;
    assert_eq!(outcome(&said), ADMITTED, "nobody has to look");
}

#[tokio::test]
async fn without_a_session_layer_nothing_passes_unproven() {
    let service = CsrfLayer::new().layer(handler());
    let request = |fields: &[(&str, &str)]| {
        let mut request = Request::post("/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(String::new()).unwrap()
    };
    let fault = (
        StatusCode::INTERNAL_SERVER_ERROR,
        Some(SessionRefusal::NoSessionLayer),
    );
    for (fields, expected) in [
        (&[][..], fault),
        (&[SAME_ORIGIN][..], ADMITTED),
        (&[CROSS_SITE][..], FORGED),
    ] {
        let answer = service.clone().oneshot(request(fields)).await.unwrap();
        let answer = collected(answer).await.unwrap();
        assert_eq!(outcome(&answer), expected, "{fields:?}");
    }
}
