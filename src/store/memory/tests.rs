use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;
use crate::store::{
    BuildError,
    test_value::{Value, increment, put},
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

fn small() -> MemoryStore<Value> {
    MemoryStore::builder()
        .capacity(MIB)
        .max_entry(64 * KIB)
        .build()
        .unwrap()
}

fn write(store: &MemoryStore<Value>, key: &Key, value: &Value) -> Updated {
    store
        .update(key, put(value))
        .now_or_never()
        .unwrap()
        .unwrap()
}

fn found(store: &MemoryStore<Value>, key: &Key) -> bool {
    matches!(store.lookup(key), Lookup::Found(_))
}

/// Writes entries that are all read more often than the algorithm counts.
fn fill_with_popular(store: &MemoryStore<Value>, weight: usize, sum: usize) {
    for number in 0..sum / weight {
        let (key, value) = Value::of(&format!("filler {number}"), weight);
        write(store, &key, &value);
        read_often(store, &key);
    }
}

fn read_often(store: &MemoryStore<Value>, key: &Key) {
    for _ in 0..3 {
        store.lookup(key);
    }
}

#[test]
fn what_is_written_is_found_and_what_is_removed_is_not() {
    let store = small();
    let (key, value) = Value::of("a", 300);
    assert_eq!(store.lookup(&key), Lookup::Absent);
    assert_eq!(write(&store, &key, &value), Updated::Stored);
    assert_eq!(store.lookup(&key), Lookup::Found(value.clone()));
    assert_eq!(
        store.get(&key).now_or_never().unwrap().unwrap(),
        Some(value)
    );
    let update =
        |change: Change<Value>| store.update_now(&key, |_| change.clone()).unwrap().unwrap();
    assert_eq!(update(Change::Keep), Updated::Kept);
    assert_eq!(update(Change::Remove), Updated::Removed);
    assert_eq!(store.lookup(&key), Lookup::Absent);
    assert_eq!(update(Change::Remove), Updated::Kept);
}

#[test]
fn a_value_of_another_key_with_the_same_fingerprint_is_absent() {
    let store = small();
    let (key, _) = Value::of("a", 300);
    let (_, foreign) = Value::of("b", 300);
    write(&store, &key, &foreign);
    assert_eq!(store.lookup(&key), Lookup::Absent);
    assert_eq!(store.get(&key).now_or_never().unwrap().unwrap(), None);
    let mut seen = None;
    let removed = store.update_now(&key, |current| {
        seen = Some(current.is_some());
        Change::Remove
    });
    assert_eq!(seen, Some(false));
    assert_eq!(removed.unwrap().unwrap(), Updated::Kept);
    assert_eq!(
        store.stats().entries,
        1,
        "the other key's value was not touched"
    );
}

#[test]
fn a_value_above_max_entry_is_refused_and_takes_its_predecessor_along() {
    let store = small();
    let (key, fitting) = Value::of("a", 64 * KIB);
    let (_, heavy) = Value::of("a", 64 * KIB + 1);
    assert_eq!(write(&store, &key, &fitting), Updated::Stored);
    assert_eq!(write(&store, &key, &heavy), Updated::Refused);
    assert_eq!(store.lookup(&key), Lookup::Absent);
    let stats = store.stats();
    assert_eq!(
        (stats.refused, stats.evicted, stats.entries, stats.weight),
        (1, 0, 0, 0)
    );
    let (_, endless) = Value::of("a", usize::MAX);
    assert_eq!(write(&store, &key, &endless), Updated::Refused);
}

#[test]
fn the_weight_stays_within_the_capacity_and_evictions_are_counted() {
    let store = small();
    for number in 0..10_000 {
        let (key, value) = Value::of(&number.to_string(), 1 + number * 7 % (64 * KIB));
        assert_eq!(write(&store, &key, &value), Updated::Stored);
        let stats = store.stats();
        assert!(stats.weight <= stats.capacity, "{stats:?}");
        assert_eq!(stats.entries as u64 + stats.evicted, number as u64 + 1);
    }
    assert!(store.stats().weight > MIB / 2);
}

#[test]
fn replacing_a_value_is_no_eviction() {
    let store = small();
    let (key, value) = Value::of("a", 300);
    write(&store, &key, &value);
    write(&store, &key, &value);
    let stats = store.stats();
    assert_eq!((stats.entries, stats.evicted), (1, 0));
    assert_eq!(stats.weight, 300 + slot::overhead::<Value>());
}

#[test]
fn the_largest_entry_is_admitted_to_a_store_full_of_popular_ones() {
    for max_entry in [4 * KIB, 64 * KIB, 200 * KIB] {
        let store = MemoryStore::builder()
            .capacity(MIB)
            .max_entry(max_entry)
            .build()
            .unwrap();
        fill_with_popular(&store, 2 * KIB, 2 * MIB);
        for number in 0..50 {
            let (key, value) = Value::of(&format!("large {number}"), max_entry);
            assert_eq!(write(&store, &key, &value), Updated::Stored);
            assert!(found(&store, &key));
        }
    }
}

#[test]
fn the_largest_entry_is_admitted_in_place_of_a_small_one_that_nobody_reads() {
    let store = MemoryStore::builder()
        .capacity(MIB)
        .max_entry(200 * KIB)
        .build()
        .unwrap();
    let unread = ["a", "b", "c", "d"].map(|name| Value::of(name, 300));
    for (key, value) in &unread {
        write(&store, key, value);
    }
    fill_with_popular(&store, 2 * KIB, MIB * 9 / 10);
    assert_eq!(store.stats().evicted, 0);
    for (key, value) in unread {
        let weight = 200 * KIB;
        assert_eq!(
            write(&store, &key, &Value { weight, ..value }),
            Updated::Stored
        );
        assert!(found(&store, &key));
        assert!(store.stats().weight <= store.capacity());
    }
}

#[test]
fn the_largest_entry_is_admitted_when_its_key_was_evicted_before() {
    let store = MemoryStore::builder()
        .capacity(MIB)
        .max_entry(200 * KIB)
        .build()
        .unwrap();
    let (key, value) = Value::of("a", 2 * KIB);
    fill_with_popular(&store, 2 * KIB, 2 * MIB);
    write(&store, &key, &value);
    fill_with_popular(&store, 2 * KIB + 1, 2 * MIB);
    assert!(!found(&store, &key), "evicted, and remembered as such");
    store.for_each(|filler| read_often(&store, &Key::new(filler.key())));
    let weight = 200 * KIB;
    assert_eq!(
        write(&store, &key, &Value { weight, ..value }),
        Updated::Stored
    );
    assert!(found(&store, &key));
}

#[test]
fn clear_removes_all_and_for_each_sees_all() {
    let store = small();
    for number in 0..100 {
        let (key, value) = Value::of(&number.to_string(), 300);
        write(&store, &key, &value);
    }
    let mut seen = 0;
    store.for_each(|value| seen += value.weight());
    assert_eq!(seen, 30_000);
    store.clear();
    let stats = store.stats();
    assert_eq!((stats.entries, stats.weight, stats.evicted), (0, 0, 0));
}

#[test]
fn concurrent_updates_lose_no_increment() {
    let store = small();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..4000 {
                    let (key, value) = Value::of(&(round % 3).to_string(), 300);
                    store.update_now(&key, increment(&value));
                }
            });
        }
    });
    let mut sum = 0;
    store.for_each(|value| sum += value.number);
    assert_eq!(sum, 16_000);
}

