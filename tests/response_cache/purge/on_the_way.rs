//! What is on its way when something is purged: who asks afterwards does not get it as fresh, and however many
//! they are, the origin is asked once.

use tokio::task::JoinHandle;
use tower_keep::response_cache::Purge;

use super::every_purge;
use crate::{
    cases::Fields,
    flights::{
        clients::{Field, Read, done, settle},
        origin::{Broke, Call, FRESH, Feed, NO_STORE},
    },
};

/// Carries what [`every_purge`] names.
const TAGGED: Fields<'static> = &[
    ("cache-control", "max-age=60"),
    ("etag", "\"a\""),
    ("cache-tag", "a"),
    ("cache-groups", "\"g\""),
];

/// The field that tells the requests of the herd.
const OF_HERD: &str = "x-herd";

type Client = JoinHandle<Result<Read, Broke>>;

/// What happens, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The head of the old response arrives.
    Head,
    /// Its body ends.
    End,
    /// A 304 arrives.
    Confirm,
    Purge,
    /// Ten clients come.
    Herd,
}

use Step::{Confirm, End, Head, Herd, Purge as Purged};

/// An old request that waits for its answer, and what comes then.
struct Play {
    field: Field,
    call: Option<Call>,
    feed: Option<Feed>,
    herd: Vec<Client>,
}

impl Play {
    /// After what the origin has been asked last.
    fn of(field: Field) -> Self {
        let call = Some(field.gate.next());
        Self {
            field,
            call,
            feed: None,
            herd: Vec::new(),
        }
    }

    async fn steps(&mut self, steps: &[Step], purge: &Purge, old: Fields<'_>) {
        for step in steps {
            match step {
                Head => self.feed = Some(self.call.take().unwrap().begin(old)),
                End => self.feed.take().unwrap().data("old"),
                Confirm => self.call.take().unwrap().reply(304, old, ""),
                Purged => {
                    self.field.layer.purger().purge(purge);
                }
                Herd => {
                    let get = |_| self.field.send("GET", &[(OF_HERD, "1")]);
                    self.herd = (0..10).map(get).collect();
                }
            }
            settle().await;
        }
    }

    /// Answers whatever the origin is asked now, and says how many of the herd asked.
    async fn answer_new(&self, fields: Fields<'_>) -> usize {
        let mut of_herd = 0;
        for _ in 0..20 {
            for call in self.field.gate.all() {
                of_herd += usize::from(call.parts.headers.contains_key(OF_HERD));
                call.reply(200, fields, "new");
            }
            settle().await;
        }
        of_herd
    }

    /// The herd gets new content by one request, if not by that of somebody who had asked before.
    async fn assert_herd_is_new(self, most: usize, case: &str) {
        let of_herd = self.answer_new(TAGGED).await;
        assert!(of_herd <= 1, "{case}: {of_herd}");
        for client in self.herd {
            assert_eq!(done(client).await.unwrap().text, "new", "{case}");
        }
        assert_eq!(self.field.hit().await.text, "new", "{case}");
        let calls = self.field.gate.calls();
        assert!(calls <= most, "{case}: {calls}");
    }
}

/// What those who asked before get: what they asked for, or something newer.
async fn assert_is_any(client: Client, case: &str) {
    let read = done(client).await.unwrap();
    let any = read.text == "old" || read.text == "new";
    assert!(any && read.status == 200, "{case}: {read:?}");
}

/// The leader and those who follow it asked before the purge.
#[tokio::test]
async fn a_response_reaches_those_who_asked_before_and_nobody_else() {
    for (_, purge) in every_purge() {
        for steps in [
            &[Purged, Herd, Head, End][..],
            &[Purged, Head, Herd, End],
            &[Purged, Head, End, Herd],
            &[Head, Purged, Herd, End],
            &[Head, Purged, End, Herd],
            &[Head, End, Purged, Herd],
        ] {
            let case = format!("{purge:?}, {steps:?}");
            let field = Field::new();
            let leader = field.get();
            settle().await;
            let followers = field.gets(3);
            settle().await;
            let mut play = Play::of(field);
            play.steps(steps, &purge, TAGGED).await;
            // One of those who follow may have to ask for all of them.
            play.assert_herd_is_new(3, &case).await;
            assert_eq!(done(leader).await.unwrap().text, "old", "{case}");
            for follower in followers {
                assert_is_any(follower, &case).await;
            }
        }
    }
}

/// The body of the old response ends after the new one is stored.
#[tokio::test]
async fn what_ends_late_does_not_take_the_place_of_what_is_new() {
    for (_, purge) in every_purge() {
        let case = format!("{purge:?}");
        let field = Field::new();
        let leader = field.get();
        settle().await;
        let mut play = Play::of(field);
        play.steps(&[Head, Purged, Herd], &purge, TAGGED).await;
        assert_eq!(play.answer_new(TAGGED).await, 1, "{case}");
        play.steps(&[End], &purge, TAGGED).await;
        play.assert_herd_is_new(2, &case).await;
        assert_eq!(done(leader).await.unwrap().text, "old", "{case}");
    }
}

