//! What the clones of a limiter share, and what its layer asks.

use std::{sync::Once, time::Duration};

use super::{
    WithoutKey,
    limit::{Count, Limits},
    stats::Stats,
    table::{Asked, Charge, Lefts, Peeked, Refused, Table, Verdict},
    time::{Timeline, micros},
};
use crate::{
    clock::Clock,
    request_key::{Fingerprints, KeyWriter, LimitKey},
    stats::top::Top,
};

/// So many of the keys that are refused most are counted.
const TOP_KEYS: usize = 32;

pub(super) struct Core {
    pub(super) limits: Limits,
    pub(super) time: Timeline,
    pub(super) keys: Fingerprints,
    top: Top,
    table: Table,
    pub(super) max_keys: usize,
    warned: Once,
}

impl Core {
    pub(super) fn new(limits: &Limits, max_keys: usize, clock: Clock) -> Self {
        Self {
            limits: limits.recounted(),
            time: Timeline::new(clock),
            keys: Fingerprints::default(),
            top: Top::new(TOP_KEYS),
            table: Table::new(max_keys),
            max_keys,
            warned: Once::new(),
        }
    }

    fn asked<'a>(&self, limits: &'a Limits, cost: u64) -> Asked<'a> {
        Asked {
            limits,
            cost,
            now: self.time.now(),
        }
    }

    pub(super) fn peek(&self, key: &impl LimitKey, now: u64) -> Peeked {
        let asked = Asked {
            limits: &self.limits,
            cost: 0,
            now,
        };
        self.table.peek(self.keys.of_key(key), asked)
    }

    pub(super) fn reset(&self, key: &impl LimitKey) {
        self.table.reset(self.keys.of_key(key), self.time.now());
    }

    pub(super) fn block(&self, key: &impl LimitKey, time: Duration) -> bool {
        let asked = self.asked(&self.limits, 0);
        let until = asked.now.saturating_add(micros(time));
        self.table.block(self.keys.of_key(key), asked, until)
    }

    pub(super) fn stats(&self) -> Stats {
        Stats::new(&self.limits, self.table.counts(), self.top.snapshot())
    }

    pub(super) fn memory_bound(&self) -> usize {
        Table::most_bytes(self.max_keys, &self.limits)
    }

    /// Decides, and counts what was decided; what an admitted request is charged.
    #[inline]
    pub(super) fn decide(
        &self,
        asking: Asking<'_>,
        left: Option<&mut Lefts>,
    ) -> Result<Charge, Refused> {
        let Asking {
            fingerprint,
            limits,
            cost,
            shadow,
        } = asking;
        let now = self.time.now();
        let asked = Asked { limits, cost, now };
        let ruling = self.table.decide(fingerprint, asked, left);
        match ruling.verdict {
            Verdict::Admitted { delay } => {
                self.count_admitted(limits, delay);
                Ok(Charge {
                    fingerprint,
                    cost,
                    at: ruling.at,
                    delay,
                    shared: ruling.shared,
                })
            }
            Verdict::Refused(refused) => {
                count_refused(limits, refused, shadow);
                Err(refused)
            }
        }
    }

    /// The table has counted it, for all limits together.
    #[inline]
    fn count_admitted(&self, limits: &Limits, delay: u64) {
        if limits.is(&self.limits) {
            limits.publish(Count::Admitted);
        } else {
            limits.count(Count::Admitted);
        }
        if delay > 0 {
            limits.count(Count::Delayed);
        }
    }

    /// A request without a key. If they share a limit, the first one is worth a word: all the others may be without one
    /// too.
    pub(super) fn without_key(&self, choice: WithoutKey) {
        self.limits.count(Count::WithoutKey);
        if choice != WithoutKey::Share {
            return;
        }
        self.warned.call_once(|| {
            tracing::warn!(
                limits = ?self.limits,
                "requests without a key share one limit (addresses are known where the server sets PeerAddr or ConnectInfo)"
            );
        });
    }

    /// One more refusal of this key.
    pub(super) fn refused<E>(
        &self,
        fingerprint: u64,
        write: impl Fn(&mut KeyWriter<'_>) -> Result<(), E>,
    ) {
        self.top.hit(fingerprint, 1, || self.keys.label(&write));
        if tracing::enabled!(tracing::Level::DEBUG) {
            tracing::debug!(key = %self.keys.label(&write), limits = ?self.limits, "refused");
        }
    }

    /// Gives back what was charged under these limits; `taken` if it was used all the same.
    pub(super) fn refund(&self, limits: &Limits, charge: Charge, taken: bool) {
        self.table.refund(charge, self.asked(limits, 0), taken);
    }

    pub(super) fn release(&self, limits: &Limits, charge: Charge) {
        self.table.release(charge, self.asked(limits, 0));
    }

    pub(super) fn settle(&self, limits: &Limits, charge: Charge, cost: u64) {
        self.table.settle(charge, self.asked(limits, cost));
    }

    pub(super) fn restore(&self, key: &impl LimitKey, cost: u64) {
        let now = self.time.now();
        self.table.restore(self.keys.of_key(key), cost, now);
    }

    /// What is left of limits now.
    pub(super) fn left(&self, charge: Charge, limits: &Limits) -> Lefts {
        self.table.left(charge, self.asked(limits, 0))
    }

    /// The moment of its turn.
    pub(super) async fn turn(&self, charge: Charge) {
        if charge.delay > 0 {
            let turn = self.time.moment(charge.at.saturating_add(charge.delay));
            self.time.clock().sleep_until(turn).await;
        }
    }
}

/// A request of this key, under these limits.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) fingerprint: u64,
    pub(super) limits: &'a Limits,
    pub(super) cost: u64,
    /// Nobody is refused, whatever the verdict.
    pub(super) shadow: bool,
}

fn count_refused(limits: &Limits, refused: Refused, shadow: bool) {
    if refused.violated == 0 {
        limits.count(Count::Blocked);
    }
    for limit in (0..u8::BITS as usize).filter(|at| refused.violated >> at & 1 == 1) {
        limits.count(if shadow {
            Count::Shadowed(limit)
        } else {
            Count::Refused(limit)
        });
    }
}
