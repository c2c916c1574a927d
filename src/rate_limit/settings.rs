//! The settings of the layer.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use http::Response;

use super::{
    Limits, RateLimitHeaders, RateLimitLayer, RateLimiter, RefusalBody, WithoutKey,
    decision::Refusal,
    refuse::Answer,
    subject::{CostAfter, Source, Subject},
};
use crate::{
    head::{RequestHead, ResponseHead},
    request_key::{KeyExtractor, LimitKey},
};

/// # Whom the limits are for, and what counts
///
/// Each of these is for the subject that was begun last: by [`new`](RateLimitLayer::new) or [`and`](Self::and).
impl RateLimitLayer {
    /// Begins another subject, asked after those before it: limits per address *and* per API key. What the first ones
    /// have charged is given back if this one refuses. That is not one step: a request that comes in between may be
    /// refused for what is given back a moment later.
    ///
    /// ```
    /// use tower_keep::{RateLimitLayer, minutes, rate_limit::{HeaderKey, Limit, WithoutKey}};
    ///
    /// # fn main() -> Result<(), tower_keep::rate_limit::InvalidLimit> {
    /// let per_address = Limit::token_bucket(100).per(minutes(1)).name("address").build()?;
    /// let per_key = Limit::sliding_window(1_000).per(minutes(1)).name("key").build()?;
    /// let layer = RateLimitLayer::new(per_address)
    ///     .and(per_key)
    ///     .key(HeaderKey::api_key())
    ///     .without_key(WithoutKey::Skip);
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn and(mut self, limiter: impl Into<RateLimiter>) -> Self {
        self.core.subjects.push(Subject::new(limiter.into()));
        self
    }

    /// Gives back what it has charged where a limiter further in refuses the request: another layer of this kind, a
    /// [`ServiceLimitLayer`](super::ServiceLimitLayer), an
    /// [`AdaptiveConcurrencyLayer`](super::AdaptiveConcurrencyLayer). Otherwise such a request has used up some of
    /// this limit, as whatever stands in between has had its work with it: an authentication, say, that this limit
    /// is to protect. It is for the whole layer.
    #[must_use]
    pub fn refund_what_is_refused_inside(mut self) -> Self {
        self.core.refunds_inside = true;
        self
    }

    /// What requests are told apart by: the address of the peer if this is not said.
    #[must_use]
    pub fn key(mut self, key: impl KeyExtractor) -> Self {
        self.last().key = Source::Now(Arc::new(key));
        self
    }

    /// The same with a key that has to be waited for: that of an account in a database. `None` where there is no key.
    ///
    /// A client that leaves meanwhile is not charged.
    #[must_use]
    pub fn key_async<F, R, K>(mut self, find: F) -> Self
    where
        F: Fn(&RequestHead<'_>) -> R + Send + Sync + 'static,
        R: Future<Output = Option<K>> + Send + 'static,
        K: LimitKey + Send + 'static,
    {
        self.last().key = Source::Later(Arc::new(find));
        self
    }

    /// What happens to a request without a key, one without a known peer for example: they
    /// [share one](WithoutKey::Share) if this is not said.
    #[must_use]
    pub fn without_key(mut self, choice: WithoutKey) -> Self {
        self.last().without_key = choice;
        self
    }

    /// Requests that are not limited: health checks, the application's own address.
    #[must_use]
    pub fn skip(mut self, skip: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.last().skip = Some(Arc::new(skip));
        self
    }

    /// What a request costs: one if this is not said. What costs nothing is admitted, what costs more than the limit
    /// holds never is.
    #[must_use]
    pub fn cost(mut self, cost: impl Fn(&RequestHead<'_>) -> u64 + Send + Sync + 'static) -> Self {
        self.last().cost = Some(Arc::new(cost));
        self
    }

    /// What a request has cost, by its response; `None` for what it was charged before. The limit can be exceeded by
    /// that: then the next ones wait until it is paid off.
    #[must_use]
    pub fn cost_after(
        mut self,
        cost: impl Fn(&ResponseHead<'_>) -> Option<u64> + Send + Sync + 'static,
    ) -> Self {
        self.last().cost_after = Some(CostAfter::Said(Arc::new(cost)));
        self
    }

    /// A request costs the bytes of its response's body, in place of what it was charged before. They are charged when
    /// the body has ended, or its reader has left.
    #[must_use]
    pub fn cost_of_bytes_sent(mut self) -> Self {
        self.last().cost_after = Some(CostAfter::BytesSent);
        self
    }

    /// Which responses count: failed logins, for example. All requests are charged before the call, so that guesses
    /// made at the same time do not slip through; those that do not count are refunded afterwards. An error of the
    /// inner service counts, and so does a request whose client leaves before there is a response.
    #[must_use]
    pub fn count_only(
        mut self,
        counts: impl Fn(&ResponseHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.last().counts = Some(Arc::new(counts));
        self
    }

    /// The limits of a request, those of a plan for example; `None` for those of the layer. When the limits of a key
    /// change, what it has used stays used.
    ///
    /// Build plans once and clone them: [`Limits`] that are the same are recognised by that. Their counts are asked of
    /// the plan, [`Limits::stats`].
    #[must_use]
    pub fn plan(
        mut self,
        plan: impl Fn(&RequestHead<'_>) -> Option<Limits> + Send + Sync + 'static,
    ) -> Self {
        self.last().plan = Some(Arc::new(plan));
        self
    }
}

/// # What it says
impl RateLimitLayer {
    /// The fields of responses that say what is left: those of the IETF's draft if this is not said.
    #[must_use]
    pub fn headers(mut self, fields: RateLimitHeaders) -> Self {
        self.core.fields = fields;
        self
    }

    /// The body of refusals: problem details in JSON (RFC 9457) if this is not said.
    #[must_use]
    pub fn refusal_body(mut self, body: RefusalBody) -> Self {
        self.core.answer = Answer::Ours(body);
        self
    }

    /// Refuses with responses of your own. The fields of [`headers`](Self::headers) are added to them, and so is
    /// `Retry-After`; `Cache-Control: no-store` is, where they do not say anything about caching.
    #[must_use]
    pub fn refuse_with(
        mut self,
        answer: impl Fn(&RequestHead<'_>, &Refusal) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.core.answer = Answer::Theirs(Arc::new(answer));
        self
    }

    /// Refuses nobody, says nothing, and counts what it would have refused
    /// ([`LimitStats::shadowed`](super::LimitStats::shadowed)).
    #[must_use]
    pub fn shadow(mut self) -> Self {
        self.core.shadow = true;
        self
    }
}
