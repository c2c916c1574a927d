//! The futures of responses.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::layer::{Respond, When};
use crate::{head::Outcome, wire::body::ResponseBody};

pin_project! {
    /// The future of a [`Fallback`](super::Fallback) that makes a response.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        fallback: Respond,
        when: When,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn new(inner: F, fallback: Respond, when: When) -> Self {
        Self {
            inner,
            fallback,
            when,
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
    E: 'static,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.inner.poll(cx));
        let outcome = Outcome::of(&result);
        if this.when.is(&outcome) {
            let response = this.fallback.make(&outcome);
            return Poll::Ready(Ok(response.map(ResponseBody::refused)));
        }
        Poll::Ready(result.map(|response| response.map(ResponseBody::passed)))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of a [`Fallback`](super::Fallback) to another service.
    #[must_use = "futures do nothing unless polled"]
    pub struct ServiceFuture<I, F, B>
    where
        F: Service<Request<B>>,
    {
        #[pin]
        state: State<I, F::Future>,
        // None if the request cannot be made again, or has been.
        spare: Option<Spare<F, B>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<I, F> {
        First { #[pin] future: I },
        Readying,
        Second { #[pin] future: F },
    }
}

const SPARE: &str = "it is taken when this state is left";

/// What it takes to ask another service.
struct Spare<F, B> {
    service: F,
    request: Request<B>,
    when: When,
}

impl<I, F, B> ServiceFuture<I, F, B>
where
    F: Service<Request<B>>,
{
    /// Without a fallback.
    pub(super) fn passing(future: I) -> Self {
        Self {
            state: State::First { future },
            spare: None,
        }
    }

    pub(super) fn new(future: I, service: F, request: Request<B>, when: When) -> Self {
        Self {
            state: State::First { future },
            spare: Some(Spare {
                service,
                request,
                when,
            }),
        }
    }
}

impl<I, F, B, R, E> Future for ServiceFuture<I, F, B>
where
    I: Future<Output = Result<Response<R>, E>>,
    F: Service<Request<B>, Response = Response<R>, Error = E>,
    E: 'static,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::First { future } => {
                    let result = ready!(future.poll(cx));
                    let spare = this.spare.as_ref();
                    if !spare.is_some_and(|spare| spare.when.is(&Outcome::of(&result))) {
                        return Poll::Ready(result);
                    }
                    this.state.set(State::Readying);
                }
                StateProj::Readying => {
                    let spare = this.spare.as_mut().expect(SPARE);
                    ready!(spare.service.poll_ready(cx))?;
                    let mut spare = this.spare.take().expect(SPARE);
                    let future = spare.service.call(spare.request);
                    this.state.set(State::Second { future });
                }
                StateProj::Second { future } => return future.poll(cx),
            }
        }
    }
}

impl<I, F, B> fmt::Debug for ServiceFuture<I, F, B>
where
    F: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::First { .. } => "ServiceFuture(first)",
            State::Readying => "ServiceFuture(readying)",
            State::Second { .. } => "ServiceFuture(second)",
        })
    }
}
