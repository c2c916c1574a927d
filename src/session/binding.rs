//! Which clients may come with a session's id.

use std::net::IpAddr;

use super::record::Device;
use crate::peer::mask;

/// What of a client has to stay the same while it uses a session: the id in other hands is then of no use, or attracts
/// attention.
///
/// Nothing by default: addresses change when a phone leaves the house, and browsers are updated.
///
/// ```
/// use tower_keep::session::{Binding, Mismatch};
///
/// let binding = Binding::none().ip_prefix(16, 48).user_agent().on_mismatch(Mismatch::End);
/// # let _ = binding;
/// ```
#[derive(Clone, Debug, Default)]
pub struct Binding {
    prefix: Option<(u8, u8)>,
    user_agent: bool,
    pub(super) mismatch: Mismatch,
}

/// What happens when another client comes with the id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The session is ended, for both.
    #[default]
    End,
    /// The request has no session; the session lives on.
    Refuse,
    /// The request has the session; the event and the counter tell of it.
    Flag,
}

impl Binding {
    /// To no client in particular.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// To the first bits of its address: so many of one of IPv4, and so many of one of IPv6. Of the latter,
    /// [`ClientIp`](crate::ClientIp) tells no more than 64 unless it is told to. A server that does not say where its
    /// clients come from ([`PeerAddr`](crate::PeerAddr)) has none that a session could be bound to: every request with a
    /// session is then a mismatch.
    #[must_use]
    pub fn ip_prefix(mut self, v4: u8, v6: u8) -> Self {
        self.prefix = Some((v4, v6));
        self
    }

    /// To what it calls itself, by its first 256 bytes.
    #[must_use]
    pub fn user_agent(mut self) -> Self {
        self.user_agent = true;
        self
    }

    /// What happens otherwise: the session is ended if this is not said.
    #[must_use]
    pub fn on_mismatch(mut self, mismatch: Mismatch) -> Self {
        self.mismatch = mismatch;
        self
    }

    /// Whether a session that was begun by this device is for the client that comes.
    pub(super) fn admits(&self, began: &Device, comes: &dyn Fn() -> Device) -> bool {
        if self.prefix.is_none() && !self.user_agent {
            return true;
        }
        let comes = comes();
        let same_network = self.prefix.is_none_or(|lengths| {
            let network = |device: &Device| device.ip.map(|ip| network(ip, lengths));
            // Whoever comes from nowhere is nobody in particular.
            network(began).is_some_and(|began| network(&comes) == Some(began))
        });
        same_network && (!self.user_agent || began.user_agent == comes.user_agent)
    }
}

fn network(ip: IpAddr, (v4, v6): (u8, u8)) -> IpAddr {
    mask(ip, if ip.is_ipv4() { v4 } else { v6 })
}
