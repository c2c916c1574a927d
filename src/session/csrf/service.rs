//! The service that the layer makes.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use tower_service::Service;

use super::{
    decision::Verdict,
    facts,
    layer::{CsrfLayer, Rules},
    token::CsrfToken,
};
use crate::{
    session::{
        exchange::Exchange,
        guard::{GuardFuture, without_session_layer},
        refusal::{SessionRefusal, answer},
        stats::TurnedAway,
    },
    wire::body::ResponseBody,
};

/// A service that forged requests do not reach. Made by [`CsrfLayer`], which says which those are.
///
/// It is ready when the inner service is.
#[derive(Clone, Debug)]
pub struct Csrf<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> Csrf<S> {
    pub(super) fn new(inner: S, rules: Arc<Rules>) -> Self {
        Self { inner, rules }
    }

    /// The layer that makes such services: [`CsrfLayer::new`].
    #[must_use]
    pub fn layer() -> CsrfLayer {
        CsrfLayer::new()
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

impl<S, Q, R> Service<Request<Q>> for Csrf<S>
where
    S: Service<Request<Q>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    R: 'static,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = GuardFuture<S::Future, R, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<Q>) -> Self::Future {
        match self.rules.judge(&request) {
            Verdict::Admit => GuardFuture::called(self.inner.call(request)),
            Verdict::Refuse => {
                let exchange = Exchange::find(request.extensions());
                GuardFuture::refused(refuse(exchange.as_deref(), TurnedAway::CrossSite))
            }
            Verdict::Prove => match Exchange::find(request.extensions()) {
                None => GuardFuture::refused(without_session_layer()),
                // What browsers do not send on their own, other sites cannot make them send.
                Some(exchange) if exchange.core.transport.cookie_name().is_none() => {
                    GuardFuture::called(self.inner.call(request))
                }
                Some(exchange) => {
                    let token = facts::token(request.headers(), &self.rules.field);
                    let clone = self.inner.clone();
                    let inner = mem::replace(&mut self.inner, clone);
                    GuardFuture::asking(inner, request, prove(exchange, token))
                }
            },
        }
    }
}

/// Whether the request has no session, or one of its tokens.
async fn prove(
    exchange: Arc<Exchange>,
    presented: Option<HeaderValue>,
) -> Result<(), Response<Bytes>> {
    let loaded = exchange.loaded().await;
    let token = match loaded {
        Ok(state) => state.record().map(|record| record.token),
        Err(error) => return Err(exchange.refuse(&error)),
    };
    let is_proven = match (token, presented) {
        (None, _) => true,
        (Some(Some(token)), Some(text)) => CsrfToken::is_one_of(text.as_bytes(), token),
        (Some(_), _) => false,
    };
    match is_proven {
        true => Ok(()),
        false => Err(refuse(Some(&exchange), TurnedAway::WithoutToken)),
    }
}

/// Nobody keeps it, so that it need not say what it depends on.
fn refuse(exchange: Option<&Exchange>, why: TurnedAway) -> Response<Bytes> {
    tracing::debug!(?why, "request turned away");
    if let Some(exchange) = exchange {
        exchange.core.counts.turned_away(why);
    }
    let text = match why {
        TurnedAway::WithoutToken => "the request carries no valid token of its session",
        _ => "the request comes from another site",
    };
    answer(StatusCode::FORBIDDEN, text, SessionRefusal::Forged)
}
