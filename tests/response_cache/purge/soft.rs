//! What a soft purge leaves: a stale response, from that moment on (RFC 9111 section 4.2.4, RFC 5861).

use http::{Request, StatusCode};
use http_body_util::Full;
use tower_keep::{ResponseCacheLayer, response_cache::Purge, seconds};

use super::{here, soften};
use crate::{
    cases::Fields,
    stage::{Act, Show, page, reply, told, turns},
    support::request,
};

/// Confirms what is stored.
fn confirm(control: &'static str) -> Act {
    reply(304, &[("cache-control", control), ("etag", "\"a\"")], "")
}

fn with(control: &'static str, body: &'static str) -> Act {
    reply(200, &[("cache-control", control), ("etag", "\"a\"")], body)
}

/// A cache that has stored "1" with this Cache-Control, made stale ten seconds later; then the origin does this.
async fn softened(control: &'static str, then: Vec<Act>) -> Show {
    let acts = std::iter::once(with(control, "1")).chain(then).collect();
    let show = Show::new(acts);
    show.get(&[]).await;
    show.advance(10);
    assert!(show.get(&[]).await.is_hit());
    soften(&show.layer.purger());
    show
}

#[tokio::test]
async fn it_is_validated_and_a_304_makes_it_fresh_anew() {
    let show = softened("max-age=60", vec![confirm("max-age=60"), Act::Fail]).await;
    let validated = show.get(&[]).await;
    assert_eq!(show.origin.last().headers["if-none-match"], "\"a\"");
    assert_eq!(told(&validated), (200, false, "1"));
    assert!(matches!(validated.age(), None | Some(0)), "{validated:?}");
    show.advance(7);
    let hit = show.get(&[]).await;
    assert_eq!((told(&hit), hit.age()), ((200, true, "1"), Some(7)));
    show.advance(52);
    assert!(show.get(&[]).await.is_hit(), "it has its whole lifetime");
    assert_eq!(show.origin.calls(), 2);
    show.advance(1);
    assert!(show.try_send(request("GET", &[])).await.is_err());
}

#[tokio::test]
async fn a_304_that_says_nothing_new_makes_it_fresh_too() {
    let then = vec![reply(304, &[], ""), Act::Fail];
    let show = softened("max-age=60", then).await;
    assert_eq!(told(&show.get(&[]).await), (200, false, "1"));
    show.advance(59);
    assert_eq!(told(&show.get(&[]).await), (200, true, "1"));
}

#[tokio::test]
async fn new_content_takes_its_place() {
    let show = softened("max-age=60", vec![with("max-age=60", "2")]).await;
    assert_eq!(told(&show.get(&[]).await), (200, false, "2"));
    assert_eq!(told(&show.get(&[]).await), (200, true, "2"));
}

#[tokio::test]
async fn another_one_makes_it_stale_again() {
    let control = "max-age=60";
    let show = softened(control, vec![confirm(control), confirm(control)]).await;
    show.get(&[]).await;
    assert!(show.get(&[]).await.is_hit());
    soften(&show.layer.purger());
    assert!(!show.get(&[]).await.is_hit());
    assert!(show.get(&[]).await.is_hit());
}

/// Whether "1" is served at once so many seconds after the soft purge.
async fn is_served_while_revalidating(show: &Show, seconds: u64) -> bool {
    show.advance(seconds);
    let got = show.get(&[]).await;
    assert_eq!(got.is_hit(), got.body == "1", "{got:?}");
    show.quiet().await;
    assert_eq!(show.origin.calls(), 2, "the origin is asked in any case");
    if got.is_hit() {
        assert_eq!(got.age(), Some(10 + seconds));
        let ttl = format!("ttl=-{seconds}");
        let told = got.header("cache-status").unwrap();
        assert!(seconds == 0 || told.contains(&ttl), "{told}");
    }
    got.is_hit()
}

const WHILE: &str = "max-age=60, stale-while-revalidate=30";

#[tokio::test]
async fn the_window_of_revalidation_is_counted_from_the_purge() {
    for (seconds, served) in [(0, true), (1, true), (29, true), (30, false), (31, false)] {
        let show = softened(WHILE, vec![with(WHILE, "2")]).await;
        let is_served = is_served_while_revalidating(&show, seconds).await;
        assert_eq!(is_served, served, "{seconds}");
        assert_eq!(told(&show.get(&[]).await), (200, true, "2"));
    }
}

#[tokio::test]
async fn a_later_purge_does_not_prolong_the_window() {
    for (seconds, served) in [(9, true), (10, false)] {
        let show = softened(WHILE, vec![with(WHILE, "2")]).await;
        show.advance(20);
        soften(&show.layer.purger());
        show.layer.purger().purge(&Purge::new().all().soft());
        show.advance(seconds);
        let got = show.get(&[]).await;
        assert_eq!(got.is_hit(), served, "{seconds}");
        show.quiet().await;
    }
}

#[tokio::test]
async fn what_is_stale_already_gets_no_longer_window() {
    for (seconds, served) in [(9, true), (10, false)] {
        let show = Show::new(vec![page("1"), page("2")]);
        show.get(&[]).await;
        show.advance(80);
        soften(&show.layer.purger());
        show.advance(seconds);
        assert_eq!(show.get(&[]).await.is_hit(), served, "{seconds}");
        show.quiet().await;
    }
}

