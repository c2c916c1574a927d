//! What a hit, a miss and a response that only passes cost, beside the least that they could cost.
//!
//! The futures are ready at once, so they are polled without a runtime: the cache is measured, not tokio.
//! Requests are built outside of the measured time, responses dropped inside. The figures of one run, and
//! what they mean, are in `benches/README.md`.

use std::{
    hint::black_box,
    sync::Barrier,
    time::{Duration, Instant},
};

use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use http::{HeaderValue, StatusCode, header};

mod floor;
mod purge;
mod subject;

use floor::Floor;
use subject::{Asked, Cached, ETAG, Handler, KIB, request};

/// So many requests are built at a time: few enough to stay in the processor's cache.
const BATCH: u64 = 64;

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

/// Requests for paths that nobody has asked for.
fn unique() -> impl FnMut() -> Asked {
    let mut number = 0;
    move || {
        number += 1;
        request(&format!("/products/{number}"))
    }
}

fn known() -> Asked {
    request("/products/17")
}

fn hits(c: &mut Criterion) {
    let mut group = c.benchmark_group("hit");
    for (name, length) in [("1 KiB", KIB), ("64 KiB", 64 * KIB)] {
        let handler = Handler::new(length);
        let floor = Floor::new(handler);
        floor.miss(&known());
        group.bench_function(format!("{name}, handler alone"), |b| {
            answering(b, known, |_| handler.answer());
        });
        group.bench_function(format!("{name}, floor"), |b| {
            answering(b, known, |asked| floor.hit(&asked));
        });
        let cached = Cached::new(handler);
        cached.answer_whole(known());
        assert!(cached.is_hit(known()));
        group.bench_function(format!("{name}, layer"), |b| {
            answering(b, known, |asked| cached.answer(asked));
        });
    }
    group.finish();
}

fn selected(c: &mut Criterion) {
    let mut group = c.benchmark_group("hit");
    let cached = Cached::new(Handler::new(KIB).varying());
    cached.answer_whole(known());
    assert!(cached.is_hit(known()));
    group.bench_function("1 KiB, layer, Vary", |b| {
        answering(b, known, |asked| cached.answer(asked));
    });
    let cached = Cached::new(Handler::new(KIB));
    cached.answer_whole(known());
    let conditional = || {
        let mut asked = known();
        let tag = HeaderValue::from_static(ETAG);
        asked.headers_mut().insert(header::IF_NONE_MATCH, tag);
        asked
    };
    assert_eq!(
        cached.answer(conditional()).status(),
        StatusCode::NOT_MODIFIED
    );
    group.bench_function("1 KiB, layer, 304", |b| {
        answering(b, conditional, |asked| cached.answer(asked));
    });
    group.finish();
}

/// Each fills its store and goes on with evictions.
fn misses(c: &mut Criterion) {
    let mut group = c.benchmark_group("miss");
    let handler = Handler::new(KIB);
    let floor = Floor::new(handler);
    // One sequence for all samples: a path asked for once more would be a hit.
    let mut asked = unique();
    group.bench_function("1 KiB, floor", |b| {
        answering(b, &mut asked, |asked| floor.miss(&asked));
    });
    let cached = Cached::new(handler);
    let mut asked = unique();
    group.bench_function("1 KiB, layer", |b| {
        answering(b, &mut asked, |asked| cached.answer_whole(asked));
    });
    let cached = Cached::new(handler.not_to_be_stored());
    let mut asked = unique();
    group.bench_function("1 KiB, layer, not to be stored", |b| {
        answering(b, &mut asked, |asked| cached.answer_whole(asked));
    });
    group.finish();
}

fn two_threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("two threads, one key");
    let floor = Floor::new(Handler::new(KIB));
    floor.miss(&known());
    group.bench_function("1 KiB, floor", |b| {
        b.iter_custom(|times| together(times, |asked| drop(black_box(floor.hit(&asked)))));
    });
    let cached = Cached::new(Handler::new(KIB));
    cached.answer_whole(known());
    assert!(cached.is_hit(known()));
    group.bench_function("1 KiB, layer", |b| {
        b.iter_custom(|times| together(times, |asked| drop(black_box(cached.answer(asked)))));
    });
    group.finish();
}

/// The time that two threads take for so many answers each, the slower of them.
fn together(times: u64, answer: impl Fn(Asked) + Sync) -> Duration {
    /// Long beside the time that a thread takes to get off the barrier.
    const ROUND: u64 = 4096;
    let barrier = Barrier::new(2);
    let (barrier, answer) = (&barrier, &answer);
    let run = move || {
        let mut left = times;
        let mut time = Duration::ZERO;
        while left > 0 {
            let round = left.min(ROUND);
            let mut asked = Vec::new();
            asked.extend((0..round).map(|_| known()));
            barrier.wait();
            let start = Instant::now();
            asked.into_iter().for_each(answer);
            time += start.elapsed();
            left -= round;
        }
        time
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(run), scope.spawn(run)];
        let times = threads.map(|thread| thread.join().expect("no answer panics"));
        times.into_iter().max().unwrap_or_default()
    })
}

criterion_group!(
    benches,
    hits,
    selected,
    misses,
    two_threads,
    purge::one_tag,
    purge::unrelated
);
criterion_main!(benches);
