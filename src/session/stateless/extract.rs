//! Sessions in cookies in axum.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header, request::Parts};

use super::{error::CookieSessionError, handle::CookieSession};

/// No [`CookieSessionLayer`](super::CookieSessionLayer) is around the handler: 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no layer of sessions in cookies is around the handler")]
pub struct NoCookieSessionLayer(());

impl<S: Sync> FromRequestParts<S> for CookieSession {
    type Rejection = NoCookieSessionLayer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoCookieSessionLayer> {
        Self::of(&parts.extensions).ok_or(NoCookieSessionLayer(()))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for CookieSession {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(&parts.extensions))
    }
}

impl IntoResponse for NoCookieSessionLayer {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl IntoResponse for CookieSessionError {
    fn into_response(self) -> Response {
        let no_store = [(header::CACHE_CONTROL, "no-store")];
        (self.status(), no_store, self.to_string()).into_response()
    }
}
