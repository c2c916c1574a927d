//! The layer in the servers, around the client and beside the layers that it is used with, over real
//! sockets where a server is involved.

mod axum_routers;
mod beside_others;
mod extensions;
mod grpc;
mod http_client;
mod hyper_server;
mod types;
mod upgrades;

use std::{
    error::Error,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tower::{Service, ServiceExt};

use super::support::{Got, request};

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Counts what a handler is asked.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicUsize>);

impl Calls {
    fn next(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// "1", "2", ..., fresh for a minute.
    fn page<B: From<String>>(&self) -> Response<B> {
        let body = B::from(self.next().to_string());
        let fields = Response::builder().header(header::CACHE_CONTROL, "max-age=60");
        fields.body(body).unwrap()
    }

    /// A route to this page.
    fn route(&self) -> axum::routing::MethodRouter {
        let calls = self.clone();
        axum::routing::get(move || async move { calls.page::<axum::body::Body>() })
    }
}

/// A free port of the loopback interface, which accepts connections from now on.
pub(crate) async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves an axum application until the test's runtime ends.
pub(crate) async fn serve_axum(app: axum::Router) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Serves a tower service by hyper alone until the test's runtime ends: HTTP/1 and HTTP/2, upgrades included.
pub(crate) async fn serve_hyper<S, B>(service: S) -> SocketAddr
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let stream = TokioIo::new(stream);
                // It ends with an error when the client walks away.
                let _ = server.serve_connection_with_upgrades(stream, service).await;
            });
        }
    });
    address
}

pub(crate) fn http1() -> HttpClient {
    Client::builder(TokioExecutor::new()).build_http()
}

fn http2() -> HttpClient {
    Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http()
}

/// The whole answer of any service.
pub(crate) async fn answer<S, B, R>(service: S, request: Request<B>) -> Got
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Debug,
    R: Body<Data = Bytes>,
    R::Error: fmt::Debug,
{
    let (parts, body) = service.oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Got {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
        extensions: parts.extensions,
    }
}

/// GET from a server, with these fields.
pub(crate) async fn get(
    client: &HttpClient,
    address: SocketAddr,
    path: &str,
    fields: &[(&str, &str)],
) -> Got {
    let uri = format!("http://{address}{path}");
    let fields = [&[(":uri", uri.as_str())], fields].concat();
    answer(client.clone(), request("GET", &fields)).await
}

/// Asks twice for a [`Calls::page`] that nobody asked for before.
async fn assert_a_miss_then_a_hit(client: &HttpClient, address: SocketAddr, path: &str) {
    let first = get(client, address, path, &[]).await;
    assert!(!first.is_hit(), "{path}: {first:?}");
    let status = first.header("cache-status").unwrap();
    assert!(status.contains("stored"), "{path}: {first:?}");

    let second = get(client, address, path, &[]).await;
    assert!(second.is_hit(), "{path}: {second:?}");
    assert_eq!(second.body, first.body, "{path}");
    assert!(second.age().is_some(), "{path}: {second:?}");
}
