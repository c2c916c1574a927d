//! A number of requests at the same time. Nothing comes back by waiting, only by a refund when a request ends.

use super::{Verdict, Wait};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InFlight {
    n: u64,
}

impl InFlight {
    pub(crate) const fn new(n: u64) -> Self {
        Self { n }
    }

    #[inline]
    pub(super) fn check(&self, count: u64, cost: u64) -> Verdict {
        if cost > self.n {
            Verdict::Refused(Wait::Never)
        } else if cost <= self.remaining(count) {
            Verdict::Admitted { delay: 0 }
        } else {
            Verdict::Refused(Wait::Unknown)
        }
    }

    pub(super) const fn remaining(&self, count: u64) -> u64 {
        self.n.saturating_sub(count)
    }

    pub(super) const fn quota(&self) -> u64 {
        self.n
    }
}
