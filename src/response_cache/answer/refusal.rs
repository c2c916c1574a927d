//! Answers of the cache itself where there is no other.

use std::fmt;

use http::{Response, StatusCode};

use super::{body::ResponseBody, report::Report};
use crate::response_cache::core::Core;

/// Why the cache answered with an error of its own, in the extensions of that response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// 504: the request says `only-if-cached` and nothing stored may answer it (RFC 9111 5.2.1.7).
    OnlyIfCached,
    /// 502: the request waited for others that asked the inner service the same, and they failed.
    OriginFailed,
    /// 504: the request waited for others that asked the inner service the same, for too long.
    OriginTimedOut,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::OriginFailed => StatusCode::BAD_GATEWAY,
            Self::OnlyIfCached | Self::OriginTimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    pub(crate) fn response<B>(self, core: &Core, report: &Report<'_>) -> Response<ResponseBody<B>> {
        let mut response = Response::new(ResponseBody::empty());
        *response.status_mut() = self.status();
        response.extensions_mut().insert(self);
        report.write(core, &mut response);
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OnlyIfCached => "only a stored response was asked for, and none may be used",
            Self::OriginFailed => "other requests asked for the same, and the inner service failed",
            Self::OriginTimedOut => {
                "other requests asked for the same, and the inner service took too long"
            }
        })
    }
}
