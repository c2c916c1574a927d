//! What attempts mean.

use std::error::Error;

use http::Method;

use super::judge::{self, Reason, Verdict};
use crate::{classify::Failure, error::BoxError, head::ResponseHead};

/// How an attempt ended, for a [`Classify`].
#[derive(Debug)]
pub struct Attempt<'a, E> {
    /// The method of the request.
    pub method: &'a Method,
    /// The head of the response, or the error of the inner service.
    pub result: Result<ResponseHead<'a>, &'a E>,
}

/// Says which attempts are to be followed by another one. Closures do, see
/// [`RetryLayer::classify`](super::RetryLayer::classify).
pub trait Classify<E>: Send + Sync + 'static {
    /// What is to be done after an attempt.
    fn classify(&self, attempt: &Attempt<'_, E>) -> Verdict;
}

impl<F, E> Classify<E> for F
where
    F: Fn(&Attempt<'_, E>) -> Verdict + Send + Sync + 'static,
{
    fn classify(&self, attempt: &Attempt<'_, E>) -> Verdict {
        self(attempt)
    }
}

/// The default: 408, 429, 502, 503 and 504, and errors that pass by themselves, told by their types through the whole
/// chain of sources.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transient;

impl<E: Error + 'static> Classify<E> for Transient {
    fn classify(&self, attempt: &Attempt<'_, E>) -> Verdict {
        match attempt.result {
            Ok(answer) => judge::of_status(answer.status()),
            Err(error) => of_error(error),
        }
    }
}

/// The same for services whose error is [`BoxError`], such as those of `tower::timeout` and `tower::buffer`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransientBoxed;

impl Classify<BoxError> for TransientBoxed {
    fn classify(&self, attempt: &Attempt<'_, BoxError>) -> Verdict {
        match attempt.result {
            Ok(answer) => judge::of_status(answer.status()),
            Err(error) => of_error(&**error),
        }
    }
}

fn of_error(error: &(dyn Error + 'static)) -> Verdict {
    match Failure::of(error) {
        Failure::NotProcessed => Verdict::RetryAlways(Reason::NotProcessed),
        Failure::Transient => Verdict::Retry(Reason::Transient),
        Failure::Permanent => Verdict::Final,
    }
}
