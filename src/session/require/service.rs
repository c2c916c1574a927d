//! The service that the layer makes.

use std::{
    mem,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use tower_service::Service;

use super::{
    back,
    layer::{RequireSession, Rules},
};
use crate::{
    session::{
        event::Absence,
        exchange::Exchange,
        finish,
        guard::{GuardFuture, without_session_layer},
        refusal::{SessionRefusal, answer},
        stats::TurnedAway,
    },
    wire::body::ResponseBody,
};

/// A service that only requests with a session reach. Made by [`RequireSession`].
///
/// It is ready when the inner service is.
#[derive(Clone, Debug)]
pub struct SessionRequired<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S> SessionRequired<S> {
    pub(super) fn new(inner: S, rules: Arc<Rules>) -> Self {
        Self { inner, rules }
    }

    /// The layer that makes such services: [`RequireSession::new`].
    #[must_use]
    pub fn layer() -> RequireSession {
        RequireSession::new()
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

impl<S, Q, R> Service<Request<Q>> for SessionRequired<S>
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
        let Some(exchange) = Exchange::find(request.extensions()) else {
            return GuardFuture::refused(without_session_layer());
        };
        let named = self.rules.return_to.is_some();
        let wanted = named.then(|| back::of(&request)).flatten();
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        let asked = admit(Arc::clone(&self.rules), exchange, wanted);
        GuardFuture::asking(inner, request, asked)
    }
}

async fn admit(
    rules: Arc<Rules>,
    exchange: Arc<Exchange>,
    wanted: Option<String>,
) -> Result<(), Response<Bytes>> {
    let why = match rules.demands.judge(&exchange).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(why)) => why,
        Err(error) if error.is_ended() => SessionRefusal::Required(Absence::Ended),
        // Counted where it happened.
        Err(error) => return Err(finish::refusal(&error)),
    };
    if let SessionRefusal::Required(absence) = why
        && Exchange::presents_a_dead_id(absence)
    {
        exchange.state().retract = true;
    }
    Err(rules.refuse(&exchange, why, wanted.as_deref()))
}

impl Rules {
    fn refuse(
        &self,
        exchange: &Exchange,
        why: SessionRefusal,
        wanted: Option<&str>,
    ) -> Response<Bytes> {
        let is_permission = why == SessionRefusal::NotPermitted;
        exchange.core.counts.turned_away(match is_permission {
            true => TurnedAway::NotPermitted,
            false => TurnedAway::WithoutSession,
        });
        tracing::debug!(?why, "request turned away");
        let status = match (&self.target, is_permission) {
            (Some(_), _) => StatusCode::SEE_OTHER,
            (None, true) => self.not_permitted,
            (None, false) => StatusCode::UNAUTHORIZED,
        };
        let mut response = answer(status, text(why), why);
        let headers = response.headers_mut();
        if let Some(target) = &self.target {
            let back = self.return_to.as_deref().zip(wanted);
            headers.insert(header::LOCATION, target.location(back));
        }
        if status == StatusCode::UNAUTHORIZED {
            let challenge = exchange.core.transport.challenge(is_invalid(why));
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Whether what was presented is no session.
fn is_invalid(why: SessionRefusal) -> bool {
    matches!(why, SessionRefusal::Required(absence) if absence != Absence::NonePresented)
}

fn text(why: SessionRefusal) -> &'static str {
    match why {
        SessionRefusal::NotPermitted => "the session does not permit this",
        SessionRefusal::NotLoggedIn => "nobody has logged in to the session",
        _ if is_invalid(why) => "the session that was presented is not valid",
        _ => "no session was presented",
    }
}
