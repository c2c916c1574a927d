//! A slow reader beside a fast one of the same response, which takes no more memory than it may.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tower_keep::{
    ResponseCacheLayer,
    response_cache::{BodyError, Collapsing, Rule},
    store::MemoryStore,
};

use crate::{
    KIB, MIB, allocated, alone, now,
    origin::{cache, get, send},
};

const CHUNK: usize = 64 * KIB;

/// A body of so many chunks, each in memory of its own, of unknown length.
struct Chunks(usize);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = self.0.checked_sub(1);
        Poll::Ready(left.map(|left| {
            self.0 = left;
            Ok(Frame::data(Bytes::from(vec![b'x'; CHUNK])))
        }))
    }
}

fn response(bytes: usize) -> Response<Chunks> {
    let response = Response::builder().header("cache-control", "max-age=60");
    response.body(Chunks(bytes / CHUNK)).unwrap()
}

/// A store for entries of so many bytes.
fn store(max_entry: usize) -> MemoryStore<tower_keep::response_cache::CachedResponse> {
    let store = MemoryStore::builder().capacity(8 * max_entry);
    store.max_entry(max_entry).build().unwrap()
}

#[test]
fn a_fast_reader_ends_at_its_own_speed_within_the_budget() {
    const LENGTH: usize = 12 * MIB;
    const BUDGET: usize = 32 * MIB;
    let _alone = alone();
    let layer = ResponseCacheLayer::with_store(store(16 * MIB)).fill_budget(BUDGET);
    let mut cache = cache(&layer, |_| response(LENGTH));
    let baseline = allocated();
    let mut fast = send(&mut cache, get("/", &[])).into_body();
    let mut slow = send(&mut cache, get("/", &[])).into_body();
    let mut read = now(slow.frame())
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap()
        .len();
    let mut peak = 0;
    let mut fast_read = 0;
    while let Some(frame) = now(fast.frame()) {
        fast_read += frame.unwrap().into_data().unwrap().len();
        peak = peak.max(allocated().saturating_sub(baseline));
    }
    assert_eq!(fast_read, LENGTH);
    println!("at most {} KiB for {} KiB", peak / KIB, LENGTH / KIB);
    assert!(peak >= LENGTH, "all of it is kept for the slow one: {peak}");
    assert!(peak <= BUDGET, "{peak}");
    // What is stored and what the slow one reads are the same bytes.
    let held = allocated().saturating_sub(baseline);
    assert!(held <= LENGTH + MIB, "{held}");
    while let Some(frame) = now(slow.frame()) {
        read += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!(read, LENGTH);
    assert_eq!(layer.stats().collapsed, 1);
}

#[test]
fn many_responses_together_stay_within_the_budget() {
    const LENGTH: usize = 4 * MIB;
    const BUDGET: usize = 16 * MIB;
    const MANY: usize = 12;
    let _alone = alone();
    let layer = ResponseCacheLayer::with_store(store(8 * MIB)).fill_budget(BUDGET);
    let mut cache = cache(&layer, |_| response(LENGTH));
    let baseline = allocated();
    let mut bodies: Vec<_> = (0..MANY)
        .map(|path| send(&mut cache, get(&format!("/{path}"), &[])).into_body())
        .collect();
    let mut peak = 0;
    // One chunk of each in turn, all but the last.
    for _ in 1..LENGTH / CHUNK {
        for body in &mut bodies {
            let frame = now(body.frame()).unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap().len(), CHUNK);
            peak = peak.max(allocated().saturating_sub(baseline));
        }
    }
    println!(
        "at most {} KiB for {MANY} of {} KiB",
        peak / KIB,
        LENGTH / KIB
    );
    assert!(peak <= BUDGET + MIB, "{peak}");
    bodies.into_iter().for_each(|body| {
        assert_eq!(now(body.collect()).unwrap().to_bytes().len(), CHUNK);
    });
    let stats = layer.stats();
    let given_up = stats.not_stored[&Rule::FillBudget];
    assert!(given_up > 0 && stats.stored > 0);
    assert_eq!(given_up + stats.stored, MANY as u64);
}

#[test]
fn beyond_the_cap_readers_share_a_window_and_the_slow_one_is_cut_off() {
    const WINDOW: usize = 256 * KIB;
    let _alone = alone();
    let layer = ResponseCacheLayer::with_store(store(MIB)).collapsing(
        Collapsing::new()
            .window(WINDOW)
            .stall_time(std::time::Duration::ZERO),
    );
    let mut cache = cache(&layer, |_| response(256 * MIB));
    let baseline = allocated();
    let fast = send(&mut cache, get("/", &[])).into_body();
    let mut slow = send(&mut cache, get("/", &[])).into_body();
    now(slow.frame()).unwrap().unwrap();
    let mut fast = fast;
    let (mut peak, mut read) = (0, 0);
    while let Some(frame) = now(fast.frame()) {
        read += frame.unwrap().into_data().unwrap().len();
        peak = peak.max(allocated().saturating_sub(baseline));
    }
    assert_eq!(read, 256 * MIB);
    println!("at most {} KiB for {} KiB", peak / KIB, read / KIB);
    assert!(peak <= MIB + WINDOW + MIB / 2, "{peak}");
    let error = now(slow.frame()).unwrap().unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&BodyError::Stalled));
    assert!(now(slow.frame()).is_none());
}