/// A purge of other names overtakes nothing.
#[tokio::test]
async fn a_purge_of_something_else_keeps_nothing_out() {
    let other: http::Uri = "http://origin.test/other".parse().unwrap();
    for purge in [
        Purge::new().url(other.clone()),
        Purge::new().tag("b"),
        Purge::new().group(other, "h"),
        Purge::new().prefix("/other"),
    ] {
        let field = Field::new();
        let leader = field.get();
        settle().await;
        let mut play = Play::of(field);
        let steps = [Purged, Head, Purged, Herd, End];
        play.steps(&steps, &purge, TAGGED).await;
        assert_eq!(play.field.gate.calls(), 1, "{purge:?}");
        for client in play.herd.into_iter().chain([leader]) {
            assert_eq!(done(client).await.unwrap().text, "old", "{purge:?}");
        }
        assert_eq!(play.field.hit().await.text, "old", "{purge:?}");
    }
}

/// A cache that has stored "old", whose lifetime is over; a client has asked for its validation.
async fn validating(field: Field) -> (Play, Client) {
    field.store(TAGGED, "old").await;
    field.advance(70).await;
    let client = field.get();
    settle().await;
    let play = Play::of(field);
    let asked = play.call.as_ref().unwrap();
    assert_eq!(asked.parts.headers["if-none-match"], "\"a\"");
    (play, client)
}

#[tokio::test]
async fn a_304_that_a_purge_overtook_confirms_nothing_for_those_who_come_later() {
    for (_, purge) in every_purge() {
        for steps in [
            &[Purged, Confirm, Herd][..],
            &[Purged, Herd, Confirm],
            &[Confirm, Purged, Herd],
        ] {
            let case = format!("{purge:?}, {steps:?}");
            let (mut play, client) = validating(Field::new()).await;
            play.steps(steps, &purge, TAGGED).await;
            // What is gone is not confirmed: the client's request may be sent again.
            play.assert_herd_is_new(4, &case).await;
            assert_is_any(client, &case).await;
        }
    }
}

/// What names the response after a 304 has given it a name.
#[tokio::test]
async fn a_304_that_brings_a_tag_is_overtaken_by_its_purge() {
    let fields = [&TAGGED[..2], &[("cache-tag", "b")]].concat();
    for soft in [false, true] {
        let purge = Purge::new().tag("b");
        let purge = if soft { purge.soft() } else { purge };
        let (mut play, client) = validating(Field::new()).await;
        play.steps(&[Purged, Confirm, Herd], &purge, &fields).await;
        play.assert_herd_is_new(3, &format!("soft: {soft}")).await;
        assert_eq!(done(client).await.unwrap().text, "old");
    }
}

/// Only a soft purge leaves something to confirm.
#[tokio::test]
async fn after_a_purge_one_request_is_enough_for_all() {
    for (soft, purge) in every_purge() {
        let field = Field::new();
        field.store(TAGGED, "old").await;
        field.layer.purger().purge(&purge);
        let herd = field.gets(10);
        settle().await;
        let call = field.gate.next();
        assert_eq!(call.parts.headers.contains_key("if-none-match"), soft);
        let text = if soft { "old" } else { "new" };
        call.reply(if soft { 304 } else { 200 }, TAGGED, "new");
        for client in herd {
            assert_eq!(done(client).await.unwrap().text, text, "{purge:?}");
        }
        assert_eq!(field.hit().await.text, text, "{purge:?}");
        assert_eq!(field.gate.calls(), 2, "{purge:?}");
    }
}

/// Served while it is revalidated.
const WHILE: Fields<'static> = &[
    ("cache-control", "max-age=60, stale-while-revalidate=60"),
    ("etag", "\"a\""),
    ("cache-tag", "a"),
    ("cache-groups", "\"g\""),
];

