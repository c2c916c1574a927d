//! The layer and its settings.

use std::{fmt, sync::Arc};

use http::{HeaderName, Request};
use tower_layer::Layer;

use super::{
    decision::{Verdict, decide},
    facts,
    origin::{InvalidOrigin, Origin},
    service::Csrf,
};
use crate::head::RequestHead;

const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

type Rule = dyn Fn(&RequestHead<'_>) -> bool + Send + Sync;

/// Turns away requests that another site may have made a browser send (CSRF), with 403. It stands inside of a
/// [`SessionLayer`](crate::SessionLayer).
///
/// `GET`, `HEAD`, `OPTIONS` and `TRACE` pass: they are to change nothing (RFC 9110, section 9.2.1). Of another request
/// the first of these that says anything decides:
///
/// 1. `Sec-Fetch-Site`, which every browser of today sends to HTTPS, and no page can set: `same-origin` and `none` pass,
///    `same-site`, `cross-site` and anything else is refused, unless `Origin` is one that the application
///    [trusts](Self::trust_origin).
/// 2. `Origin`: the host and port that the request is for pass, and so do trusted ones. All others are refused, `null`
///    too.
/// 3. A request with neither comes from a very old browser or from none. If it has a session, it has to carry one of its
///    [tokens](crate::session::Session::csrf_token) in the field `x-csrf-token`. Without a session, which is also one
///    whose session has ended, there is nothing that another site could misuse, and it passes.
///
/// With [`require_token`](Self::require_token) what passes by the first two needs a token too.
///
/// ```
/// use axum::{Router, body::Body, http::{Request, StatusCode}, routing::post};
/// use tower::ServiceExt;
/// use tower_keep::{SessionLayer, session::{CsrfLayer, SessionRefusal}};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app: Router = Router::new()
///     .route("/transfer", post(|| async { "done" }))
///     .layer(CsrfLayer::new().trust_origin("https://app.example.com")?)
///     .layer(SessionLayer::new());
/// let sent_by = |site| Request::post("/transfer").header("sec-fetch-site", site).body(Body::empty());
///
/// let own = app.clone().oneshot(sent_by("same-origin")?).await?;
/// assert_eq!(own.status(), StatusCode::OK);
/// let forged = app.oneshot(sent_by("cross-site")?).await?;
/// assert_eq!(forged.status(), StatusCode::FORBIDDEN);
/// assert_eq!(forged.extensions().get(), Some(&SessionRefusal::Forged));
/// # Ok(())
/// # }
/// ```
///
/// # Forms
///
/// The layer does not read bodies. Where forms carry the token, say [for which requests](Self::token_in_body), and let
/// their handlers look at it:
///
/// ```
/// use axum::{Form, Router, http::StatusCode, response::Html, routing::get};
/// use tower_keep::{SessionLayer, session::{CsrfLayer, Session, SessionError}};
///
/// async fn page(session: Session) -> Result<Html<String>, SessionError> {
///     let token = session.csrf_token().await?;
///     let field = format!(r#"<input type="hidden" name="csrf" value="{token}">"#);
///     Ok(Html(format!(r#"<form method="post">{field}<button>Delete</button></form>"#)))
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Fields {
///     csrf: String,
/// }
///
/// async fn delete(session: Session, Form(fields): Form<Fields>) -> Result<StatusCode, SessionError> {
///     if !session.verify_csrf_token(&fields.csrf).await? {
///         return Ok(StatusCode::FORBIDDEN);
///     }
///     Ok(StatusCode::NO_CONTENT)
/// }
///
/// let guard = CsrfLayer::new().require_token().token_in_body(|head| head.uri().path() == "/account");
/// let app: Router = Router::new()
///     .route("/account", get(page).post(delete))
///     .layer(guard)
///     .layer(SessionLayer::new());
/// # let _ = app;
/// ```
///
/// # What it does not do
///
/// - `http://example.com` counts as the origin `https://example.com` where a browser sends no `Sec-Fetch-Site`: only
///   proxies know the scheme, and what they say of it is not believed. Send `Strict-Transport-Security`.
/// - A proxy that rewrites `Host` makes the origin of the application another one: have it forwarded, or
///   [trust](Self::trust_origin) the public one.
/// - A WebSocket over HTTP/1.1 begins with a `GET`, which passes. Its handler has to look at `Origin`.
/// - Ids that are not in cookies are not sent by browsers on their own, so that requests which present theirs in another
///   way need no token.
/// - Other sites can be made to send requests of visitors without a session, such as a login as somebody else, by
///   browsers that send neither field.
///
/// Without a [`SessionLayer`](crate::SessionLayer) around it the answer is 500 where a token would be needed.
#[derive(Clone, Debug)]
pub struct CsrfLayer {
    rules: Arc<Rules>,
}

#[derive(Clone)]
pub(super) struct Rules {
    trusted: Vec<Origin>,
    always_prove: bool,
    pub(super) field: HeaderName,
    exempt: Vec<Arc<Rule>>,
    in_body: Vec<Arc<Rule>>,
}

impl Default for CsrfLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl CsrfLayer {
    /// As in the list of the [type](Self): only the application's own origin is trusted.
    #[must_use]
    pub fn new() -> Self {
        let rules = Rules {
            trusted: Vec::new(),
            always_prove: false,
            field: TOKEN,
            exempt: Vec::new(),
            in_body: Vec::new(),
        };
        Self {
            rules: Arc::new(rules),
        }
    }

    /// Pages of this origin may send unsafe requests: `https://app.example.com`, `http://localhost:3000`. Names beyond
    /// ASCII are written as browsers do, `xn--..`.
    ///
    /// # Errors
    /// If it is more or less than a scheme, a host and perhaps a port.
    pub fn trust_origin(self, origin: &str) -> Result<Self, InvalidOrigin> {
        let origin = Origin::parse(origin)?;
        Ok(self.set(|rules| rules.trusted.push(origin)))
    }

    /// Each unsafe request that has a session needs a token, whatever browsers say of it.
    #[must_use]
    pub fn require_token(self) -> Self {
        self.set(|rules| rules.always_prove = true)
    }

    /// The field that carries the token, if not `x-csrf-token`.
    #[must_use]
    pub fn token_field(self, name: HeaderName) -> Self {
        self.set(|rules| rules.field = name)
    }

    /// Where a token is needed, the handlers of these requests look for it in the body, by
    /// [`verify_csrf_token`](crate::session::Session::verify_csrf_token). Where a handler forgets it, nobody does.
    #[must_use]
    pub fn token_in_body(
        self,
        is_in_body: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.set(|rules| rules.in_body.push(Arc::new(is_in_body)))
    }

    /// These requests pass, wherever they come from: webhooks, which prove themselves in another way.
    #[must_use]
    pub fn exempt(
        self,
        is_exempt: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.set(|rules| rules.exempt.push(Arc::new(is_exempt)))
    }

    fn set(mut self, set: impl FnOnce(&mut Rules)) -> Self {
        set(Arc::make_mut(&mut self.rules));
        self
    }
}

impl Rules {
    pub(super) fn judge<B>(&self, request: &Request<B>) -> Verdict {
        let head = RequestHead::of(request);
        let any = |rules: &[Arc<Rule>]| rules.iter().any(|rule| rule(&head));
        if head.method().is_safe() || any(&self.exempt) {
            return Verdict::Admit;
        }
        let from = || facts::from(head.uri(), head.headers(), &self.trusted);
        match decide(facts::site(head.headers()), from, self.always_prove) {
            Verdict::Prove if any(&self.in_body) => Verdict::Admit,
            verdict => verdict,
        }
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("trusted", &self.trusted)
            .field("always_prove", &self.always_prove)
            .field("field", &self.field)
            .field("exempt", &self.exempt.len())
            .field("in_body", &self.in_body.len())
            .finish()
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = Csrf<S>;

    fn layer(&self, inner: S) -> Csrf<S> {
        Csrf::new(inner, Arc::clone(&self.rules))
    }
}
