//! Dates as servers write them: of HTTP in headers, of RFC 3339 in listings.

use std::time::{Duration, SystemTime};

use crate::calendar::{Civil, LAST};

/// Reads a date of HTTP (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, also without its weekday or with another zone,
/// and the two obsolete forms, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
pub(crate) fn http_date(text: &str) -> Option<SystemTime> {
    let words: Vec<&[u8]> = text.as_bytes().split(|byte| *byte == b' ').collect();
    match &words[..] {
        [day, rest @ ..] if day.ends_with(b",") => dated(rest),
        // A day of one digit stands behind two blanks.
        [_, month, b"", day, clock, year] | [_, month, day, clock, year] if day.len() <= 2 && year.len() == 4 => {
            moment((number(year)?, month_of(month)?, number(day)?), clock, 0, Duration::ZERO)
        }
        rest => dated(rest),
    }
}

/// Writes a date of HTTP, in whole seconds; what is before 1970 as its beginning, what is after 9999 as its end.
pub(crate) fn write_http_date(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().min(LAST);
    let Civil { year, month, day, hour, minute, second } = Civil::of(seconds).expect("it is no later than that");
    let (weekday, month) = (DAYS[(seconds / 86_400 % 7) as usize], MONTHS[month as usize - 1].escape_ascii());
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads `06 Nov 1994 08:49:37 GMT`, or with `06-Nov-94`.
fn dated(words: &[&[u8]]) -> Option<SystemTime> {
    match words {
        [[d, dd, b'-', month @ .., b'-', y, yy], clock, b"GMT"] => {
            let (day, month, century) = (number(&[*d, *dd])?, month_of(month)?, number(&[*y, *yy])?);
            // RFC 9110 would have a year more than fifty years ahead taken for a past one; this holds until 2069.
            let year = if century < 70 { 2000 + century } else { 1900 + century };
            moment((year, month, day), clock, 0, Duration::ZERO)
        }
        [day, month, year, clock, zone] => {
            let zone = match *zone {
                b"GMT" | b"UTC" => 0,
                &[sign, h, hh, m, mm] => offset(sign, [h, hh], [m, mm])?,
                _ => return None,
            };
            moment((number(year)?, month_of(month)?, number(day)?), clock, zone, Duration::ZERO)
        }
        _ => None,
    }
}

fn month_of(name: &[u8]) -> Option<u32> {
    Some(MONTHS.iter().position(|month| *month == name)? as u32 + 1)
}

/// Reads `2013-05-24T00:00:00.000Z`, as listings have it (RFC 3339).
pub(crate) fn iso_date(text: &str) -> Option<SystemTime> {
    let text = text.as_bytes();
    let (&[y, yy, yyy, yyyy, b'-', m, mm, b'-', d, dd, b'T'], rest) = text.split_first_chunk()? else { return None };
    let (clock, rest) = rest.split_at_checked(8)?;
    let zone_at = rest.iter().position(|byte| matches!(byte, b'Z' | b'+' | b'-'))?;
    let (fraction, zone) = rest.split_at(zone_at);
    let zone = match zone {
        b"Z" => 0,
        [sign, h, hh, b':', m, mm] => offset(*sign, [*h, *hh], [*m, *mm])?,
        _ => return None,
    };
    moment((number(&[y, yy, yyy, yyyy])?, number(&[m, mm])?, number(&[d, dd])?), clock, zone, self::fraction(fraction)?)
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Reads `+`, `02` and `00`: seconds that the zone is ahead.
fn offset(sign: u8, hours: [u8; 2], minutes: [u8; 2]) -> Option<i64> {
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = (number(&hours).filter(|hours| *hours < 24)?, number(&minutes)?);
    Some(sign * i64::from(hours * 3600 + minutes * 60))
}

/// Reads the digits behind a point, as far as a nanosecond.
fn fraction(text: &[u8]) -> Option<Duration> {
    if text.is_empty() {
        return Some(Duration::ZERO);
    }
    let digits = text.strip_prefix(b".").filter(|digits| !digits.is_empty())?;
    let kept = &digits[..digits.len().min(9)];
    let nanoseconds = number(kept)? * 10u32.pow(9 - kept.len() as u32);
    digits.iter().all(u8::is_ascii_digit).then(|| Duration::from_nanos(nanoseconds.into()))
}

fn moment((year, month, day): (u32, u32, u32), clock: &[u8], zone: i64, fraction: Duration) -> Option<SystemTime> {
    let &[h, hh, b':', m, mm, b':', s, ss] = clock else { return None };
    let (hour, minute, second) = (number(&[h, hh])?, number(&[m, mm])?, number(&[s, ss])?);
    // A leap second is the last one of its minute once more: no clock here has it.
    let second = if second == 60 { 59 } else { second };
    let seconds = Civil { year, month, day, hour, minute, second }.seconds()?.checked_add_signed(-zone)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds) + fraction)
}

