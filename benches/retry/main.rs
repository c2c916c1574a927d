//! What retries add to a request that succeeds at once, beside `tower::retry` with its budget.
//!
//! The futures are ready at once, so they are polled without a runtime. Requests are built outside of the measured
//! time, responses dropped inside. The figures of one run, and what they mean, are in `benches/README.md`.

use std::{
    convert::Infallible,
    future::{Future, Ready, pending, ready},
    hint::black_box,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{Empty, Full};
use tower::{
    Layer, Service,
    retry::{
        Policy,
        budget::{Budget, TpsBudget},
    },
};
use tower_keep::{
    minutes,
    retry::{RetryLayer, RetryPolicy},
};

/// So many requests are built at a time: few enough to stay in the processor's cache.
const BATCH: u64 = 64;

type Asked = Request<Empty<Bytes>>;

const ASKED: [(HeaderName, &str); 5] = [
    (header::HOST, "shop.example"),
    (header::USER_AGENT, "bench/1.0"),
    (header::ACCEPT, "application/json"),
    (header::ACCEPT_ENCODING, "gzip, br, zstd"),
    (header::ACCEPT_LANGUAGE, "en-GB, en;q=0.9"),
];

/// A GET with five fields.
fn request() -> Asked {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = "/products/17".parse().expect("a path is a URI");
    for (name, value) in ASKED {
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
    }
    request
}

/// One that is not to be retried.
fn once() -> Asked {
    let mut request = request();
    request.extensions_mut().insert(RetryPolicy::off());
    request
}

/// Answers anything with a body of 1 KiB and a field.
#[derive(Clone, Copy)]
struct Handler;

static BODY: [u8; 1024] = [b'x'; 1024];

impl<B> Service<Request<B>> for Handler {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let mut response = Response::new(Full::new(Bytes::copy_from_slice(&BODY)));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        ready(Ok(response))
    }
}

/// Retries of `tower` within its budget: the request is cloned, the budget gets its deposit.
#[derive(Clone)]
struct Budgeted(Arc<TpsBudget>);

impl<R, E> Policy<Asked, R, E> for Budgeted {
    type Future = std::future::Pending<()>;

    fn retry(&mut self, _: &mut Asked, result: &mut Result<R, E>) -> Option<Self::Future> {
        if result.is_ok() {
            self.0.deposit();
            return None;
        }
        self.0.withdraw().then(pending)
    }

    fn clone_request(&mut self, request: &Asked) -> Option<Asked> {
        Some(request.clone())
    }
}

fn answering<S>(b: &mut Bencher<'_>, service: &mut S, asked: impl FnMut() -> Asked)
where
    S: Service<Asked>,
{
    let answer = |asked| {
        let future = pin!(service.call(asked));
        let polled = future.poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
        drop(black_box(polled));
    };
    let mut answer = answer;
    b.iter_batched(
        asked,
        |asked| answer(black_box(asked)),
        BatchSize::NumIterations(BATCH),
    );
}

fn first_try(c: &mut Criterion) {
    let mut group = c.benchmark_group("a first try that succeeds");
    group.bench_function("handler alone", |b| {
        answering(b, &mut Handler, request);
    });
    let policy = Budgeted(Arc::new(TpsBudget::default()));
    let mut theirs = tower::retry::RetryLayer::new(policy).layer(Handler);
    group.bench_function("tower::retry, with its budget", |b| {
        answering(b, &mut theirs, request);
    });
    let mut ours = RetryLayer::new().layer(Handler);
    group.bench_function("layer", |b| answering(b, &mut ours, request));
    group.bench_function("layer, a request that is not to be retried", |b| {
        answering(b, &mut ours, once);
    });
    group.finish();
}

fn with_a_deadline(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime for timers");
    let _timers = runtime.enter();
    let mut limited = RetryLayer::new().deadline(minutes(1)).layer(Handler);
    c.bench_function("a first try that succeeds/layer, with a deadline", |b| {
        answering(b, &mut limited, request);
    });
}

criterion_group!(benches, first_try, with_a_deadline);
criterion_main!(benches);
