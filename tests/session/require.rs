//! Requests that need a session.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, util::BoxCloneService};
use tower_keep::{
    SessionLayer, minutes,
    session::{Absence, RefusedId, RequireSession, Session, SessionRefusal},
    test_util::{FakeRemoteSessions, ManualClock},
};

use crate::{
    guarded::{ask, guarded, handler, outcome},
    support::{App, Browser, collected},
};

const ADMITTED: (StatusCode, Option<SessionRefusal>) = (StatusCode::OK, None);

fn unauthorized(why: SessionRefusal) -> (StatusCode, Option<SessionRefusal>) {
    (StatusCode::UNAUTHORIZED, Some(why))
}

async fn get(app: &App, browser: &Browser) -> Response<Bytes> {
    ask(app, browser, Method::GET, "/account?tab=1", &[]).await
}

async fn after(app: &App, path: &str) -> Browser {
    let browser = Browser::new(app);
    browser.get(path).await;
    browser
}

fn is_removed(answer: &Response<Bytes>) -> bool {
    let lines = answer.headers().get_all("set-cookie").iter();
    let mut lines = lines.map(|line| line.to_str().unwrap());
    lines.any(|line| line.starts_with("__Host-id=;") && line.contains("Max-Age=0"))
}

#[tokio::test]
async fn who_presents_nothing_is_told_how_to_authenticate() {
    let layer = SessionLayer::new();
    let app = guarded(&layer, &RequireSession::new());
    let answer = get(&app, &Browser::new(&app)).await;
    let why = SessionRefusal::Required(Absence::NonePresented);
    assert_eq!(outcome(&answer), unauthorized(why));
    assert_eq!(answer.body(), "no session was presented\n");
    assert_eq!(
        answer.headers()["www-authenticate"],
        r#"Cookie cookie-name="__Host-id""#
    );
    assert!(!answer.headers().contains_key("set-cookie"));
    assert_eq!(answer.headers()["vary"], "cookie");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(layer.stats().turned_away, [("without-session", 1)]);
}

#[tokio::test]
async fn who_presents_a_dead_id_is_told_so_and_the_cookie_is_removed() {
    let app = guarded(&SessionLayer::new(), &RequireSession::new());
    let ended = after(&app, "/login").await;
    let copy = ended.stolen();
    ended.get("/logout").await;
    let malformed = Browser::new(&app);
    malformed.set_cookie("nonsense");
    let refused = Absence::Refused(RefusedId::Malformed);
    for (browser, absence) in [(copy, Absence::Unknown), (malformed, refused)] {
        let answer = get(&app, &browser).await;
        let why = SessionRefusal::Required(absence);
        assert_eq!(outcome(&answer), unauthorized(why));
        assert_eq!(
            answer.body(),
            "the session that was presented is not valid\n"
        );
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(
            challenge.ends_with(r#"error="invalid_token""#),
            "{challenge}"
        );
        assert!(is_removed(&answer), "{absence:?}");
        browser.keep(answer);
        assert_eq!(browser.cookie(), None);
    }
}

/// The response to a request that was sent before the login arrives after that of the login: the cookie in the browser is
/// the new one by then.
#[tokio::test]
async fn a_request_that_a_login_has_overtaken_removes_no_cookie() {
    let clock = ManualClock::new();
    let layer = SessionLayer::with_store(FakeRemoteSessions::new(clock.clock()));
    let app = guarded(&layer, &RequireSession::new());
    let browser = after(&app, "/count").await;
    let overtaken = browser.stolen();
    browser.get("/login").await;
    let answer = get(&app, &overtaken).await;
    let why = SessionRefusal::Required(Absence::Superseded);
    assert_eq!(outcome(&answer), unauthorized(why));
    assert!(!is_removed(&answer));
    browser.keep(answer);
    assert_eq!(outcome(&get(&app, &browser).await), ADMITTED);

    clock.advance(minutes(1));
    let late = get(&app, &overtaken).await;
    let why = SessionRefusal::Required(Absence::Unknown);
    assert_eq!(outcome(&late), unauthorized(why));
    assert!(is_removed(&late), "by now nobody is on the way");
}

#[tokio::test]
async fn a_session_will_do_and_a_user_where_one_is_needed() {
    let layer = SessionLayer::new();
    let any = guarded(&layer, &RequireSession::new());
    let user = guarded(&layer, &RequireSession::logged_in());
    let visitor = after(&any, "/count").await;
    assert_eq!(outcome(&get(&any, &visitor).await), ADMITTED);
    let answer = get(&user, &visitor).await;
    assert_eq!(outcome(&answer), unauthorized(SessionRefusal::NotLoggedIn));
    assert_eq!(
        answer.headers()["www-authenticate"],
        r#"Cookie cookie-name="__Host-id""#
    );
    assert!(!is_removed(&answer), "the session is alive");
    let logged_in = after(&user, "/login").await;
    assert_eq!(outcome(&get(&user, &logged_in).await), ADMITTED);
}

#[tokio::test]
async fn a_session_has_to_match_all_that_is_asked() {
    let layer = SessionLayer::new();
    let guard = |name: &'static str| {
        RequireSession::new()
            .matching(|session| session.user.is_some())
            .matching(move |session| {
                session
                    .user
                    .as_ref()
                    .is_some_and(|user| user.name() == name)
            })
    };
    let own = guarded(&layer, &guard("u1"));
    let browser = after(&own, "/login").await;
    assert_eq!(outcome(&get(&own, &browser).await), ADMITTED);
    let others = guarded(&layer, &guard("u2"));
    let answer = get(&others, &browser).await;
    assert_eq!(
        outcome(&answer),
        (StatusCode::FORBIDDEN, Some(SessionRefusal::NotPermitted))
    );
    assert!(!answer.headers().contains_key("www-authenticate"));
    let hidden = guarded(
        &layer,
        &guard("u2").not_permitted_status(StatusCode::NOT_FOUND),
    );
    let answer = get(&hidden, &browser).await;
    assert_eq!(
        outcome(&answer),
        (StatusCode::NOT_FOUND, Some(SessionRefusal::NotPermitted))
    );
    assert_eq!(layer.stats().turned_away, [("not-permitted", 2)]);
}

