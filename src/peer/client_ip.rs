//! The client's address behind trusted proxies.

#[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
use std::net::{Ipv4Addr, SocketAddr};
use std::{net::IpAddr, ops::ControlFlow, str};

use http::{
    Extensions, HeaderMap, HeaderName,
    header::{FORWARDED, HeaderValue},
};

use super::{
    IpPrefix, PeerAddr,
    node::{parse_forwarded_element, parse_node, split_forwarded, trim},
    prefix::mask,
};

/// How many entries are looked at, whatever a client sends: far more than there are proxies.
const MAX_HOPS: usize = 32;

/// RFC 4291, section 2.5.4: a subscriber has at least the lower 64 bits, and takes them as needed.
const DEFAULT_IPV6_PREFIX: u8 = 64;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Finds the address of the client, through proxies that are trusted by name.
///
/// [`ClientIp::default`] trusts nobody: the client is the peer ([`PeerAddr`]), and no field of the
/// request is believed. With [`trust`](Self::trust) the chain is walked from the peer backwards:
///
/// - The peer is not trusted: it is the client.
/// - Otherwise the field is read from right to left, all its lines combined in order. Each trusted
///   proxy vouches for the entry it appended; the first address that is not trusted is the client.
/// - An entry that is not an address (`unknown`, an obfuscated name, nothing, garbage) ends the walk
///   at the last address that was vouched for. So does the beginning of the list.
/// - At most 32 entries are looked at.
///
/// Exactly one field is read: `X-Forwarded-For`, or `Forwarded` (RFC 7239) with
/// [`forwarded`](Self::forwarded). Choose the one that the proxies write: the other one
/// is whatever the client has sent.
///
/// IPv4 addresses in IPv6 notation are returned as IPv4. IPv6 addresses are returned with only their
/// first 64 bits, because one client has all of the others
/// ([`ipv6_prefix`](Self::ipv6_prefix) changes that).
///
/// ```
/// use std::net::{IpAddr, SocketAddr};
/// use tower_keep::{ClientIp, IpPrefix, PeerAddr};
///
/// let request = http::Request::builder()
///     .header("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.0.0.2")
///     .extension(PeerAddr(SocketAddr::from(([10, 0, 0, 1], 4711))))
///     .body(())?;
/// let client = |by: ClientIp| by.of(request.extensions(), request.headers());
///
/// // Nobody is trusted: the peer.
/// assert_eq!(client(ClientIp::default()), Some(IpAddr::from([10, 0, 0, 1])));
///
/// // Both proxies are: whom the outer one has seen. What stands before that is the client's claim.
/// let proxies: IpPrefix = "10.0.0.0/8".parse()?;
/// let behind_proxies = ClientIp::default().trust(proxies);
/// assert_eq!(client(behind_proxies), Some(IpAddr::from([203, 0, 113, 9])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientIp {
    trusted: Vec<IpPrefix>,
    field: Field,
    ipv6_prefix: u8,
}

#[derive(Clone, Copy, Debug)]
enum Field {
    XForwardedFor,
    Forwarded,
}

impl Default for ClientIp {
    fn default() -> Self {
        Self {
            trusted: Vec::new(),
            field: Field::XForwardedFor,
            ipv6_prefix: DEFAULT_IPV6_PREFIX,
        }
    }
}

impl ClientIp {
    /// Trusts the proxies with these addresses, in addition to those trusted already.
    #[must_use]
    pub fn trust(mut self, proxies: impl Into<IpPrefix>) -> Self {
        self.trusted.push(proxies.into());
        self
    }

    /// Reads `Forwarded` (RFC 7239) and nothing else.
    #[must_use]
    pub fn forwarded(mut self) -> Self {
        self.field = Field::Forwarded;
        self
    }

    /// Reads `X-Forwarded-For` and nothing else: the default.
    #[must_use]
    pub fn x_forwarded_for(mut self) -> Self {
        self.field = Field::XForwardedFor;
        self
    }

    /// Tells IPv6 clients apart by their first `bits` bits, 64 by default; 128 and more is the whole
    /// address.
    #[must_use]
    pub fn ipv6_prefix(mut self, bits: u8) -> Self {
        self.ipv6_prefix = bits;
        self
    }

    /// The client's address; `None` if the request has no [`PeerAddr`], because without a trusted
    /// peer there is nobody to vouch for what the fields say.
    #[must_use]
    pub fn of(&self, extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
        let peer = PeerAddr::get(extensions)?.0.ip().to_canonical();
        let client = if self.is_trusted(peer) {
            self.walk(peer, headers)
        } else {
            peer
        };
        Some(match client {
            IpAddr::V4(_) => client,
            IpAddr::V6(_) => mask(client, self.ipv6_prefix),
        })
    }

    /// The peer's address, where it is the client's without further ado. Addresses are moved byte by byte otherwise,
    /// which is felt where they are all that is asked for.
    #[cfg(any(feature = "circuit-breaker", feature = "rate-limit"))]
    #[inline]
    pub(crate) fn plain_v4(&self, extensions: &Extensions) -> Option<Ipv4Addr> {
        match PeerAddr::get(extensions)?.0 {
            SocketAddr::V4(peer) if self.trusted.is_empty() => Some(*peer.ip()),
            _ => None,
        }
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|prefix| prefix.contains(address))
    }

    /// From the trusted `peer` to the first address that is not trusted.
    fn walk(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut walk = Walk {
            client: peer,
            hops_left: MAX_HOPS,
            rule: self,
        };
        let name = match self.field {
            Field::XForwardedFor => X_FORWARDED_FOR,
            Field::Forwarded => FORWARDED,
        };
        for line in headers.get_all(name).iter().rev() {
            if walk.line(line).is_break() {
                break;
            }
        }
        walk.client
    }
}

/// On the way from the server towards the client; breaks where that ends.
struct Walk<'a> {
    /// The last address that was vouched for.
    client: IpAddr,
    hops_left: usize,
    rule: &'a ClientIp,
}

impl Walk<'_> {
    fn line(&mut self, line: &HeaderValue) -> ControlFlow<()> {
        match self.rule.field {
            Field::XForwardedFor => self.x_forwarded_for(line),
            Field::Forwarded => self.forwarded(line),
        }
    }

    fn x_forwarded_for(&mut self, line: &HeaderValue) -> ControlFlow<()> {
        for entry in line.as_bytes().rsplit(|byte| *byte == b',') {
            self.step(|| parse_node(trim(str::from_utf8(entry).ok()?)))?;
        }
        ControlFlow::Continue(())
    }

    /// Line by line: a quoted string that does not end in one line must not swallow the next one,
    /// which may be the proxy's.
    fn forwarded(&mut self, line: &HeaderValue) -> ControlFlow<()> {
        let elements = str::from_utf8(line.as_bytes())
            .ok()
            .and_then(|line| split_forwarded(line, self.hops_left));
        let Some(elements) = elements else {
            return ControlFlow::Break(());
        };
        for element in elements.into_iter().rev() {
            self.step(|| parse_forwarded_element(element))?;
        }
        ControlFlow::Continue(())
    }

    /// One entry further from the server; breaks if that is the client, or if it is no address.
    fn step(&mut self, entry: impl FnOnce() -> Option<IpAddr>) -> ControlFlow<()> {
        if self.hops_left == 0 {
            return ControlFlow::Break(());
        }
        self.hops_left -= 1;
        let Some(address) = entry() else {
            return ControlFlow::Break(());
        };
        self.client = address.to_canonical();
        if self.rule.is_trusted(self.client) {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }
}

#[cfg(test)]
mod tests;
