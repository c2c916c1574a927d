//! Queries in the key: what is left out, selected and sorted.

use tower_keep::response_cache::CacheKey;

use crate::keys::share_uris;

#[tokio::test]
async fn a_query_can_be_left_out() {
    for (one, two, shared) in [
        ("/a?x=1", "/a?x=2", true),
        ("/a?x=1", "/a", true),
        ("/a?x=1", "/b?x=1", false),
    ] {
        let key = CacheKey::new().ignore_query();
        assert_eq!(share_uris(key, one, two).await, shared, "{one} {two}");
    }
}

#[tokio::test]
async fn parameters_are_ignored_by_their_decoded_names() {
    for (one, two, shared) in [
        ("/?a=1&utm_source=x", "/?a=1", true),
        ("/?utm_source=x&a=1", "/?a=1&utm_medium=y", true),
        ("/?a=1&utm%5Fsource=x", "/?a=1", true),
        ("/?a=1&%75tm_source=x", "/?a=1", true),
        ("/?a=1&utm_source", "/?a=1", true),
        ("/?utm_source=x", "/?utm_source=y", true),
        ("/?fbclid=1", "/", true),
        ("/?fbclid=1&fbclid=2", "/", true),
        ("/?fbclid2=1", "/", false),
        ("/?FBCLID=1", "/", false),
        ("/?a=utm_source", "/", false),
        ("/?a=1&fbclid=x", "/?a=2&fbclid=x", false),
        ("/?a=1&b=2", "/?b=2&a=1", false),
        // `;` separates parameters for some servers: what follows counts.
        ("/?utm_source=x;a=1", "/?utm_source=x;a=2", false),
        ("/?utm_source=x;a=1", "/", false),
        ("/?a=1;utm_source=x", "/?a=1", false),
    ] {
        let key = CacheKey::new().ignore_parameters(["utm_*", "fbclid"]);
        assert_eq!(share_uris(key, one, two).await, shared, "{one} {two}");
    }
}

#[tokio::test]
async fn parameters_are_selected_by_their_decoded_names() {
    for (one, two, shared) in [
        ("/?a=1&x=1", "/?a=1&x=2", true),
        ("/?a=1&x=1", "/?a=1", true),
        ("/?x=1", "/", true),
        ("/?a=1", "/?a=2", false),
        ("/?a=1", "/", false),
        ("/?a=1&a=2", "/?a=1", false),
        ("/?a=1&a=2", "/?a=2&a=1", false),
        ("/?%61=1", "/", false),
        ("/?page_x=1", "/?page_x=2", false),
    ] {
        let key = CacheKey::new().only_parameters(["a", "page_*"]);
        assert_eq!(share_uris(key, one, two).await, shared, "{one} {two}");
    }
}

/// To a server that takes `;` for a separator these have an `a` each, and not the same one.
#[tokio::test]
async fn a_selected_parameter_cannot_hide_behind_a_semicolon() {
    for (one, two) in [
        ("/?x=1;a=1", "/?x=1;a=2"),
        ("/?x=1;a=1", "/"),
        ("/?a=1&x=1;a=2", "/?a=1"),
    ] {
        let key = CacheKey::new().only_parameters(["a"]);
        assert!(!share_uris(key, one, two).await, "{one} {two}");
    }
}

#[tokio::test]
async fn sorting_forgets_the_order_of_different_names_only() {
    for (one, two, shared) in [
        ("/?a=1&b=2", "/?b=2&a=1", true),
        ("/?b=2&a=1&c", "/?c&b=2&a=1", true),
        ("/?a=1&a=2", "/?a=2&a=1", false),
        ("/?a=1&b=0&a=2", "/?a=1&a=2&b=0", true),
        ("/?a=1&b=2", "/?a=2&b=1", false),
        ("/?a=1", "/", false),
        ("/?a=1&b", "/?a=1", false),
    ] {
        let key = CacheKey::new().sort_parameters();
        assert_eq!(share_uris(key, one, two).await, shared, "{one} {two}");
    }
}

/// `%61` is `a`: which of the two comes first tells the requests apart.
#[tokio::test]
async fn sorting_keeps_the_order_of_names_that_are_the_same_once_decoded() {
    for (one, two) in [
        ("/?a=1&%61=2", "/?%61=2&a=1"),
        ("/?a+b=1&a%20b=2", "/?a%20b=2&a+b=1"),
    ] {
        let key = CacheKey::new().sort_parameters();
        assert!(!share_uris(key, one, two).await, "{one} {two}");
    }
}

/// To a server that takes `;` for a separator the first `a` differs.
#[tokio::test]
async fn sorting_does_not_move_parameters_across_a_hidden_one_of_the_same_name() {
    let key = CacheKey::new().sort_parameters();
    assert!(!share_uris(key, "/?x=1;a=2&a=1", "/?a=1&x=1;a=2").await);
}
