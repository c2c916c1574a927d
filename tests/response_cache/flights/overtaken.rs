//! What an unsafe request overtakes is not given to those who come after it (RFC 9111 section 4.4).

use super::{
    clients::{Field, done, leave, settle},
    origin::{Call, FRESH},
};

/// How the unsafe request ends, and whether the resource may have changed.
type Write = (&'static str, fn(Call));

fn ok(call: Call) {
    call.reply(200, &[], "");
}

fn redirected(call: Call) {
    call.reply(303, &[("location", "/")], "");
}

const WRITES: [Write; 4] = [
    ("200", ok),
    ("303", redirected),
    ("error", Call::fail),
    ("left", drop),
];

async fn write(field: &Field, uri: &str, way: Write) {
    let post = field.send("POST", &[(":uri", uri)]);
    settle().await;
    let call = field.gate.all().pop().expect("the write is sent");
    assert_eq!(call.parts.method, "POST");
    if way.0 == "left" {
        leave(post).await;
    } else {
        (way.1)(call);
        let _ = done(post).await;
    }
}

const HERE: &str = "http://origin.test/";

#[tokio::test]
async fn who_comes_after_a_write_asks_anew() {
    for way in WRITES {
        for old_head in ["before", "between", "after"] {
            let case = format!("{}, {old_head}", way.0);
            let field = Field::new();
            let old = field.get();
            settle().await;
            let mut call = Some(field.gate.next());
            let mut feed = None;
            if old_head == "before" {
                feed = Some(call.take().unwrap().begin(FRESH));
                settle().await;
            }
            write(&field, HERE, way).await;
            if old_head == "between" {
                feed = Some(call.take().unwrap().begin(FRESH));
                settle().await;
            }
            let new = field.gets(3);
            settle().await;
            assert_eq!(field.gate.calls(), 3, "{case}");
            let feed = feed.unwrap_or_else(|| call.take().unwrap().begin(FRESH));
            feed.data("old");
            drop(feed);
            assert_eq!(done(old).await.unwrap().text, "old", "{case}");
            assert!(new.iter().all(|client| !client.is_finished()), "{case}");
            field.gate.next().reply(200, FRESH, "new");
            for client in new {
                assert_eq!(done(client).await.unwrap().text, "new", "{case}");
            }
            assert_eq!(field.hit().await.text, "new", "{case}");
        }
    }
}

/// The old response ends after the new one.
#[tokio::test]
async fn nothing_that_was_overtaken_is_stored() {
    for ends_last in ["old", "new"] {
        let field = Field::new();
        let old = field.get();
        settle().await;
        let old_feed = field.gate.next().begin(FRESH);
        write(&field, HERE, WRITES[0]).await;
        let new = field.get();
        settle().await;
        let new_feed = field.gate.next().begin(FRESH);
        settle().await;
        old_feed.data("old");
        new_feed.data("new");
        let (first, last) = match ends_last {
            "old" => (new_feed, old_feed),
            _ => (old_feed, new_feed),
        };
        drop(first);
        settle().await;
        let between = field.get();
        settle().await;
        assert_eq!(field.gate.calls(), 3, "{ends_last}");
        drop(last);
        assert_eq!(done(old).await.unwrap().text, "old");
        assert_eq!(done(new).await.unwrap().text, "new");
        assert_eq!(done(between).await.unwrap().text, "new", "{ends_last}");
        assert_eq!(field.hit().await.text, "new", "{ends_last}");
    }
}

/// A write under another URI that names this one (RFC 9111 section 4.4).
#[tokio::test]
async fn a_write_that_names_the_resource_overtakes_its_flight() {
    for name in ["location", "content-location"] {
        let field = Field::new();
        let old = field.get();
        settle().await;
        let call = field.gate.next();
        let post = field.send("POST", &[(":uri", "http://origin.test/form")]);
        settle().await;
        field.gate.next().reply(201, &[(name, "/")], "");
        done(post).await.unwrap();
        let new = field.get();
        settle().await;
        assert_eq!(field.gate.calls(), 3, "{name}");
        field.gate.next().reply(200, FRESH, "new");
        assert_eq!(done(new).await.unwrap().text, "new", "{name}");
        call.reply(200, FRESH, "old");
        assert_eq!(done(old).await.unwrap().text, "old", "{name}");
        assert_eq!(field.hit().await.text, "new", "{name}");
    }
}

/// A leader from before the write fails after it: whoever leads next asks after the write.
#[tokio::test]
async fn a_flight_that_was_overtaken_may_fail() {
    let field = Field::new();
    let old = field.gets(2);
    settle().await;
    let call = field.gate.next();
    write(&field, HERE, WRITES[0]).await;
    let new = field.gets(2);
    settle().await;
    call.fail();
    settle().await;
    for call in field.gate.all() {
        call.reply(200, FRESH, "new");
        settle().await;
    }
    let mut errors = 0;
    for client in old.into_iter().chain(new) {
        match done(client).await {
            Ok(read) => assert_eq!(read.text, "new"),
            Err(_) => errors += 1,
        }
    }
    assert_eq!(errors, 1);
    field.hit().await;
}

#[tokio::test]
async fn a_write_elsewhere_overtakes_nothing() {
    let field = Field::new();
    let old = field.get();
    settle().await;
    let feed = field.gate.next().begin(FRESH);
    write(&field, "http://origin.test/elsewhere", WRITES[0]).await;
    let new = field.get();
    settle().await;
    assert_eq!(field.gate.calls(), 2);
    feed.data("old");
    drop(feed);
    assert_eq!(done(old).await.unwrap().text, "old");
    assert_eq!(done(new).await.unwrap().text, "old");
    assert_eq!(field.hit().await.text, "old");
}

/// With variants known, a write overtakes the flight of each.
#[tokio::test]
async fn a_write_overtakes_all_variants() {
    let varied = [("cache-control", "max-age=60"), ("vary", "accept")];
    let field = Field::new();
    field.store(&varied, "none").await;
    let ask = |accept| field.send("GET", &[("accept", accept)]);
    let old = [ask("a"), ask("b")];
    settle().await;
    let calls = field.gate.all();
    write(&field, HERE, WRITES[0]).await;
    let new = [ask("a"), ask("b")];
    settle().await;
    // The first one's head tells the second that it is another variant, to which an old flight is up.
    for _ in 0..2 {
        for call in field.gate.all() {
            call.reply(200, &varied, "new");
        }
        settle().await;
    }
    assert_eq!(field.gate.calls(), 6, "each variant, twice");
    for call in calls {
        call.reply(200, &varied, "old");
    }
    for client in old {
        assert_eq!(done(client).await.unwrap().text, "old");
    }
    for client in new {
        assert_eq!(done(client).await.unwrap().text, "new");
    }
    assert_eq!(done(ask("a")).await.unwrap().text, "new");
}

/// The old response arrives after the write and turns out to be a variant: nobody finds it under that name.
#[tokio::test]
async fn what_was_overtaken_is_not_found_as_a_variant_either() {
    let varied = [("cache-control", "max-age=60"), ("vary", "accept")];
    let field = Field::new();
    let ask = |accept| field.send("GET", &[("accept", accept)]);
    let old = ask("a");
    settle().await;
    let call = field.gate.next();
    write(&field, HERE, WRITES[0]).await;
    let feed = call.begin(&varied);
    feed.data("old");
    let other = ask("b");
    settle().await;
    field.gate.next().reply(200, &varied, "other");
    assert_eq!(done(other).await.unwrap().text, "other");
    let new = ask("a");
    settle().await;
    field.gate.next().reply(200, &varied, "new");
    assert_eq!(done(new).await.unwrap().text, "new");
    drop(feed);
    assert_eq!(done(old).await.unwrap().text, "old");
    assert_eq!(done(ask("a")).await.unwrap().text, "new");
}
