//! Address prefixes in CIDR notation.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A range of addresses as in `10.0.0.0/8` (RFC 4632, section 3.1; RFC 4291, section 2.3).
///
/// An address without a length is the range of that one address. An IPv4 address written as IPv6
/// (`::ffff:10.0.0.1`) is the same as the IPv4 address, in prefixes and in what they are asked for;
/// other IPv6 prefixes, `::/0` included, contain no IPv4 address.
///
/// ```
/// use tower_keep::IpPrefix;
///
/// let internal: IpPrefix = "10.0.0.0/8".parse()?;
/// assert!(internal.contains([10, 1, 2, 3].into()));
/// assert!(!internal.contains([11, 0, 0, 1].into()));
///
/// // A typing error is not taken for a larger range than was meant.
/// assert!("10.0.0.1/8".parse::<IpPrefix>().is_err());
/// # Ok::<(), tower_keep::InvalidPrefix>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IpPrefix {
    network: IpAddr,
    length: u8,
}

impl IpPrefix {
    /// The addresses whose first `length` bits are those of `network`.
    ///
    /// # Errors
    ///
    /// If `length` is more than the address has bits (32 or 128), or `network` has bits set
    /// beyond the length.
    pub fn new(network: IpAddr, length: u8) -> Result<Self, InvalidPrefix> {
        if length > bits(network) {
            return Err(InvalidPrefix(Kind::TooLong));
        }
        let (network, length) = match network.to_canonical() {
            // The 96 bits that say "IPv4 in IPv6" are given up together with the notation.
            v4 @ IpAddr::V4(_) if network.is_ipv6() && length >= 96 => (v4, length - 96),
            v4 @ IpAddr::V4(_) if network.is_ipv4() => (v4, length),
            _ => (network, length),
        };
        if mask(network, length) != network {
            return Err(InvalidPrefix(Kind::HostBits));
        }
        Ok(Self { network, length })
    }

    /// Whether `address` is in the range.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && mask(address, self.length) == self.network
    }
}

/// The bits of an address in its notation.
const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// `address` with all bits after the first `length` cleared; lengths beyond the address clear none.
pub(crate) fn mask(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let host = u32::MAX.checked_shr(length.into()).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & !host).into()
        }
        IpAddr::V6(v6) => {
            let host = u128::MAX.checked_shr(length.into()).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & !host).into()
        }
    }
}

impl FromStr for IpPrefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| InvalidPrefix(Kind::NotAnAddress))?;
        match length {
            Some(length) => Self::new(address, parse_length(length)?),
            None => Ok(address.into()),
        }
    }
}

/// Digits only: the standard library's parser would take `+8` as well.
fn parse_length(text: &str) -> Result<u8, InvalidPrefix> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidPrefix(Kind::NotALength));
    }
    text.parse().map_err(|_| InvalidPrefix(Kind::TooLong))
}

impl From<IpAddr> for IpPrefix {
    fn from(address: IpAddr) -> Self {
        let network = address.to_canonical();
        Self {
            network,
            length: bits(network),
        }
    }
}

impl From<Ipv4Addr> for IpPrefix {
    fn from(address: Ipv4Addr) -> Self {
        IpAddr::from(address).into()
    }
}

impl From<Ipv6Addr> for IpPrefix {
    fn from(address: Ipv6Addr) -> Self {
        IpAddr::from(address).into()
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

/// A text or a length that is no [`IpPrefix`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPrefix(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    NotAnAddress,
    NotALength,
    TooLong,
    HostBits,
}

impl fmt::Display for InvalidPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::NotAnAddress => "not an IP address before the prefix length",
            Kind::NotALength => "the prefix length is not a number",
            Kind::TooLong => "the prefix length is more than the address has bits",
            Kind::HostBits => "the address has bits set beyond the prefix length",
        })
    }
}

impl Error for InvalidPrefix {}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> IpPrefix {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_contains_its_first_and_last_address_and_not_the_next() {
        for (range, first, last, next) in [
            ("10.0.0.0/8", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.128/25", "192.0.2.128", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("fc00::/7", "fc00::", "fdff::ffff", "fe00::"),
            ("::1", "::1", "::1", "::2"),
        ] {
            assert!(prefix(range).contains(ip(first)), "{first} in {range}");
            assert!(prefix(range).contains(ip(last)), "{last} in {range}");
            assert!(!prefix(range).contains(ip(next)), "{next} not in {range}");
        }
    }

    #[test]
    fn length_zero_is_everything_of_its_family_only() {
        assert!(prefix("0.0.0.0/0").contains(ip("203.0.113.9")));
        assert!(!prefix("0.0.0.0/0").contains(ip("2001:db8::1")));
        assert!(prefix("::/0").contains(ip("2001:db8::1")));
        assert!(!prefix("::/0").contains(ip("203.0.113.9")));
    }

    #[test]
    fn an_ipv4_address_in_ipv6_notation_is_an_ipv4_address() {
        assert!(prefix("10.0.0.0/8").contains(ip("::ffff:10.1.1.1")));
        assert_eq!(prefix("::ffff:10.0.0.0/104"), prefix("10.0.0.0/8"));
        assert_eq!(prefix("::ffff:10.0.0.1"), prefix("10.0.0.1/32"));
        assert_eq!(prefix("::ffff:0:0/96"), prefix("0.0.0.0/0"));
    }

    #[test]
    fn nonsense_is_refused_with_the_reason() {
        for (text, kind) in [
            ("", Kind::NotAnAddress),
            ("/8", Kind::NotAnAddress),
            ("10.0.0/8", Kind::NotAnAddress),
            ("10.0.0.0/", Kind::NotALength),
            ("10.0.0.0/+8", Kind::NotALength),
            ("10.0.0.0/8/8", Kind::NotALength),
            ("10.0.0.0/33", Kind::TooLong),
            ("::/129", Kind::TooLong),
            ("::/999", Kind::TooLong),
            ("10.0.0.1/8", Kind::HostBits),
            ("2001:db8::1/64", Kind::HostBits),
            ("::ffff:10.0.0.0/90", Kind::HostBits),
        ] {
            assert_eq!(
                text.parse::<IpPrefix>(),
                Err(InvalidPrefix(kind)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_reason_is_displayed() {
        let refused = "10.0.0.1/8".parse::<IpPrefix>().unwrap_err();
        assert!(refused.to_string().contains("beyond the prefix length"));
    }

    #[test]
    fn what_is_displayed_is_read_back() {
        for text in ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32", "::/0"] {
            assert_eq!(prefix(text).to_string(), text);
        }
    }
}