/// Reads digits alone; nine at most, so that no sum overflows.
fn number(text: &[u8]) -> Option<u32> {
    let add = |sum, digit: &u8| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0'));
    if (1..=9).contains(&text.len()) { text.iter().try_fold(0, add) } else { None }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::{Rfc2822, Rfc3339};

    use super::*;

    /// Against a reader of the standards that others wrote.
    #[test]
    fn dates_are_read_as_the_standards_have_them() {
        for text in [
            "Fri, 24 May 2013 00:00:00 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Thu, 29 Feb 2024 23:59:59 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Fri, 24 May 2013 02:00:00 +0200",
            "24 May 2013 02:00:00 -0930",
        ] {
            let other = OffsetDateTime::parse(text, &Rfc2822).expect(text);
            assert_eq!(http_date(text), Some(other.into()), "{text}");
        }
        for text in [
            "2013-05-24T00:00:00.000Z",
            "2024-02-29T23:59:59.999Z",
            "1970-01-01T00:00:00Z",
            "2013-05-24T02:00:00.5+02:00",
            "2013-05-24T02:00:00.123456789-00:30",
        ] {
            let other = OffsetDateTime::parse(text, &Rfc3339).expect(text);
            assert_eq!(iso_date(text), Some(other.into()), "{text}");
        }
    }

    #[test]
    fn no_date_of_http_is_none() {
        for text in [
            "",
            "yesterday",
            "Thu, 29 Feb 2023 00:00:00 GMT",
            "Fri, 24 Mai 2013 00:00:00 GMT",
            "Fri, 24 May 2013 24:00:00 GMT",
            "Fri, 24 May 2013 00:0a:00 GMT",
            "Fri, 24 May 2013 0:00:000 GMT",
            "Fri, 24 May 2013 00:00:00 GMT and more",
            "Fri, 24 May 2013 00:00:00 +é",
            "Fri, 24 May 99999999999 00:00:00 GMT",
            "Thu, 01 Jan 1970 00:00:00 +0100",
            "Fri, xx May 2013 00:00:00 GMT",
            "Fri, 24 May xxxx 00:00:00 GMT",
            "Fri, 24 May 2013 xx:00:00 GMT",
            "Fri, 24 May 2013 00:xx:00 GMT",
            "Fri, 24 May 2013 00:00:xx GMT",
            "Fri, 24 May 2013 00 GMT",
            "Fri, 24 May 2013 00:00 GMT",
            "Fri, 24 May 2013 00:00:00:00 GMT",
            "Fri, 24 May 2013 00:00:00 EST",
            "Fri, 24 May 2013 00:00:00 +0",
            "Fri, 24 May 2013 00:00:00 *0200",
            "Fri, 24 May 2013 00:00:00 +xx00",
            "Fri, 24 May 2013 00:00:00 +2400",
            "Fri, 24 May 2013 00:00:00 +02000",
            "Fri, 24 May 2013 00:00:00 +02xx",
            "Friday, 24 00:00:00 GMT",
            "Friday, xx-May-13 00:00:00 GMT",
            "Friday, 24-Mai-13 00:00:00 GMT",
            "Friday, 24-May 00:00:00 GMT",
            "Friday, 24-May-xx 00:00:00 GMT",
            "Friday, 24-May-13-1 00:00:00 GMT",
            "Fri May xx 00:00:00 2013",
            "Fri Mai 24 00:00:00 2013",
            "Fri May 24 00:00:00 xxxx",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn no_date_of_a_listing_is_none() {
        for text in [
            "2013-13-24T00:00:00.000Z",
            "2013-05-32T00:00:00.000Z",
            "2013-05-24T00:00:00.00aZ",
            "2013-05-24T00:00:00.Z",
            "2013-05-24T00:00:00.12345678éZ",
            "2013-05-24T00:00:00",
            "2013-05-24T00:00:00+0200",
            "2013-05-24-01T00:00:00Z",
            "xxxx-05-24T00:00:00Z",
            "2013-xx-24T00:00:00Z",
            "2013-05-xxT00:00:00Z",
            "2013-05T00:00:00Z",
            "2013T00:00:00Z",
            "2013-05-24T00:00:0",
            "2013-05-24T00:00:00+0",
            "2013-05-24T00:00:00+02:0",
            "2013-05-24T00:00:00+02:xx",
            "2013-05-24T00:00:00.5*02:00",
            "2013-05-24T00:00:00.xZ",
            "2013-05-24T00:00:00,5Z",
            "2013",
            "T",
            "ééT",
        ] {
            assert_eq!(iso_date(text), None, "{text}");
        }
    }
}
