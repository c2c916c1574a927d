//! Numbers as field values, without an allocation where they are small.

use http::HeaderValue;

/// Below this a number's digits lie in a table.
const TABULATED: usize = 1_000;
const WIDTH: usize = 3;

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
    let tabulated = usize::try_from(number)
        .ok()
        .filter(|number| *number < TABULATED);
    tabulated
        .and_then(small)
        .unwrap_or_else(|| HeaderValue::from(number))
}

fn small(number: usize) -> Option<HeaderValue> {
    let width = number
        .checked_ilog10()
        .map_or(1, |power| power as usize + 1);
    let end = (number + 1) * WIDTH;
    let digits: &'static [u8] = DIGITS.get(end - width..end)?;
    std::str::from_utf8(digits)
        .ok()
        .map(HeaderValue::from_static)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tabulated_number_and_those_above_read_as_they_print() {
        for number in (0..=1_100).chain([99_999, 1 << 31, u64::MAX]) {
            assert_eq!(value(number), number.to_string());
        }
    }
}
