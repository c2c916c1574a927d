//! Where keys of requests come from.

use std::{error::Error, fmt};

use http::{HeaderName, header::HOST, uri::Authority};

use super::{KeyWriter, LimitKey};
use crate::{head::RequestHead, peer::ClientIp, principal::Principal};

/// Finds the key of a request.
///
/// Those of the crate: [`ClientIp`], [`HeaderKey`], [`UserKey`], [`SessionKey`], [`HostKey`], [`PathKey`],
/// [`MethodKey`], `RouteKey` (feature `axum`), [`Everyone`], closures by [`from_fn`], and tuples of them, which are keys of all
/// their parts.
///
/// ```
/// use tower_keep::{ClientIp, RateLimitLayer, minutes, rate_limit::{Limit, MethodKey}};
///
/// # fn main() -> Result<(), tower_keep::rate_limit::InvalidLimit> {
/// let limit = Limit::token_bucket(100).per(minutes(1)).build()?;
/// let by_client_and_method = RateLimitLayer::new(limit).key((ClientIp::default(), MethodKey));
/// # let _ = by_client_and_method;
/// # Ok(())
/// # }
/// ```
pub trait KeyExtractor: Send + Sync + 'static {
    /// Writes the key of a request.
    ///
    /// # Errors
    /// If the request has none. What has been written does not count then.
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey>;
}

/// A request has no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingKey;

impl fmt::Display for MissingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request has no key")
    }
}

impl Error for MissingKey {}

/// The client's address, see [`ClientIp`].
impl KeyExtractor for ClientIp {
    #[inline]
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        if let Some(v4) = self.plain_v4(head.extensions()) {
            key.v4(v4);
            return Ok(());
        }
        let client = self.of(head.extensions(), head.headers());
        key.address(client.ok_or(MissingKey)?);
        Ok(())
    }
}

/// The value of a field: an API key, for example. It is not kept, and shown as a fingerprint only.
///
/// Of several lines the first counts. Whoever makes up values gets a limit for each: let an authentication further out
/// refuse those that it does not know, or limit by the address as well.
#[derive(Clone, Debug)]
pub struct HeaderKey(HeaderName);

impl HeaderKey {
    /// The value of this field.
    #[must_use]
    pub fn new(name: HeaderName) -> Self {
        Self(name)
    }

    /// The value of `X-Api-Key`.
    #[must_use]
    pub fn api_key() -> Self {
        Self(HeaderName::from_static("x-api-key"))
    }

    /// The value of `Authorization`.
    #[must_use]
    pub fn authorization() -> Self {
        Self(http::header::AUTHORIZATION)
    }
}

impl KeyExtractor for HeaderKey {
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        let value = head.headers().get(&self.0).ok_or(MissingKey)?;
        key.secret(value.as_bytes());
        Ok(())
    }
}

/// The user of the request's [`Principal`], and the tenant that it is in.
#[derive(Clone, Copy, Debug, Default)]
pub struct UserKey;

impl KeyExtractor for UserKey {
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        let principal = head.extensions().get::<Principal>();
        key.text(principal.and_then(Principal::user_id).ok_or(MissingKey)?);
        if let Some(tenant) = principal.and_then(Principal::tenant) {
            key.text(tenant);
        }
        Ok(())
    }
}

/// The session of the request's [`Principal`].
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionKey;

impl KeyExtractor for SessionKey {
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        let principal = head.extensions().get::<Principal>();
        let session = principal.and_then(Principal::session_handle);
        key.secret(session.ok_or(MissingKey)?.as_bytes());
        Ok(())
    }
}

/// The host that a request is for, and its port where that is known: of the URI, or of `Host` where that has none. To a
/// client, the origin that it calls; to a server, what its clients make up.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostKey;

