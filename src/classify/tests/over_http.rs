//! What clients see of servers that follow a script.

use std::future::ready;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{Empty, StreamBody};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    net::TcpStream,
};

use super::*;

type Body = Empty<Bytes>;

const REFUSED_STREAM: u8 = 7;
const GOAWAY: u8 = 7;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;

fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::new()).unwrap()
}

fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    [&[0, 0, len, kind, 0, 0, 0, 0, stream], payload].concat()
}

fn go_away(last: u8, code: u8) -> Vec<u8> {
    frame(GOAWAY, 0, &[0, 0, 0, last, 0, 0, 0, code])
}

fn reset(code: u8) -> Vec<u8> {
    frame(RST_STREAM, 1, &[0, 0, 0, code])
}

/// Reads a request on stream 1, says what the script says, and hangs up.
async fn serve(mut io: DuplexStream, script: Vec<u8>) {
    io.write_all(&frame(SETTINGS, 0, &[])).await.unwrap();
    io.read_exact(&mut [0; 24]).await.unwrap();
    loop {
        let mut head = [0; 9];
        io.read_exact(&mut head).await.unwrap();
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; len.try_into().unwrap()];
        io.read_exact(&mut payload).await.unwrap();
        if head[3] == HEADERS {
            break;
        }
    }
    io.write_all(&script).await.unwrap();
}

/// What becomes of a request by HTTP/2 that the script answers.
async fn over_http2(script: Vec<u8>) -> Failure {
    let (client, server) = duplex(1 << 16);
    tokio::spawn(serve(server, script));
    let io = TokioIo::new(client);
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let error = sender.send_request(get("http://example.com/")).await;
    Failure::of(&error.unwrap_err())
}

#[tokio::test]
async fn refused_streams_are_not_processed() {
    assert_eq!(
        over_http2(reset(REFUSED_STREAM)).await,
        Failure::NotProcessed
    );
}

#[tokio::test]
async fn streams_above_the_last_of_a_goaway_are_not_processed() {
    for code in [0, 2, 11] {
        assert_eq!(over_http2(go_away(0, code)).await, Failure::NotProcessed);
    }
}

#[tokio::test]
async fn streams_up_to_the_last_of_a_goaway_may_be_processed() {
    for code in [0, 2, 11] {
        assert_eq!(over_http2(go_away(1, code)).await, Failure::Transient);
    }
}

#[tokio::test]
async fn resets_are_transient_unless_they_blame_the_protocol() {
    const CODES: [(u8, Failure); 7] = [
        (1, Failure::Permanent),  // PROTOCOL_ERROR
        (2, Failure::Transient),  // INTERNAL_ERROR
        (3, Failure::Permanent),  // FLOW_CONTROL_ERROR
        (8, Failure::Transient),  // CANCEL
        (10, Failure::Transient), // CONNECT_ERROR
        (11, Failure::Transient), // ENHANCE_YOUR_CALM
        (13, Failure::Permanent), // HTTP_1_1_REQUIRED
    ];
    for (code, failure) in CODES {
        assert_eq!(over_http2(reset(code)).await, failure, "{code}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_the_protocol_is_permanent() {
    // A window that grows by nothing.
    let breach = frame(8, 0, &[0; 4]);
    assert_eq!(over_http2(breach).await, Failure::Permanent);
}

#[tokio::test]
async fn a_connection_that_ends_is_transient() {
    assert_eq!(over_http2(Vec::new()).await, Failure::Transient);
}

/// What becomes of a request by HTTP/1.1 that is answered so, after which the server hangs up; and of the next.
async fn over_http1(answer: &'static [u8]) -> [Failure; 2] {
    let (client, mut server) = duplex(1 << 16);
    tokio::spawn(async move {
        assert!(server.read(&mut [0; 1024]).await.unwrap() > 0);
        server.write_all(answer).await.unwrap();
    });
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(client));
    let (mut sender, connection) = handshake.await.unwrap();
    let connection = tokio::spawn(connection);
    let first = sender.send_request(get("/")).await.unwrap_err();
    drop(connection.await);
    let next = sender.send_request(get("/")).await.unwrap_err();
    [first, next].map(|error| Failure::of(&error))
}

#[tokio::test]
async fn messages_that_end_early_are_transient_and_what_was_not_sent_is_not_processed() {
    let hung_up = over_http1(b"HTTP/1.1 20").await;
    assert_eq!(hung_up, [Failure::Transient, Failure::NotProcessed]);
}

#[tokio::test]
async fn a_connection_that_cannot_be_sent_to_any_more_has_sent_nothing() {
    let (client, server) = duplex(1 << 16);
    let handshake = hyper::client::conn::http1::handshake::<_, Body>(TokioIo::new(client));
    let (mut sender, connection) = handshake.await.unwrap();
    drop((connection, server));
    let closed = sender.ready().await.unwrap_err();
    assert_eq!(Failure::of(&closed), Failure::NotProcessed);
}

#[tokio::test]
async fn answers_that_are_not_http_are_permanent() {
    let [garbled, _] = over_http1(b"SSH-2.0-OpenSSH\r\n\r\n").await;
    assert_eq!(garbled, Failure::Permanent);
}

#[tokio::test]
async fn clients_that_do_not_connect_have_sent_nothing() {
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let of = async |uri: &str| Failure::of(&client.request(get(uri)).await.unwrap_err());
    // Port 1 is nobody's.
    assert_eq!(of("http://127.0.0.1:1/").await, Failure::NotProcessed);
    let unresolved = format!("http://{}.invalid/", "a".repeat(64));
    assert_eq!(of(&unresolved).await, Failure::NotProcessed);
}

#[tokio::test]
async fn what_is_transient_is_not_processed_if_it_was_the_connection_that_failed() {
    let of = async |kind: ErrorKind| {
        let connector = tower::service_fn(move |_: Uri| {
            ready(Err::<TokioIo<TcpStream>, _>(io::Error::from(kind)))
        });
        let client = Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
        Failure::of(
            &client
                .request(get("http://example.com/"))
                .await
                .unwrap_err(),
        )
    };
    assert_eq!(of(ErrorKind::TimedOut).await, Failure::NotProcessed);
    assert_eq!(of(ErrorKind::InvalidData).await, Failure::Permanent);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_is_permanent() {
    let (client, _server) = duplex(1 << 16);
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(client));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let unread = Err::<hyper::body::Frame<Bytes>, _>(io::Error::from(ErrorKind::ConnectionReset));
    let body = StreamBody::new(futures_util::stream::iter([unread]));
    let error = sender.send_request(Request::post("/").body(body).unwrap());
    assert_eq!(Failure::of(&error.await.unwrap_err()), Failure::Permanent);
}