#[test]
fn a_closure_that_panics_harms_nothing() {
    let store = small();
    let (key, value) = Value::of("a", 300);
    write(&store, &key, &value);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.update_now(&key, |_| panic!("on purpose"))
    }));
    assert!(panicked.is_err());
    assert_eq!(store.lookup(&key), Lookup::Found(value.clone()));
    assert_eq!(write(&store, &key, &value), Updated::Stored);
}

#[test]
fn an_update_that_is_never_polled_changes_nothing() {
    let store = small();
    let (key, value) = Value::of("a", 300);
    drop(store.update(&key, put(&value)));
    assert_eq!(store.lookup(&key), Lookup::Absent);
}

#[test]
fn displaced_values_are_dropped_outside_of_every_lock() {
    /// Looks at the store when it is dropped, which would never end under the lock of its shard.
    #[derive(Clone)]
    struct Looking(Arc<Look>);
    struct Look(Key, MemoryStore<Looking>);
    impl Drop for Look {
        fn drop(&mut self) {
            self.1.update_now(&self.0, |_| Change::Remove);
        }
    }
    impl Stored for Looking {
        fn key(&self) -> &[u8] {
            self.0.0.as_bytes()
        }
        fn weight(&self) -> usize {
            10 * KIB
        }
    }
    let store = MemoryStore::builder()
        .capacity(100 * KIB)
        .max_entry(11 * KIB)
        .build()
        .unwrap();
    for number in 0..50 {
        let key = Key::new(&[number % 25]);
        let value = Looking(Arc::new(Look(key.clone(), store.clone())));
        let change = move |_: Option<&Looking>| Change::Put {
            value: value.clone(),
            retain: std::time::Duration::MAX,
        };
        store.update_now(&key, change);
    }
    store.clear();
    assert_eq!(store.stats().entries, 0);
}