impl KeyExtractor for HostKey {
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        let uri = head.uri();
        if let Some(authority) = uri.authority() {
            let port = authority.port_u16().or(match uri.scheme_str() {
                Some("http") => Some(80),
                Some("https") => Some(443),
                _ => None,
            });
            write_host(authority.host(), port, key);
            return Ok(());
        }
        let host = head.headers().get(HOST).ok_or(MissingKey)?;
        let authority = Authority::try_from(host.as_bytes()).map_err(|_| MissingKey)?;
        write_host(authority.host(), authority.port_u16(), key);
        Ok(())
    }
}

/// Names of hosts are the same in letters of any case (RFC 9110 4.2.3).
fn write_host(host: &str, port: Option<u16>, key: &mut KeyWriter<'_>) {
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        key.text(&host.to_ascii_lowercase());
    } else {
        key.text(host);
    }
    if let Some(port) = port {
        key.number(port.into());
    }
}

/// The path of the request, without its query: for few paths, or in a tuple with a key that clients cannot choose.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathKey;

impl KeyExtractor for PathKey {
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        key.text(head.uri().path());
        Ok(())
    }
}

/// The method of the request.
#[derive(Clone, Copy, Debug, Default)]
pub struct MethodKey;

impl KeyExtractor for MethodKey {
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        key.text(head.method().as_str());
        Ok(())
    }
}

/// The route that axum has found, as `/users/{id}`. Only layers inside of the router know it: those put there with
/// `route_layer`, or around a route's handlers.
#[cfg(feature = "axum")]
#[derive(Clone, Copy, Debug, Default)]
pub struct RouteKey;

#[cfg(feature = "axum")]
impl KeyExtractor for RouteKey {
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        let route = head.extensions().get::<axum::extract::MatchedPath>();
        key.text(route.ok_or(MissingKey)?.as_str());
        Ok(())
    }
}

/// All requests together have one key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Everyone;

impl KeyExtractor for Everyone {
    fn extract(&self, _: &RequestHead<'_>, _: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        Ok(())
    }
}

/// Finds keys with a closure; `None` where a request has none.
///
/// ```
/// use tower_keep::{RateLimitLayer, minutes, rate_limit::{self, Limit}};
///
/// # fn main() -> Result<(), tower_keep::rate_limit::InvalidLimit> {
/// let limit = Limit::token_bucket(100).per(minutes(1)).build()?;
/// let by_tenant = RateLimitLayer::new(limit).key(rate_limit::from_fn(|head| {
///     let tenant = head.uri().path().strip_prefix("/tenants/")?;
///     Some(tenant.split('/').next()?.to_owned())
/// }));
/// # let _ = by_tenant;
/// # Ok(())
/// # }
/// ```
pub fn from_fn<F, K>(find: F) -> FromFn<F>
where
    F: Fn(&RequestHead<'_>) -> Option<K> + Send + Sync + 'static,
    K: LimitKey,
{
    FromFn(find)
}

/// See [`from_fn`].
#[derive(Clone, Copy)]
pub struct FromFn<F>(F);

impl<F, K> KeyExtractor for FromFn<F>
where
    F: Fn(&RequestHead<'_>) -> Option<K> + Send + Sync + 'static,
    K: LimitKey,
{
    fn extract(&self, head: &RequestHead<'_>, key: &mut KeyWriter<'_>) -> Result<(), MissingKey> {
        self.0(head).ok_or(MissingKey)?.write(key);
        Ok(())
    }
}

impl<F> fmt::Debug for FromFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromFn").finish_non_exhaustive()
    }
}

macro_rules! tuples {
    ($(($($part:ident),*)),*) => {$(
        impl<$($part: KeyExtractor),*> KeyExtractor for ($($part,)*) {
            #[inline]
            #[expect(non_snake_case, reason = "parts are named as their types")]
            fn extract(
                &self,
                head: &RequestHead<'_>,
                key: &mut KeyWriter<'_>,
            ) -> Result<(), MissingKey> {
                let ($($part,)*) = self;
                $($part.extract(head, key)?;)*
                Ok(())
            }
        }
    )*};
}
tuples!((A, B), (A, B, C), (A, B, C, D));
