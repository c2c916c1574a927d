//! How much of responses may be held in memory before they are stored.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes that responses on their way into the store may take, all of them together. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Budget(Arc<Account>);

#[derive(Debug)]
struct Account {
    limit: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Arc::new(Account {
            limit,
            used: AtomicUsize::new(0),
        }))
    }

    /// An account of its own to charge against the budget.
    pub(super) fn charge(&self) -> Charge {
        Charge {
            budget: self.clone(),
            bytes: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }
}

/// What one response takes of the budget, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    budget: Budget,
    bytes: usize,
}

impl Charge {
    /// Takes so many bytes more; `false` if there are not as many.
    pub(super) fn add(&mut self, bytes: usize) -> bool {
        let Account { limit, used } = &*self.budget.0;
        let taken = used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|used| used <= limit)
        });
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }

    /// Gives so many bytes back, as far as they were taken.
    pub(super) fn give_back(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_never_exceeded_and_all_of_it_comes_back() {
        let budget = Budget::new(100);
        let (mut one, mut two) = (budget.charge(), budget.charge());
        assert!(one.add(60) && two.add(40));
        assert!(!two.add(1));
        one.give_back(10);
        assert!(!two.add(11) && two.add(10));
        two.give_back(usize::MAX);
        assert_eq!(budget.used(), 50);
        assert!(!two.add(usize::MAX), "no sum wraps around");
        drop(one);
        assert_eq!(budget.used(), 0);
    }
}
