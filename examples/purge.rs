//! A catalogue whose pages are stored for a day, and dropped when what they show has changed. Run it, then try the
//! lines that it prints:
//!
//! ```text
//! PURGE_TOKEN=secret cargo run --example purge [-- --listen 127.0.0.1:3000]
//! ```
//!
//! In each answer `Cache-Status` says what the cache did.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    io::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tower_keep::{
    CachePolicy, ResponseCacheLayer, hours, minutes,
    response_cache::{
        InvalidRule, InvalidateLayer, InvalidateRule, Missed, Named, Purge, Purged, Receipt,
    },
};

/// What the handlers share.
#[derive(Clone)]
struct Shop {
    products: Arc<Mutex<BTreeMap<u32, String>>>,
    cache: ResponseCacheLayer,
    /// What a request must know to purge.
    token: Arc<str>,
}

fn app(token: &str) -> Result<Router, InvalidRule> {
    let cache = ResponseCacheLayer::new();
    cache.purger().listen(log);
    // The cache sees by itself that a PUT changes the page of the product. That the list changes with it, and
    // whatever else shows the product, is for a rule to say.
    let rename = InvalidateRule::on([Method::PUT], "/products/{id}");
    let rename = rename.tag("product:{id}").path("/products");
    let invalidate = InvalidateLayer::new(cache.purger()).rule(rename)?;
    let products = [(1, "tea"), (2, "coffee"), (3, "cocoa")];
    let products = products.map(|(id, name)| (id, name.to_owned()));
    let shop = Shop {
        products: Arc::new(Mutex::new(products.into())),
        cache: cache.clone(),
        token: token.into(),
    };
    Ok(Router::new()
        .route("/products", get(list))
        .route("/products/{id}", get(product).put(self::rename))
        .route_layer(invalidate)
        .route("/hooks/content", post(content_changed))
        .route("/stats", get(stats))
        .layer(cache)
        .with_state(shop))
}

impl Shop {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<u32, String>) -> T) -> T {
        let products = self.products.lock();
        look(&mut products.unwrap_or_else(PoisonError::into_inner))
    }
}

/// Long lifetimes are safe once changes are told. After a soft purge the old page is given for a minute more, at
/// once, while a new one is made.
fn stored(tags: impl IntoIterator<Item = String>) -> Extension<CachePolicy> {
    let policy = CachePolicy::new()
        .ttl(hours(24))
        .stale_while_revalidate(minutes(1));
    Extension(policy.tags(tags))
}

async fn list(State(shop): State<Shop>) -> impl IntoResponse {
    let names = shop.with(|products| {
        let lines = products.iter().map(|(id, name)| format!("{id} {name}\n"));
        lines.collect::<String>()
    });
    (stored(["products".to_owned()]), names)
}

async fn product(
    State(shop): State<Shop>,
    Path(id): Path<u32>,
) -> Result<impl IntoResponse, StatusCode> {
    let name = shop.with(|products| products.get(&id).cloned());
    let name = name.ok_or(StatusCode::NOT_FOUND)?;
    let tags = [format!("product:{id}"), "products".to_owned()];
    Ok((stored(tags), format!("{name}\n")))
}

/// Nothing about caches is here.
async fn rename(State(shop): State<Shop>, Path(id): Path<u32>, name: String) -> StatusCode {
    shop.with(|products| products.insert(id, name));
    StatusCode::NO_CONTENT
}

/// For the system that the content is kept in: a form that says what has changed.
async fn content_changed(
    State(shop): State<Shop>,
    headers: HeaderMap,
    form: Bytes,
) -> Result<String, (StatusCode, String)> {
    if !is_allowed(&headers, &shop.token) {
        return Err((StatusCode::UNAUTHORIZED, "another token\n".to_owned()));
    }
    let purge = purge(&form).map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
    Ok(told(shop.cache.purger().purge(&purge)))
}

/// Digests are compared: how long that takes says nothing about the token.
fn is_allowed(headers: &HeaderMap, token: &str) -> bool {
    let said = headers.get(header::AUTHORIZATION);
    let said = said.and_then(|said| said.as_bytes().strip_prefix(b"Bearer "));
    said.is_some_and(|said| Sha256::digest(said) == Sha256::digest(token))
}

fn purge(form: &[u8]) -> Result<Purge, String> {
    let mut purge = Purge::new();
    for (name, value) in form_urlencoded::parse(form) {
        purge = match &*name {
            "tag" => purge.tag(value),
            "url" => purge.url(
                value
                    .parse()
                    .map_err(|error| format!("{value}: {error}\n"))?,
            ),
            "prefix" if value.starts_with('/') => purge.prefix(&value),
            "soft" => purge.soft(),
            _ => return Err(format!("{name}={value}: not tag, url, /prefix or soft\n")),
        };
    }
    Ok(purge)
}

fn told(receipt: Receipt) -> String {
    let named = match receipt.named {
        Named::Exactly(count) => count.to_string(),
        Named::AtMost(count) => format!("at most {count}"),
        Named::Unknown => "not counted".to_owned(),
    };
    format!("invalidated at {}, responses: {named}\n", receipt.position)
}

/// Whatever was invalidated, and by whom.
async fn log(purged: Result<Arc<Purged>, Missed>) {
    match purged {
        Ok(purged) => {
            let by = if purged.by_request {
                "a request"
            } else {
                "a purge"
            };
            for subject in &purged.subjects {
                eprintln!("{subject}: {:?}, by {by}", purged.effect);
            }
        }
        Err(missed) => eprintln!("{missed}"),
    }
}

/// Why requests were not answered from store.
async fn stats(State(shop): State<Shop>) -> String {
    let stats = shop.cache.stats();
    let mut text = format!("hits: {}\n", stats.hit_count());
    for (cause, count) in stats.misses() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "misses, {}: {count}", cause.name());
    }
    text
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => "127.0.0.1:3000".to_owned(),
        (Some("--listen"), Some(address)) => address,
        _ => return Err("usage: purge [--listen ADDRESS:PORT]".into()),
    };
    let token = std::env::var("PURGE_TOKEN").map_err(|error| format!("PURGE_TOKEN: {error}"))?;
    let app = app(&token)?;
    let listener = TcpListener::bind(&listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    introduce(&format!("http://{}", listener.local_addr()?))?;
    axum::serve(listener, app).await?;
    Ok(())
}

fn introduce(url: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "listening on {url}\n\nAsk for a page, change it, ask again:\n"
    )?;
    let hook = format!("-H \"Authorization: Bearer $PURGE_TOKEN\" {url}/hooks/content");
    for (line, says) in [
        (format!("-i {url}/products/1"), "twice: stored for a day"),
        (format!("-i {url}/products"), "the list, too"),
        (
            format!("-X PUT {url}/products/1 -d 'green tea'"),
            "drops both",
        ),
        (format!("{hook} -d tag=product:2"), "by its tag"),
        (format!("{hook} -d url={url}/products/3"), "by its URL"),
        (
            format!("{hook} -d tag=products -d soft"),
            "stale, all of them",
        ),
        (format!("{hook} -d prefix=/products/"), "by their path"),
        (format!("{url}/stats"), "why requests were misses"),
    ] {
        writeln!(out, "  curl {line}   # {says}")?;
    }
    out.flush()
}
