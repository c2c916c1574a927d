//! Where a request comes from.
//!
//! - [`PeerAddr`] is the address at the other end of the connection, set by the server.
//! - [`ClientIp`] finds the client behind proxies that are trusted by name, and by default trusts
//!   nobody.

mod client_ip;
mod node;
mod prefix;

use std::net::SocketAddr;

use http::Extensions;

#[cfg(feature = "session")]
pub(crate) use self::prefix::mask;
pub use self::{
    client_ip::ClientIp,
    prefix::{InvalidPrefix, IpPrefix},
};

/// The address at the other end of the connection, in a request's extensions.
///
/// Put there by whoever accepts connections; a request without it has no known client.
///
/// With axum there is nothing to put: with the feature `axum`, the address that
/// `into_make_service_with_connect_info` leaves is found where there is no `PeerAddr`.
///
/// ```no_run
/// # use std::net::SocketAddr;
/// # use axum::Router;
/// # async fn serve(app: Router) -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("[::]:3000").await?;
/// axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await
/// # }
/// ```
///
/// A server of hyper alone puts it into every request of the connection that it has accepted:
///
/// ```no_run
/// use hyper_util::{
///     rt::{TokioExecutor, TokioIo},
///     server::conn::auto,
///     service::TowerToHyperService,
/// };
/// use tower::ServiceExt;
/// use tower_keep::PeerAddr;
/// # use std::convert::Infallible;
/// # use http::{Request, Response};
/// # use hyper::body::Incoming;
///
/// # async fn serve() -> std::io::Result<()> {
/// # let app = tower::service_fn(|_: Request<Incoming>| async { Ok::<_, Infallible>(Response::new(String::new())) });
/// let listener = tokio::net::TcpListener::bind("[::]:3000").await?;
/// loop {
///     let (stream, peer) = listener.accept().await?;
///     let app = app.clone().map_request(move |mut request: Request<Incoming>| {
///         request.extensions_mut().insert(PeerAddr(peer));
///         request
///     });
///     tokio::spawn(async move {
///         let server = auto::Builder::new(TokioExecutor::new());
///         let service = TowerToHyperService::new(app);
///         // It ends with an error when the client walks away.
///         let _ = server.serve_connection(TokioIo::new(stream), service).await;
///     });
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// The address that a request's extensions hold; with the feature `axum`, also that of axum's `ConnectInfo` and,
    /// in tests, `MockConnectInfo`.
    ///
    /// ```
    /// use std::net::SocketAddr;
    /// use tower_keep::PeerAddr;
    ///
    /// let mut request = http::Request::new(());
    /// assert_eq!(PeerAddr::get(request.extensions()), None);
    /// let peer = PeerAddr(SocketAddr::from(([192, 0, 2, 7], 50_000)));
    /// request.extensions_mut().insert(peer);
    /// assert_eq!(PeerAddr::get(request.extensions()), Some(peer));
    /// ```
    #[must_use]
    pub fn get(extensions: &Extensions) -> Option<Self> {
        let set = extensions.get().copied();
        set.or_else(|| of_the_server(extensions))
    }
}

/// What axum's server knows of the connection, found as its own extractor finds it.
#[cfg(feature = "axum")]
fn of_the_server(extensions: &Extensions) -> Option<PeerAddr> {
    use axum::extract::connect_info::{ConnectInfo, MockConnectInfo};

    let connection = extensions.get().map(|ConnectInfo(peer)| PeerAddr(*peer));
    connection.or_else(|| {
        extensions
            .get()
            .map(|MockConnectInfo(peer)| PeerAddr(*peer))
    })
}

/// No server is known.
#[cfg(not(feature = "axum"))]
fn of_the_server(_: &Extensions) -> Option<PeerAddr> {
    None
}

#[cfg(all(test, feature = "axum"))]
mod tests {
    use axum::extract::connect_info::{ConnectInfo, MockConnectInfo};

    use super::*;

    fn from(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 50_000))
    }

    #[test]
    fn what_axum_knows_of_the_connection_stands_in_for_a_peer_that_nobody_set() {
        let mut extensions = Extensions::new();
        extensions.insert(MockConnectInfo(from(1)));
        assert_eq!(PeerAddr::get(&extensions), Some(PeerAddr(from(1))));
        extensions.insert(ConnectInfo(from(2)));
        assert_eq!(PeerAddr::get(&extensions), Some(PeerAddr(from(2))));
        extensions.insert(PeerAddr(from(3)));
        assert_eq!(PeerAddr::get(&extensions), Some(PeerAddr(from(3))));
    }

    #[test]
    fn the_client_is_found_through_it() {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(from(2)));
        let client = ClientIp::default().of(&extensions, &http::HeaderMap::new());
        assert_eq!(client, Some(from(2).ip()));
    }
}
