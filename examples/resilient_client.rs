//! An HTTP client that gets along with an origin which does not always answer.
//!
//! ```text
//! cargo run --example resilient_client --features retry,circuit-breaker
//! ```
//!
//! It starts the origin itself, on a free port of this machine, and prints what happens. The layers, from outside in:
//!
//! - `ResponseCacheLayer`: what is fresh needs no origin, and what is stale stands in for one that fails (RFC 5861).
//! - `RetryLayer`: three more attempts at what may be repeated, within a budget, each with a time limit.
//! - `CircuitBreakerLayer`: after some failures the origin is left alone, and requests are refused at once. It is inside
//!   of the retries, so that it counts attempts. What it refuses is a 503 with `Retry-After`, which is longer than a
//!   retry would wait: the refusal is the answer.
//! - hyper's client.

use std::{
    convert::Infallible,
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::CACHE_CONTROL};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tower_keep::{
    ResponseCacheLayer,
    circuit_breaker::{BreakerSettings, CircuitBreakerLayer, CircuitOpen},
    minutes,
    retry::{Backoff, RetryLayer, RetryOutcome},
    seconds,
};

type BoxError = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let origin = Origin::start().await?;
    let circuit = CircuitBreakerLayer::with(
        BreakerSettings::new()
            .last_calls(10)
            .minimum_calls(8)
            .wait(seconds(30)),
    )?;
    let retries = RetryLayer::new()
        .backoff(Backoff::exponential().base(Duration::from_millis(20)))
        .attempt_timeout(Duration::from_millis(300));
    let client = ServiceBuilder::new()
        .layer(ResponseCacheLayer::new().stale_if_error(minutes(5)))
        .layer(retries.clone())
        .layer(circuit.clone())
        .service(Client::builder(TokioExecutor::new()).build_http());

    println!("the origin is at {}", origin.url);
    // The connection is closed, then the answer is 503, then it comes.
    get(&client, &origin, "/flaky").await?;
    // From the cache.
    get(&client, &origin, "/flaky").await?;
    // The first attempt takes too long.
    get(&client, &origin, "/slow-once").await?;
    // Nothing helps, until the circuit opens.
    for _ in 0..4 {
        get(&client, &origin, "/broken").await?;
    }
    println!("the circuit is {:?}", circuit.breaker().state());
    println!("retries: {:?}", retries.stats());
    Ok(())
}

/// Asks, and says what came of it.
async fn get<S, B>(client: &S, origin: &Origin, path: &str) -> Result<(), BoxError>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<B>> + Clone,
    S::Error: Into<BoxError>,
    B: http_body::Body,
    B::Error: Into<BoxError>,
{
    let request = Request::get(format!("{}{path}", origin.url)).body(Empty::new())?;
    let before = origin.calls();
    let response = client.clone().oneshot(request).await.map_err(Into::into)?;
    let calls = origin.calls() - before;
    print!("GET {path}: {}, {calls} calls", response.status());
    if let Some(outcome) = response.extensions().get::<RetryOutcome>() {
        print!(", after {:?}", outcome.reasons());
    }
    if response.extensions().get::<CircuitOpen>().is_some() {
        print!(", the circuit is open");
    }
    println!();
    response.into_body().collect().await.map_err(Into::into)?;
    Ok(())
}

/// A server that fails as its paths say.
struct Origin {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl Origin {
    async fn start() -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = Self {
            url: format!("http://{}", listener.local_addr()?),
            calls: Arc::default(),
        };
        let calls = Arc::clone(&origin.calls);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let calls = Arc::clone(&calls);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, &calls));
                    // It ends with an error when it closes the connection, as it is to.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(origin)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

/// What a path says, by how often the origin was asked before.
async fn answer(
    request: Request<Incoming>,
    calls: &AtomicUsize,
) -> Result<Response<Full<Bytes>>, Box<dyn Error + Send + Sync>> {
    let call = calls.fetch_add(1, Ordering::Relaxed);
    let mut response = Response::new(Full::from("here it is\n"));
    match (request.uri().path(), call) {
        ("/flaky", 0) => return Err("the connection is closed".into()),
        ("/flaky", 1) | ("/broken", _) => {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        ("/slow-once", 3) => tokio::time::sleep(seconds(5)).await,
        _ => {
            let fresh = "max-age=60".parse()?;
            response.headers_mut().insert(CACHE_CONTROL, fresh);
        }
    }
    Ok::<_, Infallible>(response).map_err(|never| match never {})
}
