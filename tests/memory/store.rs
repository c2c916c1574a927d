//! The weight that a store in memory tells is the memory that it takes, its tables included.

use std::{sync::Arc, time::Duration};

use tower_keep::{
    key::Key,
    store::{Change, MemoryStore, Store, Stored},
};

use crate::{MIB, allocated, alone};

/// Two counts before what an `Arc` holds.
const ARC: usize = 16;

#[derive(Clone)]
struct Value(Arc<Inner>);

struct Inner {
    key: Box<[u8]>,
    body: Box<[u8]>,
    weight: usize,
}

impl Value {
    fn new(key: &Key, size: usize) -> Self {
        let key: Box<[u8]> = key.as_bytes().into();
        let body: Box<[u8]> = vec![0; size].into();
        let weight = ARC + size_of::<Inner>() + key.len() + body.len();
        Self(Arc::new(Inner { key, body, weight }))
    }
}

impl Stored for Value {
    fn key(&self) -> &[u8] {
        &self.0.key
    }

    fn weight(&self) -> usize {
        debug_assert!(self.0.body.len() < self.0.weight);
        self.0.weight
    }
}

fn fill(store: &MemoryStore<Value>, entries: usize, size: usize) {
    for number in 0..entries {
        let key = Key::new(format!("https://example.org/{number}").as_bytes());
        let value = Value::new(&key, size);
        store.update_now(&key, |_| Change::Put {
            value: value.clone(),
            retain: Duration::MAX,
        });
    }
}

fn assert_true(capacity: usize, estimated: usize, entries: usize, size: usize) {
    let baseline = allocated();
    let store = MemoryStore::builder()
        .capacity(capacity)
        .estimated_entry(estimated)
        .build()
        .unwrap();
    fill(&store, entries, size);
    let taken = allocated() - baseline;
    let stats = store.stats();
    let per_mille = stats.weight * 1000 / taken;
    println!("{entries} of {size} bytes, estimate {estimated}: {per_mille} per mille, {stats:?}");
    assert!(
        (850..=1150).contains(&per_mille),
        "{stats:?}, allocated {taken}"
    );
}

#[test]
fn the_weight_of_a_store_is_within_15_percent_of_the_bytes_allocated() {
    let _alone = alone();
    // Just before and after the tables of the shards double.
    for entries in [1000, 10_000, 12_000, 14_500, 17_000, 57_000, 66_000] {
        assert_true(64 * MIB, 8192, entries, 300);
    }
    assert_true(64 * MIB, 8192, 12_000, 4096);
    assert_true(64 * MIB, 8192, 40, MIB);
    // Written several times over: evicted entries leave their traces.
    for size in [300, 1000, 4096, 100_000, MIB / 8] {
        assert_true(8 * MIB, 8192, 32 * MIB / size, size);
        assert_true(8 * MIB, 300, 32 * MIB / size, size);
    }
}
