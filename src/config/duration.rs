//! Durations and sizes as people write them: `30s`, `500ms`, `1m30s`; `64KiB`, `1MiB`.

use std::time::Duration;

/// The units, longest name first, so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads one or more numbers, each with its unit.
///
/// # Errors
///
/// What to write instead.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    let mut milliseconds = 0u64;
    if rest.starts_with('-') {
        return Err(format!("a duration cannot be negative; {}", how_to_write()));
    }
    if rest.is_empty() {
        return Err(how_to_write());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| how_to_write())?;
        let Some((unit, factor)) = UNITS.iter().find(|(unit, _)| after.starts_with(unit)) else {
            return Err(how_to_write());
        };
        milliseconds = milliseconds.saturating_add(number.saturating_mul(*factor));
        rest = after[unit.len()..].trim_start();
    }
    Ok(Duration::from_millis(milliseconds).min(CENTURY))
}

/// Nobody lives to see the difference, and no clock overflows.
pub(super) const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The units of sizes, longest name first.
const SIZE_UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// Reads a number with its unit.
///
/// # Errors
///
/// What to write instead.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let how = || "write a size as a number with B, KiB, MiB or GiB, for example \"1MiB\"".to_owned();
    let text = text.trim();
    let (number, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let number: u64 = number.parse().map_err(|_| how())?;
    let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit.trim_start()).ok_or_else(how)?;
    number.checked_mul(*factor).ok_or_else(|| "that is too large".to_owned())
}

pub(super) fn how_to_write() -> String {
    "write a duration as a number with ms, s, m, h or d, for example \"30s\" or \"1m30s\"".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_or_refused() {
        for (text, bytes) in [("0B", 0), ("64KiB", 65_536), ("1 MiB", 1 << 20), ("5GiB", 5 << 30)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "1", "MiB", "1MB", "-1B", "1.5MiB", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_century_is_long_enough() {
        for text in ["99999999999d", "18446744073709551615d", "36501d"] {
            assert_eq!(parse(text), Ok(CENTURY), "{text}");
        }
    }

    #[test]
    fn durations_are_read_or_refused() {
        for (text, milliseconds) in
            [("30s", 30_000), ("500ms", 500), ("1m30s", 90_000), (" 2h 5m ", 7_500_000), ("1d", 86_400_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "s", "30 seconds", "1.5s", "30x", "-1s", "99999999999999999999s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
