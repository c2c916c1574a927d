//! Sessions without a store: the data itself is in the cookie, encrypted.
//!
//! **This is not a [`Session`](super::Session) with another store.** Nothing on the server knows of it, and so:
//!
//! - **Nothing can be revoked.** [`destroy`](CookieSession::destroy) makes the browser forget its cookie. A copy, made
//!   before by whoever had access to the browser, is good until it expires: after the idle time if it is not used, and
//!   until the end of the absolute time if it is. A password that is changed ends nothing.
//! - **Changes can be taken back** by the client, in that it presents an older cookie. What must happen once only (a
//!   voucher, a counter of attempts) does not belong here.
//! - **There are no devices**: nobody can say which sessions a user has, let alone end them.
//! - **Of concurrent changes one is lost**: each response sets the whole of the data, and the last one to arrive wins.
//! - **There is little room**: 4096 bytes of name and value, which is about 3000 bytes of JSON, sent with each request.
//!
//! It suits what is small, and no worse for being old: the choice of a language, a basket, the steps of a form. For
//! logins take [`SessionLayer`](super::SessionLayer).
//!
//! # What it does
//!
//! - The cookie is as [`SessionCookie`](super::SessionCookie) has it, called `__Host-data` if nothing else is said, and
//!   always encrypted; [`Keys`](super::Keys) can be changed without losing anybody's data.
//! - The client can neither read nor change the data, nor use it under another name. What is no cookie of this layer's
//!   is as if it was not there.
//! - Idle and absolute time are checked by this server's clock: the cookie carries both times. Machines that share keys
//!   should agree about the time.
//! - It costs next to nothing until it is asked for, and is then decrypted, once. A cookie is set only when the data has
//!   changed, or a tenth of the idle time has passed. Without values there is no cookie.
//! - A response for which it was asked is `private` and varies by `Cookie`; one that sets the cookie is stored by nobody.
//!   A response cache in the same stack knows ([`Personal`](crate::Personal)).
//! - What would not fit into the cookie is refused at once, and when the response has begun everything is.
//!
//! A session has no id, so there is none to change at a login. Whoever logs somebody in nevertheless calls
//! [`destroy`](CookieSession::destroy) first: what was there may have been put into the browser by somebody else.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response, header};
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_keep::{BoxError, session::{Keys, stateless::{CookieSession, CookieSessionLayer}}};
//!
//! async fn choose(request: Request<()>) -> Result<Response<Full<Bytes>>, BoxError> {
//!     let session = CookieSession::of(request.extensions()).expect("the layer is around it");
//!     session.insert("language", request.uri().path())?;
//!     Ok(Response::default())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), BoxError> {
//! # let secret = |name: &str| name.repeat(8).into_bytes();
//! let keys = Keys::new(&secret("COOKIE_KEY"))?;
//! let app = CookieSessionLayer::new(keys).layer(service_fn(choose));
//!
//! let response = app.oneshot(Request::get("/eo").body(())?).await?;
//! let cookie = response.headers()[header::SET_COOKIE].to_str()?;
//! assert!(cookie.starts_with("__Host-data=") && cookie.contains("; Secure"));
//! assert!(!cookie.contains("eo\""));
//! # Ok(())
//! # }
//! ```

mod content;
mod error;
mod exchange;
#[cfg(feature = "axum")]
mod extract;
mod handle;
mod layer;
mod service;

#[cfg(feature = "axum")]
pub use self::extract::NoCookieSessionLayer;
pub use self::{
    error::CookieSessionError,
    handle::CookieSession,
    layer::CookieSessionLayer,
    service::{CookieResponseFuture, CookieSessions},
};
