//! A caching reverse proxy in front of one origin, on hyper alone.
//!
//! ```text
//! cargo run --example reverse_proxy -- --listen 127.0.0.1:8080 --origin http://127.0.0.1:8000
//! ```
//!
//! It speaks HTTP/1 and cleartext HTTP/2 (prior knowledge) to clients and HTTP/1 to the origin. The layers,
//! from outside in:
//!
//! - [`answer`] refuses what no origin should see (400, 501) and turns a failure into 502 or 504. It is
//!   outside the cache because the cache wants to see failures: a stale response may be allowed in their
//!   place (RFC 5861, section 4).
//! - `ResponseCacheLayer`.
//! - [`Forward`] is the hop to the origin (RFC 9110, section 7.6).
//!
//! The origin sees the Host that the client sent, not its own address: the request's target stays the same
//! on the whole way, so that it is the same thing that the client means, that the cache's key is made of and
//! that the origin answers for (redirects, virtual hosts).
//!
//! Left out to stay readable: TLS, `Forwarded`, `Max-Forwards`, upgrades, several origins.

use std::{
    convert::Infallible,
    error::Error,
    fmt,
    future::Future,
    io::Write as _,
    pin::{Pin, pin},
    process::ExitCode,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{CONNECTION, COOKIE, HOST, TE, TRANSFER_ENCODING, UPGRADE, VIA},
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body::Body;
use http_body_util::{Either, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer as _, Service, ServiceExt as _};
use tower_keep::{
    response_cache::{ResponseCacheLayer, SetCookie},
    store::MemoryStore,
};

type BoxError = Box<dyn Error + Send + Sync>;

const HELP: &str = "\
A caching reverse proxy in front of one origin

Usage: reverse_proxy --listen ADDR --origin URL [OPTIONS]

  --listen ADDR          address and port to listen on; port 0 picks a free one
  --origin URL           the origin, http://HOST[:PORT]
  --set-cookie HOW       responses with Set-Cookie are not stored (refuse, the default),
                         stored without that field (strip), or stored whole (store)
  --capacity BYTES       memory of the cache (default 67108864)
  --stale-if-error SECS  how long past its freshness a response is served while the
                         origin fails, if it does not say so itself (default 0)
  --head-timeout SECS    how long the origin may take to answer with a head, the
                         upload of the request included (default 30)
  --help                 this text
";

/// How long open connections may take to finish after ctrl-c.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// Idle connections to the origin are dropped before usual servers drop them (Node.js: after 5 s), since a
/// request sent into a closing connection is lost.
const ORIGIN_IDLE: Duration = Duration::from_secs(4);

struct Options {
    listen: String,
    origin: Authority,
    set_cookie: SetCookie,
    capacity: usize,
    stale_if_error: Duration,
    head_timeout: Duration,
}

impl Options {
    /// `None` when help was asked for.
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let (mut listen, mut origin) = (None, None);
        let mut set_cookie = SetCookie::Refuse;
        let mut capacity = 64 * 1024 * 1024;
        let mut stale_if_error = 0;
        let mut head_timeout = 30;
        while let Some(name) = arguments.next() {
            if name == "--help" {
                return Ok(None);
            }
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--listen" => listen = Some(value()?),
                "--origin" => origin = Some(parse_origin(&value()?)?),
                "--set-cookie" => set_cookie = parse_set_cookie(&value()?)?,
                "--capacity" => capacity = parse_number(&name, &value()?)?,
                "--stale-if-error" => stale_if_error = parse_number(&name, &value()?)?,
                "--head-timeout" => head_timeout = parse_number(&name, &value()?)?,
                _ => return Err(format!("unknown argument {name:?}")),
            }
        }
        Ok(Some(Self {
            listen: listen.ok_or("--listen is required")?,
            origin: origin.ok_or("--origin is required")?,
            set_cookie,
            capacity,
            stale_if_error: Duration::from_secs(stale_if_error),
            head_timeout: Duration::from_secs(head_timeout),
        }))
    }
}

fn parse_origin(value: &str) -> Result<Authority, String> {
    let uri: Uri = value
        .parse()
        .map_err(|e| format!("--origin {value}: {e}"))?;
    let parts = uri.into_parts();
    let is_bare = parts.path_and_query.is_none_or(|path| path == "/");
    match parts.authority {
        Some(authority) if parts.scheme == Some(Scheme::HTTP) && is_bare => Ok(authority),
        _ => Err(format!(
            "--origin {value}: expected http://HOST[:PORT] and no path"
        )),
    }
}

