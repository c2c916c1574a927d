//! `Range` and `Content-Range` (RFC 9110 14).

use http::{HeaderMap, StatusCode, header};

use super::{bare, field, lines, text};
use crate::{
    header::range::{Limits, RangeRequest, format_content_range, parse, unsatisfied},
    response_cache::policy::range::wanted,
};

/// The first position, and the one after the last.
type Positions = (u128, u128);

/// The input is the length of the representation in a line, then the lines of the field.
///
/// # Panics
///
/// If a property does not hold.
pub fn range(data: &[u8]) {
    let lines = lines(data);
    let Ok(length) = text(lines[0]).parse::<u64>() else {
        return;
    };
    let Some(headers) = field(&header::RANGE, &lines[1..]) else {
        return;
    };
    let limits = Limits::default();
    let answer = parse(&headers, length, limits);
    let whole = wanted(&headers, StatusCode::OK, &HeaderMap::new(), length, 0);
    assert_eq!(whole, answer, "without a condition");
    match &lines[1..] {
        [] => assert_eq!(answer, RangeRequest::None),
        [line] => one_line(&text(line), length, limits, &answer),
        _ => assert_eq!(answer, RangeRequest::Ignored),
    }
}

fn one_line(line: &str, length: u64, limits: Limits, answer: &RangeRequest) {
    let asked = asked(line, u128::from(length)).filter(|asked| asked.len() <= limits.ranges);
    let Some(asked) = asked else {
        assert_eq!(*answer, RangeRequest::Ignored);
        return;
    };
    let within: Vec<Positions> = asked.into_iter().flatten().collect();
    match answer {
        RangeRequest::None => panic!("there is a Range"),
        RangeRequest::Unsatisfiable => {
            assert!(within.is_empty());
            assert_eq!(unsatisfied(length), format!("bytes */{length}"));
        }
        RangeRequest::Ignored => assert!(is_costly(&within, length, limits), "{within:?}"),
        RangeRequest::Satisfiable(ranges) => {
            let given = ranges
                .iter()
                .map(|(first, last)| (u128::from(*first), u128::from(*last) + 1));
            assert_eq!(given.collect::<Vec<_>>(), within);
            assert!(!is_costly(&within, length, limits), "{within:?}");
            for (first, last) in ranges {
                assert!(first <= last && *last < length);
                names_its_part(*first, *last, length);
            }
        }
    }
}

/// What a valid line asks for: for each range what of it exists, if any. `None` if it is not valid.
///
/// The suffix of an empty representation exists, and is empty (RFC 9110 14.1.2).
fn asked(line: &str, length: u128) -> Option<Vec<Option<Positions>>> {
    let (unit, set) = bare(line).split_once('=')?;
    let members = set.split(',').map(bare).filter(|member| !member.is_empty());
    let ranges: Vec<_> = members
        .map(|member| Some(existing(written(member)?, length)))
        .collect::<Option<_>>()?;
    (unit.eq_ignore_ascii_case("bytes") && !ranges.is_empty()).then_some(ranges)
}

/// The positions of a valid range as they are written, of which one may be missing.
fn written(member: &str) -> Option<(&str, &str)> {
    let (first, last) = member.split_once('-')?;
    let digits = format!("{first}{last}");
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    let reversed = !last.is_empty() && has_less(last, first);
    // A suffix is a length.
    (valid && (first.is_empty() || !reversed)).then_some((first, last))
}

/// What of a range exists, if any of it does.
fn existing((first, last): (&str, &str), length: u128) -> Option<Positions> {
    // What this cannot hold lies past the end of anything.
    let number = |text: &str| text.parse::<u128>().unwrap_or(u128::MAX - 1);
    if first.is_empty() {
        let suffix = number(last);
        return (suffix > 0).then_some((length.saturating_sub(suffix), length));
    }
    let end = match last {
        "" => length,
        last => length.min(number(last) + 1),
    };
    (number(first) < length).then_some((number(first), end))
}

/// Whether one decimal number is less than another, however long they are.
fn has_less(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
    (one.len(), one) < (other.len(), other)
}

/// RFC 9110 14.2: more bytes than there are, many that overlap; or what no `Content-Range` can describe.
fn is_costly(ranges: &[Positions], length: u64, limits: Limits) -> bool {
    let total: u128 = ranges.iter().map(|(start, end)| end - start).sum();
    let overlaps = |n: usize| {
        (0..ranges.len()).any(|m| {
            let start = ranges[n].0.max(ranges[m].0);
            m != n && start < ranges[n].1.min(ranges[m].1)
        })
    };
    let overlapping = (0..ranges.len()).filter(|n| overlaps(*n)).count();
    let empty = ranges.iter().any(|(start, end)| start == end);
    total > u128::from(length) || overlapping > limits.overlapping || empty
}

fn names_its_part(first: u64, last: u64, length: u64) {
    let value = format_content_range(first, last, length);
    let value = value.to_str().expect("ASCII");
    let (positions, complete) = value
        .strip_prefix("bytes ")
        .and_then(|value| value.split_once('/'))
        .expect("a unit, then a length after a slash");
    let (one, other) = positions.split_once('-').expect("two positions");
    assert_eq!(one.parse(), Ok(first));
    assert_eq!(other.parse(), Ok(last));
    assert_eq!(complete.parse(), Ok(length));
}
