//! What requests to a route invalidate, by rules: [`InvalidateLayer`].

mod outcomes;
mod places;
mod set_up;
mod templates;

use std::{convert::Infallible, future::ready};

use http::{Method, Request, Response, StatusCode};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::response_cache::{InvalidateLayer, InvalidateRule, InvalidateStats};

use super::support::{Cache, Got, Origin, request, respond};

/// The field of a request that says which tags the page is to have.
const TAGS: &str = "x-tags";

/// An origin whose pages are fresh for a minute, and carry the tags that the request asks for.
fn pages() -> Origin {
    Origin::new(|asked| {
        let tags = asked.headers().get(TAGS);
        let tags = tags.map_or("", |tags| tags.to_str().unwrap());
        let fields = [
            ("cache-control", "max-age=60"),
            ("etag", "\"a\""),
            ("cache-tag", tags),
        ];
        respond(StatusCode::OK, &fields, "page")
    })
}

/// Pages in a cache, and the rules for what changes them.
struct Site {
    pages: Cache,
    invalidate: InvalidateLayer,
}

impl Site {
    fn new(rules: impl IntoIterator<Item = InvalidateRule>) -> Self {
        let pages = Cache::new(pages());
        let mut invalidate = InvalidateLayer::new(pages.layer.purger());
        for rule in rules {
            invalidate = invalidate.rule(rule).expect("a rule that can be");
        }
        Self { pages, invalidate }
    }

    /// With a page for each of these tags, whose path is the tag.
    async fn tagged(rules: impl IntoIterator<Item = InvalidateRule>, tags: &[&str]) -> Self {
        let site = Self::new(rules);
        for tag in tags {
            site.store(&format!("/{tag}"), tag).await;
        }
        site
    }

    async fn page(&self, path: &str, fields: &[(&str, &str)]) -> Got {
        get(&self.pages, path, fields).await
    }

    async fn store(&self, path: &str, tags: &str) {
        self.page(path, &[(TAGS, tags)]).await;
        assert!(self.fresh(path).await, "{path} is stored");
    }

    /// Whether a page is there and fresh.
    async fn fresh(&self, path: &str) -> bool {
        fresh(&self.pages, path).await
    }

    /// Which of the pages are there and fresh.
    async fn left<'a>(&self, paths: &[&'a str]) -> Vec<&'a str> {
        let mut left = Vec::new();
        for path in paths {
            if self.fresh(path).await {
                left.push(*path);
            }
        }
        left
    }

    /// A request to a handler behind the rules, which answers with this status.
    async fn answered(&self, status: u16, method: &str, path: &str) {
        let response = Response::builder().status(status).body(()).unwrap();
        let handler =
            service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(response.clone())));
        let change = Request::builder()
            .method(method)
            .uri(path)
            .body(())
            .unwrap();
        let answer = self.invalidate.layer(handler).oneshot(change).await;
        assert_eq!(answer.unwrap().status(), status);
    }

    async fn change(&self, method: &str, path: &str) {
        self.answered(200, method, path).await;
    }

    fn counted(&self) -> (u64, u64) {
        counts(self.invalidate.stats())
    }
}

async fn get(cache: &Cache, path: &str, fields: &[(&str, &str)]) -> Got {
    let uri = format!("http://origin.test{path}");
    let all = [&[(":uri", &*uri)], fields].concat();
    cache.send(request("GET", &all)).await
}

async fn fresh(cache: &Cache, path: &str) -> bool {
    let only = [("cache-control", "only-if-cached")];
    get(cache, path, &only).await.is_hit()
}

fn counts(stats: InvalidateStats) -> (u64, u64) {
    (stats.applied, stats.unmatched)
}

#[tokio::test]
async fn a_rule_is_for_its_methods_and_its_route() {
    for (method, path, changes) in [
        ("PUT", "/products/7", true),
        ("PATCH", "/products/7", true),
        ("PUT", "/products/7?draft", true),
        ("DELETE", "/products/7", false),
        ("GET", "/products/7", false),
        ("PUT", "/products/8", false),
        ("PUT", "/products", false),
        ("PUT", "/products/", false),
        ("PUT", "/products/7/", false),
        ("PUT", "/products/7/reviews", false),
        ("PUT", "/Products/7", false),
        ("PUT", "*", false),
    ] {
        let rule = InvalidateRule::on([Method::PUT, Method::PATCH], "/products/{id}");
        let site = Site::tagged([rule.tag("product:{id}")], &["product:7"]).await;
        site.change(method, path).await;
        let left = site.fresh("/product:7").await;
        assert_eq!(left, !changes, "{method} {path}");
    }
}

#[tokio::test]
async fn without_a_method_it_is_for_all_but_the_safe_ones() {
    for rule in [
        InvalidateRule::on_unsafe("/r"),
        InvalidateRule::on([], "/r"),
    ] {
        for (method, changes) in [
            ("POST", true),
            ("PUT", true),
            ("PATCH", true),
            ("DELETE", true),
            ("REBUILD", true),
            ("GET", false),
            ("HEAD", false),
            ("OPTIONS", false),
            ("TRACE", false),
        ] {
            let site = Site::tagged([rule.clone().tag("t")], &["t"]).await;
            site.change(method, "/r").await;
            assert_eq!(site.fresh("/t").await, !changes, "{method}");
        }
    }
}

