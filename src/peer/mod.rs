//! Where a request comes from.
//!
//! - [`PeerAddr`] is the address at the other end of the connection, set by the server.
//! - [`ClientIp`] finds the client behind proxies that are trusted by name, and by default trusts
//!   nobody.

mod client_ip;
mod node;
mod prefix;

use std::net::SocketAddr;

pub use self::{
    client_ip::ClientIp,
    prefix::{InvalidPrefix, IpPrefix},
};

/// The address at the other end of the connection, in a request's extensions.
///
/// Put there by whoever accepts connections; a request without it has no known client.
///
/// ```
/// use std::net::SocketAddr;
/// use tower_keep::PeerAddr;
///
/// let mut request = http::Request::new(());
/// let peer = SocketAddr::from(([192, 0, 2, 7], 50_000));
/// request.extensions_mut().insert(PeerAddr(peer));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);
