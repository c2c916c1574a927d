//! The store, by what it does.

#[cfg(shuttle)]
mod interleavings;
#[cfg(not(shuttle))]
mod model;
#[cfg(not(shuttle))]
mod rules;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    super::super::{id::SessionKey, record::Record, sample::SampleRecord, user::UserId},
    Admission, Core, Created, Loaded, Plan, Swapped,
};
use crate::{duration::minutes, test_util::ManualClock};

/// A store of the least capacity, and the hand of its clock.
struct Stage {
    time: ManualClock,
    core: Arc<Core>,
}

impl Stage {
    fn new() -> Self {
        let time = ManualClock::new();
        let plan = Plan::new(64 << 10).unwrap();
        let core = Arc::new(Core::new(plan, time.clock()));
        Self { time, core }
    }

    fn wait(&self, time: Duration) {
        self.time.advance(time);
    }

    /// Stores it, whatever the user has.
    fn create(&self, number: u64, record: SampleRecord) -> Loaded {
        stored(
            self.core
                .create(&key(number), record.record(), &Admission::default()),
        )
    }

    fn has(&self, number: u64) -> bool {
        self.core.load(&key(number)).is_some()
    }

    /// The numbers up to `count` of the sessions that are there.
    fn those_of(&self, count: u64) -> Vec<u64> {
        (0..count).filter(|number| self.has(*number)).collect()
    }
}

fn stored(created: Created) -> Loaded {
    match created {
        Created::Stored(loaded) => loaded,
        other => panic!("{other:?}"),
    }
}

/// A key like any other.
fn key(number: u64) -> SessionKey {
    let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = spread
            .rotate_left(u32::try_from(7 * at % 64).unwrap())
            .to_be_bytes()[0];
    }
    SessionKey::from_bytes(bytes)
}

/// A session of nobody, that ends after half an hour without activity.
fn anonymous() -> SampleRecord {
    SampleRecord::new().idle(minutes(30))
}

/// A session of that user.
fn of(user: &str) -> SampleRecord {
    anonymous().user(user)
}

fn cap(cap: u32) -> Admission {
    Admission {
        cap: NonZeroU32::new(cap),
        instead_of: None,
    }
}
