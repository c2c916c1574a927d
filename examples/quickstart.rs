//! A response cache around an axum application, a limit for one of its routes, and sessions. Run it, then try the lines
//! that it prints:
//!
//! ```text
//! cargo run --example quickstart [-- --listen 127.0.0.1:3000]
//! ```
//!
//! In each answer `Cache-Status` says what the cache did and why, and `Age` how old the content is; those of `/search`
//! have a `RateLimit` too.

use std::{convert::Infallible, error::Error, io::Write as _, net::SocketAddr};

use axum::{
    Extension, Router,
    extract::{Path, RawQuery, Request, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Sse, sse::Event},
    routing::{get, post},
};
use futures_util::{Stream, stream};
use tokio::{net::TcpListener, time};
use tower_keep::{
    CachePolicy, Personal, Principal, RateLimitLayer, ResponseCacheLayer, SessionLayer, minutes,
    rate_limit::{InvalidLimit, Limit},
    response_cache::{CacheKey, Purger},
    seconds,
    session::Session,
};

/// The whole set-up are the layers. The cache obeys what the handlers say in Cache-Control; `default_ttl` is for
/// those that say nothing. The limit is inside of it: what is answered from store costs nobody anything. The sessions are
/// outside: the cache stores a page for each user where the user is part of the key.
fn app() -> Result<Router, InvalidLimit> {
    let cache = ResponseCacheLayer::new().default_ttl(minutes(5));
    // For each client ten at once, and one more each second.
    let searches = Limit::token_bucket(60).per(minutes(1)).burst(10);
    let searches = RateLimitLayer::new(searches.name("searches").build()?);
    let by_user = cache.clone().key(CacheKey::new().user());
    let users_pages = Router::new()
        .route("/dashboard", get(dashboard).layer(by_user))
        .route("/login/{user}", post(login));
    Ok(Router::new()
        .route("/slow", get(slow))
        .route("/news", get(news))
        .route("/hello", get(hello))
        .route("/policy", get(policy))
        .route("/me", get(me))
        .route("/account", get(account))
        .route("/events", get(events))
        .route("/search", get(search).layer(searches))
        .route("/purge/{tag}", post(purge).with_state(cache.purger()))
        .layer(cache)
        .merge(users_pages)
        .layer(SessionLayer::new().identify()))
}

/// A second of work, done once in a minute.
async fn slow() -> impl IntoResponse {
    time::sleep(seconds(1)).await;
    let fields = [(header::CACHE_CONTROL, "max-age=60")];
    (fields, "that took a while\n")
}

/// As much work, but nobody waits for it twice: for a minute after it has become stale the old answer is
/// given at once and a new one fetched behind it.
async fn news() -> impl IntoResponse {
    time::sleep(seconds(1)).await;
    let fields = [(
        header::CACHE_CONTROL,
        "max-age=5, stale-while-revalidate=60",
    )];
    (fields, "nothing new\n")
}

/// One URL, several answers: each is stored, by the field that Vary names.
async fn hello(headers: HeaderMap) -> impl IntoResponse {
    let fields = [
        (header::CACHE_CONTROL, "max-age=60"),
        (header::VARY, "Accept-Language"),
    ];
    let greeting = match field(&headers, header::ACCEPT_LANGUAGE) {
        Some(language) if language.starts_with("de") => "Guten Tag\n",
        _ => "Hello\n",
    };
    (fields, greeting)
}

/// A lifetime for this cache alone: nothing tells browsers to keep the answer. The tag is for purging it.
async fn policy() -> impl IntoResponse {
    let policy = CachePolicy::new().ttl(seconds(10)).tags(["offers"]);
    (Extension(policy), "today's offers\n")
}

/// Nothing that carries the tag is served any more once this returns. Whoever reaches this example may do that; in
/// the example `purge` one has to know a token.
async fn purge(State(purger): State<Purger>, Path(tag): Path<String>) -> String {
    let receipt = purger.tag(tag);
    format!("purged: {:?}\n", receipt.named)
}

