//! The sessions of one user: seen, ended, and no more than allowed (ASVS 5.0, V7.1.2, V7.4.2, V7.4.3, V7.5.2).

use std::{num::NonZeroU32, time::Duration};

use http::StatusCode;
use tower_keep::{
    SessionLayer,
    session::{MemorySessions, SessionRefusal},
    test_util::ManualClock,
};

use crate::{
    script::{Script, ask_from, cookie, count, user},
    support::{App, Browser},
};

const MINUTE: Duration = Duration::from_secs(60);

fn shop(set: impl FnOnce(SessionLayer) -> SessionLayer) -> (ManualClock, SessionLayer, App) {
    let time = ManualClock::new();
    let store = MemorySessions::new().clock(time.clock());
    let layer = set(SessionLayer::with_store(store));
    let app = Script::default().app(&layer);
    (time, layer, app)
}

fn capped(layer: SessionLayer) -> SessionLayer {
    layer.max_per_user(NonZeroU32::new(5).unwrap())
}

async fn logged_in(app: &App, user: &str) -> Browser {
    let browser = Browser::new(app);
    browser.get(&format!("/login:{user}")).await;
    browser
}

#[tokio::test]
async fn a_user_sees_where_they_are_logged_in() {
    let (time, layer, app) = shop(|layer| layer);
    let agents = ["Firefox", "curl", &"x".repeat(300)];
    for (n, agent) in (1..).zip(agents) {
        let fields = [("user-agent", agent)];
        let path = format!("/label:device{n}/login:u1");
        ask_from(&app, Some([192, 0, 2, n]), &path, &fields).await;
        time.advance(MINUTE);
    }
    logged_in(&app, "u2").await;
    let devices = layer.devices().of(&"u1".into()).await.unwrap();
    assert_eq!(devices.len(), 3);
    for (device, n) in devices.iter().zip([3_u8, 2, 1]) {
        let shown = &device.device;
        assert_eq!(shown.ip(), Some([192, 0, 2, n].into()));
        let agent = agents[usize::from(n) - 1];
        assert_eq!(shown.user_agent(), Some(&agent[..agent.len().min(256)]));
        assert_eq!(shown.label(), Some(&*format!("device{n}")));
        assert_eq!(device.created, device.seen);
        assert_eq!(device.user, Some("u1".into()));
    }
    assert_eq!(devices[0].created.since(devices[2].created), 2 * MINUTE);
}

#[tokio::test]
async fn one_device_is_ended_by_its_name_and_nobody_elses() {
    let (_, layer, app) = shop(|layer| layer);
    let (one, other) = (logged_in(&app, "u1").await, logged_in(&app, "u1").await);
    let handle = one.get("/handle").await.text.parse().unwrap();
    let devices = layer.devices();
    assert!(!devices.end(&"u2".into(), handle).await.unwrap());
    assert_eq!(one.get("/user").await.text, "u1");
    assert!(devices.end(&"u1".into(), handle).await.unwrap());
    assert!(!devices.end(&"u1".into(), handle).await.unwrap());
    assert_eq!(one.get("/user").await.text, "-");
    assert_eq!(other.get("/user").await.text, "u1");
    assert_eq!(count(&layer.stats().ended, "device"), 1);
}

#[tokio::test]
async fn all_or_all_but_this_are_ended() {
    let (_, layer, app) = shop(|layer| layer);
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(logged_in(&app, "u1").await);
    }
    let other = logged_in(&app, "u2").await;
    let this = browsers[0].get("/handle").await.text.parse().unwrap();
    let devices = layer.devices();
    assert_eq!(devices.end_all_but(&"u1".into(), this).await.unwrap(), 3);
    assert_eq!(browsers[0].get("/user").await.text, "u1");
    assert_eq!(browsers[1].get("/user").await.text, "-");
    assert_eq!(devices.end_all(&"u1".into()).await.unwrap(), 1);
    assert_eq!(browsers[0].get("/user").await.text, "-");
    assert_eq!(other.get("/user").await.text, "u2");
}

#[tokio::test]
async fn tenants_have_users_of_their_own() {
    let (_, layer, app) = shop(|layer| layer);
    for name in ["u2@north", "u1@north", "u1@north", "u1@south", "u1"] {
        logged_in(&app, name).await;
    }
    let devices = layer.devices();
    let north = [user("u1@north"), user("u2@north")];
    assert_eq!(devices.users_in("north").await.unwrap(), north);
    assert_eq!(devices.of(&user("u1@north")).await.unwrap().len(), 2);
    assert_eq!(devices.of(&user("u1")).await.unwrap().len(), 1);
    assert_eq!(devices.end_tenant("north").await.unwrap(), 3);
    assert_eq!(devices.users_in("north").await.unwrap(), []);
    assert_eq!(devices.population().await.unwrap().users, 2);
}

