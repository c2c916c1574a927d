//! Whether an attempt is to be followed by another one: functions of what is known of it.

use std::time::Duration;

use http::{Method, StatusCode};

/// Why an attempt is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// It did not reach the server's application, as far as can be known for certain: refused, reset before anything
    /// was sent, given back by HTTP/2.
    NotProcessed,
    /// An error that may pass by itself: a connection that broke, a name that could not be looked up.
    Transient,
    /// The attempt took longer than it may.
    AttemptTimeout,
    /// The status of the response.
    Status(StatusCode),
    /// The status of gRPC.
    Grpc(u32),
    /// A classifier of the application says so.
    Custom,
}

/// What a classifier makes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is what the client gets.
    Final,
    /// It is retried, if the request may be processed twice.
    Retry(Reason),
    /// It is retried whatever the method, as the request has not been processed.
    RetryAlways(Reason),
}

/// What is known of a request that may be retried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// Whether it may be processed twice.
    pub(super) idempotent: bool,
    /// Whether it speaks gRPC.
    pub(super) grpc: bool,
}

impl Facts {
    /// gRPC has its status in trailers, if not in the head.
    pub(super) fn looks_into_bodies(self) -> bool {
        self.grpc && self.idempotent
    }
}

/// RFC 9110 9.2.2.
pub(super) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

/// Statuses that tell of a state that passes: of the way (502, 504), of the server (503), of this connection (408), or
/// of how much it takes from this client (429). Not 500, which says nothing of another attempt, and not 501, which says
/// that it would end the same.
pub(super) fn of_status(status: StatusCode) -> Verdict {
    match status {
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Verdict::Retry(Reason::Status(status)),
        _ => Verdict::Final,
    }
}

/// UNAVAILABLE (14), the code that gRPC's own guide has for "may pass, try again".
pub(super) fn of_grpc(status: u32) -> Verdict {
    match status {
        14 => Verdict::Retry(Reason::Grpc(status)),
        _ => Verdict::Final,
    }
}

impl Verdict {
    /// Why it is to be retried, if it is.
    pub(super) fn for_request(self, facts: Facts) -> Option<Reason> {
        match self {
            Self::Final => None,
            Self::RetryAlways(reason) => Some(reason),
            Self::Retry(reason) => facts.idempotent.then_some(reason),
        }
    }
}

/// How long to wait: what the server has asked for, if that is no longer than it may ask for, or else the backoff.
/// None if it asks for more.
pub(super) fn wait(asked: Option<Duration>, most: Duration, backoff: Duration) -> Option<Duration> {
    match asked {
        None => Some(backoff),
        Some(asked) if asked <= most => Some(asked),
        Some(_) => None,
    }
}
