//! Keys that are at hand.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use super::KeyWriter;

/// A key that is at hand: given to a handle, or found by [`from_fn`](super::from_fn).
///
/// Text, numbers, addresses and tuples of them are keys. Text that is nobody's business is wrapped in [`Secret`].
pub trait LimitKey {
    /// Writes the key. Equal keys write the same, others do not.
    fn write(&self, key: &mut KeyWriter<'_>);
}

impl<K: LimitKey + ?Sized> LimitKey for &K {
    #[inline]
    fn write(&self, key: &mut KeyWriter<'_>) {
        (**self).write(key);
    }
}

impl LimitKey for str {
    #[inline]
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.text(self);
    }
}

macro_rules! text {
    ($($text:ty),*) => {$(
        impl LimitKey for $text {
            #[inline]
            fn write(&self, key: &mut KeyWriter<'_>) {
                key.text(self);
            }
        }
    )*};
}
text!(String, Box<str>, Arc<str>, Cow<'_, str>);

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl LimitKey for $number {
            #[inline]
            fn write(&self, key: &mut KeyWriter<'_>) {
                key.number(u64::from(*self));
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64);

macro_rules! addresses {
    ($($address:ty),*) => {$(
        impl LimitKey for $address {
            #[inline]
            fn write(&self, key: &mut KeyWriter<'_>) {
                key.address((*self).into());
            }
        }
    )*};
}
addresses!(IpAddr, Ipv4Addr, Ipv6Addr);

macro_rules! tuples {
    ($(($($part:ident),*)),*) => {$(
        impl<$($part: LimitKey),*> LimitKey for ($($part,)*) {
            #[inline]
            #[expect(non_snake_case, reason = "parts are named as their types")]
            fn write(&self, key: &mut KeyWriter<'_>) {
                let ($($part,)*) = self;
                $($part.write(key);)*
            }
        }
    )*};
}
tuples!((A, B), (A, B, C), (A, B, C, D));

/// Bytes that are shown as a fingerprint only: the same key as the same bytes as text.
///
/// ```
/// use tower_keep::rate_limit::Secret;
///
/// assert_eq!(format!("{:?}", Secret("correct horse")), "Secret");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret<T>(pub T);

impl<T: AsRef<[u8]>> LimitKey for Secret<T> {
    #[inline]
    fn write(&self, key: &mut KeyWriter<'_>) {
        key.secret(self.0.as_ref());
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