/// A refresh that was under way, and what it brings.
#[tokio::test]
async fn a_refresh_that_a_purge_overtook_makes_nothing_fresh() {
    for (soft, purge) in every_purge() {
        for steps in [
            &[Purged, Head, End, Herd][..],
            &[Head, Purged, End, Herd],
            &[Head, Purged, Herd, End],
            &[Purged, Herd, Head, End],
            &[Purged, Confirm, Herd],
            &[Purged, Herd, Confirm],
        ] {
            let case = format!("{purge:?}, {steps:?}");
            let field = Field::new();
            field.store(WHILE, "first").await;
            field.advance(65).await;
            assert_eq!(field.hit().await.text, "first");
            let mut play = Play::of(field);
            play.steps(steps, &purge, WHILE).await;
            play.answer_new(WHILE).await;
            for client in play.herd {
                let read = done(client).await.unwrap();
                let stale = soft && is_stale(&read);
                assert!(read.text == "new" || stale, "{case}: {read:?}");
            }
            // If all of them were content with what is stale, one refresh may be left to do.
            let last = done(play.field.get()).await.unwrap();
            assert!(last.text == "new" || soft && is_stale(&last), "{case}");
            for call in play.field.gate.all() {
                call.reply(200, WHILE, "new");
            }
            assert_eq!(play.field.hit().await.text, "new", "{case}");
            let calls = play.field.gate.calls();
            assert!(calls <= 4, "{case}: {calls}");
        }
    }
}

/// Whether it says that it came from store and is not fresh.
fn is_stale(read: &Read) -> bool {
    let status = read.cache_status();
    read.is_hit() && (status.contains("; ttl=-") || status.contains("; ttl=0"))
}

/// Parts of six bytes: of the old ones one is stored and another one on its way.
#[tokio::test]
async fn a_part_that_a_purge_overtook_is_not_used() {
    fn part(range: &'static str) -> Vec<(&'static str, &'static str)> {
        [TAGGED, &[("content-range", range)]].concat()
    }
    for (_, purge) in every_purge() {
        for purge_first in [true, false] {
            let case = format!("{purge:?}, {purge_first}");
            let field = Field::new();
            for (asked, range) in [("bytes=0-2", "bytes 0-2/6"), ("bytes=3-5", "bytes 3-5/6")] {
                let client = field.send("GET", &[("range", asked)]);
                settle().await;
                let call = field.gate.next();
                if asked == "bytes=3-5" && purge_first {
                    field.layer.purger().purge(&purge);
                }
                call.reply(206, &part(range), "old");
                let read = done(client).await.unwrap();
                assert_eq!((read.status, &*read.text), (206, "old"));
            }
            if purge_first {
                assert_eq!(field.gate.calls(), 2);
            } else {
                let whole = done(field.get()).await.unwrap();
                assert!(whole.is_hit() && whole.text == "oldold", "{whole:?}");
                field.layer.purger().purge(&purge);
            }
            for asked in ["bytes=0-2", "bytes=3-5", "bytes=1-4", "bytes=0-"] {
                let client = field.send("GET", &[("range", asked)]);
                settle().await;
                for call in field.gate.all() {
                    call.reply(200, NO_STORE, "new");
                }
                let read = done(client).await.unwrap();
                assert_eq!(read.text, "new", "{case}, {asked}");
            }
        }
    }
}

/// RFC 9110 9.3.3: a response to POST that answers later GETs.
#[tokio::test]
async fn the_response_to_a_write_is_not_used_after_a_purge() {
    let fields = [TAGGED, &[("content-location", "/")]].concat();
    for (_, purge) in every_purge() {
        for purge_first in [true, false] {
            let case = format!("{purge:?}, {purge_first}");
            let field = Field::new();
            let post = field.send("POST", &[]);
            settle().await;
            let call = field.gate.next();
            if purge_first {
                field.layer.purger().purge(&purge);
            }
            call.reply(200, &fields, "old");
            assert_eq!(done(post).await.unwrap().text, "old");
            if !purge_first {
                assert_eq!(field.hit().await.text, "old", "it is stored");
                field.layer.purger().purge(&purge);
            }
            let get = field.get();
            settle().await;
            assert_eq!(field.gate.calls(), 2, "{case}");
            field.gate.next().reply(200, FRESH, "new");
            assert_eq!(done(get).await.unwrap().text, "new", "{case}");
        }
    }
}

/// Nobody knows whether the origin answered the read before or after the write.
#[tokio::test]
async fn a_read_without_its_head_keeps_out_the_response_to_a_write() {
    for read_ends_first in [false, true] {
        let field = Field::new();
        let read = field.get();
        settle().await;
        let reading = field.gate.next();
        let post = field.send("POST", &[]);
        settle().await;
        let writing = field.gate.next();
        let fields = [FRESH, &[("content-location", "/")]].concat();
        if read_ends_first {
            reading.reply(200, FRESH, "read");
            settle().await;
            writing.reply(200, &fields, "write");
        } else {
            writing.reply(200, &fields, "write");
            settle().await;
            reading.reply(200, FRESH, "read");
        }
        assert_eq!(done(read).await.unwrap().text, "read");
        assert_eq!(done(post).await.unwrap().text, "write");
        let get = field.get();
        settle().await;
        assert_eq!(field.gate.calls(), 3, "{read_ends_first}");
        field.gate.next().reply(200, FRESH, "new");
        assert_eq!(done(get).await.unwrap().text, "new");
        assert_eq!(field.hit().await.text, "new");
    }
}
