//! Pages for one visitor, over HTTP with real cookies, whichever way round the layers are.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::header;
use tower_keep::{Personal, ResponseCacheLayer, minutes};

use crate::stacks::{self, http1, serve_axum};

/// Who asks, if somebody has a session.
#[derive(Clone)]
struct Visitor(Option<String>);

/// Finds the session that the cookie names.
async fn session(mut request: Request, next: Next) -> Response {
    let cookies = request.headers().get_all(header::COOKIE).iter();
    let session = cookies
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split("; "))
        .find_map(|cookie| cookie.strip_prefix("sid="));
    let visitor = Visitor(session.map(str::to_owned));
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

fn greeting(visitor: &Visitor) -> String {
    format!("hello {}", visitor.0.as_deref().unwrap_or("stranger"))
}

async fn greet(Extension(visitor): Extension<Visitor>) -> String {
    greeting(&visitor)
}

/// Says for how long it is fresh, and finds out in the midst of its body whom it is for.
async fn greet_late(Extension(visitor): Extension<Visitor>, request: Request) -> Response {
    let personal = Personal::get(request.extensions()).cloned();
    let late = async move {
        let personal = personal.expect("the cache put one there");
        personal.mark().expect("nobody else reads it");
        Ok::<_, Infallible>(Bytes::from(greeting(&visitor)))
    };
    let first = stream::iter([Ok(Bytes::from("well, "))]);
    let body = Body::from_stream(first.chain(late.into_stream()));
    ([(header::CACHE_CONTROL, "max-age=60")], body).into_response()
}

/// Servers with the session around the cache and within it.
async fn servers() -> [(&'static str, SocketAddr, ResponseCacheLayer); 2] {
    let app = || {
        Router::new()
            .route("/", get(greet))
            .route("/late", get(greet_late))
    };
    let cache = || ResponseCacheLayer::new().default_ttl(minutes(5));
    let (within, around) = (cache(), cache());
    let outside = app().layer(within.clone()).layer(from_fn(session));
    let inside = app().layer(from_fn(session)).layer(around.clone());
    [
        ("session outside", serve_axum(outside).await, within),
        ("session inside", serve_axum(inside).await, around),
    ]
}

async fn page(address: SocketAddr, path: &str, visitor: Option<&str>) -> (bool, String) {
    let cookie = visitor.map(|name| format!("theme=dark; sid={name}"));
    let fields = cookie.as_deref().map(|cookie| ("cookie", cookie));
    let got = stacks::get(&http1(), address, path, fields.as_slice()).await;
    (got.is_hit(), got.body)
}

const ANN: Option<&str> = Some("ann");
const BEN: Option<&str> = Some("ben");

#[tokio::test]
async fn nobody_gets_the_page_of_another_in_any_order() {
    for order in [
        [None, ANN, BEN],
        [None, BEN, ANN],
        [ANN, None, BEN],
        [ANN, BEN, None],
        [BEN, None, ANN],
        [BEN, ANN, None],
    ] {
        for (case, address, _) in servers().await {
            for visitor in order.into_iter().chain(order) {
                let (_, body) = page(address, "/", visitor).await;
                let own = greeting(&Visitor(visitor.map(str::to_owned)));
                assert_eq!(body, own, "{case}, {order:?}");
            }
        }
    }
}

#[tokio::test]
async fn strangers_share_a_page_and_visitors_do_not() {
    for (case, address, _) in servers().await {
        for (visitor, shared) in [(None, true), (ANN, false), (BEN, false)] {
            page(address, "/", visitor).await;
            assert_eq!(page(address, "/", visitor).await.0, shared, "{case}");
        }
    }
}

/// Those who ask at the same time.
#[tokio::test]
async fn nobody_is_given_what_another_waits_for() {
    for (case, address, _) in servers().await {
        let asked = [None, ANN, BEN].repeat(5);
        let pages = asked.iter().map(|visitor| page(address, "/", *visitor));
        let got = futures_util::future::join_all(pages).await;
        for (visitor, (_, body)) in asked.iter().zip(got) {
            assert_eq!(
                body,
                greeting(&Visitor(visitor.map(str::to_owned))),
                "{case}"
            );
        }
    }
}

#[tokio::test]
async fn what_turns_out_to_be_personal_late_is_for_one_alone() {
    for order in [[ANN, BEN, None], [None, ANN, BEN], [BEN, None, ANN]] {
        for (case, address, cache) in servers().await {
            for visitor in order.into_iter().chain(order) {
                let (hit, body) = page(address, "/late", visitor).await;
                let own = greeting(&Visitor(visitor.map(str::to_owned)));
                assert_eq!(body, format!("well, {own}"), "{case}, {order:?}");
                assert!(!hit, "{case}, {order:?}");
            }
            assert_eq!(cache.stats().stored, 0, "{case}");
        }
    }
}
