//! The handle: the state machine with a clock and a lock, which calls need not take to be let through.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use super::{
    permit::Permit,
    refused::{CallError, CircuitOpen},
    settings::{BreakerSettings, InvalidSetting, Listener},
    state::{Force, Refused, Rules, State},
    status::{BreakerState, BreakerStatus, Totals, Transition},
    window::{Outcome, Span},
};
use crate::{
    clock::Clock,
    sync::{AtomicU64, Mutex, Ordering, lock},
};

/// A circuit breaker around calls of any kind. Clones are the same breaker.
///
/// ```
/// use tower_keep::circuit_breaker::{Breaker, BreakerSettings, CallError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # async fn query() -> std::io::Result<u32> { Ok(1) }
/// # async fn broken() -> std::io::Result<u32> { Err(std::io::Error::other("down")) }
/// let settings = BreakerSettings::new().last_calls(10).minimum_calls(10);
/// let database = Breaker::new("database", settings)?;
/// assert_eq!(database.call(query).await?, 1);
///
/// for _ in 0..9 {
///     assert!(matches!(database.call(broken).await, Err(CallError::Failed(_))));
/// }
/// let refused = database.call(query).await.unwrap_err();
/// assert_eq!(refused.to_string(), "the circuit database is open");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Breaker(Arc<Shared>);

struct Shared {
    /// The generation, and in the lowest bit whether all are let through. Written under the lock.
    published: AtomicU64,
    state: Mutex<State>,
    rules: Rules,
    clock: Clock,
    name: Arc<str>,
    listener: Option<Listener>,
}

impl Shared {
    fn new(name: Arc<str>, rules: Rules, clock: Clock, listener: Option<Listener>) -> Self {
        let state = State::new(rules);
        Self {
            published: AtomicU64::new(published(&state)),
            state: Mutex::new(state),
            rules,
            clock,
            name,
            listener,
        }
    }
}

/// A call that was let through: to be [recorded](Breaker::record) or [given back](Breaker::give_back), once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    generation: u64,
    /// When it began, where that matters.
    began: u64,
}

impl Breaker {
    /// A breaker that is closed. The name is for logs and refusals.
    ///
    /// # Errors
    /// If the settings cannot be.
    pub fn new(
        name: impl Into<Arc<str>>,
        settings: BreakerSettings,
    ) -> Result<Self, InvalidSetting> {
        let rules = settings.rules()?;
        let BreakerSettings {
            clock, listener, ..
        } = settings;
        Ok(Self(Arc::new(Shared::new(
            name.into(),
            rules,
            clock,
            listener,
        ))))
    }

    /// Lets a call through, to be ended by the permit, or refuses it.
    ///
    /// # Errors
    /// If the circuit is open.
    ///
    /// ```
    /// use tower_keep::circuit_breaker::{Breaker, BreakerSettings};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # fn read() -> Option<u32> { Some(1) }
    /// let disk = Breaker::new("disk", BreakerSettings::new())?;
    /// let permit = disk.try_acquire()?;
    /// match read() {
    ///     Some(_) => permit.success(),
    ///     None => permit.failure(),
    /// }
    /// assert_eq!(disk.status().calls, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_acquire(&self) -> Result<Permit, CircuitOpen> {
        let ticket = self.admit()?;
        Ok(Permit::new(self.clone(), ticket))
    }

    /// Makes a call, if the circuit lets it through. An `Err` is a failure; a call whose future is dropped is not
    /// counted.
    ///
    /// # Errors
    /// If the circuit is open, or the call fails.
    pub async fn call<T, E, F>(&self, call: impl FnOnce() -> F) -> Result<T, CallError<E>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let permit = self.try_acquire().map_err(CallError::Open)?;
        match call().await {
            Ok(value) => {
                permit.success();
                Ok(value)
            }
            Err(error) => {
                permit.failure();
                Err(CallError::Failed(error))
            }
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it does with calls now.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        lock(&self.0.state).kind()
    }

    /// What it does, by which calls, and what it has seen.
    #[must_use]
    pub fn status(&self) -> BreakerStatus {
        let now = self.now();
        let mut state = lock(&self.0.state);
        let tally = state.tally(now);
        BreakerStatus {
            state: state.kind(),
            calls: tally.calls,
            failures: tally.failures,
            slow: tally.slow,
            totals: state.totals(),
        }
    }

    /// Refuses all calls, until [`reset`](Self::reset).
    pub fn force_open(&self) {
        self.change(|state| state.force(Force::Open));
    }

    /// Lets all calls through and goes on counting, until [`reset`](Self::reset).
    pub fn force_closed(&self) {
        self.change(|state| state.force(Force::Closed));
    }

    /// Lets all calls through without looking at their outcomes, until [`reset`](Self::reset).
    pub fn disable(&self) {
        self.change(|state| state.force(Force::Disabled));
    }

    /// Closes the circuit with an empty window, whatever it was.
    pub fn reset(&self) {
        self.change(State::close);
    }
}

