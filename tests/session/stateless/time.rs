//! When it ends, and when it is too late.

use super::*;

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
    let handler = move |request: &Request<String>, session: &CookieSession| {
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
