//! Limits by address: of requests, of bytes, in a queue; and a handler that counts what reaches it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_keep::{
    ClientIp, RateLimitLayer, hours, minutes,
    rate_limit::{InvalidLimit, Limit, Limits, RequestHead},
    seconds,
};

/// Bursts are fine, and so is one request a second; a thousand in any hour are enough. Both limits are decided
/// together: a request that one of them refuses is not charged to the other.
pub(crate) fn pages(client: &ClientIp) -> Result<RateLimitLayer, InvalidLimit> {
    let limits = Limits::all([
        Limit::token_bucket(60)
            .per(minutes(1))
            .burst(10)
            .name("burst")
            .build()?,
        Limit::sliding_window(1_000)
            .per(hours(1))
            .name("hourly")
            .build()?,
    ])?;
    Ok(RateLimitLayer::new(limits).key(client.clone()))
}

pub(crate) async fn hello() -> &'static str {
    "hello\n"
}

/// One request every half a second; up to four more wait for their turn, the next is refused. A client that stops
/// waiting gives its turn back.
pub(crate) fn queue(client: &ClientIp) -> Result<RateLimitLayer, InvalidLimit> {
    let limit = Limit::leaky_queue(2)
        .per(seconds(1))
        .waiting(4)
        .name("queue");
    Ok(RateLimitLayer::new(limit.build()?).key(client.clone()))
}

/// A mebibyte at once and 64 KiB more each second. What is larger than that can never pass, so it is refused without a
/// `Retry-After`. The limit decides before the body is read: a refused upload is not even sent by clients that wait
/// for `100 Continue`.
pub(crate) fn upload(client: &ClientIp) -> Result<RateLimitLayer, InvalidLimit> {
    let limit = Limit::token_bucket(64 << 10).per(seconds(1)).burst(1 << 20);
    let layer = RateLimitLayer::new(limit.name("bytes").build()?).key(client.clone());
    // What cannot be read costs more than there is; but see `require_length`.
    Ok(layer.cost(|head| length(head).unwrap_or(u64::MAX)))
}

/// The server sees to it that a body has the length that its head says.
fn length(head: &RequestHead<'_>) -> Option<u64> {
    let length = head.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// What does not say how long it is cannot be charged in advance.
pub(crate) async fn require_length(request: Request, next: Next) -> Response {
    match length(&RequestHead::of(&request)) {
        Some(_) => next.run(request).await,
        None => StatusCode::LENGTH_REQUIRED.into_response(),
    }
}

pub(crate) async fn store(body: Bytes) -> String {
    format!("{} bytes\n", body.len())
}

/// For a load test: 500 a second, and 50 at once. However many are sent, between the first and the last that the
/// handler sees come at most 50 and 500 for each second.
pub(crate) fn counted(client: &ClientIp) -> Result<RateLimitLayer, InvalidLimit> {
    let limit = Limit::token_bucket(500)
        .per(seconds(1))
        .burst(50)
        .name("counted");
    Ok(RateLimitLayer::new(limit.build()?).key(client.clone()))
}

/// How often the handler was called, and in which time.
#[derive(Clone, Default)]
pub(crate) struct Counted(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// Before any limit has decided: time spent between the decision and the handler must not count against it.
    begun: OnceLock<Instant>,
    calls: AtomicU64,
    /// Microseconds from then to the last call.
    last: AtomicU64,
}

impl Counts {
    fn elapsed(&self) -> u64 {
        let begun = self.begun.get_or_init(Instant::now);
        u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Counted {
    pub(crate) fn router(self, limit: RateLimitLayer) -> Router {
        let begin = middleware::from_fn_with_state(self.clone(), begin);
        Router::new()
            .route("/", get(count).layer(limit).layer(begin))
            .route("/count", get(tell))
            .with_state(self)
    }
}

async fn begin(State(counted): State<Counted>, request: Request, next: Next) -> Response {
    counted.0.elapsed();
    next.run(request).await
}

async fn count(State(Counted(counts)): State<Counted>) -> &'static str {
    counts.calls.fetch_add(1, Ordering::Relaxed);
    counts.last.fetch_max(counts.elapsed(), Ordering::Relaxed);
    "counted\n"
}

async fn tell(State(Counted(counts)): State<Counted>) -> String {
    let calls = counts.calls.load(Ordering::Relaxed);
    let micros = counts.last.load(Ordering::Relaxed);
    format!("calls: {calls}\nmicroseconds: {micros}\n")
}