#[tokio::test]
async fn users_are_found_by_when_they_were_active() {
    let (time, layer, app) = shop(|layer| layer);
    logged_in(&app, "early").await;
    time.advance(10 * MINUTE);
    let now = time.clock().wall();
    for n in 0..250 {
        logged_in(&app, &format!("u{n:03}")).await;
    }
    let active = layer.devices().active_since(now).await.unwrap();
    let names: Vec<&str> = active.iter().map(|(user, _)| user.name()).collect();
    let expected: Vec<String> = (0..250).map(|n| format!("u{n:03}")).collect();
    assert_eq!(names, expected);
    let all = layer.devices().active_since(std::time::UNIX_EPOCH).await;
    assert_eq!(all.unwrap().len(), 251);
}

#[tokio::test]
async fn the_sixth_login_under_a_cap_of_five_ends_the_least_recently_active() {
    let (time, layer, app) = shop(capped);
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(logged_in(&app, "u1").await);
        time.advance(MINUTE);
    }
    time.advance(5 * MINUTE);
    browsers[0].get("/user").await;
    time.advance(MINUTE);
    browsers.push(logged_in(&app, "u1").await);
    for (at, browser) in browsers.iter().enumerate() {
        let found = if at == 1 { "-" } else { "u1" };
        assert_eq!(browser.get("/user").await.text, found, "browser {at}");
    }
    assert_eq!(count(&layer.stats().ended, "displaced"), 1);
}

#[tokio::test]
async fn who_logs_in_again_displaces_nobody() {
    let (_, layer, app) = shop(capped);
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(logged_in(&app, "u1").await);
    }
    for step in ["/login:u1", "/rotate", "/login:u1"] {
        browsers[0].get(step).await;
    }
    for browser in &browsers {
        assert_eq!(browser.get("/user").await.text, "u1");
    }
    assert_eq!(layer.stats().ended, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_logins_at_once_under_a_cap_of_five_leave_five() {
    for set in [capped, |layer| capped(layer).refuse_beyond_cap()] {
        let layer = set(SessionLayer::new());
        let app = Script::default().app(&layer);
        let sent = (0..20).map(|_| tokio::spawn(Browser::new(&app).send("/login:u1")));
        let sent: Vec<_> = sent.collect();
        let mut ids = Vec::new();
        for sent in sent {
            let response = sent.await.unwrap().unwrap();
            match response.status() {
                StatusCode::OK => {
                    let browser = Browser::new(&app);
                    browser.keep(response);
                    ids.push(browser);
                }
                status => {
                    assert_eq!(status, StatusCode::CONFLICT);
                    assert!(layer.stats().ended.is_empty());
                }
            }
        }
        let devices = layer.devices().of(&"u1".into()).await.unwrap();
        assert_eq!(devices.len(), 5);
        let mut alive = 0;
        for browser in &ids {
            alive += u32::from(browser.get("/user").await.text == "u1");
        }
        assert_eq!(alive, 5, "of {} that were told an id", ids.len());
    }
}

#[tokio::test]
async fn where_more_are_refused_the_sixth_login_is_409_and_changes_nothing() {
    let (_, _layer, app) = shop(|layer| capped(layer).refuse_beyond_cap());
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(logged_in(&app, "u1").await);
    }
    let sixth = Browser::new(&app);
    sixth.get("/set:a:1").await;
    let answer = sixth.get("/login:u1/say:never").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(sixth.get("/user/get:a").await.text, "- 1");
    browsers[0].get("/login:u1").await;
    browsers[1].get("/logout").await;
    assert_eq!(sixth.get("/login:u1").await.status, StatusCode::OK);
    assert_eq!(browsers[0].get("/user").await.text, "u1");
}

#[tokio::test]
async fn a_login_that_was_overtaken_is_refused_by_the_layer() {
    let script = Script::default();
    let layer = SessionLayer::new()
        .max_per_user(NonZeroU32::MIN)
        .refuse_beyond_cap();
    let app = script.app(&layer);
    let slow = tokio::spawn(Browser::new(&app).send("/login:u1/wait:gate/say:done"));
    script.reached("gate").await;
    logged_in(&app, "u1").await;
    script.open("gate");
    let response = slow.await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let refusal = response.extensions().get();
    assert_eq!(refusal, Some(&SessionRefusal::TooMany));
    assert!(!response.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn devices_that_are_renewed_meanwhile_are_ended_too() {
    let script = Script::default();
    let layer = SessionLayer::new();
    let app = script.app(&layer);
    let browser = logged_in(&app, "u1").await;
    let old = cookie(&browser.cookie().unwrap());
    let slow = tokio::spawn(browser.send("/user/rotate/commit/wait:gate/set:a:1"));
    script.reached("gate").await;
    assert_eq!(layer.devices().end_all(&"u1".into()).await.unwrap(), 1);
    script.open("gate");
    browser.keep(slow.await.unwrap().unwrap());
    assert_eq!(browser.cookie(), None, "the cookie is removed");
    assert_eq!(browser.get("/user").await.text, "-");
    let answer = ask_from(&app, None, "/user", &[("cookie", &old)]).await;
    assert_eq!(answer.text, "-");
}
