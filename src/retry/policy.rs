//! What one request says about being retried.

use std::time::Duration;

/// What a request says about retries, in its extensions: it wins over the layer.
///
/// ```
/// use tower_keep::retry::RetryPolicy;
///
/// let mut order = http::Request::post("/orders").body("tea").unwrap();
/// // The server knows requests by their key, and does the work once.
/// order.headers_mut().insert("idempotency-key", "5f2c".parse().unwrap());
/// order.extensions_mut().insert(RetryPolicy::new().idempotent());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetryPolicy {
    pub(super) retries: Option<u32>,
    pub(super) idempotent: Option<bool>,
    pub(super) hedging: Hedging,
}

/// Whether a second attempt is made beside a first one that takes long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hedging {
    #[default]
    AsTheLayer,
    Off,
    After(Duration),
}

impl RetryPolicy {
    /// What the layer says.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No retries: the request is passed on as it is.
    #[must_use]
    pub fn off() -> Self {
        Self::new().retries(0)
    }

    /// So many retries at most, after the first attempt.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// The request may be processed twice, whatever its method: a POST with an idempotency key that the server knows, a
    /// search by POST.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = Some(true);
        self
    }

    /// The request must not be processed twice, whatever its method.
    #[must_use]
    pub fn not_idempotent(mut self) -> Self {
        self.idempotent = Some(false);
        self
    }

    /// A second attempt is made beside the first one when that has taken so long, whatever the layer's
    /// [`Hedge`](super::Hedge) is. The rules for [hedging](super#hedging) hold: the method has to be safe.
    #[must_use]
    pub fn hedge_after(mut self, delay: Duration) -> Self {
        self.hedging = Hedging::After(delay);
        self
    }

    /// No second attempt is made as long as the first one takes.
    #[must_use]
    pub fn no_hedge(mut self) -> Self {
        self.hedging = Hedging::Off;
        self
    }
}
