//! The table, by what it decides.

#[cfg(shuttle)]
mod interleavings;
#[cfg(not(shuttle))]
mod model;
#[cfg(not(shuttle))]
mod plans;
#[cfg(not(shuttle))]
mod room;
#[cfg(not(shuttle))]
mod together;

use super::{Asked, Charge, Lefts, Refused, Table, Verdict};
use crate::{
    duration::seconds,
    rate_limit::limit::{Limit, LimitBuilder, Limits, Window},
};

const SECOND: u64 = 1_000_000;

/// So many in each second of the clock.
fn fixed(quota: u64) -> LimitBuilder<Window> {
    Limit::fixed_window(quota).per(seconds(1))
}

fn limits(quota: u64) -> Limits {
    fixed(quota).build().unwrap().into()
}

/// A table, and a caller of it with limits and a time.
struct Caller {
    table: Table,
    limits: Limits,
    now: u64,
}

impl Caller {
    fn new(max_keys: usize, limits: Limits) -> Self {
        Self {
            table: Table::new(max_keys),
            limits,
            now: 0,
        }
    }

    fn asked(&self, cost: u64) -> Asked<'_> {
        Asked {
            limits: &self.limits,
            cost,
            now: self.now,
        }
    }

    fn take(&self, key: u64, cost: u64) -> Result<Charge, Refused> {
        let ruling = self.table.decide(spread(key), self.asked(cost), None);
        match ruling.verdict {
            Verdict::Admitted { delay } => Ok(Charge {
                fingerprint: spread(key),
                cost,
                at: ruling.at,
                delay,
                shared: ruling.shared,
            }),
            Verdict::Refused(refused) => Err(refused),
        }
    }

    fn refund(&self, charge: Charge) {
        self.table.refund(charge, self.asked(0), true);
    }

    fn release(&self, charge: Charge) {
        self.table.release(charge, self.asked(0));
    }

    /// How many requests in a row are admitted.
    fn admitted(&self, key: u64) -> usize {
        (0..100).take_while(|_| self.take(key, 1).is_ok()).count()
    }

    fn remaining(&self, key: u64) -> u64 {
        let peeked = self.table.peek(spread(key), self.asked(0));
        peeked.left[0].remaining
    }
}

/// A fingerprint like any other.
fn spread(key: u64) -> u64 {
    key.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