#[tokio::test]
async fn a_rule_may_name_a_safe_method() {
    let rule = InvalidateRule::on([Method::GET], "/rebuild").tag("t");
    let site = Site::tagged([rule], &["t"]).await;
    site.change("GET", "/rebuild").await;
    assert!(!site.fresh("/t").await);
    assert_eq!(site.counted(), (1, 0));
}

#[tokio::test]
async fn all_rules_of_a_route_take_effect() {
    let site = Site::tagged(
        [
            InvalidateRule::on_unsafe("/r/{id}").tag("a"),
            InvalidateRule::on([Method::PUT], "/r/{id}").tag("b"),
            InvalidateRule::on([Method::POST], "/r/{id}").tag("c"),
        ],
        &["a", "b", "c"],
    )
    .await;
    site.change("PUT", "/r/1").await;
    assert_eq!(site.left(&["/a", "/b", "/c"]).await, ["/c"]);
    assert_eq!(site.counted(), (1, 0), "requests are counted, not rules");
}

#[tokio::test]
async fn of_several_routes_the_most_specific_one_counts_alone() {
    let tags = ["rest", "one", "new"];
    for (path, gone) in [
        ("/p/new", "new"),
        ("/p/new/7", "one"),
        ("/p/new/7/reviews", "rest"),
        ("/p/new/", "rest"),
        ("/p/7", "rest"),
    ] {
        let rules = [
            ("/p/{*rest}", "rest"),
            ("/p/new/{id}", "one"),
            ("/p/new", "new"),
        ];
        let rules = rules.map(|(route, tag)| InvalidateRule::on_unsafe(route).tag(tag));
        let site = Site::tagged(rules, &tags).await;
        site.change("POST", path).await;
        for tag in tags {
            let left = site.fresh(&format!("/{tag}")).await;
            assert_eq!(left, tag != gone, "{path}: {tag}");
        }
    }
}

// A rule of the more specific route that is not for the method does not open the way to another route.
#[tokio::test]
async fn a_route_is_chosen_before_the_method() {
    let site = Site::tagged(
        [
            InvalidateRule::on_unsafe("/p/{id}").tag("one"),
            InvalidateRule::on([Method::PUT], "/p/new").tag("new"),
        ],
        &["one", "new"],
    )
    .await;
    site.change("DELETE", "/p/new").await;
    assert_eq!(site.left(&["/one", "/new"]).await, ["/one", "/new"]);
    assert_eq!(site.counted(), (0, 1));
}

#[tokio::test]
async fn a_soft_rule_makes_stale_and_a_hard_one_removes() {
    let soft = InvalidateRule::on([Method::PATCH], "/r").tag("t").soft();
    let hard = InvalidateRule::on([Method::PUT], "/r").tag("t");
    for (method, says) in [("PATCH", "fwd=stale"), ("PUT", "fwd=uri-miss")] {
        let site = Site::tagged([soft.clone(), hard.clone()], &["t"]).await;
        site.change(method, "/r").await;
        assert!(!site.fresh("/t").await, "{method}");
        let got = site.page("/t", &[]).await;
        let status = got.header("cache-status").unwrap();
        assert!(status.contains(says), "{method}: {status}");
    }
}

#[tokio::test]
async fn of_a_soft_and_a_hard_rule_for_the_same_the_hard_one_wins() {
    let soft = InvalidateRule::on_unsafe("/r").tag("t").soft();
    let hard = InvalidateRule::on_unsafe("/r").tag("t");
    for rules in [[soft.clone(), hard.clone()], [hard, soft]] {
        let site = Site::tagged(rules, &["t"]).await;
        site.change("PUT", "/r").await;
        let got = site.page("/t", &[]).await;
        let status = got.header("cache-status").unwrap();
        assert!(status.contains("fwd=uri-miss"), "{status}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_whether_a_rule_took_effect() {
    let rule = InvalidateRule::on([Method::PUT], "/r").tag("t");
    let site = Site::tagged([rule], &["t"]).await;
    for (status, method, path, counted) in [
        (200, "PUT", "/r", (1, 0)),
        (500, "PUT", "/r", (1, 0)),
        // Nothing carries the tag any more, and yet the rule did what it says.
        (303, "PUT", "/r", (2, 0)),
        (204, "POST", "/r", (2, 1)),
        (200, "PUT", "/elsewhere", (2, 2)),
        (404, "PUT", "/elsewhere", (2, 2)),
        (200, "GET", "/r", (2, 2)),
        (200, "HEAD", "/elsewhere", (2, 2)),
        (200, "OPTIONS", "/r", (2, 2)),
    ] {
        site.answered(status, method, path).await;
        assert_eq!(site.counted(), counted, "{status} {method} {path}");
    }
    assert_eq!(counts(site.invalidate.clone().stats()), (2, 2));
    let stats = site.pages.layer.stats();
    assert_eq!((stats.invalidated, stats.unmet_tags), (1, 1));
}

#[tokio::test]
async fn a_rule_that_names_nothing_says_that_nothing_else_changes() {
    let site = Site::tagged([InvalidateRule::on_unsafe("/log")], &["t"]).await;
    let mut purges = site.pages.layer.purger().subscribe();
    site.change("POST", "/log").await;
    assert_eq!(site.counted(), (0, 0));
    site.pages.layer.purger().tag("told");
    let told = purges.next().await.unwrap().unwrap();
    assert_eq!(told.subjects[0].to_string(), "tag told");
}