fn parse_set_cookie(value: &str) -> Result<SetCookie, String> {
    match value {
        "refuse" => Ok(SetCookie::Refuse),
        "strip" => Ok(SetCookie::Strip),
        "store" => Ok(SetCookie::Store),
        _ => Err(format!(
            "--set-cookie {value}: expected refuse, strip or store"
        )),
    }
}

fn parse_number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{name} {value}: expected a whole number"))
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("reverse_proxy: {problem} (--help lists the arguments)");
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reverse_proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), BoxError> {
    let store = MemoryStore::builder().capacity(options.capacity).build()?;
    let cache = ResponseCacheLayer::with_store(store)
        .set_cookie(options.set_cookie)
        .stale_if_error(options.stale_if_error)
        .name("reverse-proxy")?;
    let background = cache.background();
    let service = cache.layer(Forward::new(options.origin, options.head_timeout));

    let listener = TcpListener::bind(&options.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", options.listen))?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{}", listener.local_addr()?)?;
    stdout.flush()?;

    serve(listener, service).await;
    background.shutdown().await;
    Ok(())
}

/// Serves until ctrl-c, then lets open connections finish.
async fn serve<S, B>(listener: TcpListener, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = ForwardError>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut server = auto::Builder::new(TokioExecutor::new());
    // With a timer, hyper cuts clients that never finish their head.
    server.http1().timer(TokioTimer::new());
    server.http2().timer(TokioTimer::new());
    let connections = GracefulShutdown::new();
    let mut interrupted = pin!(tokio::signal::ctrl_c());

    loop {
        let stream = tokio::select! {
            stream = accept(&listener) => stream,
            _ = &mut interrupted => break,
        };
        let service = service.clone();
        let handler = service_fn(move |request| answer(service.clone(), request));
        let connection = server
            .serve_connection(TokioIo::new(stream), handler)
            .into_owned();
        // A connection ends with an error whenever its client walks away: nothing to report.
        tokio::spawn(connections.watch(connection));
    }

    drop(listener);
    if tokio::time::timeout(SHUTDOWN_GRACE, connections.shutdown())
        .await
        .is_err()
    {
        eprintln!("reverse_proxy: gave up on connections that did not finish");
    }
}

/// The next connection. What goes wrong with accepting one (too many open files) passes, so it waits.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it small responses only wait longer.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                eprintln!("reverse_proxy: accept: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Answers every request: with the service's response, or with a bare status.
async fn answer<S, B>(
    service: S,
    request: Request<Incoming>,
) -> Result<Response<Either<B, Full<Bytes>>>, Infallible>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = ForwardError>,
    B: Body<Data = Bytes>,
{
    if let Some(status) = refusal(&request) {
        return Ok(bare(status));
    }
    Ok(match service.oneshot(request).await {
        Ok(response) => response.map(Either::Left),
        Err(error) => {
            eprintln!("reverse_proxy: {}", with_causes(&error));
            bare(error.status())
        }
    })
}

/// The error and everything that led to it.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn bare<B>(status: StatusCode) -> Response<Either<B, Full<Bytes>>> {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut response = Response::new(Either::Right(Full::from(reason)));
    *response.status_mut() = status;
    response
}

/// The status for requests that must not reach cache or origin.
fn refusal<B>(request: &Request<B>) -> Option<StatusCode> {
    // Tunnels and loop-backs of the message are no business of an origin.
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Some(StatusCode::NOT_IMPLEMENTED);
    }
    // RFC 9112, section 3.2: exactly one valid Host in HTTP/1.1; HTTP/2 has `:authority` instead.
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, repeated) = (hosts.next(), hosts.next().is_some());
    let host_is_right = match host {
        Some(host) => Authority::try_from(host.as_bytes()).is_ok_and(|host| is_plain(&host)),
        None => request.version() != Version::HTTP_11,
    };
    let target_is_right = request.uri().authority().is_none_or(is_plain);
    (repeated || !host_is_right || !target_is_right).then_some(StatusCode::BAD_REQUEST)
}

/// RFC 9110, section 4.2.4: a host with user information before it is not to be trusted.
fn is_plain(authority: &Authority) -> bool {
    !authority.as_str().contains('@')
}

/// The hop to the origin.
struct Forward<B> {
    client: Client<HttpConnector, B>,
    origin: Authority,
    head_timeout: Duration,
}

