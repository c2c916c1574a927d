//! Unsafe requests through a caching proxy (RFC 9111 section 4.4, RFC 9875 section 3): everything goes over real
//! connections, those that break included.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::{Layer, ServiceExt, service_fn};
use tower_keep::{
    BoxError,
    response_cache::{RequestBody, ResponseCacheLayer},
};

use crate::{
    cases::Fields,
    stacks::{answer, http1, listener, serve_hyper},
    support::{Got, request},
};

/// The request field that says how the origin answers: a status and lines, or nothing at all.
const ANSWER: &str = "x-answer";

/// An origin that writes its responses itself, and counts its requests.
async fn origin() -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, address) = listener().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(respond(stream));
        }
    });
    (address, calls)
}

/// Answers the one request of a connection.
async fn respond(mut stream: TcpStream) {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
    }
    let head = String::from_utf8(read).unwrap();
    let field = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(value))
    };
    let answer = match field(ANSWER) {
        Some("none") => return,
        Some(answer) => answer.replace("; ", "\r\n"),
        None => "200\r\ncache-control: max-age=60".to_owned(),
    };
    let end = "content-length: 2\r\nconnection: close\r\n\r\nok";
    let text = match &answer[..3] {
        "204" => format!("HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n"),
        _ => format!("HTTP/1.1 {answer}\r\n{end}"),
    };
    // A proxy that does not want it any more may have closed the connection.
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}

type Hop = Client<HttpConnector, RequestBody<Incoming>>;

/// Sends a request on, the host that the client meant included.
async fn forward(
    hop: Hop,
    origin: SocketAddr,
    mut request: Request<RequestBody<Incoming>>,
) -> Result<Response<Incoming>, BoxError> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    *request.uri_mut() = format!("http://{origin}{path}").parse()?;
    Ok(hop.request(request).await?)
}

/// A proxy with a cache in front of an origin, and clients of it.
struct Proxy {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Proxy {
    async fn new() -> Self {
        let (origin, calls) = origin().await;
        let hop: Hop = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build_http();
        let cache = ResponseCacheLayer::new().layer(service_fn(move |request| {
            forward(hop.clone(), origin, request)
        }));
        let proxy = service_fn(move |request: Request<Incoming>| {
            let answering = cache.clone().oneshot(request);
            async move {
                let answer: Response<UnsyncBoxBody<Bytes, BoxError>> = match answering.await {
                    Ok(response) => response.map(BodyExt::boxed_unsync),
                    Err(_) => bad_gateway(),
                };
                Ok::<_, Infallible>(answer)
            }
        });
        let address = serve_hyper(proxy).await;
        Self { address, calls }
    }

    async fn send(&self, method: &str, path: &str, fields: Fields<'_>) -> Got {
        let uri = format!("http://{}{path}", self.address);
        let fields = [&[(":uri", uri.as_str())], fields].concat();
        answer(http1(), request(method, &fields)).await
    }

    /// Whether a GET is answered from store; if not, it is now stored.
    async fn is_hit(&self, path: &str, fields: Fields<'_>) -> bool {
        let before = self.calls.load(Ordering::SeqCst);
        let got = self.send("GET", path, fields).await;
        assert_eq!(got.status, StatusCode::OK);
        let asked = self.calls.load(Ordering::SeqCst) > before;
        assert_eq!(got.is_hit(), !asked, "{path}: {got:?}");
        got.is_hit()
    }

    async fn store(&self, path: &str, fields: Fields<'_>) {
        self.is_hit(path, fields).await;
        assert!(self.is_hit(path, fields).await, "{path} is stored");
    }

