//! What a purge costs, and what hits notice of purges that do not concern them.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use std::hint::black_box;

use criterion::Criterion;
use tower_keep::response_cache::{Named, Purge};

use crate::{
    answering, known,
    subject::{Cached, Handler, KIB, request},
};

/// How many entries carry the tag that is purged.
const CARRIERS: [u64; 3] = [10, 1_000, 100_000];

/// A purge leaves what it makes stale in the store, so that the next one meets as much.
pub(crate) fn one_tag(c: &mut Criterion) {
    let mut group = c.benchmark_group("purge of a tag");
    for carriers in CARRIERS {
        let cached = Cached::with_capacity(Handler::new(64).tagged(), 1 << 30);
        for number in 0..carriers {
            cached.answer_whole(request(&format!("/products/{number}")));
        }
        let purger = cached.purger();
        let soft = Purge::new().tag("shop").soft();
        assert_eq!(purger.purge(&soft).named, Named::AtMost(carriers));
        group.bench_function(format!("{carriers} carry it"), |b| {
            b.iter(|| black_box(purger.purge(&soft)));
        });
        let start = Instant::now();
        let gone = purger.tag("shop");
        let took = start.elapsed();
        assert_eq!(gone.named, Named::AtMost(carriers));
        eprintln!("for good, once, with a sweep at once as there is no runtime: {took:?}");
    }
    group.finish();
}

/// Hits while another thread purges a tag that nothing carries and one that something else carries, and not.
pub(crate) fn unrelated(c: &mut Criterion) {
    const BETWEEN: Duration = Duration::from_millis(1);
    let mut group = c.benchmark_group("hit beside purges");
    let cached = Cached::new(Handler::new(KIB).tagged());
    cached.answer_whole(known());
    assert!(cached.is_hit(known()));
    let (purging, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    let purges = AtomicU64::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let purger = cached.purger();
            let unrelated = Purge::new()
                .tags(["news", "prices"])
                .url("http://shop.example/other".parse().expect("a URL"));
            while !ended.load(Ordering::Relaxed) {
                if purging.load(Ordering::Relaxed) {
                    purger.purge(&unrelated);
                    purges.fetch_add(1, Ordering::Relaxed);
                }
                thread::sleep(BETWEEN);
            }
        });
        for (name, on) in [("none", false), ("about 900 a second", true)] {
            purging.store(on, Ordering::Relaxed);
            while on && purges.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            group.bench_function(name, |b| {
                answering(b, known, |asked| cached.answer(asked));
            });
        }
        ended.store(true, Ordering::Relaxed);
    });
    assert!(purges.load(Ordering::Relaxed) > 0);
    assert!(cached.is_hit(known()), "no hit was lost");
    group.finish();
}
