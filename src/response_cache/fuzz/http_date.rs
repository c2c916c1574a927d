//! `HTTP-date` (RFC 9110 5.6.7).

use std::time::UNIX_EPOCH;

use http::{HeaderMap, HeaderValue, header};

use super::lines;
use crate::header::date;

/// Seconds of a year of 366 days.
const YEAR: i64 = 366 * 86_400;
/// The last second of 9999.
const LAST: i64 = 253_402_300_799;
/// 1970, 1999, 2026 and 2080: what "now" may be.
const NOWS: [i64; 4] = [0, 946_684_799, 1_795_255_200, 3_471_292_800];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The input is the lines of the field.
///
/// # Panics
///
/// If a property does not hold.
pub fn http_date(data: &[u8]) {
    let lines = lines(data);
    for now in NOWS.into_iter().chain([i64::MIN, i64::MAX]) {
        single_is_one_line(&lines, now);
        for line in &lines {
            if let Some(unix) = date::parse(line, now) {
                accepted(line, unix, now);
            }
            agrees_with_httpdate(line, now);
        }
    }
}

fn single_is_one_line(lines: &[&[u8]], now: i64) {
    let value = |line: &&[u8]| Some((header::EXPIRES, HeaderValue::from_bytes(line).ok()?));
    let headers: Option<HeaderMap> = lines.iter().map(value).collect();
    let Some(headers) = headers else { return };
    let single = date::single(&headers, &header::EXPIRES, now);
    let expected = match lines {
        [line] => {
            let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
            let first = line.iter().position(|byte| !blank(byte));
            let last = line.iter().rposition(|byte| !blank(byte));
            let trimmed = first.zip(last).map(|(first, last)| &line[first..=last]);
            trimmed.and_then(|line| date::parse(line, now))
        }
        _ => None,
    };
    assert_eq!(single, expected.map(Some).ok_or(date::Invalid));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Imf,
    Rfc850,
    Asctime,
}

/// The form of a date, seen from afar: digits are `0` and letters are `a`.
fn form(line: &[u8]) -> Option<Form> {
    let shape = |byte: &u8| match byte {
        b'0'..=b'9' => '0',
        b'a'..=b'z' | b'A'..=b'Z' => 'a',
        byte => char::from(*byte),
    };
    let shape: String = line.iter().map(shape).collect();
    match shape.as_str() {
        "aaa, 00 aaa 0000 00:00:00 aaa" => Some(Form::Imf),
        "aaa aaa 00 00:00:00 0000" | "aaa aaa  0 00:00:00 0000" => Some(Form::Asctime),
        shape => {
            let day = shape.strip_suffix(", 00-aaa-00 00:00:00 aaa")?;
            (6..=9).contains(&day.len()).then_some(Form::Rfc850)
        }
    }
}

fn accepted(line: &[u8], unix: i64, now: i64) {
    let form = form(line).expect("what is accepted has one of three forms");
    if form != Form::Asctime {
        assert!(line.to_ascii_lowercase().ends_with(b" gmt"));
    }
    let same = |other: &[u8]| assert_eq!(date::parse(other, now), Some(unix));
    same(&line.to_ascii_lowercase());
    same(&line.to_ascii_uppercase());
    for day in DAYS {
        let day = if form == Form::Rfc850 { day } else { &day[..3] };
        let letters = line.iter().take_while(|byte| byte.is_ascii_alphabetic());
        same(&[day.as_bytes(), &line[letters.count()..]].concat());
    }
    for junk in [&b" "[..], b"0", b", "] {
        assert_eq!(date::parse(&[line, junk].concat(), now), None);
        assert_eq!(date::parse(&[junk, line].concat(), now), None);
    }
    if (0..=LAST).contains(&unix) {
        let written = date::format(unix);
        assert_eq!(date::parse(written.as_bytes(), now), Some(unix));
        says_the_same(line, written.as_bytes(), form);
    }
    if form == Form::Rfc850 && NOWS.contains(&now) {
        assert!(unix <= now + 51 * YEAR && unix > now - 51 * YEAR, "{unix}");
    }
}

/// The digits that were sent are those that are written. A leap second is the next minute's first.
fn says_the_same(line: &[u8], written: &[u8], form: Form) {
    let digits = |text: &[u8]| -> Vec<u8> {
        let digits = text.iter().filter(|byte| byte.is_ascii_digit());
        digits.copied().collect()
    };
    let sent = digits(line);
    let written = digits(written);
    let [d1, d0, y3, y2, y1, y0, time @ ..] = &written[..] else {
        panic!("a date has a day, a year and a time");
    };
    let expected = match form {
        Form::Imf => written.clone(),
        Form::Rfc850 => [&[*d1, *d0, *y1, *y0], time].concat(),
        Form::Asctime if line[8] == b' ' => [&[*d0], time, &[*y3, *y2, *y1, *y0]].concat(),
        Form::Asctime => [&[*d1, *d0], time, &[*y3, *y2, *y1, *y0]].concat(),
    };
    if !line.windows(4).any(|window| window == b":60 ") {
        assert_eq!(sent, expected);
    }
}

/// What `httpdate` reads is read, and to the same; of two-digit years it has an opinion of its own.
fn agrees_with_httpdate(line: &[u8], now: i64) {
    let form = form(line);
    let theirs = std::str::from_utf8(line)
        .ok()
        .and_then(|line| httpdate::parse_http_date(line).ok());
    let (Some(form), Some(theirs)) = (form, theirs) else {
        return;
    };
    let since = theirs.duration_since(UNIX_EPOCH);
    let seconds = since.expect("httpdate knows no earlier date").as_secs();
    let ours = date::parse(line, now);
    if form == Form::Rfc850 {
        // 29 February may not exist in the century that is nearer.
        assert!(
            ours.is_some()
                || line
                    .windows(6)
                    .any(|day| day.eq_ignore_ascii_case(b"29-feb"))
        );
    } else {
        assert_eq!(
            ours.and_then(|ours| u64::try_from(ours).ok()),
            Some(seconds)
        );
    }
}