#[tokio::test]
async fn visitors_are_sent_to_the_login_and_back() {
    let layer = SessionLayer::new();
    let redirect = RequireSession::logged_in().redirect_to("/login").unwrap();
    let plain = guarded(&layer, &redirect);
    let answer = get(&plain, &Browser::new(&plain)).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/login");
    assert!(!answer.headers().contains_key("www-authenticate"));

    let back = guarded(&layer, &redirect.with_return_to("next"));
    let visitor = Browser::new(&back);
    let answer = get(&back, &visitor).await;
    assert_eq!(
        answer.headers()["location"],
        "/login?next=%2Fguarded%2Faccount%3Ftab%3D1"
    );
    let posted = ask(&back, &visitor, Method::POST, "/account", &[]).await;
    assert_eq!(posted.status(), StatusCode::SEE_OTHER);
    assert_eq!(posted.headers()["location"], "/login");
    assert_eq!(layer.stats().turned_away, [("without-session", 3)]);
}

#[tokio::test]
async fn a_redirect_removes_a_dead_cookie_too() {
    let guard = RequireSession::new().redirect_to("/login").unwrap();
    let app = guarded(&SessionLayer::new(), &guard);
    let browser = Browser::new(&app);
    browser.set_cookie("nonsense");
    let answer = get(&app, &browser).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(is_removed(&answer));
}

#[tokio::test]
async fn who_is_not_permitted_is_redirected_as_well() {
    let guard = RequireSession::new()
        .matching(|_| false)
        .redirect_to("https://id.example/step-up")
        .unwrap();
    let app = guarded(&SessionLayer::new(), &guard);
    let browser = after(&app, "/login").await;
    let answer = get(&app, &browser).await;
    assert_eq!(
        outcome(&answer),
        (StatusCode::SEE_OTHER, Some(SessionRefusal::NotPermitted))
    );
    assert_eq!(answer.headers()["location"], "https://id.example/step-up");
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_no_redirect_and_no_logout() {
    let store = FakeRemoteSessions::new(ManualClock::new().clock());
    let layer = SessionLayer::with_store(store.clone());
    let guard = RequireSession::new().redirect_to("/login").unwrap();
    let app = guarded(&layer, &guard);
    let browser = after(&app, "/login").await;
    store.fail_all(true);
    let answer = get(&app, &browser).await;
    assert_eq!(
        outcome(&answer),
        (StatusCode::SERVICE_UNAVAILABLE, Some(SessionRefusal::Store))
    );
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(!is_removed(&answer));
    assert_eq!(layer.stats().failed, [("store", 1)]);
    assert_eq!(layer.stats().turned_away, []);
}

#[tokio::test]
async fn a_bearer_is_challenged_as_one() {
    let app = guarded(&SessionLayer::new().bearer(), &RequireSession::new());
    let visitor = Browser::new(&app);
    let answer = get(&app, &visitor).await;
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    let wrong = [("authorization", "Bearer nonsense")];
    let answer = ask(&app, &visitor, Method::GET, "/", &wrong).await;
    assert_eq!(
        answer.headers()["www-authenticate"],
        r#"Bearer error="invalid_token""#
    );
    assert!(!answer.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn without_a_session_layer_all_requests_are_answered_500() {
    let service = RequireSession::new().layer(handler());
    let request = Request::get("/").body(String::new()).unwrap();
    let answer = service.oneshot(request).await.unwrap();
    let answer = collected(answer).await.unwrap();
    assert_eq!(
        outcome(&answer),
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            Some(SessionRefusal::NoSessionLayer)
        )
    );
}

/// A layer between the session and the guard may log in, by a token for instance.
#[tokio::test]
async fn a_login_on_the_way_to_the_guard_counts() {
    let guard = RequireSession::logged_in().matching(|session| {
        session
            .user
            .as_ref()
            .is_some_and(|user| user.name() == "u1")
    });
    let inner: App = BoxCloneService::new(guard.layer(handler()).and_then(collected));
    let authenticating = tower::service_fn(move |request: Request<String>| {
        let inner = inner.clone();
        async move {
            let session: Option<Session> = Session::of(request.extensions());
            session.expect("the layer is there").login("u1").await?;
            inner.oneshot(request).await
        }
    });
    let layer = SessionLayer::new();
    let request = Request::get("/").body(String::new()).unwrap();
    let answer = layer.layer(authenticating).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.headers().contains_key("set-cookie"));
    assert_eq!(layer.devices().of(&"u1".into()).await.unwrap().len(), 1);
}
