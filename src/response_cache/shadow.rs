//! A cache that looks on: see [`ResponseCacheLayer::shadow`](super::ResponseCacheLayer::shadow).

use std::sync::Arc;

use http::{Request, Response, StatusCode, request::Parts};
use http_body::Body;
use tower_service::Service;

use super::{
    answer::{
        body::ResponseBody,
        looked::Looked,
        stale::{Failed, Fallback, instead},
    },
    core::Core,
    fetch::{
        admission::announced_length,
        exchange::{Exchange, Update},
    },
    flow::{Found, fetch, send},
    policy::{Rule, reuse::Reuse, stale, validation},
    request::{body::RequestBody, plan::Asked},
    stored::entry::Entry,
};
use crate::error::BoxError;

/// Lets the inner service answer, and counts and stores as if what was found had been used.
pub(super) async fn answer<S, Q, R>(
    core: Arc<Core>,
    mut inner: S,
    parts: Parts,
    body: RequestBody<Q>,
    asked: Asked,
    looked: Looked,
) -> Result<Response<ResponseBody<R>>, S::Error>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let reason = looked.decision.reason;
    let looked = match (looked.decision.verdict, looked.served()) {
        (Reuse::Refresh, Some(entry)) => {
            core.stats.shadowed(reason);
            // The response to this request is what the refresh behind it would bring.
            Looked::refreshing(Arc::clone(entry), reason)
        }
        (_, Some(entry)) => {
            core.stats.shadowed(reason);
            let response = send(&mut inner, Request::from_parts(parts, body)).await?;
            if asked.for_whole && differs(&response, entry) {
                core.stats.shadow_differed();
            }
            return Ok(response.map(ResponseBody::passed));
        }
        (_, None) if asked.is_only_if_cached() => {
            core.stats.answered(false, Rule::OnlyIfCached);
            let response = send(&mut inner, Request::from_parts(parts, body)).await?;
            return Ok(response.map(ResponseBody::passed));
        }
        (_, None) => looked,
    };
    let found = Found {
        looked,
        part: None,
        fallback: Fallback::IfAllowed,
    };
    fetch(core, inner, parts, body, asked, found).await
}

/// Whether a response shows that a stored one is not what the inner service answers by now. An error of the
/// server shows nothing.
fn differs<R: Body>(response: &Response<R>, entry: &Entry) -> bool {
    let (status, fields) = (response.status(), response.headers());
    let length = announced_length(response);
    let differs = status != entry.head.status
        || length.is_some_and(|length| length != entry.length())
        || validation::head_contradicts(fields, &entry.head.headers, entry.body.len());
    differs && !status.is_server_error()
}

impl Exchange {
    /// Draws the conclusions from what came, and passes it on as it is.
    pub(super) async fn observed<R, E>(
        self: Box<Self>,
        result: Result<Response<R>, E>,
    ) -> Result<Response<ResponseBody<R>>, E>
    where
        R: Body + Send + 'static,
        R::Error: Into<BoxError>,
    {
        let status = result.as_ref().ok().map(Response::status);
        let failed = status.is_none_or(stale::is_error);
        if failed && self.has_instead::<R>(status) {
            return result.map(|response| response.map(ResponseBody::passed));
        }
        let response = result?;
        let fields = response.headers().clone();
        if status == Some(StatusCode::NOT_MODIFIED)
            && self.validates()
            && let Some(base) = self.confirmed(&fields)
        {
            let policy = response.extensions().get().cloned();
            let update = Update {
                headers: &fields,
                policy: policy.as_ref(),
            };
            Box::pin(self.freshen::<R>(&base, update)).await;
            return Ok(response.map(ResponseBody::passed));
        }
        let mut response = Box::pin(self.accept(response)).await;
        *response.headers_mut() = fields;
        Ok(response)
    }

    /// Whether something stored would have taken the place of a failure; counted if so.
    fn has_instead<R>(&self, status: Option<StatusCode>) -> bool {
        let failed = Failed {
            status,
            collapsed: false,
        };
        // A failure never takes the place of what would have been refreshed.
        let fallback = if self.looked.background {
            Fallback::Always
        } else {
            Fallback::IfAllowed
        };
        let (asked, headers) = (&self.asked, &self.headers);
        instead::<R>(&self.core, asked, headers, &self.looked, failed, fallback).is_some()
    }
}
