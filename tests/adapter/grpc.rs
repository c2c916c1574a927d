//! A channel of tonic.

use std::{
    convert::Infallible,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::{Buf, BufMut};
use futures_util::future::BoxFuture;
use http::{Request, Response, uri::PathAndQuery};
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::NamedService,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_keep::{
    CircuitBreakerLayer, ResponseCacheLayer,
    adapter::{Tonic, TonicLayer},
    retry::{Failure, Retry, RetryLayer, RetryPolicy},
};

use crate::{listener, nobody, retries};

/// Messages are text; what protobuf would do is no concern of a layer.
#[derive(Clone, Copy, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let text = from.copy_to_bytes(from.remaining()).to_vec();
        Ok(Some(String::from_utf8(text).expect("tests send text")))
    }
}

/// Its first call is not answered for now, and the others with what they sent.
#[derive(Clone, Default)]
struct Flaky {
    calls: Arc<AtomicUsize>,
}

impl NamedService for Flaky {
    const NAME: &'static str = "test.Flaky";
}

impl Service<Request<tonic::body::Body>> for Flaky {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let first = self.calls.fetch_add(1, Ordering::Relaxed) == 0;
        let once = service_fn(move |asked: tonic::Request<String>| {
            ready(if first {
                Err(Status::unavailable("come back"))
            } else {
                Ok(tonic::Response::new(asked.into_inner()))
            })
        });
        let mut grpc = tonic::server::Grpc::new(Text);
        Box::pin(async move { Ok(grpc.unary(once, request).await) })
    }
}

/// A channel to a server of that service.
async fn channel(flaky: &Flaky) -> Channel {
    let (listener, address) = listener().await;
    let server = Server::builder().add_service(flaky.clone());
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    endpoint.unwrap().connect().await.unwrap()
}

fn client(layer: &RetryLayer, channel: Channel) -> tonic::client::Grpc<Retry<Tonic<Channel>>> {
    tonic::client::Grpc::new(layer.layer(TonicLayer::new().layer(channel)))
}

fn asked(policy: RetryPolicy) -> tonic::Request<String> {
    let mut asked = tonic::Request::new("hello".to_owned());
    asked.extensions_mut().insert(policy);
    asked
}

fn path() -> PathAndQuery {
    PathAndQuery::from_static("/test.Flaky/Once")
}

#[tokio::test]
async fn a_call_that_says_so_is_made_again() {
    let flaky = Flaky::default();
    let layer = retries();
    let mut client = client(&layer, channel(&flaky).await);
    client.ready().await.unwrap();
    let asked = asked(RetryPolicy::new().idempotent());
    let answer = client.unary(asked, path(), Text).await.unwrap();
    assert_eq!(answer.into_inner(), "hello");
    assert_eq!(flaky.calls.load(Ordering::Relaxed), 2);
    assert_eq!(layer.stats().retried, [("grpc", 1)]);
}

#[tokio::test]
async fn a_call_that_does_not_is_made_once() {
    let flaky = Flaky::default();
    let mut client = client(&retries(), channel(&flaky).await);
    client.ready().await.unwrap();
    let asked = asked(RetryPolicy::new());
    let status = client.unary(asked, path(), Text).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(flaky.calls.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_refused_connection_is_retried_whatever_the_call() {
    let endpoint = Endpoint::from_shared(format!("http://{}", nobody().await));
    let layer = retries();
    let mut client = client(&layer, endpoint.unwrap().connect_lazy());
    client.ready().await.unwrap();
    let asked = asked(RetryPolicy::new());
    let status = client.unary(asked, path(), Text).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(layer.stats().retried, [("not-processed", 3)]);
}

#[tokio::test]
async fn the_other_layers_go_around_it_as_well() {
    let flaky = Flaky::default();
    let service = ServiceBuilder::new()
        .layer(ResponseCacheLayer::new())
        .layer(retries())
        .layer(CircuitBreakerLayer::new())
        .layer(TonicLayer::new())
        .service(channel(&flaky).await);
    let mut client = tonic::client::Grpc::new(service);
    client.ready().await.unwrap();
    let asked = asked(RetryPolicy::new().idempotent());
    let answer = client.unary(asked, path(), Text).await.unwrap();
    assert_eq!(answer.into_inner(), "hello");
}

#[test]
fn the_timeout_of_an_endpoint_may_pass() {
    let timeout = tonic::TimeoutExpired(());
    assert_eq!(Failure::of(&timeout), Failure::Transient);
}
