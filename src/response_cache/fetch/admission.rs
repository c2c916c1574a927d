//! Whether a response is stored.

use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body;

use crate::{
    key::TargetUri,
    response_cache::{
        CachePolicy,
        core::Core,
        policy::{
            Decision, Rule,
            freshness::ResponseFacts,
            range,
            request::RequestFacts,
            said::Said,
            storable::{Circumstances, Storing, storable},
        },
        stored::{parts::Span, tags::Tags},
    },
};

/// How long the values of the selecting fields of a request may be, in bytes, that a variant is stored for.
/// They stand in its key and in the list of variants.
const MAX_SELECTING: usize = 4096;

/// What decides whether the response to a request is stored: the policy, and what there is room for.
pub(crate) struct Admission<'a> {
    pub(crate) core: &'a Core,
    pub(crate) request: &'a RequestFacts,
    /// The request's fields.
    pub(crate) headers: &'a HeaderMap,
    pub(crate) target: Option<&'a TargetUri>,
    pub(crate) personal: bool,
    /// See [`Exchange::overtaken`].
    pub(crate) overtaken: bool,
}

impl Admission<'_> {
    /// Decides whether a response with these fields is stored, and how.
    pub(crate) fn decide(
        &self,
        facts: &ResponseFacts,
        response: &HeaderMap,
        policy: Option<&CachePolicy>,
        length: Option<u64>,
        tags: &Result<Tags, Rule>,
    ) -> Decision<Option<Storing>> {
        let mut decision = self.storable(facts, response, policy);
        let storing = decision.verdict.as_ref();
        if let Some(rule) = storing.and_then(|storing| self.beyond_limits(storing, length, tags)) {
            decision.verdict = None;
            decision.reason = rule;
            decision.trail = decision.trail.not_stored(rule);
        }
        decision
    }

    fn storable(
        &self,
        facts: &ResponseFacts,
        response: &HeaderMap,
        policy: Option<&CachePolicy>,
    ) -> Decision<Option<Storing>> {
        let also = Circumstances {
            said: Said::updated(None, policy.map(|policy| &policy.said)),
            no_store: policy.is_some_and(|policy| policy.no_store),
            personal: self.personal,
            part: self.part_of(facts.status, response).is_some(),
            content_of_target: self
                .target
                .is_some_and(|target| target.is_content_location(response)),
        };
        let rules = &self.core.settings.rules;
        storable(rules, self.request, facts, response, &also)
    }

    /// Which part of the content a response is, if it is one that was asked for and can be stored.
    pub(crate) fn part_of(&self, status: StatusCode, response: &HeaderMap) -> Option<Span> {
        let (first, last, complete) = range::part(status, response)?;
        let asked = self.headers.contains_key(header::RANGE);
        let fits = usize::try_from(complete).is_ok_and(|length| length <= self.core.max_body());
        (asked && fits && self.request.method == Method::GET).then_some(Span {
            first,
            last,
            complete,
        })
    }

    /// What keeps out a response that may be stored.
    fn beyond_limits(
        &self,
        storing: &Storing,
        length: Option<u64>,
        tags: &Result<Tags, Rule>,
    ) -> Option<Rule> {
        if self.overtaken {
            Some(Rule::Overtaken)
        } else if length.is_some_and(|length| length > self.core.max_body() as u64) {
            Some(Rule::TooLarge)
        } else if storing.vary.selecting(self.headers).len() > MAX_SELECTING {
            Some(Rule::VaryTooLong)
        } else {
            tags.as_ref().err().copied()
        }
    }
}

/// The length that a response announces: by its field, or by a body that knows.
pub(crate) fn announced_length<R: Body>(response: &Response<R>) -> Option<u64> {
    let field = response.headers().get(header::CONTENT_LENGTH);
    let field = field.and_then(|value| value.to_str().ok()?.parse().ok());
    field.or_else(|| response.body().size_hint().exact())
}
