use super::*;
use http::header::RANGE;
use proptest::prelude::*;

use RangeRequest::{Ignored, Satisfiable, Unsatisfiable};

fn headers(name: &http::HeaderName, lines: &[&str]) -> HeaderMap {
    let value = |line: &&str| HeaderValue::from_str(line).expect("a valid value");
    lines
        .iter()
        .map(|line| (name.clone(), value(line)))
        .collect()
}

fn of_100(value: &str) -> RangeRequest {
    of(value, 100)
}

fn of(value: &str, length: u64) -> RangeRequest {
    parse(&headers(&RANGE, &[value]), length, Limits::default())
}

#[test]
fn without_the_field_no_range_is_asked_for() {
    assert_eq!(
        parse(&HeaderMap::new(), 100, Limits::default()),
        RangeRequest::None
    );
}

#[test]
fn single_ranges_are_clamped_to_what_exists() {
    assert_eq!(of_100("bytes=0-0"), Satisfiable(vec![(0, 0)]));
    assert_eq!(of_100("BYTES=10-19"), Satisfiable(vec![(10, 19)]));
    assert_eq!(of_100("bytes=90-"), Satisfiable(vec![(90, 99)]));
    assert_eq!(of_100("bytes=90-1000"), Satisfiable(vec![(90, 99)]));
    assert_eq!(
        of_100("bytes=0-99999999999999999999999"),
        Satisfiable(vec![(0, 99)])
    );
    assert_eq!(of_100("bytes=-1"), Satisfiable(vec![(99, 99)]));
    assert_eq!(
        of_100("bytes=-99999999999999999999999"),
        Satisfiable(vec![(0, 99)])
    );
}

#[test]
fn several_ranges_keep_their_order() {
    assert_eq!(
        of_100("bytes=50-59 ,, 0-9,\t-1"),
        Satisfiable(vec![(50, 59), (0, 9), (99, 99)])
    );
}

#[test]
fn ranges_past_the_end_are_dropped_unless_all_are() {
    assert_eq!(of_100("bytes=100-, 0-9"), Satisfiable(vec![(0, 9)]));
    assert_eq!(of_100("bytes=100-"), Unsatisfiable);
    assert_eq!(of_100("bytes=-0, 100-200"), Unsatisfiable);
    assert_eq!(of_100("bytes=99999999999999999999999-"), Unsatisfiable);
}

#[test]
fn an_empty_representation_has_no_ranges() {
    assert_eq!(of("bytes=0-", 0), Unsatisfiable);
    assert_eq!(of("bytes=0-0", 0), Unsatisfiable);
    assert_eq!(of("bytes=-0", 0), Unsatisfiable);
    assert_eq!(of("bytes=-5", 0), Ignored);
    assert_eq!(of("bytes=0-, -5", 0), Ignored);
}

#[test]
fn syntax_errors_and_unknown_units_are_ignored() {
    for value in [
        "",
        "bytes",
        "bytes=",
        "bytes= ",
        "bytes=,",
        "bytes=1",
        "bytes=-",
        "bytes=5-1",
        "bytes=0-9, 5-1",
        "bytes=99999999999999999999999-88888888888888888888888",
        "bytes=99999999999999999999999-099999999999999999999",
        "bytes=a-b",
        "bytes=0 - 9",
        "bytes=0-9-",
        "bytes=--9",
        "bytes=+0-9",
        "bytes =0-9",
        "bytes:0-9",
        "lines=0-9",
        "=0-9",
        "bytes=0-9;100-",
    ] {
        assert_eq!(of_100(value), Ignored, "{value:?}");
    }
}

#[test]
fn several_lines_are_ignored() {
    let headers = headers(&RANGE, &["bytes=0-9", "bytes=20-29"]);
    assert_eq!(parse(&headers, 100, Limits::default()), Ignored);
}