#[tokio::test]
async fn a_refresh_that_fails_leaves_it_stale() {
    let then = vec![Act::Fail, confirm(WHILE)];
    let show = softened(WHILE, then).await;
    assert!(show.get(&[]).await.is_hit());
    show.quiet().await;
    let again = show.get(&[]).await;
    assert_eq!(told(&again), (200, true, "1"));
    show.quiet().await;
    assert_eq!(show.origin.calls(), 3, "it was validated once more");
    show.advance(30);
    assert!(show.get(&[]).await.is_hit(), "it was confirmed");
    assert_eq!(show.origin.calls(), 3);
}

#[tokio::test]
async fn it_answers_in_place_of_an_error_within_that_window() {
    for (seconds, served) in [(0, true), (29, true), (30, false)] {
        for failure in [Act::Fail, reply(503, &[], "down")] {
            let show = softened("max-age=60, stale-if-error=30", vec![failure]).await;
            show.advance(seconds);
            let got = show.try_send(request("GET", &[])).await;
            let answered = got.is_ok_and(|got| got.status == 200 && got.body == "1");
            assert_eq!(answered, served, "{seconds}");
        }
    }
}

#[tokio::test]
async fn an_answer_in_place_of_an_error_makes_nothing_fresh() {
    let then = vec![Act::Fail, with("max-age=60", "2")];
    let show = softened("max-age=60, stale-if-error=30", then).await;
    assert_eq!(show.get(&[]).await.body, "1");
    assert_eq!(told(&show.get(&[]).await), (200, false, "2"));
}

#[tokio::test]
async fn what_must_be_revalidated_is_never_served_stale() {
    for control in [
        "max-age=60, must-revalidate, stale-while-revalidate=30, stale-if-error=30",
        "max-age=60, proxy-revalidate, stale-while-revalidate=30, stale-if-error=30",
        "s-maxage=60, stale-while-revalidate=30, stale-if-error=30",
    ] {
        let set = |layer: ResponseCacheLayer| {
            let minute = seconds(60);
            layer.stale_while_revalidate(minute).stale_if_error(minute)
        };
        let acts = vec![with(control, "1"), Act::Fail, with(control, "2")];
        let show = Show::with(acts, set);
        show.get(&[]).await;
        soften(&show.layer.purger());
        let stale = [("cache-control", "max-stale")];
        assert!(show.try_send(request("GET", &stale)).await.is_err());
        assert_eq!(told(&show.get(&[]).await), (200, false, "2"), "{control}");
    }
}

#[tokio::test]
async fn a_request_that_wants_nothing_but_what_is_stored_gets_a_504() {
    let only = [("cache-control", "only-if-cached")];
    let show = softened("max-age=60", vec![confirm("max-age=60")]).await;
    assert_eq!(show.get(&only).await.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(show.origin.calls(), 1);
    show.get(&[]).await;
    assert_eq!(told(&show.get(&only).await), (200, true, "1"));
}

/// RFC 9111 5.2.1.2: staleness begins with the purge.
#[tokio::test]
async fn a_request_may_accept_what_is_that_stale() {
    for (max_stale, hit) in [("max-stale=5", true), ("max-stale=4", false)] {
        let show = softened("max-age=60", vec![with("max-age=60", "2")]).await;
        show.advance(5);
        let got = show.get(&[("cache-control", max_stale)]).await;
        assert_eq!(got.is_hit(), hit, "{max_stale}");
    }
}

/// RFC 8246: what is immutable is so while it is fresh.
#[tokio::test]
async fn what_is_immutable_is_validated_too() {
    for reload in [&[][..], &[("cache-control", "max-age=0")]] {
        let control = "max-age=60, immutable";
        let show = softened(control, vec![confirm(control)]).await;
        assert_eq!(told(&show.get(reload).await), (200, false, "1"));
    }
}

/// Requests that what is stored could answer without its body.
#[tokio::test]
async fn conditions_heads_and_ranges_are_not_answered_without_the_origin() {
    let get = |fields: Fields<'_>| request("GET", fields);
    let asking: [Request<Full<_>>; 3] = [
        get(&[("if-none-match", "\"a\"")]),
        get(&[("range", "bytes=0-0")]),
        request("HEAD", &[]),
    ];
    for asking in asking {
        let then = vec![reply(503, &[], "down")];
        let show = softened("max-age=60", then).await;
        let case = format!("{} {:?}", asking.method(), asking.headers());
        let got = show.send(asking).await;
        assert_eq!(got.status, 503, "{case}");
        assert_eq!(show.origin.calls(), 2, "{case}");
    }
}

#[tokio::test]
async fn a_hard_purge_before_or_after_it_wins() {
    for hard_first in [false, true] {
        let control = "max-age=60, stale-while-revalidate=30, stale-if-error=30";
        let show = Show::new(vec![with(control, "1"), Act::Fail]);
        show.get(&[]).await;
        let purger = show.layer.purger();
        if hard_first {
            purger.url(here());
            soften(&purger);
        } else {
            soften(&purger);
            purger.url(here());
        }
        assert!(show.try_send(request("GET", &[])).await.is_err());
        let last = show.origin.last();
        assert!(!last.headers.contains_key("if-none-match"), "{hard_first}");
    }
}

#[tokio::test]
async fn many_stale_answers_bring_one_refresh() {
    let show = softened(WHILE, vec![with(WHILE, "2")]).await;
    for _ in 0..10 {
        assert_eq!(told(&show.get(&[]).await), (200, true, "1"));
    }
    turns().await;
    show.quiet().await;
    assert_eq!(show.origin.calls(), 2);
    assert_eq!(told(&show.get(&[]).await), (200, true, "2"));
}
