//! The id in a field of its own, or as a bearer token (RFC 6750): a choice, and nothing else is read then.

use http::{HeaderName, header};
use tower_keep::{
    SessionLayer,
    session::{Keys, SessionCookie},
};

use crate::{
    script::{Script, ask, cookie, count},
    support::{App, Browser},
};

const FIELD: HeaderName = HeaderName::from_static("x-session");

fn layers() -> Vec<(&'static str, SessionLayer)> {
    let other = HeaderName::from_static("x-new-token");
    vec![
        ("x-session", SessionLayer::new().header(FIELD)),
        ("x-session-token", SessionLayer::new().bearer()),
        (
            "x-new-token",
            SessionLayer::new().bearer_announced_in(other),
        ),
    ]
}

/// The field that shows an id, as this layer's clients do.
fn shown(announced: &str, id: &str) -> (&'static str, String) {
    match announced {
        "x-session" => ("x-session", id.to_owned()),
        _ => ("authorization", format!("Bearer {id}")),
    }
}

async fn begun(app: &App, announced: &str) -> String {
    let answer = ask(app, "/set:a:1", &[]).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(answer.set_cookies().is_empty(), "no cookie");
    answer.headers[announced].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_id_goes_to_and_fro_in_the_chosen_field() {
    for (announced, layer) in layers() {
        let app = Script::default().app(&layer);
        let id = begun(&app, announced).await;
        let (name, value) = shown(announced, &id);
        let answer = ask(&app, "/get:a", &[(name, &value)]).await;
        assert_eq!(answer.text, "1");
        assert_eq!(answer.headers["vary"], name);
        assert_eq!(answer.headers["cache-control"], "private");
        assert!(!answer.headers.contains_key(announced));
        let answer = ask(&app, "/login:u1", &[(name, &value)]).await;
        let new = answer.headers[announced].to_str().unwrap();
        assert_ne!(new, id);
        assert_eq!(ask(&app, "/user", &[(name, &value)]).await.text, "-");
        let (name, value) = shown(announced, new);
        let answer = ask(&app, "/user/logout", &[(name, &value)]).await;
        assert_eq!(answer.text, "u1");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(ask(&app, "/user", &[(name, &value)]).await.text, "-");
    }
}

#[tokio::test]
async fn only_the_chosen_transport_is_read() {
    for (announced, layer) in layers() {
        let app = Script::default().app(&layer);
        let id = begun(&app, announced).await;
        let others = [
            ("cookie", cookie(&id)),
            ("x-session", id.clone()),
            ("authorization", format!("Bearer {id}")),
            ("authorization", format!("Basic {id}")),
            ("x-session-token", id.clone()),
        ];
        for (name, value) in others {
            let chosen = (name, value.clone()) == shown(announced, &id);
            let found = if chosen { "1" } else { "-" };
            let answer = ask(&app, "/get:a", &[(name, &value)]).await;
            assert_eq!(answer.text, found, "{announced}: {name}: {value}");
        }
    }
    let app = Script::default().app(&SessionLayer::new());
    let browser = Browser::new(&app);
    browser.get("/set:a:1").await;
    let id = browser.cookie().unwrap();
    let bearer = format!("Bearer {id}");
    for (name, value) in [("x-session", &id), ("authorization", &bearer)] {
        assert_eq!(ask(&app, "/get:a", &[(name, value)]).await.text, "-");
    }
}

#[tokio::test]
async fn several_ids_are_none() {
    for (announced, layer) in layers() {
        let app = Script::default().app(&layer);
        let (name, value) = shown(announced, &begun(&app, announced).await);
        let both = [(name, value.as_str()), (name, value.as_str())];
        assert_eq!(ask(&app, "/get:a", &both).await.text, "-");
        assert_eq!(count(&layer.stats().refused, "repeated"), 1);
    }
}

fn keys(name: u8) -> Keys {
    let key: Vec<u8> = (0..64)
        .map(|at| name.wrapping_mul(31).wrapping_add(at))
        .collect();
    Keys::new(&key).unwrap()
}

#[tokio::test]
async fn keys_are_exchanged_without_logging_anybody_out() {
    let protections: [fn(SessionCookie, Keys) -> SessionCookie; 2] =
        [SessionCookie::signed, SessionCookie::encrypted];
    for protect in protections {
        let script = Script::default();
        let layer = SessionLayer::new();
        let with = |keys| {
            let layer = layer.clone().cookie(protect(SessionCookie::new(), keys));
            script.app(&layer)
        };
        let first = Browser::new(&with(keys(1)));
        first.get("/login:u1").await;
        let cookie = [(header::COOKIE.as_str(), &*cookie(&first.cookie().unwrap()))];
        let both = with(keys(2).or(keys(1)));
        assert_eq!(ask(&both, "/user", &cookie).await.text, "u1");
        let new_only = with(keys(2));
        assert_eq!(ask(&new_only, "/user", &cookie).await.text, "-");
        assert_eq!(count(&layer.stats().refused, "forged"), 1);
        let plain = script.app(&layer);
        assert_eq!(ask(&plain, "/user", &cookie).await.text, "-");
    }
}
