//! The layer and its settings.

use std::{fmt, sync::Arc};

use http::StatusCode;
use tower_layer::Layer;

use super::{
    judge::Demands,
    redirect::{InvalidRedirect, Target},
    service::SessionRequired,
};
use crate::session::handle::SessionInfo;

/// Lets only those requests pass that have a session, with 401 for the others. It stands inside of a
/// [`SessionLayer`](crate::SessionLayer).
///
/// | the request has | answer | in the extensions of the response |
/// |---|---|---|
/// | no id of a session | 401 | [`Required`](crate::session::SessionRefusal::Required) with [`NonePresented`](crate::session::Absence::NonePresented) |
/// | one that is not valid | 401 with `error="invalid_token"` | `Required` with another [`Absence`](crate::session::Absence) |
/// | a session that nobody has [logged in](Self::logged_in) to | 401 | [`NotLoggedIn`](crate::session::SessionRefusal::NotLoggedIn) |
/// | one that does not [match](Self::matching) | 403 | [`NotPermitted`](crate::session::SessionRefusal::NotPermitted) |
/// | one that cannot be loaded | 503 | [`Store`](crate::session::SessionRefusal::Store) |
///
/// The second case also removes a cookie whose id is nobody's any more, so that the browser does not come with it again.
/// A 401 says how to authenticate (`WWW-Authenticate`; RFC 9110, section 11.6.1). In place of 401 and 403 there can be a
/// [redirect](Self::redirect_to). Without a [`SessionLayer`](crate::SessionLayer) around it all are answered 500.
///
/// ```
/// use axum::{Router, body::Body, http::{Request, StatusCode}, routing::{get, post}};
/// use tower::ServiceExt;
/// use tower_keep::{SessionLayer, session::{RequireSession, Session, SessionError}};
///
/// async fn login(session: Session) -> Result<(), SessionError> {
///     session.login("u1").await
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app: Router = Router::new()
///     .route("/account", get(|| async { "yours" }))
///     .route_layer(RequireSession::logged_in())
///     .route("/login", post(login))
///     .layer(SessionLayer::new());
/// let ask = |request| app.clone().oneshot(request);
///
/// let refused = ask(Request::get("/account").body(Body::empty())?).await?;
/// assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
///
/// let login = ask(Request::post("/login").body(Body::empty())?).await?;
/// let cookie = login.headers()["set-cookie"].to_str()?.split(';').next().unwrap_or_default();
/// let answer = ask(Request::get("/account").header("cookie", cookie).body(Body::empty())?).await?;
/// assert_eq!(answer.status(), StatusCode::OK);
/// # Ok(())
/// # }
/// ```
///
/// Pages send visitors to where they can log in, and back:
///
/// ```
/// use tower_keep::session::RequireSession;
///
/// let staff = RequireSession::logged_in()
///     .matching(|session| session.user.as_ref().is_some_and(|user| user.tenant() == Some("staff")))
///     .redirect_to("/login")?
///     .with_return_to("next");
/// # let _ = staff;
/// # Ok::<(), tower_keep::session::InvalidRedirect>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequireSession {
    rules: Arc<Rules>,
}

#[derive(Clone)]
pub(super) struct Rules {
    pub(super) demands: Demands,
    pub(super) not_permitted: StatusCode,
    pub(super) target: Option<Target>,
    pub(super) return_to: Option<Box<str>>,
}

impl Default for RequireSession {
    fn default() -> Self {
        Self::new()
    }
}

impl RequireSession {
    /// A session, be it a visitor's.
    #[must_use]
    pub fn new() -> Self {
        let rules = Rules {
            demands: Demands::default(),
            not_permitted: StatusCode::FORBIDDEN,
            target: None,
            return_to: None,
        };
        Self {
            rules: Arc::new(rules),
        }
    }

    /// A user's session.
    #[must_use]
    pub fn logged_in() -> Self {
        Self::new().set(|rules| rules.demands.user = true)
    }

    /// A session of which this is true; called several times, all of them. It has to answer at once.
    #[must_use]
    pub fn matching(
        self,
        is_permitted: impl Fn(&SessionInfo) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.set(|rules| rules.demands.predicates.push(Arc::new(is_permitted)))
    }

    /// The status where the session does not [match](Self::matching): 403 if this is not said. 404 hides that there is
    /// anything.
    #[must_use]
    pub fn not_permitted_status(self, status: StatusCode) -> Self {
        self.set(|rules| rules.not_permitted = status)
    }

    /// Sends those who have no session, or not the one that is needed, there (303): a path of this host, or a whole
    /// `http` or `https` URI. A request that the store has failed is still answered 503.
    ///
    /// # Errors
    /// If it is neither of these, or has a fragment.
    pub fn redirect_to(self, uri: &str) -> Result<Self, InvalidRedirect> {
        let target = Target::parse(uri)?;
        Ok(self.set(|rules| rules.target = Some(target)))
    }

    /// Adds the path and query of the request, percent-encoded, to the query of the [redirect](Self::redirect_to) under
    /// this name. That is always a path of this host: what browsers would read as the address of another one is left
    /// out, and so is what cannot be asked for again by a link (other methods than `GET` and `HEAD`) or is longer than
    /// 2048 bytes.
    ///
    /// The parameter is part of a URI that anybody can write, another one into a link of theirs: whoever redirects to it
    /// after the login has to check that it is a path with one slash in front, followed by neither another one nor a
    /// backslash.
    #[must_use]
    pub fn with_return_to(self, parameter: &str) -> Self {
        self.set(|rules| rules.return_to = Some(parameter.into()))
    }

    fn set(mut self, set: impl FnOnce(&mut Rules)) -> Self {
        set(Arc::make_mut(&mut self.rules));
        self
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("user", &self.demands.user)
            .field("predicates", &self.demands.predicates.len())
            .field("not_permitted", &self.not_permitted)
            .field("target", &self.target)
            .field("return_to", &self.return_to)
            .finish()
    }
}

impl<S> Layer<S> for RequireSession {
    type Service = SessionRequired<S>;

    fn layer(&self, inner: S) -> SessionRequired<S> {
        SessionRequired::new(inner, Arc::clone(&self.rules))
    }
}
