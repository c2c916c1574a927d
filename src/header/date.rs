//! `HTTP-date` (RFC 9110 5.6.7), as Unix seconds.

use std::{
    cell::RefCell,
    time::{Duration, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::list::trim;

const DAY: i64 = 86_400;
/// 0000-01-01 and the last second of 9999, all that four digits can say.
const YEAR_0: i64 = -62_167_219_200;
const YEAR_9999_END: i64 = 253_402_300_799;

const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];
const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// A field that must hold one date but holds several lines, or something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

/// Reads IMF-fixdate, rfc850 and asctime dates, in any letter case.
///
/// `now` resolves the two-digit year of the rfc850 form: a date more than 50 years ahead is of an
/// earlier century. The day name must be one, but need not fit the date.
pub(crate) fn parse(value: &[u8], now: i64) -> Option<i64> {
    imf_fixdate(value)
        .or_else(|| rfc850(value, now))
        .or_else(|| asctime(value))
}

/// Writes IMF-fixdate, clamped to the years 1970 to 9999. The last one that a thread wrote is kept: most often it is
/// the same second.
pub(crate) fn format(unix: i64) -> HeaderValue {
    thread_local! {
        static LAST: RefCell<Option<(i64, HeaderValue)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((second, text)) if *second == unix => text.clone(),
        _ => {
            let text = write(unix);
            *last = Some((unix, text.clone()));
            text
        }
    })
}

fn write(unix: i64) -> HeaderValue {
    let seconds = u64::try_from(unix.min(YEAR_9999_END)).unwrap_or(0);
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    HeaderValue::try_from(text).expect("a date consists of visible ASCII characters and spaces")
}

/// The one date of a field; `Ok(None)` if the field is absent.
///
/// # Errors
///
/// [`Invalid`] for several lines (none of them can be trusted) and for what is no date.
pub(crate) fn single(
    headers: &HeaderMap,
    name: &HeaderName,
    now: i64,
) -> Result<Option<i64>, Invalid> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => parse(trim(line.as_bytes()), now).map(Some).ok_or(Invalid),
        (Some(_), Some(_)) => Err(Invalid),
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(value: &[u8]) -> Option<i64> {
    let (day_name, rest) = value.split_first_chunk::<3>()?;
    short_day(*day_name)?;
    let rest = rest.strip_prefix(b", ")?;
    let (date, rest) = rest.split_first_chunk::<11>()?;
    let [d1, d0, b' ', m2, m1, m0, b' ', y3, y2, y1, y0] = *date else {
        return None;
    };
    let year = number(&[y3, y2, y1, y0])?;
    let day = Civil {
        year,
        month: month([m2, m1, m0])?,
        day: number(&[d1, d0])?,
    }
    .days()?;
    Some(day * DAY + time_gmt(rest)?)
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(value: &[u8], now: i64) -> Option<i64> {
    let comma = value.iter().position(|byte| *byte == b',')?;
    let (day_name, rest) = value.split_at(comma);
    DAYS.iter()
        .find(|name| day_name.eq_ignore_ascii_case(name.as_bytes()))?;
    let rest = rest.strip_prefix(b", ")?;
    let (date, rest) = rest.split_first_chunk::<9>()?;
    let [d1, d0, b'-', m2, m1, m0, b'-', y1, y0] = *date else {
        return None;
    };
    let (month, day, time) = (month([m2, m1, m0])?, number(&[d1, d0])?, time_gmt(rest)?);
    let date = resolve_year(
        Civil {
            year: number(&[y1, y0])?,
            month,
            day,
        },
        time,
        now,
    );
    Some(date.days()? * DAY + time)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(value: &[u8]) -> Option<i64> {
    let value: &[u8; 24] = value.try_into().ok()?;
    let (day_name, rest) = value.split_first_chunk::<3>()?;
    short_day(*day_name)?;
    let (date, rest) = rest.split_first_chunk::<8>()?;
    let [b' ', m2, m1, m0, b' ', d1, d0, b' '] = *date else {
        return None;
    };
    let (clock, rest) = rest.split_first_chunk::<8>()?;
    let day = if d1 == b' ' {
        number(&[d0])?
    } else {
        number(&[d1, d0])?
    };
    let year = number(rest.strip_prefix(b" ")?)?;
    Some(
        Civil {
            year,
            month: month([m2, m1, m0])?,
            day,
        }
        .days()?
            * DAY
            + time(*clock)?,
    )
}

/// Gives a two-digit year the latest century that keeps the date within 50 years of `now`.
fn resolve_year(date: Civil, time: i64, now: i64) -> Civil {
    let now = now.clamp(YEAR_0, YEAR_9999_END);
    let today = Civil::from_days(now.div_euclid(DAY));
    let horizon = Civil {
        year: today.year + 50,
        ..today
    };
    let horizon = horizon.day_number() * DAY + now.rem_euclid(DAY);
    let mut year = today.year - today.year.rem_euclid(100) + 100 + date.year;
    while (Civil { year, ..date }).day_number() * DAY + time > horizon {
        year -= 100;
    }
    Civil { year, ..date }
}

fn short_day(name: [u8; 3]) -> Option<()> {
    let known = DAYS
        .iter()
        .any(|day| name.eq_ignore_ascii_case(&day.as_bytes()[..3]));
    known.then_some(())
}

fn month(name: [u8; 3]) -> Option<i64> {
    (1..)
        .zip(MONTHS)
        .find(|(_, month)| name.eq_ignore_ascii_case(month))
        .map(|(n, _)| n)
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + i64::from(byte - b'0'))
    })
}

