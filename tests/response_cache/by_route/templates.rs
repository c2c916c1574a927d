//! Parameters of the route in tags and paths.

use tower_keep::response_cache::InvalidateRule;

use super::Site;

#[tokio::test]
async fn tags_have_parameters_as_handlers_read_them() {
    for (path, tag) in [
        ("/p/7", "p:7"),
        ("/p/a%20b", "p:a b"),
        ("/p/a%2Fb", "p:a/b"),
        ("/p/caf%C3%A9", "p:caf\u{e9}"),
        ("/p/a+b", "p:a+b"),
        ("/p/100%", "p:100%"),
    ] {
        let site = Site::new([InvalidateRule::on_unsafe("/p/{id}").tag("p:{id}")]);
        let mut purges = site.pages.layer.purger().subscribe();
        site.change("PUT", path).await;
        let told = purges.next().await.unwrap().unwrap();
        assert_eq!(told.subjects[0].to_string(), format!("tag {tag}"));
    }
}

#[tokio::test]
async fn paths_have_parameters_as_they_stand_in_the_path() {
    let pages = ["/shelf/a%2Fb", "/shelf/a/b", "/shelf/a", "/shelf/a%20b"];
    for (id, left) in [
        ("a%2Fb", ["/shelf/a/b", "/shelf/a", "/shelf/a%20b"]),
        ("a%20b", ["/shelf/a%2Fb", "/shelf/a/b", "/shelf/a"]),
        ("%61", ["/shelf/a%2Fb", "/shelf/a/b", "/shelf/a%20b"]),
    ] {
        let site = Site::new([InvalidateRule::on_unsafe("/p/{id}").path("/shelf/{id}")]);
        for page in pages {
            site.store(page, "").await;
        }
        site.change("PUT", &format!("/p/{id}")).await;
        assert_eq!(site.left(&pages).await, left, "{id}");
    }
}

#[tokio::test]
async fn the_rest_of_a_path_is_a_parameter() {
    let rule = InvalidateRule::on_unsafe("/files/{*path}")
        .tag("file:{path}")
        .path("/thumbs/{path}");
    let site = Site::new([rule]);
    let pages = ["/tagged", "/thumbs/a/b", "/thumbs/a", "/thumbs/a/b/c"];
    for (page, tag) in pages.into_iter().zip(["file:a/b", "", "file:a", ""]) {
        site.store(page, tag).await;
    }
    site.change("DELETE", "/files/a/b").await;
    assert_eq!(site.left(&pages).await, ["/thumbs/a", "/thumbs/a/b/c"]);
}

#[tokio::test]
async fn several_parameters_and_several_texts_are_filled_in() {
    let rule = InvalidateRule::on_unsafe("/{shop}/p/{id}/{{raw}}")
        .tag("{shop}:{id}")
        .tag("{{shop}}:{shop}")
        .path("/{id}/of/{shop}");
    let site = Site::new([rule]);
    let pages = ["/one", "/two", "/7/of/tea", "/tea/of/7"];
    for (page, tag) in pages.into_iter().zip(["tea:7", "{shop}:tea", "", "7:tea"]) {
        site.store(page, tag).await;
    }
    site.change("PUT", "/tea/p/7/{raw}").await;
    assert_eq!(site.left(&pages).await, ["/tea/of/7"]);
}

#[tokio::test]
async fn a_prefix_is_that_of_paths_below() {
    let site = Site::new([InvalidateRule::on_unsafe("/p/{id}").prefix("/p/{id}/")]);
    let pages = ["/p/1", "/p/1/", "/p/1/a/b", "/p/10/a", "/q/p/1/a"];
    for page in pages {
        site.store(page, "").await;
    }
    site.change("PUT", "/p/1").await;
    assert_eq!(site.left(&pages).await, ["/p/1", "/p/10/a", "/q/p/1/a"]);
}

#[tokio::test]
async fn a_path_is_that_on_every_host_with_every_query() {
    let site = Site::new([InvalidateRule::on_unsafe("/p").path("/list")]);
    let pages = ["/list", "/list?page=2", "/list/2", "/lists"];
    for page in pages {
        site.store(page, "").await;
    }
    let elsewhere = [(":uri", "http://elsewhere.test/list")];
    site.pages.get(&elsewhere).await;
    assert!(site.pages.get(&elsewhere).await.is_hit());
    site.change("POST", "http://origin.test/p").await;
    assert_eq!(site.left(&pages).await, ["/list/2", "/lists"]);
    assert!(!site.pages.get(&elsewhere).await.is_hit());
}
