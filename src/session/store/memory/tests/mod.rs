//! The store, by what it does.

#[cfg(not(shuttle))]
mod model;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    super::super::{
        id::SessionKey,
        record::{Device, Life, Record},
        user::UserId,
    },
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
    fn create(&self, number: u64, record: Record) -> Loaded {
        stored(
            self.core
                .create(&key(number), record, &Admission::default()),
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
fn anonymous() -> Record {
    let life = Life {
        idle: Some(minutes(30)),
        absolute: None,
    };
    Record::new(life, Device::default())
}

fn of(user: impl Into<UserId>) -> Record {
    Record {
        user: Some(user.into()),
        ..anonymous()
    }
}

/// With so many bytes of text in it.
fn with_text(mut record: Record, bytes: usize) -> Record {
    record.values.set(&"text".into(), "x".repeat(bytes).into());
    record
}

fn cap(cap: u32) -> Admission {
    Admission {
        cap: NonZeroU32::new(cap),
        instead_of: None,
    }
}
