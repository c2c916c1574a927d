//! The layer and its settings.

use std::{fmt, sync::Arc};

use tower_layer::Layer;

use super::{
    core::{Config, Core},
    outcome::{Judging, Verdict},
    service::CircuitBreaker,
    stats::CircuitStats,
};
use crate::{
    breaker::{Breaker, BreakerSettings, InvalidSetting},
    head::Outcome,
    request_key::{KeyExtractor, LimitKey},
};

/// Stops calling a service that fails, and tries again later. See the [module docs](super).
///
/// The layer, its clones and their services share their circuits; each setting begins anew, so set everything before the
/// layer is cloned or a [`breaker`](Self::breaker) is taken.
#[derive(Clone)]
pub struct CircuitBreakerLayer {
    config: Config,
    core: Arc<Core>,
}

impl CircuitBreakerLayer {
    /// One circuit for the whole service, with the settings of [`BreakerSettings::new`].
    #[must_use]
    pub fn new() -> Self {
        sound(Self::with(BreakerSettings::new()))
    }

    /// One circuit for the whole service, with these settings.
    ///
    /// # Errors
    /// If the settings cannot be.
    pub fn with(settings: BreakerSettings) -> Result<Self, InvalidSetting> {
        let config = Config {
            name: Arc::from("default"),
            settings,
            key: None,
            judging: Judging::default(),
            max_keys: 1_000,
        };
        let core = Arc::new(Core::new(&config)?);
        Ok(Self { config, core })
    }

    /// A circuit for each key. Requests without a key share one.
    ///
    /// ```
    /// use tower_keep::circuit_breaker::{CircuitBreakerLayer, HostKey};
    ///
    /// // A client of many hosts goes on calling those that work.
    /// let by_host = CircuitBreakerLayer::new().key(HostKey);
    /// # let _ = by_host;
    /// ```
    #[must_use]
    pub fn key(mut self, key: impl KeyExtractor) -> Self {
        self.config.key = Some(Arc::new(key));
        self.anew()
    }

    /// So many keys have circuits of their own at most: 1 000 if this is not said. Beyond that, a newcomer takes the
    /// place of a circuit that is closed, or else shares that of requests without a key.
    #[must_use]
    pub fn max_keys(mut self, max_keys: usize) -> Self {
        self.config.max_keys = max_keys;
        self.anew()
    }

    /// The name in logs, metrics and refusals of what has no key: `default` if this is not said.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.config.name = name.into();
        self.anew()
    }

    /// What is a failure, in place of [`Verdict::of`]. The outcome is that of the head: a body that breaks off does not
    /// count.
    ///
    /// ```
    /// use tower_keep::circuit_breaker::{CircuitBreakerLayer, Verdict};
    ///
    /// let layer = CircuitBreakerLayer::new().judge(|outcome| match outcome.response() {
    ///     // It works: it just has not learnt this yet.
    ///     Some(head) if head.status() == 501 => Verdict::Ignored,
    ///     _ => Verdict::of(outcome),
    /// });
    /// # let _ = layer;
    /// ```
    #[must_use]
    pub fn judge(
        mut self,
        judge: impl Fn(&Outcome<'_>) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        self.config.judging = Judging::by(judge);
        self.anew()
    }

    /// The circuit of the whole service; with [`key`](Self::key), that of requests without one.
    ///
    /// ```
    /// use tower_keep::circuit_breaker::{BreakerState, CircuitBreakerLayer};
    ///
    /// let layer = CircuitBreakerLayer::new();
    /// let breaker = layer.breaker().clone();
    /// breaker.force_open();
    /// assert_eq!(breaker.status().state, BreakerState::ForcedOpen);
    /// breaker.reset();
    /// ```
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.core.common
    }

    /// The circuit of a key, which there is from now on. Write what the [`KeyExtractor`] writes. None if there are as
    /// many as there may be, and those that were looked at are not closed.
    ///
    /// ```
    /// use tower_keep::circuit_breaker::{CircuitBreakerLayer, HostKey};
    ///
    /// let layer = CircuitBreakerLayer::new().key(HostKey);
    /// // They will be in maintenance for a while.
    /// let partner = layer.breaker_of(("partner.example", 443_u16)).unwrap();
    /// partner.force_open();
    /// ```
    #[must_use]
    pub fn breaker_of(&self, key: impl LimitKey) -> Option<Breaker> {
        self.core.breaker_at(&key)
    }

    /// All circuits there are, in no order, that of requests without a key last.
    #[must_use]
    pub fn breakers(&self) -> Vec<Breaker> {
        self.core.breakers()
    }

    /// What the circuits of this layer, its clones and their services have seen.
    #[must_use]
    pub fn stats(&self) -> CircuitStats {
        self.core.stats()
    }

    fn anew(mut self) -> Self {
        self.core = Arc::new(sound(Core::new(&self.config)));
        self
    }
}

/// What is made of the settings of `new`, or of those that `with` has taken.
fn sound<T>(made: Result<T, InvalidSetting>) -> T {
    made.expect("these settings can be")
}

impl Default for CircuitBreakerLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for CircuitBreakerLayer {
    type Service = CircuitBreaker<S>;

    fn layer(&self, inner: S) -> CircuitBreaker<S> {
        CircuitBreaker::new(inner, Arc::clone(&self.core))
    }
}

impl fmt::Debug for CircuitBreakerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayer")
            .field("settings", &self.config.settings)
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}
