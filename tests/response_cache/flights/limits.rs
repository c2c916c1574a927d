//! The bounds of a flight, and flights switched off.

use tower_keep::{response_cache::Collapsing, seconds};

use super::{
    clients::{Field, done, leave, settle},
    origin::FRESH,
};

fn field(collapsing: Collapsing) -> Field {
    Field::with(|layer| layer.collapsing(collapsing))
}

#[tokio::test]
async fn the_surplus_goes_to_the_origin_by_itself() {
    for (followers, count, sent) in [(2, 3, 1), (2, 4, 2), (2, 6, 4), (0, 5, 5)] {
        let case = format!("{count} of {followers}");
        let field = field(Collapsing::new().max_followers(followers));
        let clients = field.gets(count);
        settle().await;
        assert_eq!(field.gate.calls(), sent, "{case}");
        for call in field.gate.all() {
            call.reply(200, FRESH, "fine");
        }
        for client in clients {
            assert_eq!(done(client).await.unwrap().text, "fine", "{case}");
        }
        assert_eq!(field.gate.calls(), sent, "{case}");
        field.hit().await;
    }
}

#[tokio::test]
async fn a_follower_that_leaves_makes_room() {
    let field = field(Collapsing::new().max_followers(1));
    let leader = field.get();
    let mut follower = field.get();
    settle().await;
    for _ in 0..5 {
        leave(follower).await;
        follower = field.get();
        settle().await;
        assert_eq!(field.gate.calls(), 1);
    }
    field.gate.next().reply(200, FRESH, "fine");
    done(leader).await.unwrap();
    done(follower).await.unwrap();
}

/// The surplus has its answer while the flight waits.
#[tokio::test]
async fn the_surplus_waits_for_nobody() {
    let field = field(Collapsing::new().max_followers(1));
    let waiting = field.gets(2);
    settle().await;
    let first = field.gate.next();
    let surplus = field.get();
    settle().await;
    field.gate.next().reply(200, FRESH, "by itself");
    assert_eq!(done(surplus).await.unwrap().text, "by itself");
    first.reply(200, FRESH, "shared");
    for client in waiting {
        let read = done(client).await.unwrap();
        assert_eq!(read.status, 200);
    }
    field.hit().await;
}

#[tokio::test]
async fn switched_off_each_one_asks_by_itself() {
    let field = field(Collapsing::off());
    let clients = field.gets(10);
    settle().await;
    assert_eq!(field.gate.calls(), 10);
    for call in field.gate.all() {
        call.reply(200, FRESH, "mine");
    }
    for client in clients {
        let read = done(client).await.unwrap();
        assert!(!read.is_collapsed(), "{}", read.cache_status());
        assert_eq!(read.text, "mine");
    }
    assert_eq!(field.layer.stats().collapsed, 0);
    field.hit().await;
}

#[tokio::test]
async fn so_does_each_one_while_a_body_streams() {
    let field = field(Collapsing::off());
    let first = field.get();
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    feed.data("first");
    settle().await;
    let second = field.get();
    settle().await;
    assert_eq!(field.gate.calls(), 2);
    field.gate.next().reply(200, FRESH, "second");
    assert_eq!(done(second).await.unwrap().text, "second");
    drop(feed);
    assert_eq!(done(first).await.unwrap().text, "first");
}

/// Where readers may not be apart at all they read together, and none of them is slow.
#[tokio::test]
async fn a_window_of_nothing_lets_bodies_pass() {
    for readers in 1..=3 {
        let field = Field::with(|layer| {
            let collapsing = Collapsing::new().window(0);
            layer.max_body(10).collapsing(collapsing)
        });
        let clients = field.gets(readers);
        settle().await;
        let feed = field.gate.next().begin(FRESH);
        for _ in 0..10 {
            settle().await;
            feed.data("piece");
        }
        drop(feed);
        for client in clients {
            let read = done(client).await.unwrap();
            assert_eq!(
                (read.text.len(), read.error.is_none()),
                (50, true),
                "{readers}"
            );
        }
    }
}

/// No time at all is a time as well.
#[tokio::test]
async fn settings_of_nothing_do_no_harm() {
    let none = seconds(0);
    for (name, collapsing) in [
        ("wait", Collapsing::new().wait(none)),
        ("leader time", Collapsing::new().leader_time(none)),
        ("memory", Collapsing::new().remember_uncacheable(none)),
        ("window", Collapsing::new().window(0).stall_time(none)),
    ] {
        let field = field(collapsing);
        let clients = field.gets(5);
        for _ in 0..5 {
            settle().await;
            for call in field.gate.all() {
                call.reply(200, FRESH, "fine");
            }
        }
        for client in clients {
            let read = done(client).await.unwrap();
            assert!([200, 504].contains(&read.status), "{name}");
        }
        field.hit().await;
    }
}
