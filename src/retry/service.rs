//! The service that the layer makes.

use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    RetryLayer, RetryPolicy,
    answer::RetryBody,
    attempt::{ATTEMPT, Ended, body_of},
    body::{Recording, ReplayBody},
    classifier::{Attempt, Classify, Transient},
    core::Core,
    flow::Session,
    outcome::RetryOutcome,
};
use crate::{error::BoxError, head::ResponseHead};

/// A service whose failures that may pass are retried. Made by [`RetryLayer`]; see the [module docs](super).
#[derive(Clone)]
pub struct Retry<S, C = Transient> {
    inner: S,
    core: Arc<Core<C>>,
}

impl<S> Retry<S> {
    /// The layer that makes such services: [`RetryLayer::new`].
    #[must_use]
    pub fn layer() -> RetryLayer {
        RetryLayer::new()
    }
}

impl<S, C> Retry<S, C> {
    pub(super) fn new(inner: S, core: Arc<Core<C>>) -> Self {
        Self { inner, core }
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

impl<S, B, C, R> Service<Request<B>> for Retry<S, C>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    C: Classify<S::Error>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<RetryBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, C, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let core = &self.core;
        let policy = request.extensions().get::<RetryPolicy>();
        let policy = policy.copied().unwrap_or_default();
        let retries = core.retries(policy);
        if retries == 0 && !core.has_timers() {
            let future = self.inner.call(request.map(ReplayBody::once));
            return ResponseFuture {
                state: State::Once { future },
            };
        }
        let (mut session, first) = self.session(request, policy, retries);
        let future = session.inner.call(first);
        let hedge = session.core.hedge(&session.method, policy, session.facts);
        let state = match hedge {
            Some(plan) => State::Later {
                future: Box::pin(session.run_hedged(future, plan)),
            },
            None if session.core.has_timers() => State::Later {
                future: Box::pin(session.run(future)),
            },
            None => State::First {
                future,
                session: Some(session),
            },
        };
        ResponseFuture { state }
    }
}

impl<S: Clone, C> Retry<S, C> {
    /// What another attempt needs, and the first one. The service that was readied makes it.
    fn session<B: Body>(
        &mut self,
        request: Request<B>,
        policy: RetryPolicy,
        retries: u32,
    ) -> (Session<S, B, C>, Request<ReplayBody<B>>) {
        let core = Arc::clone(&self.core);
        let now = core.clock.now();
        if let Some(budget) = &core.budget {
            budget.deposit(now);
        }
        let facts = core.facts(&request, policy);
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        let (mut head, body) = request.into_parts();
        if core.numbered {
            head.headers.insert(ATTEMPT, HeaderValue::from_static("1"));
        }
        let body = (!body.is_end_stream()).then(|| Recording::of(body, core.replay));
        let first = body
            .as_ref()
            .map_or_else(ReplayBody::empty, Recording::replay);
        let session = Session {
            inner,
            method: head.method.clone(),
            head: Some(head.clone()),
            body,
            facts,
            left: retries,
            until: core.deadline.map(|deadline| now + deadline),
            waited: Duration::ZERO,
            outcome: RetryOutcome::default(),
            core,
        };
        (session, Request::from_parts(head, first))
    }
}

pin_project! {
    /// The future of [`Retry`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, B, C, R>
    where
        S: Service<Request<ReplayBody<B>>>,
    {
        #[pin]
        state: State<S, B, C, R>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<S, B, C, R>
    where
        S: Service<Request<ReplayBody<B>>>,
    {
        // Nothing follows it.
        Once { #[pin] future: S::Future },
        // What most requests come to an end with.
        First { #[pin] future: S::Future, session: Option<Session<S, B, C>> },
        Later { future: BoxFuture<'static, Result<Response<RetryBody<R>>, S::Error>> },
    }
}

impl<S, B, C, R> Future for ResponseFuture<S, B, C, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    C: Classify<S::Error>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Output = Result<Response<RetryBody<R>>, S::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let mut this = self.as_mut().project();
            let later = match this.state.as_mut().project() {
                StateProjection::Once { future } => {
                    let response = ready!(future.poll(cx));
                    return Poll::Ready(response.map(|r| r.map(RetryBody::passed)));
                }
                StateProjection::Later { future } => return future.as_mut().poll(cx),
                StateProjection::First { future, session } => {
                    let ended = ready!(future.poll(cx));
                    let session = session.take().expect("it is polled until it is ready");
                    match first(session, ended) {
                        First::Final(ended) => return Poll::Ready(ended),
                        First::Again(later) => later,
                    }
                }
            };
            this.state.set(State::Later { future: later });
        }
    }
}

enum First<R, E> {
    Final(Result<Response<RetryBody<R>>, E>),
    Again(BoxFuture<'static, Result<Response<RetryBody<R>>, E>>),
}

/// What the first attempt has come to. There is no more to it for most.
fn first<S, B, C, R>(
    session: Session<S, B, C>,
    ended: Result<Response<R>, S::Error>,
) -> First<R, S::Error>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Send + 'static,
    S::Future: Send,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    C: Classify<S::Error>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    let result = match &ended {
        Ok(response) => Ok(ResponseHead::of(response)),
        Err(error) => Err(error),
    };
    let verdict = session.core.classify(&Attempt {
        method: &session.method,
        result,
    });
    if verdict.for_request(session.facts).is_none() && !session.facts.looks_into_bodies() {
        return First::Final(ended.map(|response| response.map(RetryBody::passed)));
    }
    let ended = match ended {
        Ok(response) => Ended::Answered(response.map(|body| body_of(session.facts, body))),
        Err(error) => Ended::Failed(error),
    };
    First::Again(Box::pin(session.look_on(ended, verdict)))
}

impl<S, C> fmt::Debug for Retry<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl<S, B, C, R> fmt::Debug for ResponseFuture<S, B, C, R>
where
    S: Service<Request<ReplayBody<B>>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
