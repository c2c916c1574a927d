//! Durations as one says them.
//!
//! Settings read better as `minutes(5)` than as `Duration::from_secs(300)`; the constructors for
//! larger units are not stable in the standard library at the crate's minimum Rust version.
//!
//! ```
//! use std::time::Duration;
//! use tower_keep::{hours, minutes};
//!
//! assert_eq!(minutes(5), Duration::from_secs(300));
//! assert_eq!(hours(2), minutes(120));
//! ```

use std::time::Duration;

/// `n` seconds.
#[must_use]
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// `n` minutes; [`u64::MAX`] seconds where that would overflow.
#[must_use]
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60))
}

/// `n` hours; [`u64::MAX`] seconds where that would overflow.
#[must_use]
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60 * 60))
}

/// `n` days of 24 hours; [`u64::MAX`] seconds where that would overflow.
#[must_use]
pub const fn days(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(24 * 60 * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_multiples_of_each_other() {
        assert_eq!(seconds(60), minutes(1));
        assert_eq!(minutes(60), hours(1));
        assert_eq!(hours(24), days(1));
        assert_eq!(days(1).as_secs(), 86_400);
    }

    #[test]
    fn a_number_too_large_saturates() {
        let longest = Duration::from_secs(u64::MAX);
        assert_eq!(minutes(u64::MAX), longest);
        assert_eq!(hours(u64::MAX / 60), longest);
        assert_eq!(days(u64::MAX / 3600), longest);
    }
}
