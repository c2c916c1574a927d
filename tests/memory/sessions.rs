//! What sessions take in memory: within the bound of their store, and as much as it tells.

use tower_keep::{
    minutes,
    session::{Admission, Created, MemorySessions, SessionKey, SessionStore, UserId},
    test_util::{ManualClock, SampleRecord},
};

use crate::{KIB, MIB, allocated, alone, now};

const SESSIONS: u64 = 1_000_000;

/// A key like any other.
fn key(number: u64) -> SessionKey {
    let mut bytes = [0; 32];
    let mut spread = number;
    for part in bytes.chunks_exact_mut(8) {
        spread = (spread ^ (spread >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (spread >> 32);
        part.copy_from_slice(&spread.wrapping_mul(0xBF58_476D_1CE4_E5B9).to_be_bytes());
    }
    SessionKey::from_bytes(bytes)
}

fn create(store: &MemorySessions, number: u64, record: SampleRecord) -> bool {
    let (key, anyone) = (key(number), Admission::default());
    let created = store.create(&key, record.record(), &anyone);
    matches!(now(created), Ok(Created::Stored(_)))
}

fn has(store: &MemorySessions, number: u64) -> bool {
    matches!(store.load_now(&key(number)), Some(Ok(Some(_))))
}

fn visitor() -> SampleRecord {
    SampleRecord::new()
        .idle(minutes(30))
        .value("cart", "[17,4]")
}

fn user(number: u64) -> SampleRecord {
    visitor().user(UserId::new(format!("user-{number}")))
}

#[test]
fn a_million_sessions_stay_within_the_bound_while_a_logged_in_one_survives() {
    let _alone = alone();
    let baseline = allocated();
    let store = MemorySessions::with_capacity(2 * MIB).expect("it is enough");
    assert!(create(&store, SESSIONS, user(0)));
    let mut peak = 0;
    for number in 0..SESSIONS {
        assert!(create(&store, number, visitor()));
        if number % 64 == 0 {
            peak = peak.max(allocated() - baseline);
        }
    }
    let stats = store.stats();
    println!("{peak} at most, {stats:?}");
    assert!(peak <= 2 * MIB, "{peak}");
    assert!(has(&store, SESSIONS) && has(&store, SESSIONS - 1) && !has(&store, 0));
    assert_eq!(stats.evicted_logged_in, 0);
    let kept = SESSIONS - stats.evicted_anonymous;
    assert!(kept > 2_500, "{kept}");
    drop(store);
    assert!(allocated() <= baseline + KIB, "all of it comes back");
}

/// Checks what is allocated against what the store tells: never more, and not much less.
fn compare(store: &MemorySessions, baseline: usize, when: &str) {
    let (taken, told) = (allocated() - baseline, store.stats().bytes);
    let told = usize::try_from(told).expect("it is less than the memory");
    println!("{when}: {taken} are allocated, {told} told");
    assert!(taken <= told + 200 * KIB, "{when}: {taken} of {told}");
    assert!(told <= taken * 2, "{when}: {taken} of {told}");
}

#[test]
fn what_sessions_weigh_is_what_they_take_however_many_have_come_and_gone() {
    let _alone = alone();
    for make in [|_| visitor(), user] {
        let baseline = allocated();
        let time = ManualClock::new();
        let store = MemorySessions::with_capacity(256 * MIB).expect("it is enough");
        let store = store.clock(time.clock());
        let mut number = 0;
        for sessions in [20_000, 21_000, 26_000, 33_000, 40_000] {
            while number < sessions {
                assert!(create(&store, number, make(number)));
                number += 1;
            }
            compare(&store, baseline, &format!("{sessions} sessions"));
        }
        for gone in 0..number {
            if gone % 4 != 0 {
                assert!(matches!(now(store.remove(&key(gone))), Ok(Some(_))));
            }
        }
        compare(&store, baseline, "a quarter of them");
        time.advance(minutes(30));
        while !now(store.expired(100)).expect("it is here").is_empty() {}
        assert_eq!(store.stats().bytes, 0);
        assert!(
            allocated() - baseline < 200 * KIB,
            "the tables are small again"
        );
        drop((store, time));
        assert!(allocated() <= baseline + KIB, "all of it comes back");
    }
}

#[test]
fn a_look_at_a_session_allocates_nothing() {
    let _alone = alone();
    let store = MemorySessions::new();
    assert!(create(&store, 1, visitor()));
    let fewest = (0..5).map(|_| {
        let before = crate::ALLOCATOR.stats().allocations;
        assert!(has(&store, 1) && matches!(now(store.touch(&key(1))), Ok(true)));
        crate::ALLOCATOR.stats().allocations - before
    });
    assert_eq!(fewest.min(), Some(0));
}
