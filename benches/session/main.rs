//! What a session adds to a request, beside the handler alone.
//!
//! The store is in memory, so that all futures are ready at once and polled without a runtime. Requests are built outside
//! of the measured time where it is not said otherwise, responses dropped inside. The figures of one run, and what they mean, are in
//! `benches/README.md`.

use std::{
    convert::Infallible,
    future::Future,
    hint::black_box,
    pin::pin,
    sync::Barrier,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{Empty, Full};
use tower::{Layer, Service, service_fn};
use tower_keep::{SessionLayer, session::Session};

/// So many requests are built at a time: few enough to stay in the processor's cache.
const BATCH: u64 = 64;
/// So many requests of a thread are timed together.
const TOGETHER: u64 = 64;

type Asked = Request<Empty<Bytes>>;
type Answer = Result<Response<Full<Bytes>>, Infallible>;

const ASKED: [(HeaderName, &str); 5] = [
    (header::HOST, "shop.example"),
    (header::USER_AGENT, "bench/1.0"),
    (header::ACCEPT, "application/json"),
    (header::ACCEPT_ENCODING, "gzip, br, zstd"),
    (header::ACCEPT_LANGUAGE, "en-GB, en;q=0.9"),
];

/// A GET with five fields, and the cookie of a session if there is one.
fn request(cookie: Option<&HeaderValue>) -> Asked {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = "/products/17".parse().expect("a path is a URI");
    for (name, value) in ASKED {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
    }
    if let Some(cookie) = cookie {
        let cookie = cookie.clone();
        request.headers_mut().insert(header::COOKIE, cookie);
    }
    request
}

/// A body of 1 KiB, and two fields.
fn answer() -> Response<Full<Bytes>> {
    static BODY: [u8; 1024] = [b'x'; 1024];
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(&BODY)));
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(1024));
    response
}

async fn alone(request: Asked) -> Answer {
    drop(request);
    Ok(answer())
}

async fn reads(request: Asked) -> Answer {
    let session = Session::of(request.extensions()).expect("the layer is there");
    let count: Option<u32> = session.get("count").await.expect("the store is there");
    black_box(count);
    Ok(answer())
}

async fn changes(request: Asked) -> Answer {
    let session = Session::of(request.extensions()).expect("the layer is there");
    let more = session.update("count", |count: &mut u32| *count = count.wrapping_add(1));
    more.await.expect("the store is there");
    Ok(answer())
}

/// Polls it once: there is nothing to wait for.
fn now<F: Future>(future: F) -> F::Output {
    let future = pin!(future);
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("the store is in memory"),
    }
}

/// The cookie of a new session with a count in it.
fn cookie(layer: &SessionLayer) -> HeaderValue {
    let mut service = layer.layer(service_fn(changes));
    let Ok(response) = now(service.call(request(None)));
    let set = response.headers()[header::SET_COOKIE].to_str();
    let pair = set.expect("it is ASCII").split(';').next();
    pair.and_then(|pair| pair.parse().ok())
        .expect("a cookie has a pair")
}

fn answering<S>(b: &mut Bencher<'_>, service: &mut S, cookie: Option<&HeaderValue>)
where
    S: Service<Asked>,
{
    b.iter_batched(
        || request(cookie),
        |asked| drop(black_box(now(service.call(black_box(asked))))),
        BatchSize::NumIterations(BATCH),
    );
}

/// The same with the time that the request takes to be built.
fn asking_and_answering<S>(b: &mut Bencher<'_>, service: &mut S, cookie: Option<&HeaderValue>)
where
    S: Service<Asked>,
{
    b.iter(|| drop(black_box(now(service.call(black_box(request(cookie)))))));
}

fn one_thread(c: &mut Criterion) {
    macro_rules! compare {
        ($name:literal, $answering:ident) => {
            let layer = SessionLayer::new();
            let cookie = cookie(&layer);
            let mut group = c.benchmark_group($name);
            group.bench_function("handler alone", |b| {
                $answering(b, &mut service_fn(alone), Some(&cookie));
            });
            group.bench_function("session, ignored, no cookie", |b| {
                $answering(b, &mut layer.layer(service_fn(alone)), None);
            });
            group.bench_function("session, ignored", |b| {
                $answering(b, &mut layer.layer(service_fn(alone)), Some(&cookie));
            });
            group.bench_function("session, read", |b| {
                $answering(b, &mut layer.layer(service_fn(reads)), Some(&cookie));
            });
            group.bench_function("session, changed", |b| {
                $answering(b, &mut layer.layer(service_fn(changes)), Some(&cookie));
            });
            group.finish();
        };
    }
    compare!("a request", answering);
    compare!("a request that is built too", asking_and_answering);
}

/// The time that one thread takes for so many requests while others do the same with sessions of their own.
fn beside<S>(threads: usize, requests: u64, cookies: &[HeaderValue], service: &S) -> Duration
where
    S: Service<Asked> + Clone + Send,
{
    let start = Barrier::new(threads);
    let run = |cookie: &HeaderValue, mut service: S| {
        start.wait();
        let mut taken = Duration::ZERO;
        for _ in 0..requests.div_ceil(TOGETHER) {
            let asked: Vec<Asked> = (0..TOGETHER).map(|_| request(Some(cookie))).collect();
            let began = Instant::now();
            for asked in asked {
                drop(black_box(now(service.call(black_box(asked)))));
            }
            taken += began.elapsed();
        }
        taken
    };
    thread::scope(|scope| {
        let all: Vec<_> = cookies[..threads]
            .iter()
            .map(|cookie| {
                let service = service.clone();
                scope.spawn(|| run(cookie, service))
            })
            .collect();
        let taken = all.into_iter().map(|one| one.join().expect("no panic"));
        taken.max().unwrap_or_default()
    })
}

fn two_threads(c: &mut Criterion) {
    let layer = SessionLayer::new();
    let cookies = [cookie(&layer), cookie(&layer)];
    let mut group = c.benchmark_group("a request of each thread");
    let read = layer.layer(service_fn(reads));
    let change = layer.layer(service_fn(changes));
    for threads in [1, 2] {
        group.bench_function(format!("handler alone, {threads}"), |b| {
            b.iter_custom(|requests| beside(threads, requests, &cookies, &service_fn(alone)));
        });
        group.bench_function(format!("session, read, {threads}"), |b| {
            b.iter_custom(|requests| beside(threads, requests, &cookies, &read));
        });
        group.bench_function(format!("session, changed, {threads}"), |b| {
            b.iter_custom(|requests| beside(threads, requests, &cookies, &change));
        });
    }
    group.finish();
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);
