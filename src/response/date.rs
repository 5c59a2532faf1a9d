//! Dates as servers write them: of HTTP in headers, of RFC 3339 in listings.

use std::time::{Duration, SystemTime};

use crate::calendar::Civil;

/// Reads `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110 section 5.6.7), also without its weekday or with another zone.
pub(crate) fn http_date(text: &str) -> Option<SystemTime> {
    let text = text.as_bytes();
    let weekday = text.iter().position(|byte| *byte == b',').filter(|comma| text.get(comma + 1) == Some(&b' '));
    let mut parts = text[weekday.map_or(0, |comma| comma + 2)..].split(|byte| *byte == b' ');
    let (day, month, year) = (number(parts.next()?)?, parts.next()?, number(parts.next()?)?);
    let month = MONTHS.iter().position(|name| *name == month)? as u32 + 1;
    let (clock, zone) = (parts.next()?, parts.next()?);
    let zone = if matches!(zone, b"GMT" | b"UTC") { 0 } else { offset(zone.get(..3)?, zone.get(3..)?)? };
    if parts.next().is_some() {
        return None;
    }
    moment((year, month, day), clock, zone, Duration::ZERO)
}

/// Reads `2013-05-24T00:00:00.000Z`, as listings have it (RFC 3339).
pub(crate) fn iso_date(text: &str) -> Option<SystemTime> {
    let text = text.as_bytes();
    let (date, rest) = text.split_at_checked(text.iter().position(|byte| *byte == b'T')?)?;
    let (clock, rest) = rest[1..].split_at_checked(8)?;
    let zone_at = rest.iter().position(|byte| matches!(byte, b'Z' | b'+' | b'-'))?;
    let (fraction, zone) = rest.split_at(zone_at);
    let zone = if zone == b"Z" { 0 } else { offset(zone.get(..3)?, zone.get(3..)?.strip_prefix(b":")?)? };
    let mut parts = date.split(|byte| *byte == b'-').map(number);
    let date = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    moment(date, clock, zone, self::fraction(fraction)?)
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Reads `+02` and `00`: seconds that the zone is ahead.
fn offset(hours: &[u8], minutes: &[u8]) -> Option<i64> {
    let (sign, hours) = match hours {
        [b'+', hours @ ..] => (1, hours),
        [b'-', hours @ ..] => (-1, hours),
        _ => return None,
    };
    let (hours, minutes) =
        (number(hours).filter(|hours| *hours < 24)?, number(minutes).filter(|_| minutes.len() == 2)?);
    Some(sign * i64::from(hours * 3600 + minutes * 60))
}

/// Reads the digits behind a point, as far as a nanosecond.
fn fraction(text: &[u8]) -> Option<Duration> {
    if text.is_empty() {
        return Some(Duration::ZERO);
    }
    let digits = text.strip_prefix(b".").filter(|digits| !digits.is_empty())?;
    let kept = digits.get(..digits.len().min(9))?;
    let nanoseconds = number(kept)?.checked_mul(10u32.pow(9 - kept.len() as u32))?;
    digits.iter().all(u8::is_ascii_digit).then(|| Duration::from_nanos(nanoseconds.into()))
}

fn moment((year, month, day): (u32, u32, u32), clock: &[u8], zone: i64, fraction: Duration) -> Option<SystemTime> {
    let mut parts = clock.split(|byte| *byte == b':').map(|part| number(part).filter(|_| part.len() == 2));
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    let seconds = Civil { year, month, day, hour, minute, second }.seconds()?.checked_add_signed(-zone)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?.checked_add(fraction)
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
    fn no_date_is_none() {
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
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
        for text in [
            "2013-13-24T00:00:00.000Z",
            "2013-05-32T00:00:00.000Z",
            "2013-05-24T00:00:00.00aZ",
            "2013-05-24T00:00:00.Z",
            "2013-05-24T00:00:00.12345678éZ",
            "2013-05-24T00:00:00",
            "2013-05-24T00:00:00+0200",
            "2013-05-24-01T00:00:00Z",
            "2013",
            "T",
            "ééT",
        ] {
            assert_eq!(iso_date(text), None, "{text}");
        }
    }
}
