//! What the outcome of a request says of the service.

use std::{fmt, sync::Arc};

use http::{HeaderValue, StatusCode};

use crate::head::Outcome;

/// What a circuit makes of an [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The service works. If the call took too long, it counts as slow.
    Success,
    /// The service does not work.
    Failure,
    /// Neither; it does not count.
    Ignored,
}

impl Verdict {
    /// What is made of an outcome where nothing else is set: errors of the service are failures, and so are responses
    /// with a 5xx, and those whose head has one of gRPC's UNKNOWN (2), `DEADLINE_EXCEEDED` (4), INTERNAL (13),
    /// UNAVAILABLE (14) and `DATA_LOSS` (15). All else is success: what clients get wrong says nothing against a
    /// service.
    #[must_use]
    pub fn of(outcome: &Outcome<'_>) -> Self {
        let Some(head) = outcome.response() else {
            return Self::Failure;
        };
        let grpc = || head.headers().get("grpc-status").map(HeaderValue::as_bytes);
        let failed = head.status().is_server_error()
            || head.status() == StatusCode::OK
                && matches!(grpc(), Some(b"2" | b"4" | b"13" | b"14" | b"15"));
        if failed { Self::Failure } else { Self::Success }
    }
}

type Judge = dyn Fn(&Outcome<'_>) -> Verdict + Send + Sync;

/// What makes verdicts.
#[derive(Clone, Default)]
pub(super) struct Judging(Option<Arc<Judge>>);

impl Judging {
    pub(super) fn by(judge: impl Fn(&Outcome<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(judge)))
    }

    #[inline]
    pub(super) fn of(&self, outcome: &Outcome<'_>) -> Verdict {
        match &self.0 {
            None => Verdict::of(outcome),
            Some(judge) => judge(outcome),
        }
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
    fn failures_are_told_from_what_clients_get_wrong() {
        for (status, grpc, verdict) in [
            (200, None, Verdict::Success),
            (404, None, Verdict::Success),
            (429, None, Verdict::Success),
            (500, None, Verdict::Failure),
            (503, None, Verdict::Failure),
            (200, Some("0"), Verdict::Success),
            (200, Some("5"), Verdict::Success),
            (200, Some("2"), Verdict::Failure),
            (200, Some("4"), Verdict::Failure),
            (200, Some("13"), Verdict::Failure),
            (200, Some("14"), Verdict::Failure),
            (200, Some("15"), Verdict::Failure),
        ] {
            let mut response = Response::builder().status(status);
            if let Some(grpc) = grpc {
                response = response.header("grpc-status", grpc);
            }
            let result: Result<_, ()> = Ok(response.body(()).unwrap());
            assert_eq!(
                Verdict::of(&Outcome::of(&result)),
                verdict,
                "{status} {grpc:?}"
            );
        }
        assert_eq!(Verdict::of(&Outcome::failed(&"any")), Verdict::Failure);
    }
}
