//! Dates of the signing and HTTP formats to and from seconds since 1970, UTC.
//!
//! Hand-written on purpose: the library under test uses a date crate, so a shared mistake in it
//! would go unseen.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The system clock in whole seconds.
pub fn system_seconds() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since_epoch.as_secs()).expect("seconds since 1970 fit 63 bits")
}

/// Reads `20130524T000000Z`.
pub fn parse_amz_date(text: &str) -> Option<i64> {
    let shaped = text.len() == 16 && text.is_ascii() && &text[8..9] == "T" && text.ends_with('Z');
    if !shaped {
        return None;
    }
    seconds(
        [number(&text[0..4])?, number(&text[4..6])?, number(&text[6..8])?],
        [number(&text[9..11])?, number(&text[11..13])?, number(&text[13..15])?],
    )
}

/// Writes `20130524T000000Z`.
pub fn amz_date(at: i64) -> String {
    let ([year, month, day], [hour, minute, second]) = civil(at);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Writes `2013-05-24T00:00:00.000Z`, the form of dates inside S3's XML.
pub fn xml_date(at: i64) -> String {
    let ([year, month, day], [hour, minute, second]) = civil(at);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
}

/// Writes `Fri, 24 May 2013 00:00:00 GMT`.
pub fn http_date(at: i64) -> String {
    let ([year, month, day], [hour, minute, second]) = civil(at);
    let weekday = WEEKDAYS[index(at.div_euclid(DAY).rem_euclid(7))];
    let month = MONTHS[index(month - 1)];
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Reads `Fri, 24 May 2013 00:00:00 GMT`, the only date format an HTTP sender may generate.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, clock, "GMT"] = fields[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|&name| name == month)? + 1;
    let clock: Vec<&str> = clock.split(':').collect();
    let [hour, minute, second] = clock[..] else {
        return None;
    };
    let at = seconds(
        [number(year)?, i64::try_from(month).ok()?, number(day)?],
        [number(hour)?, number(minute)?, number(second)?],
    )?;
    (http_date(at) == text).then_some(at)
}

fn number(digits: &str) -> Option<i64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn index(value: i64) -> usize {
    usize::try_from(value).expect("a calendar field is never negative")
}

/// Seconds of a civil date, or nothing when a field is out of range (31 February, hour 24).
fn seconds(date: [i64; 3], clock: [i64; 3]) -> Option<i64> {
    let days = days_before(date);
    let [hour, minute, second] = clock;
    let at = days * DAY + hour * 3600 + minute * 60 + second;
    (civil(at) == (date, clock)).then_some(at)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in eras of 400 years that
/// begin in March.
fn days_before([year, month, day]: [i64; 3]) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9).rem_euclid(12);
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_before`], with the time of day.
fn civil(at: i64) -> ([i64; 3], [i64; 3]) {
    let second_of_day = at.rem_euclid(DAY);
    let days = at.div_euclid(DAY) + 719_468;
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = days.div_euclid(146_097) * 400 + year_of_era + i64::from(month <= 2);
    let clock = [second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60];
    ([year, month, day], clock)
}
