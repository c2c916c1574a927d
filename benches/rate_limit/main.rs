//! What a limit adds to a request, beside the least that it could: a keyed check of `governor`.
//!
//! The futures are ready at once, so they are polled without a runtime. Requests are built outside of the measured
//! time, responses dropped inside. The figures of one run, and what they mean, are in `benches/README.md`.

use std::{
    hint::black_box,
    sync::Barrier,
    time::{Duration, Instant},
};

use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use http::StatusCode;
use tower_keep::rate_limit::RateLimitHeaders;

mod subject;

use subject::{
    Asked, Handler, address, admitting, answer, governor, limited, refusing, request, routed,
};

/// So many requests are built at a time: few enough to stay in the processor's cache.
const BATCH: u64 = 64;
const MANY: u32 = 100_000;

/// Measures `answer`, the drop of what it returns included.
fn answering<R>(
    b: &mut Bencher<'_>,
    asked: impl FnMut() -> Asked,
    mut answer: impl FnMut(Asked) -> R,
) {
    b.iter_batched(
        asked,
        |asked| drop(black_box(answer(black_box(asked)))),
        BatchSize::NumIterations(BATCH),
    );
}

/// Numbers below `keys`, in an order that no cache of the processor foresees.
fn numbers(keys: u32) -> impl FnMut() -> u32 {
    let mut number = 0_u32;
    move || {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (number >> 7) % keys
    }
}

fn keys(c: &mut Criterion, name: &str, keys: u32) {
    let mut group = c.benchmark_group(name);
    let floor = governor();
    let mut service = limited(&admitting());
    for number in 0..keys {
        floor.check_key(&address(number)).expect("not limited");
        let admitted = answer(&mut service, request(number));
        assert_eq!(admitted.status(), StatusCode::OK);
    }
    let mut number = numbers(keys);
    group.bench_function("governor, check", |b| {
        b.iter_batched(
            || address(number()),
            |address| floor.check_key(black_box(&address)).is_ok(),
            BatchSize::NumIterations(BATCH),
        );
    });
    let mut number = numbers(keys);
    group.bench_function("handler alone", |b| {
        answering(b, || request(number()), |asked| answer(&mut Handler, asked));
    });
    let mut number = numbers(keys);
    group.bench_function("layer, admitted", |b| {
        answering(b, || request(number()), |asked| answer(&mut service, asked));
    });
    group.finish();
}

fn one_key(c: &mut Criterion) {
    keys(c, "one key", 1);
}

fn many_keys(c: &mut Criterion) {
    keys(c, "100 000 keys", MANY);
}

fn said(c: &mut Criterion) {
    let mut group = c.benchmark_group("one key");
    let mut service = limited(&admitting().headers(RateLimitHeaders::default()));
    group.bench_function("layer, admitted, with fields", |b| {
        answering(b, || request(0), |asked| answer(&mut service, asked));
    });
    let mut router = routed();
    group.bench_function("handler alone, behind axum's router", |b| {
        let asked = || request(0).map(axum::body::Body::new);
        b.iter_batched(
            asked,
            |asked| drop(black_box(answer(&mut router, black_box(asked)))),
            BatchSize::NumIterations(BATCH),
        );
    });
    let mut service = limited(&refusing());
    answer(&mut service, request(0));
    let refused = answer(&mut service, request(0));
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    group.bench_function("layer, refused", |b| {
        answering(b, || request(0), |asked| answer(&mut service, asked));
    });
    group.finish();
}

fn two_threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("two threads, one key");
    let floor = governor();
    group.bench_function("governor, check", |b| {
        b.iter_custom(|times| together(times, || |_: Asked| floor.check_key(&address(0)).is_ok()));
    });
    group.bench_function("handler alone", |b| {
        b.iter_custom(|times| together(times, || |asked| answer(&mut Handler, asked)));
    });
    let service = limited(&admitting());
    group.bench_function("layer, admitted", |b| {
        b.iter_custom(|times| {
            together(times, || {
                let mut service = service.clone();
                move |asked| answer(&mut service, asked)
            })
        });
    });
    group.finish();
}

/// The time that two threads take for so many answers each, the slower of them.
fn together<R, F: FnMut(Asked) -> R>(times: u64, service: impl Fn() -> F + Sync) -> Duration {
    /// Long beside the time that a thread takes to get off the barrier.
    const ROUND: u64 = 4096;
    let barrier = Barrier::new(2);
    let (barrier, service) = (&barrier, &service);
    let run = move || {
        let mut answer = service();
        let mut left = times;
        let mut time = Duration::ZERO;
        while left > 0 {
            let round = left.min(ROUND);
            let asked: Vec<Asked> = (0..round).map(|_| request(0)).collect();
            barrier.wait();
            let start = Instant::now();
            for asked in asked {
                drop(black_box(answer(black_box(asked))));
            }
            time += start.elapsed();
            left -= round;
        }
        time
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(run);
        let time = run();
        time.max(other.join().expect("it answers"))
    })
}

criterion_group!(benches, one_key, many_keys, said, two_threads);
criterion_main!(benches);
