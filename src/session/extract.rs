//! Sessions in axum.

use axum::{
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};

use super::{error::SessionError, finish::refusal, handle::Session};

/// No [`SessionLayer`](super::SessionLayer) is around the handler: 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no session layer is around the handler")]
pub struct NoSessionLayer(());

impl<D, S: Sync> FromRequestParts<S> for Session<D> {
    type Rejection = NoSessionLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoSessionLayer> {
        let session = Session::of(&parts.extensions);
        session.map(Session::typed).ok_or(NoSessionLayer(()))
    }
}

impl<D, S: Sync> OptionalFromRequestParts<S> for Session<D> {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Option<Self>, std::convert::Infallible> {
        Ok(Session::of(&parts.extensions).map(Session::typed))
    }
}

impl IntoResponse for NoSessionLayer {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl IntoResponse for SessionError {
    fn into_response(self) -> Response {
        refusal(&self).map(Body::from)
    }
}
