//! Rules that cannot be.

use std::error::Error;

use tower_keep::{
    ResponseCacheLayer,
    response_cache::{InvalidRule, InvalidateLayer, InvalidateRule},
};

fn refused(rules: impl IntoIterator<Item = InvalidateRule>) -> InvalidRule {
    let empty = InvalidateLayer::new(ResponseCacheLayer::new().purger());
    let all = rules.into_iter().try_fold(empty, InvalidateLayer::rule);
    all.expect_err("a rule that cannot be")
}

fn reason(refused: &InvalidRule) -> String {
    refused.source().expect("a reason").to_string()
}

#[test]
fn a_route_or_a_path_without_a_slash_is_refused() {
    let route = refused([InvalidateRule::on_unsafe("products")]);
    assert_eq!(route.route(), "products");
    assert_eq!(route.to_string(), "the rule for `products` cannot be");
    assert!(reason(&route).contains("slash"));
    assert!(!route.is_conflict());
    let rule = || InvalidateRule::on_unsafe("/p/{*rest}");
    for rule in [
        rule().path("p"),
        rule().path("{rest}"),
        rule().prefix("shop.example/"),
    ] {
        assert!(reason(&refused([rule])).contains("slash"));
    }
}

#[test]
fn a_route_that_is_none_is_refused() {
    for route in ["/p/{", "/p/{}", "/p/{*rest}/more", "/p/{a}{b}"] {
        let refused = refused([InvalidateRule::on_unsafe(route)]);
        assert_eq!(refused.route(), route);
        assert!(!refused.is_conflict(), "{route}");
    }
}

#[test]
fn routes_that_are_in_conflict_are_refused_and_the_same_one_is_not() {
    let rule = |route| InvalidateRule::on_unsafe(route).tag("t");
    let refused = refused([rule("/p/{id}"), rule("/p/{id}"), rule("/p/{name}")]);
    assert!(refused.is_conflict());
    assert_eq!(refused.route(), "/p/{name}");
}

#[test]
fn a_text_that_cannot_be_filled_in_is_refused() {
    let rule = || InvalidateRule::on_unsafe("/p/{id}");
    for rule in [
        rule().tag("p:{name}"),
        rule().path("/{name}"),
        rule().prefix("/{name}/"),
    ] {
        assert_eq!(
            reason(&refused([rule])),
            "the route has no parameter `name`"
        );
    }
    for text in ["/{id", "/id}", "/{i{d}}"] {
        for rule in [rule().tag(text), rule().path(text), rule().prefix(text)] {
            let reason = reason(&refused([rule]));
            assert_eq!(reason, format!("a brace in `{text}` has no other half"));
        }
    }
}
