//! Pieces of bodies.

use bytes::{Buf, Bytes};
use http_body::Frame;
#[cfg(feature = "retry")]
use http_body::SizeHint;

/// The same frame, without a copy if it is one piece already.
pub(crate) fn in_one_piece<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}

/// What is to come if so much is read before the rest.
#[cfg(feature = "retry")]
pub(crate) fn before(bytes: u64, rest: &SizeHint) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(rest.lower().saturating_add(bytes));
    if let Some(upper) = rest.upper() {
        hint.set_upper(upper.saturating_add(bytes));
    }
    hint
}
