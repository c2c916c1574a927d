use super::*;
use http::header::EXPIRES;
use proptest::prelude::*;

/// 2026-11-21 10:00:00 UTC
const NOW: i64 = 1_795_255_200;
/// 1994-11-06 08:49:37 UTC, the example of RFC 9110 5.6.7.
const EXAMPLE: i64 = 784_111_777;

fn at(text: &str) -> Option<i64> {
    parse(text.as_bytes(), NOW)
}

#[test]
fn the_three_forms_mean_the_same_instant() {
    assert_eq!(at("Sun, 06 Nov 1994 08:49:37 GMT"), Some(EXAMPLE));
    assert_eq!(at("Sunday, 06-Nov-94 08:49:37 GMT"), Some(EXAMPLE));
    assert_eq!(at("Sun Nov  6 08:49:37 1994"), Some(EXAMPLE));
    assert_eq!(at("Wed Nov 16 08:49:37 1994"), Some(EXAMPLE + 10 * DAY));
}

#[test]
fn wrong_letter_case_is_accepted() {
    let expected = at("Thu, 18 Aug 2050 02:01:18 GMT");
    assert_eq!(expected, Some(2_544_400_878));
    for text in [
        "THU, 18 Aug 2050 02:01:18 GMT",
        "Thu, 18 AUG 2050 02:01:18 GMT",
        "Thu, 18 Aug 2050 02:01:18 gMT",
        "thURSDAY, 18-aug-50 02:01:18 gmt",
        "thu aUG 18 02:01:18 2050",
    ] {
        assert_eq!(at(text), expected, "{text}");
    }
}

#[test]
fn the_day_name_need_not_fit_the_date() {
    assert_eq!(at("Mon, 06 Nov 1994 08:49:37 GMT"), Some(EXAMPLE));
}

#[test]
fn malformed_dates_are_refused() {
    for text in [
        "",
        "0",
        "-1",
        "Thu, 18 Aug 2050 02:01:18 UTC",
        "Thu, 18 Aug 2050 02:01:18 AEST",
        "Thu, 18 Aug 2050 02:01:18 +0000",
        "Thu, 18 Aug 2050 02:01:18",
        "Thu, 18 Aug 50 02:01:18 GMT",
        "Thu 18 Aug 2050 02:01:18 GMT",
        "Tue 19 Jan 2038 14:14:08 GMT",
        "Sun 21 Nov 2286 04:46:39 GMT",
        "Thu, 18  Aug  2050 02:01:18 GMT",
        "Thu,  18 Aug 2050 02:01:18 GMT",
        "Thu, 18-Aug-2050 02:01:18 GMT",
        "Thu, 18-Aug-50 02:01:18 GMT",
        "Thursday, 18 Aug 2050 02:01:18 GMT",
        "Thursday, 18-Aug-2050 02:01:18 GMT",
        "Thu, 18 Aug 2050 02.01.18 GMT",
        "Thu, 18 Aug 2050 2:01:18 GMT",
        "Thu, 8 Aug 2050 02:01:18 GMT",
        "Thu, 18 Aug 2050 02:01:18 GMT ",
        "Thu, 18 Aug 2050 02:01:18 GMT, Thu, 18 Aug 2050 02:01:18 GMT",
        " Thu, 18 Aug 2050 02:01:18 GMT",
        "Thx, 18 Aug 2050 02:01:18 GMT",
        "Thu, 18 Foo 2050 02:01:18 GMT",
        "Thu, 18 Aug +050 02:01:18 GMT",
        "Thu Aug  8 02:01:18 2050 GMT",
        "Thu Aug   02:01:18 2050",
        "Thu Aug 8 02:01:18 2050",
        "Thu Aug  8  2:01:18 2050",
    ] {
        assert_eq!(at(text), None, "{text:?}");
    }
}

