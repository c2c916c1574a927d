//! Numbers as field values, without an allocation where they are small.

use std::sync::OnceLock;

use http::HeaderValue;

/// Below this a number's digits lie in a table.
const TABULATED: usize = 1_000;
const WIDTH: usize = 3;

const ASCII: &str = "digits are ASCII";

/// The digits of all tabulated numbers, each padded with zeros to the same width.
static DIGITS: [u8; TABULATED * WIDTH] = digits();

const fn digits() -> [u8; TABULATED * WIDTH] {
    let mut table = [b'0'; TABULATED * WIDTH];
    let mut number = 0;
    while number < TABULATED {
        let (mut rest, mut place) = (number, WIDTH);
        while rest > 0 {
            place -= 1;
            table[number * WIDTH + place] = b"0123456789"[rest % 10];
            rest /= 10;
        }
        number += 1;
    }
    table
}

/// A number in decimal digits.
pub(crate) fn value(number: u64) -> HeaderValue {
    /// Made when they are first needed. A static value is cloned without counting references to it.
    static VALUES: [OnceLock<HeaderValue>; TABULATED] = [const { OnceLock::new() }; TABULATED];
    let tabulated = usize::try_from(number)
        .ok()
        .and_then(|number| Some((number, VALUES.get(number)?)));
    match tabulated {
        Some((number, place)) => place.get_or_init(|| tabulated_value(number)).clone(),
        None => HeaderValue::from_str(Digits::of(number).as_str()).expect(ASCII),
    }
}

fn tabulated_value(number: usize) -> HeaderValue {
    let width = number
        .checked_ilog10()
        .map_or(1, |power| power as usize + 1);
    let end = (number + 1) * WIDTH;
    let digits: &'static [u8] = &DIGITS[end - width..end];
    HeaderValue::from_static(std::str::from_utf8(digits).expect(ASCII))
}

/// The digits of a number, in place.
pub(crate) struct Digits {
    text: [u8; MOST],
    start: usize,
}

/// As many as 2^64 has.
const MOST: usize = 20;

impl Digits {
    #[expect(clippy::cast_possible_truncation, reason = "a digit is less than 10")]
    pub(crate) fn of(number: u64) -> Self {
        let (mut text, mut start, mut rest) = ([b'0'; MOST], MOST - 1, number);
        while rest > 9 {
            text[start] += (rest % 10) as u8;
            rest /= 10;
            start -= 1;
        }
        text[start] += rest as u8;
        Self { text, start }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[self.start..]).expect(ASCII)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tabulated_number_and_those_above_read_as_they_print() {
        for number in (0..=1_100).chain([9_999, 10_000, 99_999, 1 << 31, u64::MAX]) {
            assert_eq!(value(number), number.to_string());
            assert_eq!(Digits::of(number).as_str(), number.to_string());
        }
    }
}
