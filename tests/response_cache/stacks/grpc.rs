//! In a tonic server: what is gRPC passes as if there were no cache.

use std::{
    convert::Infallible,
    future::ready,
    task::{Context, Poll},
};

use axum::Router;
use bytes::{Buf, BufMut};
use futures_util::{StreamExt, future::BoxFuture, stream};
use http::{Request, Response, uri::PathAndQuery};
use http_body_util::{BodyExt, Full};
use tokio::sync::mpsc;
use tonic::{
    Status, Streaming,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::NamedService,
    service::Routes,
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use tower::{Service, ServiceExt, service_fn};
use tower_keep::ResponseCacheLayer;

use super::{Calls, assert_a_miss_then_a_hit, http2, listener};
use crate::support::request;

/// Messages are text; what protobuf would do is no concern of a cache.
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

/// `/test.Parrot/Once` for one message, `/test.Parrot/Chat` for a stream of them.
#[derive(Clone)]
struct Parrot {
    calls: Calls,
}

impl NamedService for Parrot {
    const NAME: &'static str = "test.Parrot";
}

impl Service<Request<tonic::body::Body>> for Parrot {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let number = self.calls.next();
        let mut grpc = tonic::server::Grpc::new(Text);
        Box::pin(async move {
            Ok(if request.uri().path().ends_with("/Once") {
                let once = service_fn(move |asked| ready(once(number, asked)));
                grpc.unary(once, request).await
            } else {
                grpc.streaming(service_fn(|asked| ready(Ok(chat(asked)))), request)
                    .await
            })
        })
    }
}

fn once(number: usize, asked: tonic::Request<String>) -> Result<tonic::Response<String>, Status> {
    match asked.into_inner().as_str() {
        "" => Err(Status::invalid_argument("nothing to say")),
        text => Ok(tonic::Response::new(format!("{number}: {text}"))),
    }
}

/// Sends back what it hears, as long as it hears something.
fn chat(asked: tonic::Request<Streaming<String>>) -> tonic::Response<Said> {
    tonic::Response::new(asked.into_inner().boxed())
}

type Said = stream::BoxStream<'static, Result<String, Status>>;

/// A tonic server with the cache around all of it, gRPC and a plain page at `/page`.
async fn serve(calls: &Calls) -> std::net::SocketAddr {
    let (listener, address) = listener().await;
    let page = Router::new().route("/page", calls.route());
    let routes = Routes::from(page).add_service(Parrot {
        calls: calls.clone(),
    });
    let server = Server::builder()
        .layer(ResponseCacheLayer::new().default_ttl(tower_keep::minutes(5)))
        .add_routes(routes)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    address
}

/// A client of the server, connected.
async fn connected(calls: &Calls) -> tonic::client::Grpc<Channel> {
    let address = serve(calls).await;
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    client
}

fn path(method: &str) -> PathAndQuery {
    format!("/test.Parrot/{method}").parse().unwrap()
}

#[tokio::test]
async fn each_grpc_call_reaches_its_service() {
    let calls = Calls::default();
    let mut client = connected(&calls).await;
    for expected in ["1: hello", "2: hello"] {
        let asked = tonic::Request::new("hello".to_owned());
        let said = client.unary(asked, path("Once"), Text).await.unwrap();
        assert_eq!(said.into_inner(), expected);
        client.ready().await.unwrap();
    }
}

#[tokio::test]
async fn a_grpc_error_is_the_services_own() {
    let mut client = connected(&Calls::default()).await;
    let asked = tonic::Request::new(String::new());
    let status = client.unary(asked, path("Once"), Text).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(status.message(), "nothing to say");
}

/// Each answer is awaited before the next question: nothing waits for the end of either stream.
#[tokio::test]
async fn a_conversation_by_grpc_is_not_held_back() {
    let mut client = connected(&Calls::default()).await;
    let (ask, questions) = mpsc::unbounded_channel();
    let questions = stream::unfold(questions, |mut questions| async {
        Some((questions.recv().await?, questions))
    });
    let asked = tonic::Request::new(questions);
    let answers = client.streaming(asked, path("Chat"), Text).await.unwrap();
    let mut answers = answers.into_inner();

    for word in ["one", "two", "three"] {
        ask.send(word.to_owned()).unwrap();
        assert_eq!(answers.message().await.unwrap().as_deref(), Some(word));
    }
    drop(ask);
    assert_eq!(answers.message().await.unwrap(), None);
    let trailers = answers.trailers().await.unwrap();
    assert!(trailers.is_some(), "the status came in trailers");
}

/// As it is on the wire.
#[tokio::test]
async fn the_status_of_a_grpc_call_comes_in_trailers() {
    let uri = format!("http://{}/test.Parrot/Once", serve(&Calls::default()).await);
    let fields = [
        (":uri", uri.as_str()),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut call = request("POST", &fields);
    *call.body_mut() = Full::from(&b"\0\0\0\0\x02hi"[..]);

    let response = http2().oneshot(call).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert!(!response.headers().contains_key("grpc-status"));
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes(), &b"\0\0\0\0\x051: hi"[..]);
}

#[tokio::test]
async fn what_else_a_tonic_server_serves_is_cached() {
    let address = serve(&Calls::default()).await;
    assert_a_miss_then_a_hit(&http2(), address, "/page").await;
}
