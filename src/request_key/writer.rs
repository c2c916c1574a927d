//! Keys as they are written: to be told apart, or to be shown.

use std::{
    fmt::{self, Write as _},
    hash::{BuildHasher, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use foldhash::quality::{FoldHasher, RandomState};

use super::LimitKey;

/// The bytes of a key that are shown.
const SHOWN: usize = 64;

/// Fingerprints of keys: 64 bits under a seed of the process and of who counts them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fingerprints(RandomState);

impl Fingerprints {
    /// The fingerprint of what is written; `None` if that came to nothing.
    #[inline]
    pub(crate) fn of<E>(
        &self,
        write: impl FnOnce(&mut KeyWriter<'_>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut writer = KeyWriter {
            out: Out::Hash(self.0.build_hasher()),
        };
        write(&mut writer)?;
        match writer.out {
            Out::Hash(hasher) => Ok(hasher.finish()),
            Out::Label(_) => unreachable!("a writer keeps its kind"),
        }
    }

    pub(crate) fn of_key(&self, key: &impl LimitKey) -> u64 {
        let written = self.of(|writer| {
            key.write(writer);
            Ok::<(), std::convert::Infallible>(())
        });
        match written {
            Ok(fingerprint) => fingerprint,
            Err(never) => match never {},
        }
    }

    /// That of all requests without a key.
    #[cfg(feature = "rate-limit")]
    pub(crate) fn of_missing(&self) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u8(Kind::Missing as u8);
        hasher.finish()
    }

    /// What is written, as it can be shown: secrets as fingerprints, and not more than 64 bytes or so.
    pub(crate) fn label<E>(
        &self,
        write: impl FnOnce(&mut KeyWriter<'_>) -> Result<(), E>,
    ) -> Box<str> {
        let mut writer = KeyWriter {
            out: Out::Label(Label {
                text: String::new(),
                seed: &self.0,
            }),
        };
        // What it came to is what is shown.
        let _ = write(&mut writer);
        match writer.out {
            Out::Label(label) => label.text.into(),
            Out::Hash(_) => unreachable!("a writer keeps its kind"),
        }
    }
}

/// Takes down a key, part by part. Each part is told from the next, and each kind of part from others.
pub struct KeyWriter<'a> {
    out: Out<'a>,
}

enum Out<'a> {
    Hash(FoldHasher<'a>),
    Label(Label<'a>),
}

struct Label<'a> {
    text: String,
    seed: &'a RandomState,
}

/// What kind of part follows.
#[derive(Clone, Copy)]
enum Kind {
    Bytes = 1,
    Number,
    V4,
    V6,
    #[cfg(feature = "rate-limit")]
    Missing,
}

impl KeyWriter<'_> {
    /// Text that may be shown, in statistics and logs.
    #[inline]
    pub fn text(&mut self, text: &str) {
        match &mut self.out {
            Out::Hash(hasher) => bytes(hasher, text.as_bytes()),
            Out::Label(label) => label.show(format_args!("{text}")),
        }
    }

    /// Bytes that are shown as a fingerprint only: credentials, account names. They make the same key as the same
    /// bytes written as [`text`](Self::text).
    #[inline]
    pub fn secret(&mut self, secret: &[u8]) {
        match &mut self.out {
            Out::Hash(hasher) => bytes(hasher, secret),
            Out::Label(label) => {
                let hidden = label.seed.hash_one(secret) >> 32;
                label.show(format_args!("#{hidden:08x}"));
            }
        }
    }

    /// A number.
    #[inline]
    pub fn number(&mut self, number: u64) {
        match &mut self.out {
            Out::Hash(hasher) => {
                hasher.write_u8(Kind::Number as u8);
                hasher.write_u64(number);
            }
            Out::Label(label) => label.show(format_args!("{number}")),
        }
    }

    /// An address. An IPv4 address in IPv6 notation is that IPv4 address.
    pub fn address(&mut self, address: IpAddr) {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.v4(v4),
            IpAddr::V6(v6) => self.v6(v6),
        }
    }

    #[inline]
    pub(super) fn v4(&mut self, address: Ipv4Addr) {
        match &mut self.out {
            Out::Hash(hasher) => {
                hasher.write_u64(u64::from(address.to_bits()) << 8 | Kind::V4 as u64);
            }
            Out::Label(label) => label.show(format_args!("{address}")),
        }
    }

    fn v6(&mut self, address: Ipv6Addr) {
        match &mut self.out {
            Out::Hash(hasher) => {
                hasher.write_u8(Kind::V6 as u8);
                hasher.write_u128(address.to_bits());
            }
            Out::Label(label) => label.show(format_args!("{address}")),
        }
    }

    /// The key of all requests that have none.
    #[cfg(feature = "rate-limit")]
    pub(crate) fn missing(&mut self) {
        match &mut self.out {
            Out::Hash(hasher) => hasher.write_u8(Kind::Missing as u8),
            Out::Label(label) => label.show(format_args!("(no key)")),
        }
    }
}

/// Each with its length, so that `("ab", "c")` is not `("a", "bc")`.
#[inline]
fn bytes(hasher: &mut impl Hasher, bytes: &[u8]) {
    hasher.write_u8(Kind::Bytes as u8);
    hasher.write_usize(bytes.len());
    hasher.write(bytes);
}

impl Label<'_> {
    fn show(&mut self, part: fmt::Arguments<'_>) {
        if self.text.len() >= SHOWN {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(part);
        let mut end = SHOWN.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.truncate(end);
    }
}

impl fmt::Debug for KeyWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyWriter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