    async fn write(&self, path: &str, answer: &str) -> Got {
        self.send("POST", path, &[(ANSWER, answer)]).await
    }
}

fn bad_gateway() -> Response<UnsyncBoxBody<Bytes, BoxError>> {
    let body = Full::<Bytes>::default().map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}

#[tokio::test]
async fn a_write_invalidates_unless_the_origin_says_that_it_failed() {
    for (answered, status, invalidates) in [
        ("200", 200, true),
        ("201", 201, true),
        ("204", 204, true),
        ("303; location: /elsewhere", 303, true),
        ("308; location: /elsewhere", 308, true),
        ("400", 400, false),
        ("404", 404, false),
        ("500", 500, false),
        ("503", 503, false),
        ("none", 502, true),
    ] {
        let proxy = Proxy::new().await;
        for path in ["/a", "/a?q", "/b"] {
            proxy.store(path, &[]).await;
        }
        assert_eq!(proxy.write("/a", answered).await.status, status);
        assert_eq!(proxy.is_hit("/a", &[]).await, !invalidates, "{answered}");
        assert!(proxy.is_hit("/a", &[]).await, "{answered}");
        for path in ["/a?q", "/b"] {
            assert!(proxy.is_hit(path, &[]).await, "{answered}: {path}");
        }
    }
}

#[tokio::test]
async fn what_the_answer_names_of_the_same_origin_goes_too() {
    let proxy = Proxy::new().await;
    let other = [("host", "other.test")];
    for name in ["location", "content-location"] {
        for reference in ["/x", "x", "//HOST/x", "http://HOST/x", "http://HOST/x#part"] {
            let reference = reference.replace("HOST", &proxy.address.to_string());
            for status in [201, 303] {
                proxy.store("/x", &[]).await;
                proxy.store("/x", &other).await;
                let answer = format!("{status}; {name}: {reference}");
                proxy.write("/form", &answer).await;
                assert!(!proxy.is_hit("/x", &[]).await, "{answer}");
                assert!(proxy.is_hit("/x", &other).await, "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn what_it_names_of_other_origins_stays() {
    let proxy = Proxy::new().await;
    let other = [("host", "other.test")];
    proxy.store("/x", &[]).await;
    proxy.store("/x", &other).await;
    for name in ["location", "content-location"] {
        for reference in [
            "http://other.test/x",
            "//other.test/x",
            "ftp://HOST/x",
            "http://HOST@other.test/x",
        ] {
            let reference = reference.replace("HOST", &proxy.address.to_string());
            let answer = format!("201; {name}: {reference}");
            proxy.write("/form", &answer).await;
            assert!(proxy.is_hit("/x", &[]).await, "{answer}");
            assert!(proxy.is_hit("/x", &other).await, "{answer}");
        }
    }
}

#[tokio::test]
async fn what_a_failed_write_names_stays() {
    let proxy = Proxy::new().await;
    proxy.store("/x", &[]).await;
    for status in [400, 404, 500] {
        for name in ["location", "content-location"] {
            proxy.write("/form", &format!("{status}; {name}: /x")).await;
            assert!(proxy.is_hit("/x", &[]).await, "{status}");
        }
    }
}

/// Fresh for a minute and in these groups.
fn grouped(groups: &str) -> String {
    format!("200; cache-control: max-age=60; cache-groups: {groups}")
}

#[tokio::test]
async fn a_write_invalidates_the_groups_that_its_answer_names() {
    for (named, taken) in [
        ("\"g\"", [true, true, false]),
        ("\"h\"", [false, true, true]),
        ("\"none\", \"h\"; x", [false, true, true]),
        ("\"G\"", [false; 3]),
        ("g", [false; 3]),
        ("\"g", [false; 3]),
    ] {
        let proxy = Proxy::new().await;
        let groups = [grouped("\"g\""), grouped("\"g\", \"h\""), grouped("\"h\"")];
        let stored: Vec<String> = (0..3).map(|number| format!("/{number}")).collect();
        for (path, answer) in stored.iter().zip(&groups) {
            proxy.store(path, &[(ANSWER, answer)]).await;
        }
        let elsewhere = [("host", "other.test"), (ANSWER, groups[1].as_str())];
        proxy.store("/1", &elsewhere).await;
        proxy.store("/alone", &[]).await;
        let answer = format!(
            "200; cache-group-invalidation: {}",
            named.replace("; ", ";")
        );
        proxy.write("/form", &answer).await;
        for (path, taken) in stored.iter().zip(taken) {
            // No cascade: what goes with one group does not take its other groups along (RFC 9875 2.2).
            assert_eq!(proxy.is_hit(path, &[]).await, !taken, "{named}: {path}");
        }
        assert!(proxy.is_hit("/1", &elsewhere[..1]).await, "another origin");
        assert!(proxy.is_hit("/alone", &[]).await);
    }
}

/// RFC 9875 3.
#[tokio::test]
async fn a_safe_request_invalidates_no_group() {
    let proxy = Proxy::new().await;
    let answer = grouped("\"g\"");
    proxy.store("/x", &[(ANSWER, &answer)]).await;
    let answer = "200; cache-group-invalidation: \"g\"";
    for method in ["GET", "HEAD", "OPTIONS"] {
        proxy.send(method, "/form", &[(ANSWER, answer)]).await;
        assert!(proxy.is_hit("/x", &[]).await, "{method}");
    }
    proxy.send("DELETE", "/form", &[(ANSWER, answer)]).await;
    assert!(!proxy.is_hit("/x", &[]).await);
}

/// Clients that name the whole URI, and their Host.
#[tokio::test]
async fn a_write_in_absolute_form_is_to_the_same_resource() {
    let proxy = Proxy::new().await;
    proxy.store("/a", &[]).await;
    let uri: Uri = format!("http://{}/a", proxy.address).parse().unwrap();
    let mut stream = TcpStream::connect(proxy.address).await.unwrap();
    let host = uri.authority().unwrap();
    let text = format!("PUT {uri} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!proxy.is_hit("/a", &[]).await);
}
