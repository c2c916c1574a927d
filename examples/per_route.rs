//! Settings where they are needed: around a route, for a path, with a response. Run it, then try the lines that
//! it prints:
//!
//! ```text
//! cargo run --example per_route [-- --listen 127.0.0.1:3000]
//! ```
//!
//! In each answer `Cache-Status` says what the cache did and for how many seconds it is fresh (`ttl`).

use std::{convert::Infallible, error::Error, io::Write as _};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, Query},
    http::{HeaderMap, Request, Response, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, time};
use tower::{Layer, service_fn};
use tower_keep::{
    CachePolicy, ResponseCacheLayer, minutes,
    response_cache::{CacheKey, InvalidPath, RequestBody},
    seconds,
};

/// One cache with one store. Each route has a clone of it with settings of its own.
fn app() -> Result<Router, InvalidPath> {
    let cache = ResponseCacheLayer::new();
    let slow = cache.clone().default_ttl(minutes(1));
    let products = cache
        .clone()
        .default_ttl(seconds(5))
        .stale_while_revalidate(minutes(1));
    let search = cache
        .clone()
        .default_ttl(seconds(10))
        .key(CacheKey::new().ignore_parameters(["utm_*"]));
    Ok(Router::new()
        .route("/slow", get(self::slow).layer(slow))
        .route("/products/{id}", get(product).layer(products))
        .route("/search", get(self::search).layer(search))
        .route("/offers", get(offers).layer(cache.clone()))
        // No layer can be put around the routes of what is one service: rules name their paths.
        .fallback_service(by_path(cache)?.layer(service_fn(legacy))))
}

/// The most specific rule counts; what none is for is stored only if it says so itself.
fn by_path(cache: ResponseCacheLayer) -> Result<ResponseCacheLayer, InvalidPath> {
    cache
        .path("/legacy/{*page}", |route| route.default_ttl(minutes(10)))?
        .path("/legacy/live", |route| route.default_ttl(seconds(1)))
}

async fn slow() -> &'static str {
    time::sleep(seconds(1)).await;
    "that took a while\n"
}

async fn product(Path(id): Path<String>) -> String {
    format!("product {id}\n")
}

async fn search(Query(asked): Query<Vec<(String, String)>>) -> String {
    let words = asked.into_iter().filter(|(name, _)| name == "q");
    let words: Vec<String> = words.map(|(_, word)| word).collect();
    format!("nothing found for {}\n", words.join(" "))
}

/// The handler knows best: in which language it answers, for how long that holds, and what to do if it fails.
async fn offers(headers: HeaderMap) -> impl IntoResponse {
    let language = headers.get(header::ACCEPT_LANGUAGE);
    let german = language.is_some_and(|language| language.as_bytes().starts_with(b"de"));
    let (ttl, text) = if german {
        (seconds(10), "Angebote\n")
    } else {
        (seconds(20), "offers\n")
    };
    let policy = CachePolicy::new()
        .ttl(ttl)
        .stale_if_error(minutes(30))
        .vary([header::ACCEPT_LANGUAGE]);
    (Extension(policy), text)
}

/// A service that answers all paths by itself.
async fn legacy(request: Request<RequestBody<Body>>) -> Result<Response<String>, Infallible> {
    let path = request.uri().path();
    Ok(Response::new(format!("an old page at {path}\n")))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => "127.0.0.1:3000".to_owned(),
        (Some("--listen"), Some(address)) => address,
        _ => return Err("usage: per_route [--listen ADDRESS:PORT]".into()),
    };
    let listener = TcpListener::bind(&listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    introduce(&format!("http://{}", listener.local_addr()?))?;
    axum::serve(listener, app()?).await?;
    Ok(())
}

fn introduce(url: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "listening on {url}\n\nTry these, each twice:\n")?;
    for (path, says) in [
        ("/slow", "fresh for a minute, by its route"),
        ("/products/1", "for 5 seconds, and served stale after"),
        ("/search?q=tea&utm_source=mail", "the same as /search?q=tea"),
        ("/offers", "for 20 seconds, by its response"),
        (
            "/offers -H 'Accept-Language: de'",
            "another variant, for 10",
        ),
        ("/legacy/about", "for 10 minutes, by a rule for its path"),
        ("/legacy/live", "for a second, by a nearer one"),
        ("/elsewhere", "not stored: nobody says how long"),
    ] {
        writeln!(out, "  curl -i '{url}{}   # {says}", quoted(path))?;
    }
    out.flush()
}

/// A path with the quote that ends it before the arguments that follow.
fn quoted(path: &str) -> String {
    match path.split_once(' ') {
        Some((path, arguments)) => format!("{path}' {arguments}"),
        None => format!("{path}'"),
    }
}
