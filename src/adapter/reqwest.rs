//! Requests and responses of `http` for a client of `reqwest`.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use ::reqwest::Error;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::BoxError;

/// Lets a `reqwest::Client`, or whatever takes its requests, take those of `http` with any body of `Bytes`.
///
/// The URI has to be absolute; one that is not is an error of reqwest's builder. What the client does by itself it still
/// does, with each attempt: redirects (of a body that streams none that would send it again), its own timeouts, and
/// a retry of what HTTP/2 gave back.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use http_body_util::Empty;
/// use tower::{ServiceBuilder, ServiceExt};
/// use tower_keep::{RetryLayer, adapter::ReqwestLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = ServiceBuilder::new()
///     .layer(RetryLayer::new().retries(1))
///     .layer(ReqwestLayer::new())
///     .service(reqwest::Client::new());
/// // Nobody listens there.
/// let request = Request::get("http://127.0.0.1:1/").body(Empty::<Bytes>::new())?;
/// let error = client.oneshot(request).await.unwrap_err();
/// assert!(error.is_connect());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ReqwestLayer(());

impl ReqwestLayer {
    /// The layer, which has no settings.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for ReqwestLayer {
    type Service = Reqwest<S>;

    fn layer(&self, inner: S) -> Reqwest<S> {
        Reqwest { inner }
    }
}

/// A service for requests of `http` around one for those of `reqwest`. Made by [`ReqwestLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Reqwest<S> {
    inner: S,
}

impl<S> Reqwest<S> {
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

impl<S, B> Service<Request<B>> for Reqwest<S>
where
    S: Service<::reqwest::Request, Response = ::reqwest::Response, Error = Error>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<::reqwest::Body>;
    type Error = Error;
    type Future = ReqwestFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let state = match ::reqwest::Request::try_from(request.map(body)) {
            Ok(request) => State::Asked {
                future: self.inner.call(request),
            },
            Err(error) => State::Refused { error: Some(error) },
        };
        ReqwestFuture { state }
    }
}

/// What is empty needs no box.
fn body<B>(body: B) -> ::reqwest::Body
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        ::reqwest::Body::default()
    } else {
        ::reqwest::Body::wrap(Unshared(Mutex::new(Box::pin(body))))
    }
}

/// A body that threads can share, as reqwest wants it, around one that they perhaps cannot. Nobody ever waits for the
/// lock.
struct Unshared<B>(Mutex<Pin<Box<B>>>);

impl<B: Body> Body for Unshared<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let body = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        body.size_hint()
    }
}

pin_project! {
    /// The future of [`Reqwest`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ReqwestFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Asked { #[pin] future: F },
        // It was no request to reqwest.
        Refused { error: Option<Error> },
    }
}

impl<F> Future for ReqwestFuture<F>
where
    F: Future<Output = Result<::reqwest::Response, Error>>,
{
    type Output = Result<Response<::reqwest::Body>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Asked { future } => {
                Poll::Ready(ready!(future.poll(cx)).map(Into::into))
            }
            StateProjection::Refused { error } => {
                let error = error.take().expect("it is polled until it is ready");
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<F> fmt::Debug for ReqwestFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestFuture").finish_non_exhaustive()
    }
}
