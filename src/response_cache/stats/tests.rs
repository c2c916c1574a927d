//! What the recorder of the `metrics` crate gets.

use std::{
    collections::BTreeSet,
    fmt::Write,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use super::*;

/// Keeps the counters by what they would be called in an exposition.
#[derive(Default)]
struct Recorded {
    counts: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    described: Mutex<BTreeSet<String>>,
}

impl Recorded {
    fn all(&self) -> BTreeMap<String, u64> {
        let counts = self.counts.lock().unwrap();
        let load = |(name, count): (&String, &Arc<AtomicU64>)| {
            (name.clone(), count.load(Ordering::Relaxed))
        };
        counts.iter().map(load).collect()
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        assert!(unit == Some(Unit::Count) && description.ends_with('.'));
        self.described
            .lock()
            .unwrap()
            .insert(name.as_str().to_owned());
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut name = key.name().to_owned();
        for label in key.labels() {
            write!(name, " {}={}", label.key(), label.value()).unwrap();
        }
        let mut counts = self.counts.lock().unwrap();
        Counter::from_arc(Arc::clone(counts.entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// The counters that these statistics should have made, as the docs say.
fn expected(stats: &Stats) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, count| {
        all.insert(format!("tower_keep_response_cache_{name}"), count);
    };
    let rules: [(&str, &BTreeMap<Rule, u64>); 5] = [
        ("requests_total outcome=hit", &stats.hits),
        ("requests_total outcome=forwarded", &stats.forwarded),
        ("not_stored_total", &stats.not_stored),
        ("not_collapsed_total", &stats.not_collapsed),
        ("shadowed_total", &stats.shadowed),
    ];
    for (name, counts) in rules {
        for (rule, count) in counts {
            add(&format!("{name} reason={}", rule.name()), *count);
        }
    }
    for (name, count) in [
        ("stored_total", stats.stored),
        ("refused_total", stats.refused),
        ("store_errors_total", stats.store_errors),
        ("validated_total", stats.validated),
        ("invalidated_total", stats.invalidated),
        ("unmet_tags_total", stats.unmet_tags),
        ("refreshed_total", stats.refreshed),
        ("collapsed_total", stats.collapsed),
        ("shadow_differed_total", stats.shadow_differed),
    ] {
        if count > 0 {
            add(name, count);
        }
    }
    all
}

/// Counts everything there is, each thing another number of times.
fn count_all(counters: &Counters) {
    let many = |times: usize, count: &dyn Fn()| (0..times).for_each(|_| count());
    for rule in [Rule::ALL[0], Rule::Fresh, Rule::ALL[RULES - 1]] {
        many(1, &|| counters.answered(true, rule));
        many(2, &|| counters.answered(false, rule));
        many(3, &|| counters.not_stored(rule));
        many(4, &|| counters.not_collapsed(rule));
        many(5, &|| counters.shadowed(rule));
    }
    many(6, &|| counters.written(Some(&Updated::Stored)));
    many(7, &|| counters.written(Some(&Updated::Refused)));
    many(8, &|| counters.written(None));
    many(9, &|| counters.validated());
    many(10, &|| counters.refreshed());
    many(11, &|| counters.collapsed());
    many(12, &|| counters.shadow_differed());
    counters.invalidated(13, 14);
}

#[test]
fn the_recorder_gets_what_the_statistics_say() {
    let (recorder, counters) = (Recorded::default(), Counters::default());
    metrics::with_local_recorder(&recorder, || count_all(&counters));
    assert_eq!(recorder.all(), expected(&counters.snapshot()));
    assert_eq!(recorder.all().len(), 5 * 3 + 9);
    let names: BTreeSet<_> = recorder
        .all()
        .keys()
        .map(|name| name.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(*recorder.described.lock().unwrap(), names);
}

#[test]
fn caches_of_one_process_add_up() {
    let recorder = Recorded::default();
    metrics::with_local_recorder(&recorder, || {
        Counters::default().validated();
        Counters::default().validated();
    });
    let validated = recorder.all();
    assert_eq!(validated["tower_keep_response_cache_validated_total"], 2);
}

#[test]
fn the_docs_name_every_counter() {
    let (recorder, counters) = (Recorded::default(), Counters::default());
    metrics::with_local_recorder(&recorder, || count_all(&counters));
    let docs = include_str!("../mod.rs");
    for name in &*recorder.described.lock().unwrap() {
        assert!(docs.contains(&format!("//! | `{name}` |")), "{name}");
    }
}

#[test]
fn a_counter_keeps_the_recorder_that_it_found_first() {
    let (first, second) = (Recorded::default(), Recorded::default());
    let counters = Counters::default();
    metrics::with_local_recorder(&first, || counters.validated());
    metrics::with_local_recorder(&second, || counters.validated());
    assert_eq!(first.all(), expected(&counters.snapshot()));
    assert!(second.all().is_empty());
}
