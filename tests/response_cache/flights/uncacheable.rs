//! Responses that cannot be shared: who waited is let go in batches, and the resource is remembered.

use tower_keep::{response_cache::Collapsing, seconds};

use super::{
    clients::{Field, done, settle},
    origin::{Call, FRESH, NO_STORE},
};
use crate::cases::Fields;

/// `1 + ceil(log2 n)`.
fn bound(count: usize) -> usize {
    1 + count.next_power_of_two().ilog2() as usize
}

/// Has `count` requests at once answered so, and returns how many were asked in each time that a head takes.
async fn rounds(field: &Field, count: usize, answer: impl Fn(Call)) -> Vec<usize> {
    let clients = field.gets(count);
    settle().await;
    let mut batches = Vec::new();
    loop {
        let calls = field.gate.all();
        if calls.is_empty() {
            break;
        }
        batches.push(calls.len());
        calls.into_iter().for_each(&answer);
        settle().await;
    }
    for client in clients {
        assert!(client.is_finished(), "it hangs: {batches:?}");
        let read = client.await.unwrap().unwrap();
        assert!(!read.is_collapsed(), "{}", read.cache_status());
    }
    batches
}

#[tokio::test]
async fn who_waited_in_vain_is_let_go_in_batches_that_double() {
    for count in [1, 2, 3, 10, 100, 1_000] {
        let field = Field::new();
        let batches = rounds(&field, count, |call| call.reply(200, NO_STORE, "mine")).await;
        assert!(batches.len() <= bound(count), "{count}: {batches:?}");
        assert_eq!(batches.iter().sum::<usize>(), count, "{batches:?}");
        for (n, batch) in batches.iter().enumerate() {
            assert!(*batch <= 1 << n, "not all at once: {batches:?}");
        }
    }
}

#[tokio::test]
async fn so_it_is_with_other_responses_that_cannot_be_shared() {
    let cases: [(&str, u16, Fields<'_>); 5] = [
        ("private", 200, &[("cache-control", "private, max-age=60")]),
        (
            "a cookie",
            200,
            &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
        ),
        ("nothing said", 200, &[]),
        ("503", 503, &[]),
        ("no-cache", 200, &[("cache-control", "no-cache")]),
    ];
    for (name, status, fields) in cases {
        let field = Field::new();
        let batches = rounds(&field, 100, |call| call.reply(status, fields, "mine")).await;
        assert!(batches.len() <= bound(100), "{name}: {batches:?}");
        assert_eq!(batches.iter().sum::<usize>(), 100, "{name}: {batches:?}");
    }
}

/// The second one asked gets a response that can be shared: the others share it.
#[tokio::test]
async fn a_batch_may_find_what_can_be_shared() {
    let field = Field::new();
    let clients = field.gets(20);
    settle().await;
    field.gate.next().reply(200, NO_STORE, "mine");
    settle().await;
    for call in field.gate.all() {
        call.reply(200, FRESH, "for all");
    }
    settle().await;
    let calls = field.gate.calls();
    assert!(calls <= 3, "{calls}");
    for (n, client) in clients.into_iter().enumerate() {
        let read = done(client).await.unwrap();
        assert_eq!(read.text, if n == 0 { "mine" } else { "for all" });
    }
    field.hit().await;
}

#[tokio::test]
async fn once_it_is_remembered_nobody_waits() {
    let field = Field::new();
    rounds(&field, 1, |call| call.reply(200, NO_STORE, "mine")).await;
    for count in [1, 2, 10, 1_000] {
        let batches = rounds(&field, count, |call| call.reply(200, NO_STORE, "mine")).await;
        assert_eq!(batches, [count]);
    }
    let stats = field.layer.stats();
    assert_eq!(
        stats.not_collapsed.values().sum::<u64>(),
        1_013,
        "{stats:?}"
    );
    assert_eq!(stats.collapsed, 0);
}

#[tokio::test]
async fn it_is_remembered_for_a_while() {
    let short = Collapsing::new().remember_uncacheable(seconds(10));
    for (collapsing, time) in [(Collapsing::new(), 120), (short, 10)] {
        let field = Field::with(|layer| layer.collapsing(collapsing));
        rounds(&field, 1, |call| call.reply(200, NO_STORE, "mine")).await;
        field.advance(time - 1).await;
        let clients = field.gets(5);
        settle().await;
        assert_eq!(field.gate.calls(), 6, "{time}");
        clients.iter().for_each(tokio::task::JoinHandle::abort);
        field.gate.all();
        field.advance(2).await;
        let clients = field.gets(5);
        settle().await;
        assert_eq!(field.gate.calls(), 7, "{time}: one of five");
        field.gate.next().reply(200, FRESH, "for all");
        for client in clients {
            assert_eq!(done(client).await.unwrap().text, "for all");
        }
    }
}

#[tokio::test]
async fn a_response_that_can_be_shared_ends_it() {
    let field = Field::new();
    rounds(&field, 1, |call| call.reply(200, NO_STORE, "mine")).await;
    field
        .store(&[("cache-control", "max-age=1")], "for all")
        .await;
    field.advance(100).await;
    let before = field.gate.calls();
    let clients = field.gets(5);
    settle().await;
    assert_eq!(field.gate.calls(), before + 1);
    field.gate.next().reply(200, FRESH, "for all");
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "for all");
    }
}

