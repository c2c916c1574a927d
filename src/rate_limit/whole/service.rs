//! The service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    future::ServiceLimitFuture,
    shared::{Admitted, Shared},
};
use crate::wire::body::ResponseBody;

/// The service of [`ServiceLimitLayer`](super::ServiceLimitLayer). See the docs there.
///
/// It is ready when the inner service is: the limit refuses rather than lets wait.
#[derive(Clone, Debug)]
pub struct ServiceLimit<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> ServiceLimit<S> {
    pub(super) fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to be changed.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the limit.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for ServiceLimit<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ServiceLimitFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let cost = self.shared.cost_of(&request);
        match self.shared.admit(cost, request.headers()) {
            Admitted::Yes(said) => ServiceLimitFuture::admitted(self.inner.call(request), said),
            Admitted::No(refusal) => ServiceLimitFuture::refused(refusal),
        }
    }
}
