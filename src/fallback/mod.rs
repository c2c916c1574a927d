//! An answer in place of a failure: a response that is made here, or that of another service.
//!
//! A [`FallbackLayer`] looks at what the inner service made of a request. If that is a failure, something else answers:
//!
//! - [`FallbackLayer::value`], always the same response;
//! - [`FallbackLayer::from_fn`], a response made from the outcome, an error or the head of a response;
//! - [`FallbackLayer::service`], another service: a replica, a cache, a simpler page.
//!
//! Failures are errors of the service and responses with 502, 503 or 504, among them the refusals of an open circuit;
//! [`when`](FallbackLayer::when) has other ones. What the fallback makes of a request is final.
//!
//! ```
//! use axum::{Router, body::Body, http::{Request, Response}, routing::get};
//! use bytes::Bytes;
//! use tower::ServiceExt;
//! use tower_keep::{
//!     circuit_breaker::{CircuitBreakerLayer, CircuitOpen},
//!     fallback::FallbackLayer,
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let circuit = CircuitBreakerLayer::new();
//! let fallback = FallbackLayer::from_fn(|failed| {
//!     let refused = failed.response().and_then(|head| head.extensions().get::<CircuitOpen>());
//!     let text = match refused {
//!         Some(_) => "no recommendations today",
//!         None => "no recommendations right now",
//!     };
//!     Response::new(Bytes::from(text))
//! });
//! let app: Router = Router::new()
//!     .route("/recommendations", get(|| async { "a good book" }))
//!     .layer(circuit.clone())
//!     .layer(fallback);
//!
//! circuit.breaker().force_open();
//! let request = Request::get("/recommendations").body(Body::empty())?;
//! let response = app.oneshot(request).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! Outside of retries and circuit breakers: it answers what they could not help. Inside of a response cache only if the
//! answer may be stored in place of the real one; give it `Cache-Control: no-store` otherwise.
//!
//! # Caveats
//!
//! - The outcome is that of the head: a body that breaks off has been answered already.
//! - Another service gets the head of the request and an empty body, as the body was given to the first one. Requests
//!   that had one are not given to it, and what the first one made of them is passed on.
//! - An error of readiness is no outcome of a request, and passed on.

mod future;
mod layer;
mod service;

pub use self::{
    future::{ResponseFuture, ServiceFuture},
    layer::{FallbackLayer, Respond, To},
    service::Fallback,
};
pub use crate::{
    head::{Outcome, ResponseHead},
    wire::body::ResponseBody,
};
