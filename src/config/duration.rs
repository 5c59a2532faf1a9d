//! Durations as people write them: `30s`, `500ms`, `1m30s`.

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
        let part = number.checked_mul(*factor);
        milliseconds =
            part.and_then(|part| milliseconds.checked_add(part)).ok_or_else(|| "that is too long".to_owned())?;
        rest = after[unit.len()..].trim_start();
    }
    Ok(Duration::from_millis(milliseconds))
}

pub(super) fn how_to_write() -> String {
    "write a duration as a number with ms, s, m, h or d, for example \"30s\" or \"1m30s\"".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_or_refused() {
        for (text, milliseconds) in
            [("30s", 30_000), ("500ms", 500), ("1m30s", 90_000), (" 2h 5m ", 7_500_000), ("1d", 86_400_000), ("0s", 0)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in
            ["", "30", "s", "30 seconds", "1.5s", "30x", "-1s", "99999999999999999999s", "18446744073709551615d"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
