//! What handlers have of it.

use std::{fmt, sync::Arc};

use http::Extensions;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    error::{CookieSessionError, Kind},
    exchange::Exchange,
};
use crate::session::values::Values;

/// The session of a request whose data is in a cookie. See the [module docs](super) for what it lacks beside a
/// [`Session`](crate::session::Session).
///
/// It costs nothing until it is used: then the cookie is decrypted, and the response becomes this client's alone
/// ([`Personal`](crate::Personal)). Nothing waits. Clones are the same session. With the feature `axum` it is an
/// extractor; elsewhere [`CookieSession::of`] finds it in the request's extensions.
///
/// ```
/// use tower_keep::session::stateless::{CookieSession, CookieSessionError};
///
/// fn add_to_basket(session: &CookieSession, article: u32) -> Result<usize, CookieSessionError> {
///     let mut basket: Vec<u32> = session.get("basket")?.unwrap_or_default();
///     basket.push(article);
///     session.insert("basket", &basket)?;
///     Ok(basket.len())
/// }
/// ```
///
/// # Errors
///
/// Of every method: [`is_shared`](CookieSessionError::is_shared) if a cache has given the response to others already,
/// [`is_too_late`](CookieSessionError::is_too_late) if the head of the response is on its way; reading what was read
/// before that goes on to work.
#[derive(Clone)]
pub struct CookieSession {
    exchange: Arc<Exchange>,
}

impl CookieSession {
    /// The session of the request that has these extensions, from the innermost
    /// [`CookieSessionLayer`](super::CookieSessionLayer) around. None where there is no such layer.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<Self> {
        let exchange = Exchange::find(extensions)?;
        Some(Self { exchange })
    }

    /// The value under this name, decoded each time; None if there is none.
    ///
    /// # Errors
    /// As of the [type](Self#errors), and [`is_value`](CookieSessionError::is_value) if it is of another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CookieSessionError> {
        let json = self.exchange.get(name)?;
        let value = json.map(|json| serde_json::from_str(&json)).transpose();
        value.map_err(|error| Kind::Read(error).into())
    }

    /// Sets the value under this name, whatever is there.
    ///
    /// # Errors
    /// As of the [type](Self#errors), [`is_value`](CookieSessionError::is_value) if it cannot be written as JSON, and
    /// [`is_too_large`](CookieSessionError::is_too_large) if it does not fit in beside the others; what was there stays
    /// then.
    pub fn insert<T: Serialize + ?Sized>(
        &self,
        name: &str,
        value: &T,
    ) -> Result<(), CookieSessionError> {
        let json = serde_json::to_string(value).map_err(Kind::Write)?;
        self.exchange
            .change(|values| values.set(&name.into(), json.into()))
    }

    /// Removes the value under this name.
    ///
    /// # Errors
    /// As of the [type](Self#errors).
    pub fn remove(&self, name: &str) -> Result<(), CookieSessionError> {
        self.exchange.change(|values| values.remove(name))
    }

    /// Removes all values, and with them the cookie, if none are set afterwards. Its absolute time goes on.
    ///
    /// # Errors
    /// As of the [type](Self#errors).
    pub fn clear(&self) -> Result<(), CookieSessionError> {
        self.exchange.change(Values::clear)
    }

    /// Removes the cookie, whatever is in it, and begins anew: what is set afterwards has its full time. A copy of the
    /// cookie that somebody has made remains good.
    ///
    /// # Errors
    /// As of the [type](Self#errors).
    pub fn destroy(&self) -> Result<(), CookieSessionError> {
        self.exchange.destroy()
    }
}

/// Shows whether it was used, and nothing of what is in it.
impl fmt::Debug for CookieSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieSession")
            .field("used", &self.exchange.is_asked())
            .finish_non_exhaustive()
    }
}
