//! What is sent again over real connections, and why.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, future::pending, stream};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use tower::{Layer, ServiceExt};
use tower_keep::{
    BoxError,
    retry::{GaveUp, Reason, RetryBody, RetryLayer, RetryOutcome, RetryPolicy},
};

use crate::{
    origin::{HttpClient, Origin, Received, StreamTurn, Turn, Upload, Way},
    support::layer,
};

/// What is made of a first attempt that the script spoils.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    /// There is a second one, which is answered 200, for this reason and after so many milliseconds.
    Again(Reason, u64),
    /// It is what the client gets.
    Final(u16),
    /// The same, although it is one that may pass.
    Kept(u16, GaveUp),
    /// The client gets the error.
    Error,
}

use Made::{Again, Error, Final, Kept};

/// A first attempt; what is made of it if the request may be processed twice, and if not.
type Row<T> = (&'static str, T, Made, Made);

const NOT_PROCESSED: Made = Again(Reason::NotProcessed, 100);
const TRANSIENT: Made = Again(Reason::Transient, 100);
const UNAVAILABLE: Reason = Reason::Status(StatusCode::SERVICE_UNAVAILABLE);

fn http1_table() -> Vec<Row<Turn>> {
    [connections(), answers()].into_iter().flatten().collect()
}

fn says(said: &str) -> Turn {
    Turn::Says(said.to_owned())
}

/// What becomes of connections.
fn connections() -> Vec<Row<Turn>> {
    vec![
        ("answers", Turn::Keeps, Final(200), Final(200)),
        (
            "refuses connections",
            Turn::Refuses,
            NOT_PROCESSED,
            NOT_PROCESSED,
        ),
        (
            "hangs up before the head is read",
            Turn::ReadsNothing,
            TRANSIENT,
            Error,
        ),
        ("hangs up after the head", Turn::ReadsHead, TRANSIENT, Error),
        ("hangs up instead of an answer", says(""), TRANSIENT, Error),
        (
            "hangs up in the answer's head",
            says("HTTP/1.1 200 OK\r\ncontent-le"),
            TRANSIENT,
            Error,
        ),
        (
            "hangs up in the answer's body",
            says("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"),
            Final(200),
            Final(200),
        ),
        (
            "hangs up in the answer's chunks",
            says("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
            Final(200),
            Final(200),
        ),
        (
            "says something else than HTTP",
            says("SSH-2.0-OpenSSH\r\n\r\n"),
            Error,
            Error,
        ),
    ]
}

/// What servers say.
fn answers() -> Vec<Row<Turn>> {
    let date = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(9));
    let past = format!("HTTP/1.1 503 -\r\nretry-after: {date}\r\ncontent-length: 0\r\n\r\n");
    vec![
        (
            "is unavailable",
            says("HTTP/1.1 503 -\r\ncontent-length: 0\r\n\r\n"),
            Again(UNAVAILABLE, 100),
            Final(503),
        ),
        (
            "is unavailable for two seconds",
            says("HTTP/1.1 503 -\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n"),
            Again(UNAVAILABLE, 2_000),
            Final(503),
        ),
        (
            "is unavailable until a moment ago",
            Turn::Says(past),
            Again(UNAVAILABLE, 0),
            Final(503),
        ),
        (
            "is unavailable for an hour",
            says("HTTP/1.1 503 -\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n"),
            Kept(503, GaveUp::RetryAfter),
            Final(503),
        ),
        (
            "is unavailable, and its answer is cut short",
            says("HTTP/1.1 503 -\r\ncontent-length: 9\r\n\r\n"),
            Again(UNAVAILABLE, 100),
            Final(503),
        ),
        (
            "is broken",
            says("HTTP/1.1 500 -\r\ncontent-length: 0\r\n\r\n"),
            Final(500),
            Final(500),
        ),
    ]
}

const REFUSED_STREAM: u8 = 7;

const HTTP2_TABLE: [Row<StreamTurn>; 12] = [
    ("answers", StreamTurn::Answers, Final(200), Final(200)),
    (
        "refuses the stream",
        StreamTurn::Resets(REFUSED_STREAM),
        NOT_PROCESSED,
        NOT_PROCESSED,
    ),
    (
        "goes away below the stream",
        StreamTurn::LeavesOut(0),
        NOT_PROCESSED,
        NOT_PROCESSED,
    ),
    (
        "goes away below the stream for an internal error",
        StreamTurn::LeavesOut(2),
        NOT_PROCESSED,
        NOT_PROCESSED,
    ),
    (
        "goes away below the stream to be calm",
        StreamTurn::LeavesOut(11),
        NOT_PROCESSED,
        NOT_PROCESSED,
    ),
    (
        "goes away after the stream, and hangs up",
        StreamTurn::Leaves(0),
        TRANSIENT,
        Error,
    ),
    (
        "goes away after the stream for an internal error, and hangs up",
        StreamTurn::Leaves(2),
        TRANSIENT,
        Error,
    ),
    (
        "goes away after the stream, which it answers",
        StreamTurn::LeavesAfter,
        Final(200),
        Final(200),
    ),
    ("cancels", StreamTurn::Resets(8), TRANSIENT, Error),
    ("fails", StreamTurn::Resets(2), TRANSIENT, Error),
    (
        "finds fault with the protocol",
        StreamTurn::Resets(1),
        Error,
        Error,
    ),
    ("hangs up", StreamTurn::HangsUp, TRANSIENT, Error),
];

fn upload(body: &'static str) -> Upload {
    Full::from(body)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body of these frames, which goes on as `rest` says.
fn streamed(
    frames: Vec<Frame<Bytes>>,
    rest: impl Future<Output = Frame<Bytes>> + Send + 'static,
) -> Upload {
    let frames = stream::iter(frames).chain(stream::once(rest));
    StreamBody::new(frames.map(Ok::<_, BoxError>)).boxed_unsync()
}

fn request(method: Method, version: Version, body: Upload) -> Request<Upload> {
    let request = Request::builder().method(method).version(version);
    request.uri("http://origin.test/").body(body).unwrap()
}

type Answered = Result<Response<RetryBody<Incoming>>, legacy::Error>;

async fn send(layer: &RetryLayer, client: HttpClient, request: Request<Upload>) -> Answered {
    layer.layer(client).oneshot(request).await
}

/// What has been made of it, by all that the layer tells.
fn made(answered: &Answered, layer: &RetryLayer) -> Made {
    let Ok(response) = answered else {
        return Error;
    };
    let retried: u64 = layer.stats().retried.iter().map(|(_, count)| count).sum();
    let status = response.status().as_u16();
    match response.extensions().get::<RetryOutcome>() {
        None => Final(status),
        Some(outcome) => {
            let [reason] = *outcome.reasons() else {
                panic!("{outcome:?}")
            };
            if let Some(why) = outcome.gave_up() {
                return Kept(status, why);
            }
            assert_eq!((status, outcome.attempts(), retried), (200, 2, 1));
            let waited = outcome.waited().as_millis();
            Again(reason, waited.try_into().unwrap())
        }
    }
}

/// The methods and what they say of themselves, and whether they may be processed twice.
fn kinds() -> [(Method, RetryPolicy, bool); 4] {
    let policy = RetryPolicy::new();
    [
        (Method::PUT, policy, true),
        (Method::POST, policy.idempotent(), true),
        (Method::POST, policy, false),
        (Method::PUT, policy.not_idempotent(), false),
    ]
}

/// Follows a row of a table for all kinds of requests, by clients that send again what was cancelled and by others.
async fn follow<T: Clone>(
    (name, turn, twice, once): Row<T>,
    version: Version,
    origin: impl AsyncFn(T) -> Origin,
) {
    for (method, policy, may_be_twice) in kinds() {
        for retry_canceled in [false, true] {
            let (layer, origin) = (layer(), origin(turn.clone()).await);
            let mut request = request(method.clone(), version, upload("sent"));
            request.extensions_mut().insert(policy);
            let client = origin.way.client(version, retry_canceled);
            let answered = send(&layer, client, request).await;
            let expected = if may_be_twice { twice } else { once };
            let label = format!("{method} to one that {name}, {policy:?}, {retry_canceled}");
            assert_eq!(made(&answered, &layer), expected, "{label}: {answered:?}");
            drop(answered);
            tokio::task::yield_now().await;
            check(&origin, expected, may_be_twice, &label);
        }
    }
}

/// What the origin has seen of it.
fn check(origin: &Origin, made: Made, may_be_twice: bool, label: &str) {
    let received = origin.received();
    if let Again(..) = made {
        assert_eq!(received.last().unwrap().body, b"sent", "{label}");
    }
    let most = if may_be_twice { 2 } else { 1 };
    assert!(origin.perhaps_processed() <= most, "{label}: {received:?}");
    let attempts = if matches!(made, Again(..)) { 2 } else { 1 };
    let refused = origin.way.refused();
    assert_eq!(received.len() + refused, attempts, "{label}: {received:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_server_does_by_http1_is_retried_as_the_table_says() {
    for row in http1_table() {
        let origin = async |turn| Origin::http1(&[turn]).await;
        follow(row, Version::HTTP_11, origin).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_server_does_by_http2_is_retried_as_the_table_says() {
    for row in HTTP2_TABLE {
        let origin = async |turn| Origin::http2(&[turn]).await;
        follow(row, Version::HTTP_2, origin).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_until_a_date_is_kept_to_over_http() {
    let layer = layer();
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(5));
    let said = format!("HTTP/1.1 429 -\r\nretry-after: {date}\r\ncontent-length: 0\r\n\r\n");
    let origin = Origin::http1(&[Turn::Says(said)]).await;
    let client = origin.way.client(Version::HTTP_11, true);
    let request = request(Method::GET, Version::HTTP_11, upload(""));
    let answered = send(&layer, client, request).await;
    let Again(Reason::Status(StatusCode::TOO_MANY_REQUESTS), waited) = made(&answered, &layer)
    else {
        panic!("{answered:?}")
    };
    // Dates have whole seconds, and one may pass between.
    assert!((3_000..=5_000).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_before_the_body_is_read_is_not_retried() {
    let early = "HTTP/1.1 503 -\r\ncontent-length: 0\r\n\r\n";
    for method in [Method::PUT, Method::POST] {
        let (layer, origin) = (layer(), Origin::http1(&[Turn::AnswersHead(early)]).await);
        let body = streamed(vec![Frame::data("begun".into())], pending());
        let mut request = request(method, Version::HTTP_11, body);
        let policy = RetryPolicy::new().idempotent();
        request.extensions_mut().insert(policy);
        let client = origin.way.client(Version::HTTP_11, true);
        let answered = send(&layer, client, request).await;
        assert_eq!(made(&answered, &layer), Kept(503, GaveUp::Body));
        assert_eq!(origin.received().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_short_is_the_readers_to_find() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let origin = Origin::http1(&[Turn::Says(cut.to_owned())]).await;
    let client = origin.way.client(Version::HTTP_11, true);
    let get = request(Method::GET, Version::HTTP_11, upload(""));
    let response = send(&layer(), client, get).await.unwrap();
    let mut body = response.into_body();
    let half = body.frame().await.unwrap().unwrap();
    assert_eq!(half.into_data().unwrap(), "half");
    body.frame().await.unwrap().unwrap_err();
    assert_eq!(origin.received().len(), 1);
}

/// "sent", announced to be so long, to a server that is unavailable at first.
async fn announced(method: Method, length: &'static str) -> (Made, Vec<Received>) {
    let unavailable = "HTTP/1.1 503 -\r\ncontent-length: 0\r\n\r\n".to_owned();
    let (layer, origin) = (layer(), Origin::http1(&[Turn::Says(unavailable)]).await);
    let mut request = request(method, Version::HTTP_11, upload("sent"));
    let length = http::HeaderValue::from_static(length);
    request.headers_mut().insert("content-length", length);
    let client = origin.way.client(Version::HTTP_11, true);
    let answered = send(&layer, client, request).await;
    (made(&answered, &layer), origin.received())
}

#[tokio::test(start_paused = true)]
async fn a_content_length_that_lies_is_repeated_as_it_is() {
    for (length, sent) in [("4", "sent"), ("2", "se")] {
        let (made, received) = announced(Method::PUT, length).await;
        assert_eq!(made, Again(UNAVAILABLE, 100));
        assert_eq!(received.len(), 2);
        for attempt in received {
            assert_eq!(attempt.body, sent.as_bytes());
            assert!(
                attempt
                    .head
                    .contains(&format!("content-length: {length}\r\n"))
            );
        }
    }
    // The server waits for the rest, and hangs up.
    for (method, attempts) in [(Method::PUT, 4), (Method::POST, 1)] {
        let (made, received) = announced(method, "9").await;
        assert_eq!((made, received.len()), (Error, attempts));
        assert!(received.iter().all(|attempt| attempt.body == b"sent"));
    }
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1".parse().unwrap());
    trailers
}

/// What a server has read of each attempt before it answers 503.
async fn uploads(version: Version) -> Vec<(Bytes, Option<HeaderMap>)> {
    use hyper_util::{rt::TokioExecutor, rt::TokioIo, server::conn::auto::Builder};

    let (way, listener) = Way::listening(0).await;
    let (read, mut all) = tokio::sync::mpsc::unbounded_channel();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let read = read.clone();
        async move {
            let body = request.into_body().collect().await?;
            let trailers = body.trailers().cloned();
            read.send((body.to_bytes(), trailers)).unwrap();
            let mut response = Response::new(Full::<Bytes>::default());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok::<_, hyper::Error>(response)
        }
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (io, service) = (TokioIo::new(stream), service.clone());
            tokio::spawn(async move {
                let server = Builder::new(TokioExecutor::new());
                drop(server.serve_connection(io, service).await);
            });
        }
    });
    let pieces = ["a", "bc"].map(|piece| Frame::data(piece.into()));
    let body = streamed(pieces.into(), async { Frame::trailers(trailers()) });
    let mut request = request(Method::PUT, version, body);
    // By HTTP/1.1 hyper sends the trailers that were announced.
    let names = http::HeaderValue::from_static("checksum");
    request.headers_mut().insert("trailer", names);
    let client = way.client(version, true);
    let response = send(&layer(), client, request).await.unwrap();
    assert_eq!(response.status(), 503);
    all.close();
    let mut uploads = Vec::new();
    while let Some(upload) = all.recv().await {
        uploads.push(upload);
    }
    uploads
}

#[tokio::test(start_paused = true)]
async fn a_chunked_upload_is_sent_again_with_its_trailers() {
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let sent = (Bytes::from("abc"), Some(trailers()));
        assert_eq!(uploads(version).await, vec![sent; 4], "{version:?}");
    }
}

/// A POST over a connection that has served another request before, and ended meanwhile.
async fn over_a_cut_connection(retry_canceled: bool) -> (Made, Origin) {
    let (layer, origin) = (layer(), Origin::http1(&[]).await);
    let client = origin.way.client(Version::HTTP_11, retry_canceled);
    let post = || request(Method::POST, Version::HTTP_11, upload("sent"));
    let first = send(&layer, client.clone(), post()).await.unwrap();
    first.into_body().collect().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    origin.way.cut();
    let answered = send(&layer, client, post()).await;
    (made(&answered, &layer), origin)
}

#[tokio::test(start_paused = true)]
async fn what_the_client_sends_again_by_itself_is_not_multiplied() {
    let (by_the_client, origin) = over_a_cut_connection(true).await;
    assert_eq!((by_the_client, origin.way.dialled()), (Final(200), 2));
    assert_eq!(origin.received().len(), 2, "one of each request");
    let (by_the_layer, origin) = over_a_cut_connection(false).await;
    assert_eq!((by_the_layer, origin.way.dialled()), (NOT_PROCESSED, 2));
    assert_eq!(origin.received().len(), 2);
}

/// A connection that ends before anything is sent. By HTTP/1.1 hyper does not tell that from one that ends afterwards.
async fn stillborn(version: Version, method: Method, retry_canceled: bool) -> (Made, Origin) {
    let origin = match version {
        Version::HTTP_2 => Origin::http2(&[]).await,
        _ => Origin::http1(&[]).await,
    };
    let layer = layer();
    origin.way.cut_next();
    let client = origin.way.client(version, retry_canceled);
    let answered = send(&layer, client, request(method, version, upload("sent"))).await;
    (made(&answered, &layer), origin)
}

#[tokio::test(start_paused = true)]
async fn a_post_over_a_connection_that_ends_at_once_is_sent_again_where_that_is_certain() {
    for (version, method, expected) in [
        (Version::HTTP_11, Method::PUT, TRANSIENT),
        (Version::HTTP_11, Method::POST, Error),
        (Version::HTTP_2, Method::PUT, NOT_PROCESSED),
        (Version::HTTP_2, Method::POST, NOT_PROCESSED),
    ] {
        for retry_canceled in [false, true] {
            let (made, origin) = stillborn(version, method.clone(), retry_canceled).await;
            assert_eq!(made, expected, "{method} by {version:?}");
            assert!(origin.received().len() <= 1);
        }
    }
}