#[test]
fn too_many_ranges_are_ignored() {
    let set = |n: u64| {
        (0..n)
            .map(|n| format!("{n}-{n}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert!(
        matches!(of_100(&format!("bytes={}", set(16))), Satisfiable(ranges) if ranges.len() == 16)
    );
    assert_eq!(of_100(&format!("bytes={}", set(17))), Ignored);
    let unsatisfiable = "100-,".repeat(17);
    assert_eq!(of_100(&format!("bytes={unsatisfiable}")), Ignored);
}

#[test]
fn more_bytes_than_there_are_is_abuse() {
    assert_eq!(of_100("bytes=0-, 0-0"), Ignored);
    assert_eq!(
        of_100("bytes=0-49, 50-99"),
        Satisfiable(vec![(0, 49), (50, 99)])
    );
    let all = of("bytes=0-", u64::MAX);
    assert_eq!(all, Satisfiable(vec![(0, u64::MAX - 1)]));
    assert_eq!(of("bytes=0-,0-,0-", u64::MAX), Ignored);
}

#[test]
fn more_than_two_overlapping_ranges_are_abuse() {
    assert_eq!(
        of_100("bytes=0-9, 5-14"),
        Satisfiable(vec![(0, 9), (5, 14)])
    );
    assert_eq!(of_100("bytes=0-9, 5-14, 14-20"), Ignored);
    assert_eq!(of_100("bytes=0-9, 5-14, 20-29, 25-34"), Ignored);
}

#[test]
fn a_content_range_names_both_positions_and_the_length() {
    assert_eq!(format_content_range(0, 9, 100), "bytes 0-9/100");
}

#[test]
fn an_unsatisfied_range_names_the_length() {
    assert_eq!(unsatisfied(47), "bytes */47");
}

proptest! {
    #[test]
    fn satisfiable_ranges_lie_within_and_cost_no_more_than_the_whole(
        set in "bytes=([0-9]{0,3}-[0-9]{0,3} ?,? ?){1,20}",
        length in 0..1000_u64,
    ) {
        if let Satisfiable(ranges) = of(&set, length) {
            prop_assert!(!ranges.is_empty() && ranges.len() <= 16);
            prop_assert!(ranges.iter().all(|(first, last)| first <= last && *last < length));
            prop_assert!(ranges.iter().map(|(first, last)| last - first + 1).sum::<u64>() <= length);
        }
    }

    #[test]
    fn arbitrary_values_do_not_panic(bytes: Vec<u8>, length: u64) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            let headers = HeaderMap::from_iter([(RANGE, value)]);
            let _ = parse(&headers, length, Limits::default());
        }
    }
}

fn content(lines: &[&str]) -> Option<(u64, u64, u64)> {
    content_range(&headers(&header::CONTENT_RANGE, lines))
}

#[test]
fn content_range_is_read_strictly() {
    assert_eq!(content(&["bytes 0-9/100"]), Some((0, 9, 100)));
    assert_eq!(content(&["Bytes 99-99/100"]), Some((99, 99, 100)));
    for value in [
        "",
        "bytes",
        "bytes 0-9",
        "bytes 0-9/*",
        "bytes */100",
        "bytes 9-0/100",
        "bytes 0-100/100",
        "bytes 0-9/0",
        "bytes=0-9/100",
        "bytes  0-9/100",
        "bytes 0-9 /100",
        "bytes -9/100",
        "bytes 0-/100",
        "bytes 0-9/",
        "bytes 0-9/1e9",
        "lines 0-9/100",
        "bytes 0-9/18446744073709551616",
        "bytes 0-9/100, bytes 0-9/100",
    ] {
        assert_eq!(content(&[value]), None, "{value:?}");
    }
    assert_eq!(content(&[]), None);
    assert_eq!(content(&["bytes 0-9/100", "bytes 0-9/100"]), None);
}

proptest! {
    #[test]
    fn a_written_content_range_is_read_back(first: u64, length in 0..u64::MAX, rest: u64) {
        let last = first.saturating_add(length).min(u64::MAX - 1);
        let first = first.min(last);
        let complete = last.saturating_add(rest).max(last + 1);
        let value = format_content_range(first, last, complete);
        let headers = HeaderMap::from_iter([(header::CONTENT_RANGE, value)]);
        prop_assert_eq!(content_range(&headers), Some((first, last, complete)));
    }
}