impl<B> Clone for Forward<B> {
    fn clone(&self) -> Self {
        let (client, origin) = (self.client.clone(), self.origin.clone());
        Self {
            client,
            origin,
            head_timeout: self.head_timeout,
        }
    }
}

impl<B> Forward<B>
where
    B: Body<Data = Bytes> + Send,
{
    fn new(origin: Authority, head_timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(ORIGIN_IDLE)
            .build(connector);
        Self {
            client,
            origin,
            head_timeout,
        }
    }

    /// The request as this hop sends it.
    fn outgoing(&self, mut request: Request<B>) -> Request<B> {
        let host = target_host(&request);
        let via = via(request.version());
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.origin.clone())
            .path_and_query(path.unwrap_or(PathAndQuery::from_static("/")))
            .build()
            .expect("scheme, authority and path are all there");
        *request.version_mut() = Version::HTTP_11;

        let headers = request.headers_mut();
        let wants_trailers = members(headers, &TE).any(|te| te.eq_ignore_ascii_case(b"trailers"));
        remove_hop_by_hop(headers);
        if wants_trailers {
            // RFC 9110, section 10.1.4: TE is of this hop only, and says so.
            headers.insert(TE, HeaderValue::from_static("trailers"));
            headers.insert(CONNECTION, HeaderValue::from_static("TE"));
        }
        join_cookies(headers);
        // Without a host (HTTP/1.0), the client fills in the origin's.
        if let Some(host) = host {
            headers.insert(HOST, host);
        }
        headers.append(VIA, via);
        request
    }
}

impl<B> Service<Request<B>> for Forward<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Incoming>;
    type Error = ForwardError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ForwardError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ForwardError>> {
        Poll::Ready(Ok(()))
    }

    /// Dropping the future, as hyper does when the client disconnects, aborts the request to the origin.
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let exchange = self.client.request(self.outgoing(request));
        let exchange = tokio::time::timeout(self.head_timeout, exchange);
        Box::pin(async move {
            let mut response = exchange.await.map_err(|_| ForwardError::HeadTimeout)??;
            let via = via(response.version());
            *response.version_mut() = Version::HTTP_11;
            remove_hop_by_hop(response.headers_mut());
            response.headers_mut().append(VIA, via);
            Ok(response)
        })
    }
}

/// Why there is no response of the origin.
#[derive(Debug)]
enum ForwardError {
    /// No connection, or it ended before the head was complete.
    Unreachable(hyper_util::client::legacy::Error),
    /// The head took too long.
    HeadTimeout,
}

impl ForwardError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unreachable(_) => StatusCode::BAD_GATEWAY,
            Self::HeadTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

impl From<hyper_util::client::legacy::Error> for ForwardError {
    fn from(error: hyper_util::client::legacy::Error) -> Self {
        Self::Unreachable(error)
    }
}

impl fmt::Display for ForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(_) => f.write_str("the origin did not answer"),
            Self::HeadTimeout => f.write_str("the origin took too long to answer"),
        }
    }
}

impl Error for ForwardError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreachable(error) => Some(error),
            Self::HeadTimeout => None,
        }
    }
}

/// RFC 9112, section 3.2.2: the authority of an absolute-form target (and so HTTP/2's `:authority`) wins
/// over Host.
fn target_host<B>(request: &Request<B>) -> Option<HeaderValue> {
    match request.uri().authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => request.headers().get(HOST).cloned(),
    }
}

/// RFC 9110, section 7.6.3; section 2.5 has the implied minor version.
fn via(received: Version) -> HeaderValue {
    HeaderValue::from_static(match received {
        Version::HTTP_09 | Version::HTTP_10 => "1.0 tower-keep",
        Version::HTTP_2 => "2.0 tower-keep",
        Version::HTTP_3 => "3.0 tower-keep",
        _ => "1.1 tower-keep",
    })
}

/// Removes Connection, what it names, and what is known to be meant for one connection only
/// (RFC 9110, section 7.6.1). Trailer stays: trailers are passed on.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = members(headers, &CONNECTION)
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
}

/// The members of a list, over all lines of the field.
fn members<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
}

/// RFC 9113, section 8.2.3: HTTP/2 clients may send Cookie in pieces; HTTP/1 knows only one line.
fn join_cookies(headers: &mut HeaderMap) {
    let pieces: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if pieces.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&pieces.join(b"; ".as_slice())) {
        headers.insert(COOKIE, joined);
    }
}
