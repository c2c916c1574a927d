//! Why the cache itself answered with an error.

use std::fmt;

/// Why the cache answered with an error of its own, in the extensions of that response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// 504: the request says `only-if-cached` and nothing stored may answer it (RFC 9111 5.2.1.7).
    OnlyIfCached,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlyIfCached => "only a stored response was asked for, and none may be used",
        })
    }
}
