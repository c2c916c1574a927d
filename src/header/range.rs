//! `Range` and `Content-Range` (RFC 9110 14).

use http::{HeaderMap, HeaderValue, header};

use super::list::trim;

/// What RFC 9110 14.2 leaves to the server: when a request for ranges is too costly to honour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The most ranges that one request may name.
    pub(crate) ranges: usize,
    /// The most of them that may overlap another one.
    pub(crate) overlapping: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ranges: 16,
            overlapping: 2,
        }
    }
}

/// What a request asks for, given the length of the representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RangeRequest {
    /// There is no `Range`.
    None,
    /// There is one, but it is to be treated as absent.
    Ignored,
    /// 416: no range lies within the representation.
    Unsatisfiable,
    /// The first and last positions that exist, in the order asked for; never empty.
    Satisfiable(Vec<(u64, u64)>),
}

/// Reads `Range` for a representation of `complete_length` bytes.
///
/// An unknown unit, a syntax error, several lines and excess over `limits` or over the length of
/// the representation (RFC 9110 14.2) make it ignored. So does a suffix of an empty
/// representation: it is satisfiable (RFC 9110 14.1.2), but no `Content-Range` can describe it.
pub(crate) fn parse(headers: &HeaderMap, complete_length: u64, limits: Limits) -> RangeRequest {
    let mut lines = headers.get_all(header::RANGE).iter();
    match (lines.next(), lines.next()) {
        (None, _) => RangeRequest::None,
        (Some(line), None) => ranges(line.as_bytes(), complete_length, limits).map_or(
            RangeRequest::Ignored,
            |ranges| match ranges {
                ranges if ranges.is_empty() => RangeRequest::Unsatisfiable,
                ranges => RangeRequest::Satisfiable(ranges),
            },
        ),
        (Some(_), Some(_)) => RangeRequest::Ignored,
    }
}

/// The satisfiable ones of a set of ranges; `None` if the field is to be ignored.
fn ranges(value: &[u8], length: u64, limits: Limits) -> Option<Vec<(u64, u64)>> {
    let (unit, set) = split_once(trim(value), b'=')?;
    unit.eq_ignore_ascii_case(b"bytes").then_some(())?;
    let members = set
        .split(|byte| *byte == b',')
        .map(trim)
        .filter(|member| !member.is_empty());
    let mut asked = 0;
    let mut ranges = Vec::new();
    for member in members {
        asked += 1;
        if asked > limits.ranges {
            return None;
        }
        ranges.extend(range(member, length)?.clamp(length));
    }
    let unsuitable = asked == 0 || is_abuse(&ranges, length, limits) || ranges.contains(&NOTHING);
    (!unsuitable).then_some(ranges)
}

/// Stands for the satisfiable suffix of an empty representation.
const NOTHING: (u64, u64) = (1, 0);

enum Spec {
    From { first: u64, last: u64 },
    Suffix(u64),
}

impl Spec {
    /// The first and last positions that exist, if the range is satisfiable.
    fn clamp(&self, length: u64) -> Option<(u64, u64)> {
        match *self {
            Self::From { first, last } => (first < length).then(|| (first, last.min(length - 1))),
            Self::Suffix(0) => None,
            Self::Suffix(_) if length == 0 => Some(NOTHING),
            Self::Suffix(suffix) => Some((length.saturating_sub(suffix), length - 1)),
        }
    }
}

fn range(member: &[u8], length: u64) -> Option<Spec> {
    match split_once(member, b'-')? {
        (b"", suffix) => number(suffix).map(Spec::Suffix),
        (first, b"") => Some(Spec::From {
            first: number(first)?,
            last: length.max(1) - 1,
        }),
        (first, last) => {
            let reversed = magnitude(last) < magnitude(first);
            let (first, last) = (number(first)?, number(last)?);
            (!reversed).then_some(Spec::From { first, last })
        }
    }
}

/// Whether the ranges ask for more than there is, or overlap without need.
fn is_abuse(ranges: &[(u64, u64)], length: u64, limits: Limits) -> bool {
    let total = ranges
        .iter()
        .map(|(first, last)| u128::from(last.saturating_sub(*first)) + 1);
    let overlaps = |n: usize, (first, last): (u64, u64)| {
        let others = ranges.iter().enumerate().filter(|(other, _)| *other != n);
        others
            .into_iter()
            .any(|(_, other)| first <= other.1 && other.0 <= last)
    };
    let overlapping = ranges
        .iter()
        .enumerate()
        .filter(|(n, range)| overlaps(*n, **range))
        .count();
    total.sum::<u128>() > u128::from(length) || overlapping > limits.overlapping
}

/// The first and last positions and the complete length of the only part that a 206 has; `None` if that
/// cannot be relied on, or is unknown (RFC 9110 14.4).
pub(crate) fn content_range(headers: &HeaderMap) -> Option<(u64, u64, u64)> {
    let mut lines = headers.get_all(header::CONTENT_RANGE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return None;
    };
    let (unit, rest) = split_once(trim(line.as_bytes()), b' ')?;
    let (positions, complete) = split_once(rest, b'/')?;
    let (first, last) = split_once(positions, b'-')?;
    let (first, last) = (exact_number(first)?, exact_number(last)?);
    let complete = exact_number(complete)?;
    let valid = unit.eq_ignore_ascii_case(b"bytes") && first <= last && last < complete;
    valid.then_some((first, last, complete))
}

/// `Content-Range` of a part.
pub(crate) fn format_content_range(first: u64, last: u64, complete: u64) -> HeaderValue {
    ascii(format!("bytes {first}-{last}/{complete}"))
}

/// `Content-Range` of a 416 (RFC 9110 15.5.17).
pub(crate) fn unsatisfied(complete: u64) -> HeaderValue {
    ascii(format!("bytes */{complete}"))
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("it consists of digits and visible ASCII characters")
}

fn split_once(value: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = value.iter().position(|byte| *byte == separator)?;
    Some((&value[..at], &value[at + 1..]))
}

/// Digits; a number that no `u64` holds lies past the end of anything and saturates.
fn number(digits: &[u8]) -> Option<u64> {
    is_number(digits).then(|| exact_number(digits).unwrap_or(u64::MAX))
}

/// Digits whose number a `u64` holds.
fn exact_number(digits: &[u8]) -> Option<u64> {
    let add = |sum: u64, digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    is_number(digits).then(|| digits.iter().try_fold(0, add))?
}

fn is_number(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Orders numbers by their digits, since two that saturate would seem equal.
fn magnitude(digits: &[u8]) -> (usize, &[u8]) {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    (digits.len() - zeros, &digits[zeros..])
}

#[cfg(test)]
mod tests;
