//! What the services of one layer share.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};

use super::{
    limiter::{Decision, Left, Limiter},
    refusal::ServiceLimited,
};
use crate::{
    head::RequestHead,
    rate_limit::wire::{
        fields::{Line, RateLimitHeaders, Said},
        refusal::{RefusalBody, Refused, problem},
    },
};

pub(super) type Cost = dyn Fn(&RequestHead<'_>) -> u32 + Send + Sync;

/// The limiter, which clones with other settings share, and the settings.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) limiter: Arc<Limiter>,
    pub(super) name: Arc<str>,
    pub(super) headers: RateLimitHeaders,
    /// What says which limit there is; made by [`Shared::prepare`].
    policy: Option<HeaderValue>,
    /// What says that it is exceeded; made by [`Shared::prepare`].
    problem: Bytes,
    pub(super) body: RefusalBody,
    pub(super) cost: Option<Arc<Cost>>,
}

/// Whether a request is let in.
pub(super) enum Admitted {
    Yes(Option<Admission>),
    No(Response<Bytes>),
}

/// An admission whose response is to say what is left.
pub(super) struct Admission {
    shared: Arc<Shared>,
    left: Left,
}

impl Admission {
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        self.shared.write(headers, self.left, None);
    }
}

impl Shared {
    pub(super) fn new(limiter: Limiter) -> Self {
        let mut new = Self {
            limiter: Arc::new(limiter),
            name: Arc::from("service"),
            headers: RateLimitHeaders::default(),
            policy: None,
            problem: Bytes::new(),
            body: RefusalBody::default(),
            cost: None,
        };
        new.prepare();
        new
    }

    /// Makes what depends on the settings.
    pub(super) fn prepare(&mut self) {
        let full = Left {
            remaining: self.limiter.quota(),
            reset: Duration::ZERO,
        };
        self.policy = self.headers.policy(&[self.line(full)]);
        self.problem = problem(&[&self.name]);
    }

    /// Charges a request with these header fields.
    pub(super) fn admit(self: &Arc<Self>, cost: u32, asked: &HeaderMap) -> Admitted {
        match self.limiter.decide(cost) {
            Decision::Free => Admitted::Yes(None),
            Decision::Admitted(left) => Admitted::Yes(self.admission(left)),
            Decision::Refused(wait, left) => {
                let mut response = self.refusal(asked, Some(wait));
                self.write(response.headers_mut(), left, Some(wait));
                Admitted::No(response)
            }
            Decision::Never => Admitted::No(self.refusal(asked, None)),
        }
    }

    fn admission(self: &Arc<Self>, left: Left) -> Option<Admission> {
        let speaks = self.headers != RateLimitHeaders::None;
        speaks.then(|| Admission {
            shared: Arc::clone(self),
            left,
        })
    }

    /// What a request costs.
    pub(super) fn cost_of<B>(&self, request: &Request<B>) -> u32 {
        let cost = self.cost.as_ref();
        cost.map_or(1, |cost| cost(&RequestHead::of(request)))
    }

    fn refusal(&self, asked: &HeaderMap, retry_after: Option<Duration>) -> Response<Bytes> {
        let refused = Refused {
            violated: &[&self.name],
            retry_after,
            problem: Some(&self.problem),
        };
        let mut response = refused.response(asked, self.body);
        let reason = ServiceLimited { retry_after };
        response.extensions_mut().insert(reason);
        response
    }

    fn line(&self, left: Left) -> Line<'_> {
        Line {
            name: &self.name,
            quota: self.limiter.quota(),
            window: self.limiter.window(),
            remaining: left.remaining,
            reset: left.reset,
        }
    }

    fn write(&self, headers: &mut HeaderMap, left: Left, retry_after: Option<Duration>) {
        let said = Said {
            lines: &[self.line(left)],
            policy: self.policy.as_ref(),
            retry_after,
        };
        self.headers.write(headers, &said, self.limiter.clock());
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("limiter", &self.limiter)
            .field("name", &self.name)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
