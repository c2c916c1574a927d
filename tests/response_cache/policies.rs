//! The handler's word on its response: what it holds for, and what others see of it.

use http::{HeaderName, header};
use tower_keep::{response_cache::CachePolicy, seconds};

use super::{
    stage::{Act, Show, reply, told},
    support::request,
};

const FRESH: (&str, &str) = ("cache-control", "max-age=10");
const TAG: (&str, &str) = ("etag", "\"a\"");
const TENANT: HeaderName = HeaderName::from_static("x-tenant");

fn saying(policy: &CachePolicy, act: Act) -> Act {
    let Act::Answer(mut response) = act else {
        return act;
    };
    response.extensions_mut().insert(policy.clone());
    Act::Answer(response)
}

/// A response with a policy, its confirmation half a minute past its freshness, and more.
async fn confirmed(policy: CachePolicy, news: Act, more: Vec<Act>) -> Show {
    let first = saying(&policy, reply(200, &[FRESH, TAG], "first"));
    let acts = [first, news].into_iter().chain(more).collect();
    let show = Show::new(acts);
    show.get(&[]).await;
    show.clock.advance(seconds(40));
    assert_eq!(told(&show.get(&[]).await), (200, false, "first"));
    assert_eq!(show.origin.last().headers["if-none-match"], "\"a\"");
    show
}

fn silent() -> Act {
    reply(304, &[TAG], "")
}

#[tokio::test]
async fn a_window_for_revalidation_holds_over_a_304_that_says_nothing() {
    let policy = CachePolicy::new().stale_while_revalidate(seconds(5));
    let show = confirmed(policy, silent(), vec![silent()]).await;
    show.clock.advance(seconds(12));
    assert!(show.get(&[]).await.is_hit());
}

#[tokio::test]
async fn a_window_for_errors_holds_over_a_304_that_says_nothing() {
    let policy = CachePolicy::new().stale_if_error(seconds(5));
    let show = confirmed(policy, silent(), vec![Act::Fail, Act::Fail]).await;
    show.clock.advance(seconds(12));
    assert_eq!(told(&show.get(&[]).await), (200, false, "first"));
    show.clock.advance(seconds(3));
    assert!(show.try_send(request("GET", &[])).await.is_err());
}

#[tokio::test]
async fn how_long_it_is_kept_holds_over_a_304_that_says_nothing() {
    let policy = CachePolicy::new().keep(seconds(50));
    let news = |more| confirmed(policy.clone(), silent(), more);
    let show = news(vec![silent()]).await;
    show.clock.advance(seconds(59));
    assert_eq!(told(&show.get(&[]).await), (200, false, "first"));
    let show = news(vec![reply(200, &[], "second")]).await;
    show.clock.advance(seconds(61));
    assert_eq!(told(&show.get(&[]).await), (200, false, "second"));
    assert!(!show.origin.last().headers.contains_key("if-none-match"));
}

#[tokio::test]
async fn a_304_with_a_policy_replaces_what_it_names_and_nothing_else() {
    let policy = CachePolicy::new()
        .ttl(seconds(10))
        .stale_if_error(seconds(5));
    let news = saying(&CachePolicy::new().ttl(seconds(20)), silent());
    let show = confirmed(policy, news, vec![Act::Fail]).await;
    show.clock.advance(seconds(19));
    assert!(show.get(&[]).await.is_hit());
    show.clock.advance(seconds(5));
    assert_eq!(told(&show.get(&[]).await), (200, false, "first"));
}

// RFC 9111 4.3.4: the 304's own Vary replaces the stored one, but not what the handler said.
#[tokio::test]
async fn fields_that_a_response_depends_on_hold_over_a_304_with_another_vary() {
    let news = reply(304, &[TAG, ("vary", "accept")], "");
    let policy = CachePolicy::new().vary([TENANT]);
    let other = saying(&policy, reply(200, &[FRESH], "other"));
    let show = confirmed(policy, news, vec![other]).await;
    let got = show.get(&[("x-tenant", "b")]).await;
    assert_eq!(told(&got), (200, false, "other"));
    let got = show.get(&[]).await;
    assert_eq!(told(&got), (200, true, "first"));
    let vary: Vec<_> = got.headers.get_all(header::VARY).iter().collect();
    assert_eq!(vary, ["accept", "x-tenant"]);
}

#[tokio::test]
async fn fields_that_a_response_depends_on_keep_variants_apart_and_stand_in_its_vary() {
    let policy = CachePolicy::new().vary([TENANT, header::ACCEPT, TENANT]);
    let page = |body| {
        let fields = [FRESH, ("vary", "Accept")];
        saying(&policy, reply(200, &fields, body))
    };
    let show = Show::new(vec![page("a"), page("b"), page("a, json")]);
    let (a, b) = (("x-tenant", "a"), ("x-tenant", "b"));
    for (hit, tenant, accept, body) in [
        (false, a, "text/html", "a"),
        (false, b, "text/html", "b"),
        (false, a, "application/json", "a, json"),
        (true, a, "text/html", "a"),
        (true, b, "text/html", "b"),
        (true, a, "application/json", "a, json"),
    ] {
        let got = show.get(&[tenant, ("accept", accept)]).await;
        assert_eq!(told(&got), (200, hit, body));
        let vary: Vec<_> = got.headers.get_all(header::VARY).iter().collect();
        assert_eq!(vary, ["Accept", "x-tenant"]);
    }
}

#[tokio::test]
async fn caches_further_out_learn_what_a_response_depends_on_whether_it_is_stored_here_or_not() {
    let policy = CachePolicy::new().vary([TENANT]).do_not_store();
    for (method, fields) in [
        ("GET", &[][..]),
        ("HEAD", &[]),
        ("PUT", &[]),
        ("GET", &[("connection", "x-hop"), ("x-hop", "1")]),
    ] {
        let show = Show::new(vec![saying(&policy, reply(200, &[FRESH], ""))]);
        let got = show.send(request(method, fields)).await;
        assert_eq!(got.header("vary"), Some("x-tenant"), "{method}");
    }
}

#[tokio::test]
async fn tags_are_for_the_store_only() {
    let plain = Show::new(vec![reply(200, &[FRESH], "")]);
    let tagged = CachePolicy::new().tags(["a"]).tags(vec!["b".to_owned()]);
    let tagged = Show::new(vec![saying(&tagged, reply(200, &[FRESH], ""))]);
    for _ in 0..2 {
        let (one, other) = (plain.get(&[]).await, tagged.get(&[]).await);
        assert_eq!(one.headers, other.headers);
    }
}