/// A handler whose author never thought of caches. A request with a cookie may be somebody's own, so no
/// default applies to it: its answer is not stored, nor is it answered with what is stored for strangers.
async fn me(headers: HeaderMap) -> String {
    match field(&headers, header::COOKIE).and_then(|cookie| cookie.strip_prefix("name=")) {
        Some(name) => format!("Hello, {name}\n"),
        None => "Hello, stranger\n".to_owned(),
    }
}

/// No cache can tell by the request that this field names a user, and `max-age` permits to share the
/// answer. Who reads something personal marks the request first; then the answer is not stored, and goes out
/// as `private`.
async fn account(mut request: Request) -> Result<impl IntoResponse, StatusCode> {
    // It is refused once others have been given the answer.
    let marked = Personal::of(request.extensions_mut()).mark();
    marked.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let user = HeaderName::from_static("x-user");
    let user = field(request.headers(), user).ok_or(StatusCode::UNAUTHORIZED)?;
    let fields = [(header::CACHE_CONTROL, "max-age=60")];
    Ok((fields, format!("the account of {user}\n")))
}

/// Whoever reaches this example may be anybody; in the example `sessions` one has to know a password.
/// With the feature `axum`, `Session` is an argument of the handler, and its error a response.
async fn login(Path(user): Path<String>, request: Request) -> Result<String, StatusCode> {
    let session = Session::of(request.extensions());
    let session = session.ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let login = session.login(&*user).await;
    login.map_err(|error| error.status())?;
    Ok(format!("logged in as {user}\n"))
}

/// A second of work, done once in ten for each user. The session layer has said who comes, to the key of the cache as to
/// this handler. Other caches are told that it is nobody else's, and browsers have no lifetime for it: a browser may be
/// another user's a moment later.
async fn dashboard(user: Option<Extension<Principal>>) -> Result<impl IntoResponse, StatusCode> {
    let user = user.as_ref().and_then(|user| user.user_id());
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    time::sleep(seconds(1)).await;
    let fields = [(header::CACHE_CONTROL, "private")];
    let policy = CachePolicy::new().ttl(seconds(10));
    Ok((
        fields,
        Extension(policy),
        format!("what is new for {user}\n"),
    ))
}

/// An answer without an end: each event passes the cache when it comes.
async fn events() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let clock = time::interval(seconds(1));
    Sse::new(stream::unfold(clock, |mut clock| async {
        clock.tick().await;
        Some((Ok(Event::default().data("tick")), clock))
    }))
}

/// Each search is work. Who searches for one thing after the other is told to wait; the same search again is answered
/// by the cache.
async fn search(RawQuery(asked): RawQuery) -> String {
    format!("nothing found for {}\n", asked.unwrap_or_default())
}

fn field(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => "127.0.0.1:3000".to_owned(),
        (Some("--listen"), Some(address)) => address,
        _ => return Err("usage: quickstart [--listen ADDRESS:PORT]".into()),
    };
    let listener = TcpListener::bind(&listen).await;
    let listener = listener.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    introduce(&format!("http://{}", listener.local_addr()?))?;
    let app = app()?.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await?;
    Ok(())
}

fn introduce(url: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "listening on {url}\n\nTry these, each twice, and /news again after 5 seconds:\n"
    )?;
    for path in [
        "/slow",
        "/news",
        "/hello",
        "/policy",
        "/me",
        "/events --no-buffer",
    ] {
        writeln!(out, "  curl -i {url}{path}")?;
    }
    writeln!(
        out,
        "  curl -X POST {url}/purge/offers   # and /policy again"
    )?;
    writeln!(out, "  curl -i {url}/hello -H 'Accept-Language: de'")?;
    writeln!(out, "  curl -i {url}/me -H 'Cookie: name=Ada'")?;
    writeln!(out, "  curl -i {url}/account -H 'X-User: ada'")?;
    writeln!(
        out,
        "  curl -i '{url}/search?q=[1-12]'   # ten are found at once"
    )?;
    writeln!(
        out,
        "  curl -i -c cookies -X POST {url}/login/ada\n  curl -i -b cookies {url}/dashboard"
    )?;
    out.flush()
}
