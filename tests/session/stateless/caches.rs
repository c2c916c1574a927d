//! What caches are told, and what they do.

use super::*;

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

#[cfg(feature = "response-cache")]
mod behind_a_cache {
    use std::sync::atomic::{AtomicBool, Ordering};

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
    async fn what_a_refresh_in_the_background_reads_is_nobody_elses() {
        let clock = ManualClock::new();
        let cache = ResponseCacheLayer::new()
            .clock(clock.clock())
            .default_ttl(minutes(1))
            .stale_while_revalidate(hours(1));
        let asks = Arc::new(AtomicBool::new(false));
        let asking = Arc::clone(&asks);
        let service = service_fn(move |request: Request<RequestBody<String>>| {
            let session = CookieSession::of(request.extensions()).unwrap();
            let kept = asking.load(Ordering::SeqCst).then(|| {
                let changed = session.insert("kept", "changed");
                assert!(changed.unwrap_err().is_too_late());
                asking.store(false, Ordering::SeqCst);
                session.get::<String>("kept").unwrap()
            });
            async move { Ok::<_, BoxError>(text(format!("{kept:?}"))) }
        });
        let inside = layer(keys(1), &clock).layer(cache.layer(service));
        let cached = App::new(inside.map_err(BoxError::from).and_then(collected));
        let writer = Browser::new(&app(&layer(keys(1), &clock), keeper));
        writer.get("/set/mine").await;
        let mine = at(&cached, &writer);
        assert_eq!(mine.get("/page").await.text, "None");

        clock.advance(minutes(2));
        asks.store(true, Ordering::SeqCst);
        assert_eq!(mine.get("/page").await.text, "None", "stale");
        while asks.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            let visitor = Browser::new(&cached);
            assert_eq!(visitor.get("/page").await.text, "None");
            tokio::task::yield_now().await;
        }
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
