//! One attempt, as long as it may take.

use std::{future::Future, pin::pin};

use futures_util::future::{Either, select};
use http::{HeaderName, Response};
use http_body::Body;

use super::{answer::RetryBody, core::Core, judge::Facts, outcome::TimedOut};
use crate::{clock::Moment, error::BoxError};

/// The number of an attempt.
pub(super) const ATTEMPT: HeaderName = HeaderName::from_static("x-attempt");

/// How an attempt ended.
pub(super) enum Ended<R, E> {
    Answered(Response<RetryBody<R>>),
    Failed(E),
    TimedOut(TimedOut),
}

/// Attempts until the head of a response is there, or a time limit passes: the attempt's own, or that of the request.
pub(super) async fn attempt<C, R, E>(
    core: &Core<C>,
    facts: Facts,
    until: Option<Moment>,
    attempt: impl Future<Output = Result<Response<R>, E>>,
) -> Ended<R, E>
where
    R: Body,
    R::Error: Into<BoxError>,
{
    let clock = &core.clock;
    let own = core.attempt_timeout.map(|time| clock.now() + time);
    let (limit, whole) = match (own, until) {
        (Some(own), Some(all)) if all <= own => (Some(all), true),
        (None, Some(all)) => (Some(all), true),
        (own, _) => (own, false),
    };
    let ended = match limit {
        None => attempt.await,
        Some(limit) => match select(pin!(attempt), clock.sleep_until(limit)).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => return Ended::TimedOut(TimedOut { whole }),
        },
    };
    match ended {
        Ok(response) => Ended::Answered(response.map(|body| body_of(facts, body))),
        Err(error) => Ended::Failed(error),
    }
}

/// The body of a response, which can be looked into where that tells more of it.
pub(super) fn body_of<R>(facts: Facts, body: R) -> RetryBody<R> {
    if facts.looks_into_bodies() {
        RetryBody::peekable(body)
    } else {
        RetryBody::passed(body)
    }
}
