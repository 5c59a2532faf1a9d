//! Dates as servers write them: one fixed form each, read at fixed places, and whatever else their standards allow.

use std::time::{Duration, SystemTime};

use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Date, Month, OffsetDateTime, Time};

/// Reads `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110 section 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<SystemTime> {
    fixed_http_date(text.as_bytes()).or_else(|| system_time(OffsetDateTime::parse(text, &Rfc2822).ok()?))
}

/// Reads `2013-05-24T00:00:00.000Z`, as listings have it (RFC 3339).
pub(crate) fn iso_date(text: &str) -> Option<SystemTime> {
    fixed_iso_date(text.as_bytes()).or_else(|| system_time(OffsetDateTime::parse(text, &Rfc3339).ok()?))
}

fn fixed_http_date(text: &[u8]) -> Option<SystemTime> {
    let [_, _, _, b',', b' ', d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', time @ .., b' ', b'G', b'M', b'T'] =
        text
    else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == [*m1, *m2, *m3])?;
    let date = (number(&[*y1, *y2, *y3, *y4])?, u8::try_from(month).ok()? + 1, number(&[*d1, *d2])?);
    moment(date, clock(time)?, 0)
}

fn fixed_iso_date(text: &[u8]) -> Option<SystemTime> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', time @ .., b'.', f1, f2, f3, b'Z'] = text else {
        return None;
    };
    let month = u8::try_from(number(&[*m1, *m2])?).ok()?;
    let date = (number(&[*y1, *y2, *y3, *y4])?, month, number(&[*d1, *d2])?);
    moment(date, clock(time)?, number(&[*f1, *f2, *f3])?)
}

const MONTHS: [[u8; 3]; 12] =
    [*b"Jan", *b"Feb", *b"Mar", *b"Apr", *b"May", *b"Jun", *b"Jul", *b"Aug", *b"Sep", *b"Oct", *b"Nov", *b"Dec"];

/// Reads `00:00:00`.
fn clock(text: &[u8]) -> Option<Time> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text else { return None };
    let part = |digits: [u8; 2]| number(&digits).and_then(|number| u8::try_from(number).ok());
    Time::from_hms(part([*h1, *h2])?, part([*m1, *m2])?, part([*s1, *s2])?).ok()
}

fn moment((year, month, day): (u32, u8, u32), clock: Time, milliseconds: u32) -> Option<SystemTime> {
    let (year, day) = (i32::try_from(year).ok()?, u8::try_from(day).ok()?);
    let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
    let time = system_time(date.with_time(clock).assume_utc())?;
    time.checked_add(Duration::from_millis(milliseconds.into()))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
}

fn system_time(time: OffsetDateTime) -> Option<SystemTime> {
    let seconds = u64::try_from(time.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, time.nanosecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the fixed form reads, the standard's reader reads too, and the same; what it does not, is left to that.
    #[test]
    fn the_fixed_forms_are_the_standards() {
        for text in [
            "Fri, 24 May 2013 00:00:00 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Thu, 29 Feb 2024 23:59:59 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
        ] {
            let fixed = fixed_http_date(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(OffsetDateTime::parse(text, &Rfc2822).ok().and_then(system_time), Some(fixed), "{text}");
        }
        for text in ["2013-05-24T00:00:00.000Z", "2024-02-29T23:59:59.999Z", "1970-01-01T00:00:00.001Z"] {
            let fixed = fixed_iso_date(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(OffsetDateTime::parse(text, &Rfc3339).ok().and_then(system_time), Some(fixed), "{text}");
        }
    }

    #[test]
    fn no_date_is_none() {
        for text in [
            "",
            "yesterday",
            "Thu, 29 Feb 2023 00:00:00 GMT",
            "Fri, 24 Mai 2013 00:00:00 GMT",
            "Fri, 24 May 2013 24:00:00 GMT",
            "Fri, 24 May 2013 00:0a:00 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
        for text in ["2013-13-24T00:00:00.000Z", "2013-05-32T00:00:00.000Z", "2013-05-24T00:00:00.00aZ", "2013"] {
            assert_eq!(iso_date(text), None, "{text}");
        }
        assert!(http_date("24 May 2013 00:00:00 +0200").is_some() && iso_date("2013-05-24T02:00:00.5+02:00").is_some());
    }
}