/// ` 08:49:37 GMT` up to the end of the value.
fn time_gmt(value: &[u8]) -> Option<i64> {
    let (clock, zone) = value.strip_prefix(b" ")?.split_first_chunk::<8>()?;
    zone.eq_ignore_ascii_case(b" GMT").then_some(())?;
    time(*clock)
}

/// `08:49:37`; the 60 of a leap second is allowed and counts into the next minute.
fn time(clock: [u8; 8]) -> Option<i64> {
    let [h1, h0, b':', m1, m0, b':', s1, s0] = clock else {
        return None;
    };
    let (hour, minute, second) = (number(&[h1, h0])?, number(&[m1, m0])?, number(&[s1, s0])?);
    let valid = hour < 24 && minute < 60 && second <= 60;
    valid.then_some(hour * 3600 + minute * 60 + second)
}

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: i64,
    day: i64,
}

impl Civil {
    /// Days since 1970-01-01, if the month has such a day.
    fn days(self) -> Option<i64> {
        let days = self.day_number();
        (Self::from_days(days) == self).then_some(days)
    }

    /// Days since 1970-01-01; a day past the end of its month runs into the next one.
    ///
    /// Years are counted from March, so that the leap day is the last of its year.
    fn day_number(self) -> i64 {
        let year = if self.month <= 2 {
            self.year - 1
        } else {
            self.year
        };
        let months = (self.month + 9).rem_euclid(12);
        let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        // 719_468 days lie between 0000-03-01 and 1970-01-01.
        365 * year + leap_days + (153 * months + 2) / 5 + self.day - 1 - 719_468
    }

    fn from_days(days: i64) -> Self {
        const DAYS_IN_400_YEARS: i64 = 146_097;
        let days = days + 719_468;
        let era = days.div_euclid(DAYS_IN_400_YEARS);
        let in_era = days.rem_euclid(DAYS_IN_400_YEARS);
        let years = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * years + years / 4 - years / 100);
        let months = (5 * in_year + 2) / 153;
        let month = if months < 10 { months + 3 } else { months - 9 };
        let year = era * 400 + years + i64::from(month <= 2);
        Self {
            year,
            month,
            day: in_year - (153 * months + 2) / 5 + 1,
        }
    }
}

#[cfg(test)]
mod tests;
