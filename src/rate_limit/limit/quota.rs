//! Limits from `governor`'s quotas.

use std::time::Duration;

use governor::Quota;

use super::{InvalidLimit, Limit};

/// The token bucket of a quota: its burst, and one token each
/// [interval](Quota::replenish_interval).
///
/// ```
/// use std::num::NonZeroU32;
///
/// use governor::Quota;
/// use tower_keep::rate_limit::Limit;
///
/// # fn main() -> Result<(), tower_keep::rate_limit::InvalidLimit> {
/// let quota = Quota::per_minute(NonZeroU32::new(60).unwrap());
/// let limit = Limit::try_from(quota)?;
/// assert_eq!(limit.quota(), 60);
/// # Ok(())
/// # }
/// ```
impl TryFrom<Quota> for Limit {
    type Error = InvalidLimit;

    /// # Errors
    /// If the interval, or what the burst takes, is beyond all measure. An interval of nothing, which a quota of more than 10^9 a second has, counts as
    /// a nanosecond.
    fn try_from(quota: Quota) -> Result<Self, InvalidLimit> {
        Limit::token_bucket(1)
            .per(quota.replenish_interval().max(Duration::from_nanos(1)))
            .burst(quota.burst_size().get().into())
            .build()
    }
}
