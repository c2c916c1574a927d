//! What a request says that caching depends on, read once.

use http::Method;

use crate::header::cache_control::RequestDirectives;

/// The facts of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestFacts {
    pub(crate) method: Method,
    pub(crate) directives: RequestDirectives,
    pub(crate) authorization: bool,
    /// There is a cookie that is neither part of the key nor declared harmless.
    pub(crate) unkeyed_cookie: bool,
    /// The marker `Personal` was set before the cache saw the request.
    pub(crate) personal: bool,
    /// The user is part of the key: what is stored is theirs alone.
    pub(crate) user_in_key: bool,
    /// A digest of the body is part of the key.
    pub(crate) body_in_key: bool,
}
