//! The layer. Its settings are in [`settings`](super::settings).

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use tower_layer::Layer;

use super::{
    RateLimit, RateLimitHeaders, RateLimiter,
    decision::{Refusal, standings_in_full},
    grants::Grants,
    refuse::Answer,
    subject::{Asked, How, Refusing, Subject},
    wire::fields::{Line, Said},
};
use crate::{head::RequestHead, request_key::AsyncKey};

/// Puts limits in front of a service. See the [module docs](super).
///
/// Clones share their keys and counters.
#[derive(Clone, Debug)]
pub struct RateLimitLayer {
    pub(super) core: Core,
}

/// What a layer and its services do.
#[derive(Clone)]
pub(super) struct Core {
    /// In the order in which they are asked.
    pub(super) subjects: Vec<Subject>,
    pub(super) fields: RateLimitHeaders,
    pub(super) answer: Answer,
    pub(super) shadow: bool,
    /// The field that says which limits there are, where these are always the same `lines`.
    policy: Option<HeaderValue>,
    lines: usize,
    /// Whether something is left to do when there is a response.
    pub(super) looks_at_responses: bool,
    /// Whether something may be left to do when its body has ended.
    pub(super) holds_on: bool,
    /// Whether what a limiter further in refuses is given back.
    pub(super) refunds_inside: bool,
    /// Whether there is anything at all left to do after the call.
    pub(super) goes_along: bool,
}

impl RateLimitLayer {
    /// Limits each client by its address: [`key`](Self::key) changes that.
    ///
    /// Takes a [`Limit`](super::Limit), [`Limits`](super::Limits), or a [`RateLimiter`] with settings of its own.
    #[must_use]
    pub fn new(limiter: impl Into<RateLimiter>) -> Self {
        let core = Core {
            subjects: vec![Subject::new(limiter.into())],
            fields: RateLimitHeaders::default(),
            answer: Answer::default(),
            shadow: false,
            policy: None,
            lines: 0,
            looks_at_responses: false,
            holds_on: false,
            refunds_inside: false,
            goes_along: false,
        };
        Self { core }
    }

    /// The limiter of the subject that the settings go to: a handle for what this layer decides. Set its
    /// [limiter](Self::new) and [those after it](Self::and) first.
    #[must_use]
    pub fn limiter(&self) -> &RateLimiter {
        &self.core.last().limiter
    }

    /// The limiters of all subjects, in the order in which they are asked.
    pub fn limiters(&self) -> impl Iterator<Item = &RateLimiter> {
        self.core.subjects.iter().map(|subject| &subject.limiter)
    }

    pub(super) fn last(&mut self) -> &mut Subject {
        self.core.subjects.last_mut().expect(AT_LEAST_ONE)
    }
}

const AT_LEAST_ONE: &str = "a layer has a subject from the beginning";

impl Core {
    fn last(&self) -> &Subject {
        self.subjects.last().expect(AT_LEAST_ONE)
    }

    /// The same, with what follows from the settings.
    fn prepared(&self) -> Self {
        let in_flight = |s: &Subject| s.plan.is_some() || s.limiter.core().limits.count_in_flight();
        let (policy, lines) = self.policy();
        let mut subjects = self.subjects.iter();
        let looks_at_responses = self.subjects.iter().any(Subject::looks_at_responses);
        let holds_on = subjects.any(|s| s.sends_bytes() || in_flight(s));
        let at_once = self.refunds_inside || looks_at_responses || self.tells();
        Self {
            policy,
            lines,
            looks_at_responses,
            holds_on,
            goes_along: at_once || holds_on,
            ..self.clone()
        }
    }

    fn policy(&self) -> (Option<HeaderValue>, usize) {
        if self.subjects.iter().any(|subject| subject.plan.is_some()) {
            return (None, 0);
        }
        let limits = self.subjects.iter().map(|s| &s.limiter.core().limits);
        let lines: Vec<Line<'_>> = limits.flat_map(standings_in_full).map(Line::from).collect();
        (self.fields.policy(&lines), lines.len())
    }

    /// Whether responses say what is left.
    #[inline]
    pub(super) fn tells(&self) -> bool {
        self.fields != RateLimitHeaders::None && !self.shadow
    }

    #[inline]
    fn how(&self) -> How {
        How {
            tell: self.tells(),
            shadow: self.shadow,
        }
    }

    /// Asks the subjects that have not said anything yet.
    #[inline]
    pub(super) fn ask(&self, grants: &mut Grants, head: &RequestHead<'_>) -> Asked {
        for subject in &self.subjects[grants.len()..] {
            match subject.ask(head, grants, self.how()) {
                Asked::Passed => {}
                other => return self.instead(other, grants),
            }
        }
        Asked::Passed
    }

    /// The next subject has its key; the others go on.
    pub(super) fn go_on(
        &self,
        grants: &mut Grants,
        head: &RequestHead<'_>,
        key: &AsyncKey,
    ) -> Asked {
        match self.subjects[grants.len()].decide_later(head, grants, self.how(), key) {
            Asked::Passed => self.ask(grants, head),
            other => self.instead(other, grants),
        }
    }

    /// A shadow refuses nobody, and goes no further then: what was charged is given back, as it would be.
    fn instead(&self, asked: Asked, grants: &mut Grants) -> Asked {
        match asked {
            Asked::Refused(_) if self.shadow => {
                grants.forgo(&self.subjects);
                Asked::Passed
            }
            asked => asked,
        }
    }

    /// The refusal of the subject that comes after those that have granted something, which is given back.
    pub(super) fn refusal(&self, mut grants: Grants, refusing: Refusing) -> Refusal {
        let refuses = &self.subjects[grants.len()];
        let granted = grants.with(&self.subjects);
        let limits: usize = granted
            .map(|(subject, grant)| grant.limits(subject).iter().len())
            .sum();
        let mut lefts = grants.take_lefts();
        // Where nothing is told there are none.
        lefts.drain(..limits.min(lefts.len()));
        grants.forgo(&self.subjects);
        refuses.refusal(refusing, lefts)
    }

    /// Whether the request has to wait for its turn. Nobody waits for a shadow.
    #[inline]
    pub(super) fn is_delayed(&self, grants: &Grants) -> bool {
        let mut granted = grants.with(&self.subjects);
        !self.shadow && granted.any(|(_, grant)| grant.charge.delay > 0)
    }

    pub(super) fn write_fields(
        &self,
        headers: &mut HeaderMap,
        lines: &[Line<'_>],
        retry_after: Option<Duration>,
    ) {
        let said = Said {
            lines,
            policy: self.policy.as_ref().filter(|_| lines.len() == self.lines),
            retry_after,
        };
        let clock = self.last().limiter.core().time.clock();
        self.fields.write(headers, &said, clock);
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit::new(inner, Arc::new(self.core.prepared()))
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("subjects", &self.subjects)
            .field("fields", &self.fields)
            .field("shadow", &self.shadow)
            .finish_non_exhaustive()
    }
}
