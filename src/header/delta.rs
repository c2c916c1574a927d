//! `delta-seconds` (RFC 9111 1.2.2).

/// The value that stands for everything too large (RFC 9111 1.2.2).
pub(crate) const MAX_DELTA: u64 = 1 << 31;

/// Reads a non-negative whole number of seconds; 2^31 and above become [`MAX_DELTA`].
///
/// Digits only: a sign, a fraction, white space and an empty value are `None`.
pub(crate) fn parse_delta(value: impl AsRef<[u8]>) -> Option<u64> {
    let digits = value.as_ref();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        // The sum never exceeds 2^31 here, so the product fits.
        Some((sum * 10 + digit).min(MAX_DELTA))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_are_a_number_of_seconds() {
        assert_eq!(parse_delta("0"), Some(0));
        assert_eq!(parse_delta("003600"), Some(3600));
        assert_eq!(parse_delta("2147483647"), Some(MAX_DELTA - 1));
    }

    #[test]
    fn too_large_values_saturate_instead_of_wrapping() {
        for large in [
            "2147483648",
            "2147483649",
            "99999999999",
            "18446744073709551616",
        ] {
            assert_eq!(parse_delta(large), Some(MAX_DELTA), "{large}");
        }
    }

    #[test]
    fn anything_but_digits_is_refused() {
        for junk in [
            "", "-1", "+1", "1.0", " 1", "1 ", "1a", "a1", "'1'", "0x1", "\u{0661}",
        ] {
            assert_eq!(parse_delta(junk), None, "{junk:?}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_itself_or_the_maximum(n: u64) {
            prop_assert_eq!(parse_delta(n.to_string()), Some(n.min(MAX_DELTA)));
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>) {
            let only_digits = !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
            prop_assert_eq!(parse_delta(&bytes).is_some(), only_digits);
        }
    }
}
