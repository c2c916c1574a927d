//! What the services of one layer share.

use std::{fmt, sync::Arc};

use super::{
    outcome::{Judging, Verdict},
    stats::{CircuitStats, Count, Published},
    table::Table,
};
use crate::{
    breaker::{Breaker, BreakerSettings, CircuitOpen, InvalidSetting, Ticket},
    head::{Outcome, RequestHead},
    request_key::{Fingerprints, KeyExtractor, LimitKey},
};

/// The settings of a layer.
#[derive(Clone)]
pub(super) struct Config {
    pub(super) name: Arc<str>,
    pub(super) settings: BreakerSettings,
    pub(super) key: Option<Arc<dyn KeyExtractor>>,
    pub(super) judging: Judging,
    pub(super) max_keys: usize,
}

pub(super) struct Core {
    key: Option<Arc<dyn KeyExtractor>>,
    judging: Judging,
    /// Of all requests, or of those without a key.
    pub(super) common: Breaker,
    keys: Fingerprints,
    table: Table,
    published: Arc<Published>,
}

impl Core {
    pub(super) fn new(config: &Config) -> Result<Self, InvalidSetting> {
        let published = Arc::new(Published::new(&config.name));
        let counted = Arc::clone(&published);
        let settings = config
            .settings
            .clone()
            .first_on_transition(move |transition| counted.transition(transition.to()));
        Ok(Self {
            key: config.key.clone(),
            judging: config.judging.clone(),
            common: Breaker::new(Arc::clone(&config.name), settings)?,
            keys: Fingerprints::default(),
            table: Table::new(config.max_keys),
            published,
        })
    }

    /// Lets a request through, or refuses it.
    #[inline]
    pub(super) fn admit(self: &Arc<Self>, head: &RequestHead<'_>) -> Result<Held, CircuitOpen> {
        let own = match &self.key {
            None => None,
            Some(key) => self.breaker_of(&**key, head),
        };
        match own.as_ref().unwrap_or(&self.common).admit() {
            Ok(ticket) => Ok(Held {
                core: Arc::clone(self),
                own,
                ticket: Some(ticket),
            }),
            Err(open) => Err(self.refused(open)),
        }
    }

    fn breaker_of(&self, key: &dyn KeyExtractor, head: &RequestHead<'_>) -> Option<Breaker> {
        let fingerprint = self.keys.of(|writer| key.extract(head, writer)).ok()?;
        self.table.get(fingerprint, || {
            let name = self.keys.label(|writer| key.extract(head, writer));
            self.common.sibling(name.into())
        })
    }

    pub(super) fn breaker_at(&self, key: &impl LimitKey) -> Option<Breaker> {
        self.table.get(self.keys.of_key(key), || {
            let name = self.keys.label(|writer| {
                key.write(writer);
                Ok::<(), std::convert::Infallible>(())
            });
            self.common.sibling(name.into())
        })
    }

    pub(super) fn breakers(&self) -> Vec<Breaker> {
        let mut breakers = self.table.breakers();
        breakers.push(self.common.clone());
        breakers
    }

    /// Whether any request would be refused now, whatever it is.
    #[inline]
    pub(super) fn refuses_all(&self) -> bool {
        self.key.is_none() && self.common.would_refuse()
    }

    /// The refusal of a request that came when all were refused. If they are not any more, the inner service was not
    /// asked whether it is ready, and cannot be called.
    pub(super) fn refuse(&self) -> CircuitOpen {
        let refusal = match self.common.admit() {
            Err(open) => open,
            Ok(ticket) => {
                self.common.give_back(ticket);
                self.common.refusal_soon()
            }
        };
        self.refused(refusal)
    }

    #[cold]
    fn refused(&self, open: CircuitOpen) -> CircuitOpen {
        self.published.count(Count::Refused);
        tracing::debug!(circuit = open.name(), "refused");
        open
    }

    /// The inner service will never be ready.
    pub(super) fn not_ready(&self, outcome: &Outcome<'_>) {
        if let Ok(ticket) = self.common.admit() {
            self.end(&self.common, ticket, self.judging.of(outcome));
        }
    }

    #[inline]
    fn end(&self, breaker: &Breaker, ticket: Ticket, verdict: Verdict) {
        match verdict {
            Verdict::Success => {
                breaker.record(ticket, false);
                self.published.count(Count::Success);
            }
            Verdict::Failure => {
                breaker.record(ticket, true);
                self.published.count(Count::Failure);
            }
            Verdict::Ignored => {
                breaker.give_back(ticket);
                self.published.count(Count::Uncounted);
            }
        }
    }

    pub(super) fn stats(&self) -> CircuitStats {
        let counts = self.table.counts();
        let mut totals = counts.totals;
        totals.add(&self.common.totals());
        CircuitStats {
            keys: counts.keys,
            forgotten: counts.forgotten,
            overflowed: counts.overflowed,
            totals,
        }
    }
}

/// A request that was let through, until it has an outcome or is dropped.
pub(super) struct Held {
    core: Arc<Core>,
    /// The breaker of its key.
    own: Option<Breaker>,
    /// None once it has ended.
    ticket: Option<Ticket>,
}

impl Held {
    #[inline]
    pub(super) fn end(mut self, outcome: &Outcome<'_>) {
        let verdict = self.core.judging.of(outcome);
        self.end_as(verdict);
    }

    #[inline]
    fn end_as(&mut self, verdict: Verdict) {
        if let Some(ticket) = self.ticket.take() {
            let breaker = self.own.as_ref().unwrap_or(&self.core.common);
            self.core.end(breaker, ticket, verdict);
        }
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        self.end_as(Verdict::Ignored);
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("common", &self.common)
            .field("by_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}
