use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

/// A service that counts its calls and passes them on. Clones share the count.
#[derive(Clone, Debug)]
pub struct CountingService<S> {
    inner: S,
    calls: Arc<AtomicUsize>,
}

impl<S> CountingService<S> {
    /// Counts the calls of `inner`.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            calls: Arc::default(),
        }
    }

    /// How often the service, in all its clones, was called.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl<S, R> Service<R> for CountingService<S>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.inner.call(request)
    }
}

/// An origin that answers with what `f` returns and counts its calls.
///
/// ```
/// use http::{Request, Response};
/// use tower_keep::test_util::origin;
///
/// let origin = origin(|request: Request<()>| async move {
///     Response::new(request.uri().path().to_owned())
/// });
/// assert_eq!(origin.calls(), 0);
/// ```
#[must_use]
pub fn origin<F>(f: F) -> CountingService<Origin<F>> {
    CountingService::new(Origin { f })
}

/// The service of [`origin`]: always ready, never fails.
#[derive(Clone, Debug)]
pub struct Origin<F> {
    f: F,
}

impl<F, Fut, B, R> Service<Request<B>> for Origin<F>
where
    F: Fn(Request<B>) -> Fut,
    Fut: Future<Output = Response<R>>,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = OriginFuture<Fut>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        OriginFuture {
            response: (self.f)(request),
        }
    }
}

pin_project! {
    /// The future of [`Origin`].
    #[derive(Debug)]
    pub struct OriginFuture<Fut> {
        #[pin]
        response: Fut,
    }
}

impl<Fut: Future> Future for OriginFuture<Fut> {
    type Output = Result<Fut::Output, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(ready!(self.project().response.poll(cx))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clones_share_the_count_and_the_answer_is_the_functions() {
        let service =
            origin(|request: Request<u8>| async move { Response::new(request.into_body()) });
        let mut clone = service.clone();
        for body in 1..=3 {
            assert_eq!(
                clone.call(Request::new(body)).await.unwrap().into_body(),
                body
            );
        }
        assert_eq!(service.calls(), 3);
    }
}
