//! The service.

use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::{
    future::{ResponseFuture, ServiceFuture},
    layer::{Respond, To, When},
};
use crate::wire::body::ResponseBody;

/// A service with something that answers in place of its failures. Made by [`FallbackLayer`](super::FallbackLayer); see
/// the [module docs](super).
///
/// It is ready when the inner service is.
#[derive(Clone, Debug)]
pub struct Fallback<S, F = Respond> {
    inner: S,
    fallback: F,
    when: When,
}

impl<S, F> Fallback<S, F> {
    pub(super) fn new(inner: S, fallback: F, when: When) -> Self {
        Self {
            inner,
            fallback,
            when,
        }
    }

    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for Fallback<S, Respond>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let future = self.inner.call(request);
        ResponseFuture::new(future, self.fallback.clone(), self.when.clone())
    }
}

impl<S, F, B, R> Service<Request<B>> for Fallback<S, To<F>>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: 'static,
    F: Service<Request<B>, Response = Response<R>, Error = S::Error> + Clone,
    B: Body + Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ServiceFuture<S::Future, F, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let again = body
            .is_end_stream()
            .then(|| Request::from_parts(head.clone(), B::default()));
        let future = self.inner.call(Request::from_parts(head, body));
        match again {
            None => ServiceFuture::passing(future),
            Some(request) => {
                let To(fallback) = self.fallback.clone();
                ServiceFuture::new(future, fallback, request, self.when.clone())
            }
        }
    }
}
