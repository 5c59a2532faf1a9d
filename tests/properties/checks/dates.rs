//! HTTP's one date format read once more, by the slow way.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Reads `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110, IMF-fixdate) from 1970 on, in seconds since then.
pub fn unix_seconds(text: &str) -> Option<u64> {
    let (weekday, rest) = text.split_once(", ")?;
    let parts: Vec<&str> = rest.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else { return None };
    let parts: Vec<&str> = time.split(':').collect();
    let [hour, minute, second] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let (year, day) = (number(year, 4)?, number(day, 2)?);
    if year < 1970 || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let days = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum::<u64>()
        + (0..month).map(|month| days_in(year, month)).sum::<u64>()
        + day
        - 1;
    let (hour, minute, second) = (number(hour, 2)?, number(minute, 2)?, number(second, 2)?);
    let exists = hour < 24 && minute < 60 && second < 60 && WEEKDAYS[(days % 7) as usize] == weekday;
    exists.then_some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(text: &str, length: usize) -> Option<u64> {
    if text.len() == length { super::input::digits(text) } else { None }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: usize) -> u64 {
    match month {
        1 => 28 + u64::from(is_leap(year)),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}
