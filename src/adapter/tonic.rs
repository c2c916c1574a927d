//! Any body for what takes that of `tonic`.

use std::task::{Context, Poll};

use ::tonic::body::Body;
use bytes::Bytes;
use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::BoxError;

/// Lets a `tonic::transport::Channel`, or whatever takes requests with tonic's body, take requests with any body of
/// `Bytes`.
///
/// What comes out of the layers around it is a service for generated clients. Calls of gRPC are POSTs: those that may
/// be made twice have to say so, by a [`RetryPolicy`](crate::retry::RetryPolicy) in the extensions of the call, or by a
/// rule of the layer as here.
///
/// ```
/// use tonic::transport::Channel;
/// use tower::{Layer, ServiceBuilder};
/// use tower_keep::{RetryLayer, adapter::TonicLayer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let channel = Channel::from_static("http://[::1]:50051").connect_lazy();
/// let channel = ServiceBuilder::new()
///     .layer(RetryLayer::new().idempotent(|_, uri, _| uri.path().starts_with("/shop.Catalogue/")))
///     .layer(TonicLayer::new())
///     .service(channel);
/// // In the place of a generated client.
/// let client = tonic::client::Grpc::new(channel);
/// # let _ = client;
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TonicLayer(());

impl TonicLayer {
    /// The layer, which has no settings.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for TonicLayer {
    type Service = Tonic<S>;

    fn layer(&self, inner: S) -> Tonic<S> {
        Tonic { inner }
    }
}

/// A service for requests with any body around one for those with tonic's. Made by [`TonicLayer`].
#[derive(Clone, Copy, Debug)]
pub struct Tonic<S> {
    inner: S,
}

impl<S> Tonic<S> {
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

impl<S, B> Service<Request<B>> for Tonic<S>
where
    S: Service<Request<Body>>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.inner.call(request.map(Body::new))
    }
}
