//! Sessions whose data is in the cookie.

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
    H: Fn(&Request<String>, CookieSession) -> Result<Response<Full<Bytes>>, CookieSessionError>
        + Clone
        + Send
        + Sync
        + 'static,
{
    let service = service_fn(move |request: Request<String>| {
        let session = CookieSession::of(request.extensions()).expect("the layer is there");
        let answer = handler(&request, session).unwrap_or_else(|error| {
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
    session: CookieSession,
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
async fn the_cookie_is_guarded_and_named_apart_from_that_of_other_sessions() {
    let layer = CookieSessionLayer::new(keys(1));
    let browser = Browser::new(&app(&layer, keeper));
    let written = browser.get("/set/a").await;
    let line = written.set_cookies()[0];
    assert!(line.starts_with("__Host-data="), "{line}");
    for attribute in ["; Secure", "; HttpOnly", "; Path=/", "; SameSite=Lax"] {
        assert!(line.contains(attribute), "{line}");
    }
    assert!(
        !line.contains("Domain") && !line.contains("Max-Age"),
        "{line}"
    );
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
async fn reading_is_activity_written_down_after_a_tenth_of_the_idle_time() {
    let world = World::new();
    world.get("/set/a").await;
    world.clock.advance(minutes(3) - seconds(1));
    assert_eq!(world.get("/read").await.set_cookies(), [""; 0]);
    world.clock.advance(seconds(1));
    assert_eq!(world.get("/read").await.set_cookies().len(), 1);
    world.clock.advance(minutes(29));
    world.reads(Some("a")).await;
    world.clock.advance(minutes(30));
    let ended = world.get("/read").await;
    assert_eq!(ended.text, "None");
    assert!(ended.set_cookies()[0].starts_with("__Host-id=;"));
    assert_eq!(world.browser.cookie(), None, "a dead cookie is removed");
}

#[tokio::test]
async fn it_ends_after_the_absolute_time_however_busy_it_is() {
    let world = World::with(|layer| layer.absolute_timeout(hours(1)));
    world.get("/set/a").await;
    for _ in 0..5 {
        world.clock.advance(minutes(10));
        world.reads(Some("a")).await;
    }
    world.clock.advance(minutes(10));
    world.reads(None).await;
}

#[tokio::test]
async fn a_cookie_that_was_kept_is_good_until_it_expires_and_not_longer() {
    let world = World::new();
    world.get("/set/a").await;
    let copy = world.browser.stolen();
    world.get("/destroy").await;
    assert_eq!(world.browser.cookie(), None);
    assert_eq!(
        copy.get("/read").await.text,
        r#"Some("a")"#,
        "as documented"
    );
    world.clock.advance(minutes(30));
    assert_eq!(copy.get("/read").await.text, "None");
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
async fn destroying_removes_what_is_no_cookie_of_this_layer_too() {
    let world = World::new();
    world.browser.set_cookie("who knows");
    assert_eq!(world.get("/read").await.set_cookies(), [""; 0]);
    assert_eq!(world.get("/clear").await.set_cookies(), [""; 0]);
    assert_eq!(world.get("/destroy").await.set_cookies().len(), 1);
    assert_eq!(world.browser.cookie(), None);
}

#[tokio::test]
async fn what_is_set_after_destroying_has_its_full_time() {
    let world = World::with(|layer| layer.absolute_timeout(minutes(20)));
    world.get("/set/a").await;
    world.clock.advance(minutes(19));
    world.get("/anew").await;
    world.clock.advance(minutes(19));
    world.reads(Some("anew")).await;
    world.clock.advance(minutes(1));
    world.reads(None).await;
}

#[tokio::test]
async fn a_change_of_keys_loses_nobodys_data_and_uses_the_new_one() {
    let world = World::new();
    world.get("/set/a").await;
    let both = app(&layer(keys(2).or(keys(1)), &world.clock), keeper);
    let browser = at(&both, &world.browser);
    assert_eq!(browser.get("/read").await.text, r#"Some("a")"#);
    browser.get("/set/b").await;
    let new = app(&layer(keys(2), &world.clock), keeper);
    let browser = at(&new, &browser);
    assert_eq!(browser.get("/read").await.text, r#"Some("b")"#);
}

#[tokio::test]
async fn what_was_tampered_with_moved_or_repeated_is_no_session() {
    let world = World::new();
    world.get("/set/a").await;
    let cookie = world.browser.cookie().unwrap();
    for at in [0, cookie.len() / 2, cookie.len() - 3] {
        let letter = if cookie[at..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        let mut tampered = cookie.clone();
        tampered.replace_range(at..=at, letter);
        world.browser.set_cookie(&tampered);
        world.reads(None).await;
    }
    for other in [
        format!("{cookie}; __Host-id={cookie}"),
        format!("\"{cookie}\""),
        format!("{cookie}{}", "A".repeat(4096)),
        String::new(),
    ] {
        world.browser.set_cookie(&other);
        world.reads(None).await;
    }
    let other_name = SessionCookie::new().named("__Host-other").unwrap();
    let other = layer(keys(1), &world.clock).cookie(other_name);
    let written = Browser::new(&app(&other, keeper)).get("/set/moved").await;
    let moved = written.set_cookies()[0].split([';', '=']).nth(1).unwrap();
    world.browser.set_cookie(moved);
    world.reads(None).await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_at_once_and_the_rest_is_kept() {
    let world = World::new();
    let answer = world.get("/huge").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (StatusCode::OK, "done")
    );
    world.reads(Some("before")).await;
}

#[tokio::test]
async fn the_largest_cookie_is_as_large_as_browsers_keep_and_is_read_again() {
    let world = World::new();
    let fits = |length: usize| {
        let value = "x".repeat(length);
        let world = &world;
        async move {
            let status = world.get(&format!("/set/{value}")).await.status;
            status == StatusCode::OK
        }
    };
    let mut length = 2_900;
    while fits(length + 1).await {
        length += 1;
    }
    let cookie = world.browser.cookie().unwrap();
    let size = "__Host-id".len() + cookie.len();
    assert!((4_093..=4_096).contains(&size), "{size}");
    world.reads(Some(&"x".repeat(length))).await;
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
async fn what_was_read_is_private_and_what_sets_the_cookie_is_stored_by_nobody() {
    let world = World::new();
    let read = world.get("/public").await;
    let expected = (Some("private, max-age=60"), Some("cookie"));
    assert_eq!(caching(&read.headers), expected);
    assert!(!read.headers.contains_key("cdn-cache-control"));
    for path in ["/set/a", "/destroy"] {
        let set = world.get(path).await;
        assert_eq!(
            caching(&set.headers),
            (Some("no-store"), Some("cookie")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_cookie_that_persists_does_so_for_as_long_as_it_would_live_unused() {
    let persisting = |layer: CookieSessionLayer| layer.cookie(SessionCookie::new().persist());
    let max_age = |answer: &Answer| {
        let line = answer.set_cookies()[0].to_owned();
        line.split("Max-Age=")
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let world = World::with(persisting);
    assert_eq!(max_age(&world.get("/set/a").await), 30 * 60);

    let world = World::with(|layer| persisting(layer).absolute_timeout(minutes(40)));
    world.get("/set/a").await;
    world.clock.advance(minutes(25));
    assert_eq!(max_age(&world.get("/read").await), 15 * 60);
}

#[tokio::test]
async fn after_the_head_nothing_is_written_and_only_what_was_read_is_read() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let clock = ManualClock::new();
    let handler = move |request: &Request<String>, session: CookieSession| {
        keep.lock().unwrap().push(session.clone());
        keeper(request, session)
    };
    let browser = Browser::new(&app(&layer(keys(1), &clock), handler));
    browser.get("/set/a").await;
    browser.get("/elsewhere").await;

    let kept = kept.lock().unwrap();
    let (asked, unasked) = (&kept[0], &kept[1]);
    assert_eq!(asked.get::<String>("kept").unwrap().as_deref(), Some("a"));
    assert!(asked.insert("kept", "b").unwrap_err().is_too_late());
    assert!(asked.destroy().unwrap_err().is_too_late());
    assert!(unasked.get::<String>("kept").unwrap_err().is_too_late());
    assert!(unasked.clear().unwrap_err().is_too_late());
    assert!(!format!("{asked:?}{unasked:?}").contains("\"a\""));
}

#[tokio::test]
async fn caches_further_out_know_of_the_cookie_and_of_its_use() {
    let clock = ManualClock::new();
    let service = service_fn(|request: Request<()>| async move {
        let names: Vec<_> = OwnedCookie::names(request.extensions()).collect();
        assert_eq!(names, ["__Host-id"]);
        let session = CookieSession::of(request.extensions()).unwrap();
        if request.uri().path() == "/read" {
            session.get::<String>("kept")?;
        }
        Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    });
    let service = layer(keys(1), &clock).layer(service);
    for (path, is_asked) in [("/", false), ("/read", true)] {
        let mut request = Request::get(path).header("cookie", "a=b").body(()).unwrap();
        let personal = Personal::of(request.extensions_mut());
        service.clone().oneshot(request).await.unwrap();
        assert_eq!(personal.is_marked(), is_asked, "{path}");
    }
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

#[cfg(feature = "response-cache")]
mod behind_a_cache {
    use tower_keep::{
        ResponseCacheLayer, SessionLayer,
        response_cache::RequestBody,
        session::{Named, Session},
    };

    use super::*;

    #[tokio::test]
    async fn nobody_gets_what_a_cache_inside_could_have_stored_for_another() {
        let clock = ManualClock::new();
        let sessions = layer(keys(1), &clock);
        let cache = ResponseCacheLayer::new().default_ttl(hours(1));
        let service = service_fn(|request: Request<RequestBody<String>>| async move {
            let session = CookieSession::of(request.extensions()).unwrap();
            let kept = session.get::<String>("kept")?;
            Ok::<_, BoxError>(text(format!("{kept:?}")))
        });
        let inside = sessions.clone().layer(cache.layer(service));
        let cached = App::new(inside.map_err(BoxError::from).and_then(collected));
        let writer = Browser::new(&app(&sessions, keeper));
        writer.get("/set/mine").await;
        let mine = at(&cached, &writer);
        assert_eq!(mine.get("/page").await.text, r#"Some("mine")"#);
        let visitor = Browser::new(&cached);
        assert_eq!(visitor.get("/page").await.text, "None");
    }

    #[tokio::test]
    async fn sessions_of_both_kinds_are_found_in_one_stack_in_either_order() {
        let stateless = CookieSessionLayer::new(keys(1));
        let service = service_fn(|request: Request<String>| async move {
            let small = CookieSession::of(request.extensions()).unwrap();
            let full = Session::<Named>::of(request.extensions()).unwrap();
            small.insert("kept", "small")?;
            full.insert("kept", "full").await?;
            Ok::<_, BoxError>(text("done"))
        });
        let inside = SessionLayer::new().layer(stateless.layer(service));
        let outside = stateless.layer(SessionLayer::new().layer(service));
        for app in [
            App::new(inside.and_then(collected)),
            App::new(outside.and_then(collected)),
        ] {
            let browser = Browser::new(&app);
            let answer = browser.get("/").await;
            assert_eq!(answer.set_cookies().len(), 2, "{answer:?}");
            assert_eq!(caching(&answer.headers), (Some("no-store"), Some("cookie")));
        }
    }
}
