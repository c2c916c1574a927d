//! What the outcome of a request says of the service.

use std::{fmt, sync::Arc};

use http::{HeaderValue, StatusCode};

use crate::head::Outcome;

/// What an adaptive limit makes of an [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ordinary work: its latency counts.
    Measured,
    /// A sign of overload: the limit falls, whatever the latency.
    Dropped,
    /// Neither: it might have been fast because nothing was done.
    Ignored,
}

impl Verdict {
    /// What is made of an outcome where nothing else is set.
    ///
    /// Dropped: errors of the service, 503, 504, and gRPC's `UNAVAILABLE` (14) and `DEADLINE_EXCEEDED` (4) in the head.
    /// Ignored: other 5xx, 429 and gRPC's `RESOURCE_EXHAUSTED` (8), by a limit further in, and 101. All else is
    /// measured.
    #[must_use]
    pub fn of(outcome: &Outcome<'_>) -> Self {
        let Some(head) = outcome.response() else {
            return Self::Dropped;
        };
        let status = head.status();
        let grpc = head.headers().get("grpc-status").map(HeaderValue::as_bytes);
        match (status, grpc) {
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT, _)
            | (_, Some(b"4" | b"14")) => Self::Dropped,
            (StatusCode::TOO_MANY_REQUESTS | StatusCode::SWITCHING_PROTOCOLS, _)
            | (_, Some(b"8")) => Self::Ignored,
            _ if status.is_server_error() => Self::Ignored,
            _ => Self::Measured,
        }
    }
}

type Judge = dyn Fn(&Outcome<'_>) -> Verdict + Send + Sync;

/// What makes verdicts.
#[derive(Clone)]
pub(super) struct Judging(Arc<Judge>);

impl Judging {
    pub(super) fn new(judge: impl Fn(&Outcome<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        Self(Arc::new(judge))
    }

    pub(super) fn of(&self, outcome: &Outcome<'_>) -> Verdict {
        (self.0)(outcome)
    }
}

impl fmt::Debug for Judging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judging").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;

    #[test]
    fn overload_is_told_from_work_and_from_neither() {
        for (status, grpc, verdict) in [
            (200, None, Verdict::Measured),
            (404, None, Verdict::Measured),
            (200, Some("5"), Verdict::Measured),
            (503, None, Verdict::Dropped),
            (504, None, Verdict::Dropped),
            (200, Some("14"), Verdict::Dropped),
            (200, Some("4"), Verdict::Dropped),
            (500, None, Verdict::Ignored),
            (429, None, Verdict::Ignored),
            (200, Some("8"), Verdict::Ignored),
            (101, None, Verdict::Ignored),
        ] {
            let mut response = Response::builder().status(status);
            if let Some(grpc) = grpc {
                response = response.header("grpc-status", grpc);
            }
            let result: Result<_, ()> = Ok(response.body(()).unwrap());
            let outcome = Outcome::of(&result);
            assert_eq!(Verdict::of(&outcome), verdict, "{status} {grpc:?}");
        }
        assert_eq!(Verdict::of(&Outcome::failed(&"any")), Verdict::Dropped);
    }
}