#[test]
fn days_and_times_that_do_not_exist_are_refused() {
    for text in [
        "Thu, 00 Aug 2050 02:01:18 GMT",
        "Thu, 32 Aug 2050 02:01:18 GMT",
        "Thu, 31 Sep 2050 02:01:18 GMT",
        "Thu, 29 Feb 2023 02:01:18 GMT",
        "Thu, 29 Feb 2100 02:01:18 GMT",
        "Thu, 18 Aug 2050 24:00:00 GMT",
        "Thu, 18 Aug 2050 02:60:18 GMT",
        "Thu, 18 Aug 2050 02:01:61 GMT",
        "Wednesday, 29-Feb-23 02:01:18 GMT",
        "Thu Aug  0 02:01:18 2050",
    ] {
        assert_eq!(at(text), None, "{text:?}");
    }
    assert_eq!(at("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
    assert_eq!(at("Tue, 29 Feb 2000 00:00:00 GMT"), Some(951_782_400));
}

#[test]
fn a_leap_second_is_the_start_of_the_next_minute() {
    let leap = at("Sat, 31 Dec 2016 23:59:60 GMT");
    assert_eq!(leap, at("Sun, 01 Jan 2017 00:00:00 GMT"));
    assert!(leap.is_some());
}

#[test]
fn years_before_1970_are_negative() {
    assert_eq!(at("Wed, 31 Dec 1969 23:59:59 GMT"), Some(-1));
    assert_eq!(at("Sat, 01 Jan 0000 00:00:00 GMT"), Some(YEAR_0));
    assert_eq!(at("Fri, 31 Dec 9999 23:59:59 GMT"), Some(YEAR_9999_END));
}

#[test]
fn a_two_digit_year_is_at_most_fifty_years_ahead() {
    // Exactly 50 years after NOW is still the future, one second more is the past.
    let ahead = at("Saturday, 21-Nov-76 10:00:00 GMT");
    assert_eq!(ahead, at("Sat, 21 Nov 2076 10:00:00 GMT"));
    let behind = at("Saturday, 21-Nov-76 10:00:01 GMT");
    assert_eq!(behind, at("Sun, 21 Nov 1976 10:00:01 GMT"));
    assert!(ahead.is_some() && behind.is_some());
}

#[test]
fn a_two_digit_year_may_lie_in_the_next_century() {
    let now = at("Tue, 01 Jan 2080 00:00:00 GMT").expect("a valid date");
    assert_eq!(
        parse(b"Sunday, 01-Jan-20 00:00:00 GMT", now),
        at("Wed, 01 Jan 2120 00:00:00 GMT")
    );
    assert_eq!(
        parse(b"Sunday, 01-Jan-40 00:00:00 GMT", now),
        at("Sun, 01 Jan 2040 00:00:00 GMT")
    );
}

#[test]
fn dates_are_written_as_imf_fixdate() {
    assert_eq!(format(EXAMPLE), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(format(i64::MIN), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(format(i64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
}

#[test]
fn a_field_of_one_date_has_one_line() {
    let mut headers = HeaderMap::new();
    assert_eq!(single(&headers, &EXPIRES, NOW), Ok(None));
    headers.append(EXPIRES, format(EXAMPLE));
    assert_eq!(single(&headers, &EXPIRES, NOW), Ok(Some(EXAMPLE)));
    headers.append(EXPIRES, format(EXAMPLE));
    assert_eq!(single(&headers, &EXPIRES, NOW), Err(Invalid));
    headers.insert(EXPIRES, HeaderValue::from_static("0"));
    assert_eq!(single(&headers, &EXPIRES, NOW), Err(Invalid));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(unix in 0..=YEAR_9999_END, now: i64) {
        prop_assert_eq!(parse(format(unix).as_bytes(), now), Some(unix));
    }

    #[test]
    fn day_numbers_and_dates_are_inverse(days in YEAR_0 / DAY..=YEAR_9999_END / DAY) {
        prop_assert_eq!(Civil::from_days(days).days(), Some(days));
    }

    #[test]
    fn two_digit_years_fall_into_the_hundred_years_up_to_fifty_ahead(
        now in 0..=YEAR_9999_END / 2,
        year in 0..100_u32,
        day in 1..=28_u32,
    ) {
        let text = format!("Friday, {day:02}-Mar-{year:02} 12:00:00 GMT");
        let date = parse(text.as_bytes(), now).expect("a valid date");
        let year_length = DAY * 366;
        prop_assert!(date <= now + 50 * year_length);
        prop_assert!(date > now - 51 * year_length);
        let civil = Civil::from_days(date.div_euclid(DAY));
        prop_assert_eq!(civil.year.rem_euclid(100), i64::from(year));
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes: Vec<u8>, now: i64) {
        let _ = parse(&bytes, now);
    }

    #[test]
    fn nearly_dates_do_not_panic(
        text in "[A-Za-z]{3,9},? [0-9]{1,2}[- ][A-Z][a-z]{2}[- ][0-9]{2,4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        now: i64,
    ) {
        if let Some(date) = parse(text.as_bytes(), now) {
            prop_assert!((YEAR_0 - 100 * 366 * DAY..=YEAR_9999_END + 200 * 366 * DAY).contains(&date));
        }
    }
}
