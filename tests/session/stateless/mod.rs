//! Sessions whose data is in the cookie.

mod caches;
mod cookie;
#[cfg(feature = "axum")]
mod in_axum;
mod time;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneService};
use tower_keep::{
    BoxError, OwnedCookie, Personal, hours, minutes, seconds,
    session::{
        Keys, SessionCookie,
        stateless::{CookieSession, CookieSessionError, CookieSessionLayer},
    },
    test_util::ManualClock,
};

use crate::support::{Answer, App, Browser, collected};

fn keys(seed: u8) -> Keys {
    let bytes: Vec<u8> = (0..64).map(|n| n ^ seed).collect();
    Keys::new(&bytes).unwrap()
}

/// With the cookie that the browser of these tests looks at.
fn layer(keys: Keys, clock: &ManualClock) -> CookieSessionLayer {
    CookieSessionLayer::new(keys)
        .cookie(SessionCookie::new())
        .clock(clock.clock())
}

fn app<H>(layer: &CookieSessionLayer, handler: H) -> App
where
    H: Fn(&Request<String>, &CookieSession) -> Result<Response<Full<Bytes>>, CookieSessionError>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let service = service_fn(move |request: Request<String>| {
        let session = CookieSession::of(request.extensions()).expect("the layer is there");
        let answer = handler(&request, &session).unwrap_or_else(|error| {
            let mut response = Response::new(Full::from(error.to_string()));
            *response.status_mut() = error.status();
            response
        });
        async move { Ok::<_, BoxError>(answer) }
    });
    BoxCloneService::new(layer.layer(service).and_then(collected))
}

fn text(text: impl Into<String>) -> Response<Full<Bytes>> {
    Response::new(Full::from(text.into()))
}

/// `/set/x` keeps x; `/read` reads it.
fn keeper(
    request: &Request<String>,
    session: &CookieSession,
) -> Result<Response<Full<Bytes>>, CookieSessionError> {
    let path = request.uri().path();
    if let Some(value) = path.strip_prefix("/set/") {
        session.insert("kept", value)?;
    }
    match path {
        "/read" => return Ok(text(format!("{:?}", session.get::<String>("kept")?))),
        "/remove" => session.remove("kept")?,
        "/clear" => session.clear()?,
        "/destroy" => session.destroy()?,
        "/anew" => {
            session.destroy()?;
            session.insert("kept", "anew")?;
        }
        "/number" => return Ok(text(format!("{:?}", session.get::<u32>("kept")?))),
        "/huge" => {
            session.insert("kept", "before")?;
            let refused = session.insert("huge", &"x".repeat(4000)).unwrap_err();
            assert!(refused.is_too_large(), "{refused}");
            assert_eq!(session.get::<String>("huge")?, None);
        }
        "/public" => {
            session.get::<String>("kept")?;
            let mut response = text("");
            let headers = response.headers_mut();
            headers.insert("cache-control", "public, max-age=60".parse().unwrap());
            headers.insert("cdn-cache-control", "max-age=600".parse().unwrap());
            return Ok(response);
        }
        _ => {}
    }
    Ok(text("done"))
}

struct World {
    clock: ManualClock,
    browser: Browser,
}

impl World {
    fn new() -> Self {
        Self::with(|layer| layer)
    }

    fn with(change: impl FnOnce(CookieSessionLayer) -> CookieSessionLayer) -> Self {
        let clock = ManualClock::new();
        let layer = change(layer(keys(1), &clock));
        let browser = Browser::new(&app(&layer, keeper));
        Self { clock, browser }
    }

    async fn get(&self, path: &str) -> Answer {
        self.browser.get(path).await
    }

    async fn reads(&self, expected: Option<&str>) {
        assert_eq!(self.get("/read").await.text, format!("{expected:?}"));
    }
}

/// The same browser's cookies at another application.
fn at(app: &App, browser: &Browser) -> Browser {
    let other = Browser::new(app);
    other.set_cookie(&browser.cookie().unwrap());
    other
}

fn caching(headers: &HeaderMap) -> (Option<&str>, Option<&str>) {
    let line = |name| {
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        assert!(lines.len() < 2, "{lines:?}");
        lines.first().map(|line| line.to_str().unwrap())
    };
    (line(header::CACHE_CONTROL), line(header::VARY))
}

#[tokio::test]
async fn what_one_request_writes_the_next_one_reads_and_nobody_else_can() {
    let world = World::new();
    let written = world.get("/set/secret").await;
    assert_eq!(written.set_cookies().len(), 1);
    let cookie = world.browser.cookie().unwrap();
    assert!(!cookie.contains("secret"));
    world.reads(Some("secret")).await;

    let clock = ManualClock::new();
    let others = app(&layer(keys(2), &clock), keeper);
    let other = at(&others, &world.browser);
    assert_eq!(other.get("/read").await.text, "None");
}

#[tokio::test]
async fn a_request_that_does_not_ask_is_left_alone() {
    let world = World::new();
    world.get("/set/a").await;
    world.clock.advance(minutes(29));
    let answer = world.get("/elsewhere").await;
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert_eq!(caching(&answer.headers), (None, None));
}

#[tokio::test]
async fn a_visitor_who_only_reads_gets_no_cookie() {
    let world = World::new();
    for path in ["/read", "/remove", "/clear", "/destroy"] {
        assert_eq!(world.get(path).await.set_cookies(), [""; 0], "{path}");
    }
}

#[tokio::test]
async fn a_cookie_is_set_only_where_something_has_changed() {
    let world = World::new();
    world.get("/set/a").await;
    for path in ["/read", "/set/a", "/public"] {
        assert_eq!(world.get(path).await.set_cookies(), [""; 0], "{path}");
    }
    assert_eq!(world.get("/set/b").await.set_cookies().len(), 1);
}

#[tokio::test]
async fn without_values_there_is_no_cookie() {
    for path in ["/remove", "/clear", "/destroy"] {
        let world = World::new();
        world.get("/set/a").await;
        let removed = world.get(path).await;
        let line = removed.set_cookies()[0];
        assert!(line.starts_with("__Host-id=;"), "{line}");
        for attribute in ["Max-Age=0", "Secure", "HttpOnly", "Path=/", "SameSite=Lax"] {
            assert!(line.contains(attribute), "{line}");
        }
        world.reads(None).await;
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error() {
    let world = World::new();
    world.get("/set/a").await;
    let answer = world.get("/number").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.text.contains("of another type"), "{}", answer.text);
}

#[tokio::test]
async fn of_concurrent_changes_the_last_answer_wins_as_documented() {
    let world = World::new();
    world.get("/set/a").await;
    let (first, second) = (world.browser.send("/set/b"), world.browser.send("/set/c"));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    world.browser.keep(second);
    world.browser.keep(first);
    world.reads(Some("b")).await;
}
