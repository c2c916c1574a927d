use std::fmt;

use super::BoxError;

/// Why a store gave no answer.
///
/// After an error of a call that changes something it is unknown whether the change took place.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct StoreError {
    kind: Kind,
    source: Option<BoxError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Timeout,
    Unavailable,
}

impl StoreError {
    /// The store did not answer in time.
    #[must_use]
    pub fn timeout() -> Self {
        Self {
            kind: Kind::Timeout,
            source: None,
        }
    }

    /// The store could not be asked, or answered nothing of use.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self {
            kind: Kind::Unavailable,
            source: Some(source.into()),
        }
    }

    /// Whether the store did not answer in time.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.kind == Kind::Timeout
    }

    /// Whether the store could not be asked, or answered nothing of use.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == Kind::Unavailable
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "the store did not answer in time",
            Self::Unavailable => "the store is unavailable",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_store_error_tells_its_kind_and_keeps_its_source() {
        let error = StoreError::unavailable("connection refused");
        assert!(error.is_unavailable() && !error.is_timeout());
        assert_eq!(error.source().unwrap().to_string(), "connection refused");
        assert_eq!(error.to_string(), "the store is unavailable");
        let error = StoreError::timeout();
        assert!(error.is_timeout() && !error.is_unavailable() && error.source().is_none());
    }
}
