//! What an explanation says.

use std::{fmt, time::Duration};

use crate::response_cache::policy::{Rule, Trail, reuse::Candidate};

/// What becomes of a request or of a response: the decision of an [`Explanation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// What is stored answers the request.
    Serve,
    /// What is stored answers the request, and is refreshed behind it (RFC 5861 3).
    Refresh,
    /// The request goes to the inner service, which may confirm what is stored: it gets the validators of
    /// that (RFC 9111 4.3.1).
    Validate,
    /// The request goes to the inner service as it is.
    Fetch,
    /// The request passes the cache by: it goes to the inner service, and its response is not stored.
    Pass,
    /// The request is refused with a 504: it wants nothing but what is stored (RFC 9111 5.2.1.7).
    Refuse,
    /// The response is stored.
    Store,
    /// The response is not stored.
    DoNotStore,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serve => "served from store",
            Self::Refresh => "served from store, and refreshed",
            Self::Validate => "sent on, to confirm what is stored",
            Self::Fetch => "sent on",
            Self::Pass => "passed by",
            Self::Refuse => "refused",
            Self::Store => "stored",
            Self::DoNotStore => "not stored",
        })
    }
}

/// For how long a stored response is of use, or one that would be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Freshness {
    /// The current age (RFC 9111 4.2.3).
    pub age: Duration,
    /// How long the response is fresh in all (RFC 9111 4.2.1), or was until an invalidation made it stale.
    pub lifetime: Duration,
    /// The seconds of freshness that are left, negative if it is stale: what Cache-Status shows as `ttl`.
    pub ttl: i64,
    /// How long past its freshness it is served while it is refreshed (RFC 5861 3).
    pub stale_while_revalidate: Duration,
    /// How long past its freshness it is served in place of an error (RFC 5861 4).
    pub stale_if_error: Duration,
    /// How much longer it is kept, for validation at least.
    pub kept_for: Duration,
    /// Whether it is validated at each use (RFC 9111 5.2.2.4).
    pub always_validated: bool,
}

impl Freshness {
    pub(super) fn of(candidate: &Candidate<'_>, kept_for: Duration) -> Self {
        let terms = candidate.terms;
        Self {
            age: candidate.age,
            lifetime: candidate.lifetime,
            ttl: candidate.ttl(),
            stale_while_revalidate: terms.windows.while_revalidate,
            stale_if_error: terms.windows.if_error,
            kept_for,
            always_validated: terms.validate_always,
        }
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lifetime = self.lifetime.as_secs();
        write!(
            f,
            "fresh for {lifetime} s in all, {} s of them left",
            self.ttl
        )?;
        for (window, what) in [
            (self.stale_while_revalidate, "served stale while refreshed"),
            (self.stale_if_error, "served stale in place of an error"),
            (self.kept_for, "kept"),
        ] {
            if !window.is_zero() {
                write!(f, "; {what} for {} s", window.as_secs())?;
            }
        }
        if self.always_validated {
            f.write_str("; validated at each use")?;
        }
        Ok(())
    }
}

/// Why a request or a response is treated as it is: what
/// [`explain`](crate::response_cache::ResponseCacheLayer::explain) and
/// [`explain_response`](crate::response_cache::ResponseCacheLayer::explain_response) answer.
///
/// It is written as lines of text: the verdict and its rule, the other rules that led there, for how long the
/// response is of use, and what to change.
///
/// ```
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::{Empty, Full};
/// use tower_keep::ResponseCacheLayer;
///
/// # fn main() -> Result<(), http::Error> {
/// let request = Request::get("http://example.test/").body(Empty::<Bytes>::new())?;
/// let response = Response::builder()
///     .header("cache-control", "private, max-age=60")
///     .body(Full::new(Bytes::from("hello")))?;
///
/// let explanation = ResponseCacheLayer::new().explain_response(&request, &response);
/// assert_eq!(
///     explanation.to_string(),
///     "not stored: private (RFC 9111 5.2.2.7). The response says `private`, and this cache is shared.\n\
///      also max-age (RFC 9111 5.2.2.1). `max-age` gave the lifetime.\n\
///      to change private: Let the response go without `private` if it is the same for everybody. Else store \
///      it for each user, with `CacheKey::user`, or in a cache of one user's own, `ResponseCacheLayer::private`."
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What becomes of it.
    pub verdict: Verdict,
    /// The rule that decided so.
    pub reason: Rule,
    /// All rules that led there.
    pub trail: Trail,
    /// For how long the response is of use: the stored one that the request selects, or the one that is to be
    /// stored. `None` where there is none.
    pub freshness: Option<Freshness>,
    /// Whether what is stored would take the place of an error, if the inner service answered with one now
    /// (RFC 5861 4).
    pub stale_if_error: bool,
}

impl Explanation {
    pub(super) fn new(verdict: Verdict, reason: Rule, trail: Trail) -> Self {
        Self {
            verdict,
            reason,
            trail,
            freshness: None,
            stale_if_error: false,
        }
    }

    /// The seconds of freshness that are left, negative if the response is stale; see [`Freshness::ttl`].
    #[must_use]
    pub fn ttl(&self) -> Option<i64> {
        self.freshness.map(|freshness| freshness.ttl)
    }

    /// What to change if this is not what was wanted: what each rule that stands in the way
    /// [advises](Rule::advice), that of the [`reason`](Self::reason) first. Nothing where the request is
    /// answered from store.
    pub fn advice(&self) -> impl Iterator<Item = (Rule, &'static str)> {
        let served = matches!(self.verdict, Verdict::Serve | Verdict::Refresh);
        self.rules()
            .filter(move |_| !served)
            .filter_map(|rule| Some((rule, rule.advice()?)))
    }

    /// The reason, then the other rules of the trail.
    fn rules(&self) -> impl Iterator<Item = Rule> {
        let reason = self.reason;
        let others = self.trail.iter().filter(move |rule| *rule != reason);
        std::iter::once(reason).chain(others)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}. {}",
            self.verdict,
            self.reason,
            self.reason.meaning()
        )?;
        for rule in self.rules().skip(1) {
            write!(f, "\nalso {rule}. {}", rule.meaning())?;
        }
        if let Some(freshness) = &self.freshness {
            write!(f, "\n{freshness}")?;
        }
        if self.stale_if_error {
            f.write_str("\nan error would be answered with what is stored")?;
        }
        for (rule, advice) in self.advice() {
            write!(f, "\nto change {}: {advice}", rule.name())?;
        }
        Ok(())
    }
}