impl Breaker {
    /// One with the same settings and another name.
    pub(crate) fn sibling(&self, name: Arc<str>) -> Self {
        let Shared {
            rules,
            clock,
            listener,
            ..
        } = &*self.0;
        Self(Arc::new(Shared::new(
            name,
            *rules,
            clock.clone(),
            listener.clone(),
        )))
    }

    #[inline]
    pub(crate) fn admit(&self) -> Result<Ticket, CircuitOpen> {
        let published = self.0.published.load(Ordering::Acquire);
        if published & PASSES_ALL != 0 {
            return Ok(Ticket {
                generation: published >> 1,
                began: self.began(),
            });
        }
        self.ask()
    }

    #[cold]
    fn ask(&self) -> Result<Ticket, CircuitOpen> {
        let now = self.now();
        let asked = self.change(|state| {
            let asked = state.acquire(now);
            asked.map(|()| state.generation())
        });
        match asked {
            Ok(generation) => Ok(Ticket {
                generation,
                began: now,
            }),
            Err(refused) => Err(self.refusal(refused)),
        }
    }

    /// Whether a call would be refused now.
    #[inline]
    pub(crate) fn would_refuse(&self) -> bool {
        let published = self.0.published.load(Ordering::Acquire);
        published & PASSES_ALL == 0 && lock(&self.0.state).ask(self.now()).is_err()
    }

    fn refusal(&self, refused: Refused) -> CircuitOpen {
        CircuitOpen {
            name: Arc::clone(&self.0.name),
            state: refused.state,
            retry_after: Duration::from_nanos(refused.retry_after),
        }
    }

    /// That to a call for which there is no reason but that others were refused a moment ago.
    pub(crate) fn refusal_soon(&self) -> CircuitOpen {
        CircuitOpen {
            name: Arc::clone(&self.0.name),
            state: BreakerState::Open,
            retry_after: Duration::from_secs(1),
        }
    }

    /// When a call begins, where that matters.
    #[inline]
    fn began(&self) -> u64 {
        match self.0.rules.slow {
            Some(_) => self.now(),
            None => 0,
        }
    }

    /// The call has ended.
    #[inline]
    pub(crate) fn record(&self, ticket: Ticket, failed: bool) {
        let timed = self.0.rules.slow.is_some() || matches!(self.0.rules.span, Span::Time(_));
        // Not under the lock, if it can be helped.
        let read = timed.then(|| self.now());
        let now = || read.unwrap_or_else(|| self.now());
        let slow = self
            .0
            .rules
            .slow
            .is_some_and(|slow| now().saturating_sub(ticket.began) > slow.longer_than);
        let outcome = Outcome { failed, slow };
        self.change(|state| state.record(ticket.generation, outcome, now));
    }

    /// The call has ended without an outcome that counts.
    pub(crate) fn give_back(&self, ticket: Ticket) {
        lock(&self.0.state).give_back(ticket.generation);
    }

    pub(crate) fn totals(&self) -> Totals {
        lock(&self.0.state).totals()
    }

    #[inline]
    fn now(&self) -> u64 {
        self.0.clock.now().as_nanos()
    }

    /// Does something with the state; tells others if it has become another one.
    #[inline]
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.0.state);
        let (from, generation) = (state.kind(), state.generation());
        let done = change(&mut state);
        if state.generation() == generation {
            return done;
        }
        self.0.published.store(published(&state), Ordering::Release);
        let transition = Transition {
            name: Arc::clone(&self.0.name),
            from,
            to: state.kind(),
            sequence: state.generation(),
        };
        drop(state);
        self.tell(&transition);
        done
    }

    #[cold]
    fn tell(&self, transition: &Transition) {
        let Transition { name, from, to, .. } = transition;
        if from == to {
            return;
        }
        match to {
            BreakerState::Open | BreakerState::ForcedOpen => {
                tracing::warn!(circuit = %name, %from, %to, "the circuit is open");
            }
            _ => tracing::info!(circuit = %name, %from, %to, "the circuit has changed"),
        }
        if let Some(listener) = &self.0.listener {
            listener(transition);
        }
    }
}

const PASSES_ALL: u64 = 1;

fn published(state: &State) -> u64 {
    state.generation() << 1 | u64::from(state.passes_all())
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
