//! The service that the layer makes.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response, request::Parts};
use http_body::Body;
use tower_service::Service;

use super::{
    ResponseCacheLayer,
    answer::{body::ResponseBody, looked::Looked},
    core::Core,
    fetch::refresh,
    flow,
    policy::Rule,
    request::{
        body::RequestBody,
        plan::{Aside, Asked, plan},
        post_body,
    },
    stored::select,
};
use crate::{clock::Moment, error::BoxError, store::Lookup};

/// A service with a response cache around it. Made by
/// [`ResponseCacheLayer`](super::ResponseCacheLayer); see the [module docs](super).
///
/// It is always ready: what is stored is served without asking the inner service, whose readiness is
/// awaited when it has to be asked. An error of readiness is the error of that call.
#[derive(Clone)]
pub struct ResponseCache<S> {
    inner: S,
    core: Arc<Core>,
}

impl<S> ResponseCache<S> {
    pub(super) fn new(inner: S, core: Arc<Core>) -> Self {
        Self { inner, core }
    }

    /// The layer that makes such services: [`ResponseCacheLayer::new`].
    #[must_use]
    pub fn layer() -> ResponseCacheLayer {
        ResponseCacheLayer::new()
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

impl<S, Q, R> Service<Request<Q>> for ResponseCache<S>
where
    S: Service<Request<RequestBody<Q>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    Q: Body + Send + 'static,
    Q::Data: Send,
    Q::Error: Into<BoxError>,
    R: Body + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<R, S::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let core = self.core.at(&parts);
        let plan = plan(core, &parts, &body);
        let (mut looked, mut seen) = (None, 0);
        if let Ok(asked) = &plan {
            let now = core.settings.clock.now();
            seen = core.flights.generation(&asked.key);
            looked = look(core, &parts, asked, now);
            if let Some(looked) = &looked
                && let Some(entry) = looked.served()
                && !core.settings.shadow
            {
                refresh::start(core, &self.inner, &parts, asked, looked);
                return ResponseFuture {
                    state: State::Ready {
                        response: Some(looked.answer(core, entry, &parts, asked, now)),
                    },
                };
            }
        }
        match plan {
            Ok(asked) => self.flow(core, |core, inner| {
                let body = RequestBody::client(body);
                flow::answer(core, inner, parts, body, asked, looked, seen)
            }),
            Err(Aside::Pass(rule)) => self.flow(core, |core, inner| {
                flow::pass(core, inner, parts, RequestBody::client(body), rule)
            }),
            Err(Aside::ReadBody(limit)) => self.flow(core, |core, inner| {
                post_body::read_body(core, inner, parts, body, limit)
            }),
        }
    }
}

/// What a hit in memory needs: nothing is awaited. `None` if the store has to be waited for.
fn look(core: &Core, parts: &Parts, asked: &Asked, now: Moment) -> Option<Looked> {
    if !asked.may_be_answered() {
        return Some(Looked::absent(Rule::Method));
    }
    if core.settings.no_vary_search {
        return None;
    }
    let selection = match select::select_now(&core.store, &asked.key, &parts.headers) {
        Lookup::Found(selection) => selection,
        Lookup::Absent => select::Selection::Nothing,
        Lookup::Remote => return None,
    };
    Some(Looked::judge(core, parts, asked, selection, now))
}

impl<S> ResponseCache<S> {
    fn flow<F, R, E>(
        &self,
        core: &Arc<Core>,
        start: impl FnOnce(Arc<Core>, S) -> F,
    ) -> ResponseFuture<R, E>
    where
        S: Clone,
        F: Future<Output = Result<Response<ResponseBody<R>>, E>> + Send + 'static,
    {
        let future = start(Arc::clone(core), self.inner.clone());
        ResponseFuture {
            state: State::Flow {
                future: Box::pin(future),
            },
        }
    }
}

/// The future of [`ResponseCache`]: ready at once for what is stored in memory.
#[must_use = "futures do nothing unless polled"]
pub struct ResponseFuture<R, E> {
    state: State<R, E>,
}

enum State<R, E> {
    Ready {
        response: Option<Response<ResponseBody<R>>>,
    },
    Flow {
        future: BoxFuture<'static, Result<Response<ResponseBody<R>>, E>>,
    },
}

/// Nothing in it is pinned in place: the flow is boxed.
impl<R, E> Unpin for ResponseFuture<R, E> {}

impl<R, E> Future for ResponseFuture<R, E> {
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().state {
            State::Flow { future } => future.as_mut().poll(cx),
            State::Ready { response } => Poll::Ready(Ok(response
                .take()
                .expect("a future is not polled again once it is ready"))),
        }
    }
}

impl<S> fmt::Debug for ResponseCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCache")
            .field("core", &self.core)
            .finish_non_exhaustive()
    }
}

impl<R, E> fmt::Debug for ResponseFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
