//! What handlers have of a session.

mod content;
mod decoded;
mod life;
mod whole;

use std::{fmt, marker::PhantomData, sync::Arc};

use http::Extensions;

pub(super) use self::decoded::AllDecoded;
pub use self::life::SessionInfo;
use super::exchange::Exchange;

/// The session of a request. See the [module docs](super).
///
/// It costs nothing until it is used: then it is loaded, once, and the response becomes this client's alone
/// ([`Personal`](crate::Personal)). Changes are kept until the response begins, or [`commit`](Self::commit) is called,
/// and are saved together.
///
/// Values are kept under names. `Session<D>` is the same session with one value of the type `D` in it, beside the named
/// ones: for applications that have a type for all of their session.
///
/// Clones are the same session. With the feature `axum` it is an extractor; elsewhere
/// [`Session::of`] finds it in the request's extensions.
///
/// ```
/// use tower_keep::session::{Session, SessionError};
///
/// async fn handler(session: Session) -> Result<String, SessionError> {
///     session.update("visits", |visits: &mut u32| *visits += 1).await?;
///     let visits: Option<u32> = session.get("visits").await?;
///     Ok(format!("visit {}", visits.unwrap_or_default()))
/// }
/// ```
///
/// # Errors
///
/// Of every method that looks at the session: [`is_store`](super::SessionError::is_store) if it cannot be loaded (it is
/// never taken for an empty one), [`is_shared`](super::SessionError::is_shared) if a cache has given the response to
/// others already, [`is_too_late`](super::SessionError::is_too_late) if the head of the response is on its way. Methods
/// that change it have that last error also where it was read before.
pub struct Session<D = Named> {
    exchange: Arc<Exchange>,
    data: PhantomData<fn() -> D>,
}

/// Marks a [`Session`] whose values have names.
#[derive(Clone, Copy, Debug)]
pub enum Named {}

impl<D> Session<D> {
    pub(super) fn new(exchange: Arc<Exchange>) -> Self {
        Self {
            exchange,
            data: PhantomData,
        }
    }

    /// The same session, with data of this type.
    #[must_use]
    pub fn typed<T>(self) -> Session<T> {
        Session::new(self.exchange)
    }
}

impl Session {
    /// The session of the request that has these extensions, from the innermost
    /// [`SessionLayer`](super::SessionLayer) around. None where there is no such layer.
    ///
    /// ```
    /// use tower_keep::session::Session;
    ///
    /// let request = http::Request::new(());
    /// assert!(Session::of(request.extensions()).is_none());
    /// ```
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        Exchange::find(extensions).map(Self::new)
    }
}

impl<D> Clone for Session<D> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.exchange))
    }
}

/// Shows whether it was used, and nothing of what is in it.
impl<D> fmt::Debug for Session<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("used", &self.exchange.is_seen())
            .finish_non_exhaustive()
    }
}
