//! Percent-encoding (RFC 3986 2.1).

use std::borrow::Cow;

/// A part of a URI without percent-encoding of what needs none (RFC 3986 2.3), and the rest of it in capitals.
pub(crate) fn decoded(part: &[u8]) -> Cow<'_, [u8]> {
    if !part.contains(&b'%') {
        return Cow::Borrowed(part);
    }
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', [high, low, after @ ..]) if octet(*high, *low).is_some() => {
                let octet = octet(*high, *low).unwrap_or_default();
                if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
                    out.push(octet);
                } else {
                    out.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
                }
                rest = after;
            }
            _ => {
                out.push(first);
                rest = after;
            }
        }
    }
    Cow::Owned(out)
}

fn octet(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_needs_no_encoding_is_decoded() {
        assert_eq!(&*decoded(b"/a%7Eb%41%2d"), b"/a~bA-");
        assert_eq!(&*decoded(b"/%2f%c3%A4%20"), b"/%2F%C3%A4%20");
        for odd in [&b"%"[..], b"%4", b"%4g", b"%%41", b"a%"] {
            let expected = if odd == b"%%41" { b"%A" } else { odd };
            assert_eq!(&*decoded(odd), expected);
        }
    }
}