#[test]
fn the_defaults_are_as_documented() {
    let store = MemoryStore::<Value>::default();
    assert_eq!(store.capacity(), 64 * MIB);
    assert_eq!(store.max_entry(), 2 * MIB);
    let little = MemoryStore::<Value>::builder()
        .capacity(MIB)
        .build()
        .unwrap();
    assert_eq!(little.max_entry(), 256 * KIB - slot::overhead::<Value>());
}

#[test]
fn impossible_settings_say_what_would_fit() {
    let builder = || MemoryStore::<Value>::builder();
    let refusal = builder().capacity(MIB).max_entry(MIB).build().unwrap_err();
    let BuildError::CapacityTooSmall {
        capacity_needed,
        max_entry_fitting,
        ..
    } = refusal
    else {
        panic!("{refusal}");
    };
    assert!(
        builder()
            .capacity(capacity_needed)
            .max_entry(MIB)
            .build()
            .is_ok()
    );
    assert!(
        builder()
            .capacity(capacity_needed - 1)
            .max_entry(MIB)
            .build()
            .is_err()
    );
    assert!(
        builder()
            .capacity(MIB)
            .max_entry(max_entry_fitting)
            .build()
            .is_ok()
    );
    assert!(
        builder()
            .capacity(MIB)
            .max_entry(max_entry_fitting + 1)
            .build()
            .is_err()
    );
    assert_eq!(
        builder().max_entry(0).build().unwrap_err(),
        BuildError::MaxEntryIsZero
    );
    assert_eq!(
        builder().estimated_entry(0).build().unwrap_err(),
        BuildError::EstimatedEntryIsZero
    );
    assert!(builder().capacity(0).build().is_err());
    assert!(builder().max_entry(usize::MAX).build().is_err());
}

proptest! {
    #[test]
    fn an_entry_of_max_entry_is_admitted_on_any_machine_or_the_settings_are_refused(
        cores in 1_usize..=64,
        magnitude in 10_u32..=40,
        surplus in 0_usize..1 << 40,
        part in 1_usize..=300,
        estimated_entry in 1_usize..=100_000,
    ) {
        let least = 1_usize << magnitude;
        let capacity = least + surplus % least;
        let max_entry = (capacity / part).max(1);
        let builder = MemoryStore::<Value>::builder()
            .capacity(capacity)
            .max_entry(max_entry)
            .estimated_entry(estimated_entry);
        let Ok(plan) = builder.plan(cores) else {
            prop_assert!(max_entry + slot::overhead::<Value>() > capacity / 4);
            return Ok(());
        };
        prop_assert!(plan.shards.is_power_of_two() && plan.shards <= 64);
        prop_assert!(plan.shards <= (4 * cores).next_power_of_two());
        let store = MemoryStore::planned(&plan);
        prop_assert_eq!(store.shared.slots.capacity(), plan.capacity as u64);
        prop_assert!(plan.capacity <= capacity);
        for number in 0..200 {
            let (key, value) = Value::of(&(number % 70).to_string(), max_entry);
            prop_assert_eq!(write(&store, &key, &value), Updated::Stored);
            prop_assert!(found(&store, &key), "{:?}", plan);
            prop_assert!(store.stats().weight <= capacity);
        }
    }
}