/// How many of five requests are sent at once after a request with `fields` was answered so.
async fn sent_after(fields: Fields<'_>, status: u16, answer: Fields<'_>) -> usize {
    let field = Field::new();
    let first = field.send("GET", fields);
    settle().await;
    field.gate.next().reply(status, answer, "mine");
    assert_eq!(done(first).await.unwrap().status, status);
    let clients = field.gets(5);
    settle().await;
    let calls = field.gate.all();
    let sent = calls.len();
    for call in calls {
        call.reply(200, FRESH, "for all");
    }
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "for all");
    }
    sent
}

#[tokio::test]
async fn what_says_nothing_about_others_is_not_remembered() {
    let token: Fields<'_> = &[("authorization", "Bearer a")];
    let cases: [(&str, Fields<'_>, u16, Fields<'_>, usize); 9] = [
        ("no-store", &[], 200, NO_STORE, 5),
        ("private", &[], 200, &[("cache-control", "private")], 5),
        ("500", &[], 500, &[], 1),
        ("503", &[], 503, NO_STORE, 1),
        ("504", &[], 504, &[], 1),
        ("its own no-store", NO_STORE, 200, FRESH, 1),
        ("authorised", token, 200, FRESH, 1),
        (
            "authorised, private",
            token,
            200,
            &[("cache-control", "private")],
            1,
        ),
        (
            "authorised, private for a while",
            token,
            200,
            &[("cache-control", "private, max-age=9")],
            1,
        ),
    ];
    for (name, fields, status, answer, sent) in cases {
        assert_eq!(sent_after(fields, status, answer).await, sent, "{name}");
    }
}

/// An anonymous one waits for an authorised leader, whose response is private.
#[tokio::test]
async fn followers_of_an_authorised_leader_are_one_flight_of_their_own() {
    let field = Field::new();
    let leader = field.send("GET", &[("authorization", "Bearer a")]);
    settle().await;
    let clients = field.gets(10);
    settle().await;
    for _ in 0..2 {
        for call in field.gate.all() {
            if call.parts.headers.contains_key("authorization") {
                call.reply(200, &[("cache-control", "private")], "secret");
            } else {
                call.reply(200, FRESH, "for all");
            }
        }
        settle().await;
    }
    assert_eq!(done(leader).await.unwrap().text, "secret");
    for client in clients {
        assert_eq!(done(client).await.unwrap().text, "for all");
    }
    let calls = field.gate.calls();
    assert!(calls <= 3, "{calls}");
}
