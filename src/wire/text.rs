//! Texts of fields and bodies, written by hand: into a buffer on the stack, from where they are copied once into an
//! allocation of their exact size.

use std::time::Duration;

use http::HeaderValue;
use smallvec::SmallVec;

use crate::header::number::{self, Digits};

/// What most texts fit into.
const USUAL: usize = 256;

/// A text while it is written.
#[derive(Debug, Default)]
pub(crate) struct Text(SmallVec<[u8; USUAL]>);

#[cfg_attr(
    not(feature = "rate-limit"),
    expect(dead_code, reason = "only limits have all of it to say")
)]
impl Text {
    pub(crate) fn push(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn push_number(&mut self, number: u64) {
        self.push(Digits::of(number).as_str());
    }

    /// As a String of structured fields (RFC 9651 3.3.3), which has only what ASCII can print: of anything else a
    /// question mark is left.
    pub(crate) fn push_sf_string(&mut self, text: &str) {
        if needs_no_escape(text) {
            return self.push_quoted(text);
        }
        self.push("\"");
        for letter in text.chars() {
            match letter {
                '"' => self.push("\\\""),
                '\\' => self.push("\\\\"),
                ' '..='~' => self.push_char(letter),
                _ => self.push("?"),
            }
        }
        self.push("\"");
    }

    /// As a string of JSON (RFC 8259 7).
    pub(crate) fn push_json_string(&mut self, text: &str) {
        if needs_no_escape(text) {
            return self.push_quoted(text);
        }
        self.push("\"");
        for letter in text.chars() {
            match letter {
                '"' => self.push("\\\""),
                '\\' => self.push("\\\\"),
                '\0'..='\x1f' => {
                    self.push("\\u00");
                    self.push_hex(u32::from(letter));
                }
                _ => self.push_char(letter),
            }
        }
        self.push("\"");
    }

    /// As gRPC's `Percent-Encoded`: printable ASCII but the percent sign itself stands for itself.
    pub(crate) fn push_percent_encoded(&mut self, text: &str) {
        for &byte in text.as_bytes() {
            match byte {
                b' '..=b'$' | b'&'..=b'~' => self.0.push(byte),
                _ => {
                    self.push("%");
                    self.push_hex(u32::from(byte));
                }
            }
        }
    }

    fn push_quoted(&mut self, text: &str) {
        self.push("\"");
        self.push(text);
        self.push("\"");
    }

    fn push_char(&mut self, letter: char) {
        self.push(letter.encode_utf8(&mut [0; 4]));
    }

    /// Two digits.
    fn push_hex(&mut self, number: u32) {
        for digit in [number >> 4, number & 0xf] {
            let digit = char::from_digit(digit, 16).expect("four bits are less than 16");
            self.push_char(digit.to_ascii_uppercase());
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a field's value: only for what is visible ASCII.
    pub(crate) fn to_value(&self) -> HeaderValue {
        HeaderValue::from_bytes(&self.0).expect("what is not visible ASCII is escaped")
    }
}

/// Nearly all names: neither in JSON nor in fields anything of them is escaped.
fn needs_no_escape(text: &str) -> bool {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    text.as_bytes().iter().all(plain)
}

/// The duration in whole seconds, rounded up: who waits that long has waited long enough.
pub(crate) fn seconds(duration: Duration) -> u64 {
    let begun = u64::from(duration.subsec_nanos() > 0);
    duration.as_secs().saturating_add(begun)
}

/// `Retry-After`: in whole seconds, not too early and at least one (RFC 9110 10.2.3).
pub(crate) fn retry_after(wait: Duration) -> HeaderValue {
    number::value(retry_after_seconds(wait))
}

/// The value of `Retry-After`: whole seconds, rounded up, at least one, since "at once" has just been tried.
pub(crate) fn retry_after_seconds(wait: Duration) -> u64 {
    seconds(wait).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Text)) -> String {
        let mut text = Text::default();
        write(&mut text);
        String::from_utf8(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn json_strings_escape_what_json_wants_escaped_and_nothing_else() {
        let json = written(|text| text.push_json_string("a\"b\\c\n\u{1f}/ü\u{7f}"));
        assert_eq!(json, "\"a\\\"b\\\\c\\u000A\\u001F/ü\u{7f}\"");
    }

    #[test]
    fn percent_encoding_is_of_bytes_and_encodes_itself() {
        let message = written(|text| text.push_percent_encoded("100% \"ü\"\n~"));
        assert_eq!(message, "100%25 \"%C3%BC\"%0A~");
    }

    #[test]
    fn seconds_are_rounded_up_and_saturate() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_nanos(1)), 1);
        assert_eq!(seconds(Duration::from_secs(7)), 7);
        assert_eq!(seconds(Duration::MAX), u64::MAX);
        assert_eq!(retry_after_seconds(Duration::ZERO), 1);
        assert_eq!(retry_after_seconds(Duration::from_millis(1_001)), 2);
    }
}
