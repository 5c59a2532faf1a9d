//! The second step: when and for what a signature counts, and the text that is signed.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use super::gather::Sink;
use crate::calendar::Civil;
use crate::error::{Error, Result};

/// The algorithm's name in the Authorization header and the query.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last part of every credential scope.
const TERMINATOR: &str = "aws4_request";

/// The time of a signature, in seconds and in the form `20130524T000000Z`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SigningTime([u8; 16]);

impl SigningTime {
    /// Reads a time as seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// Years before 1970 and after 9999 have no form in a signature.
    pub fn from_unix_seconds(seconds: i64) -> Result<Self> {
        let wrong = || Error::bad_input("the clock shows a year that no signature can carry; set it");
        let time = u64::try_from(seconds).ok().and_then(Civil::of).ok_or_else(wrong)?;
        let mut text = *b"00000000T000000Z";
        put_digits(&mut text[0..4], time.year);
        put_digits(&mut text[4..6], time.month);
        put_digits(&mut text[6..8], time.day);
        put_digits(&mut text[9..11], time.hour);
        put_digits(&mut text[11..13], time.minute);
        put_digits(&mut text[13..15], time.second);
        Ok(Self(text))
    }

    /// Reads a time of the system's clock.
    ///
    /// # Errors
    ///
    /// As [`from_unix_seconds`](Self::from_unix_seconds).
    pub fn from_system_time(time: SystemTime) -> Result<Self> {
        let seconds =
            time.duration_since(UNIX_EPOCH).map_or(-1, |since| since.as_secs().try_into().unwrap_or(i64::MAX));
        Self::from_unix_seconds(seconds)
    }

    /// Returns the value of `x-amz-date`: `20130524T000000Z`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII digits, T and Z are written")
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the day: `20130524`.
    pub fn date(&self) -> &str {
        &self.as_str()[..8]
    }
}

fn put_digits(text: &mut [u8], mut number: u32) {
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl fmt::Debug for SigningTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// For what a signing key counts: a day, a region, a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CredentialScope<'a> {
    pub date: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

impl fmt::Display for CredentialScope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write_to(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl CredentialScope<'_> {
    /// Writes `20130524/us-east-1/s3/aws4_request`.
    pub fn write_to(&self, out: &mut impl Sink) {
        for part in [self.date, "/", self.region, "/", self.service, "/", TERMINATOR] {
            out.put(part.as_bytes());
        }
    }

    /// The parts in the order in which the signing key is derived from them.
    pub fn derivation(&self) -> [&str; 4] {
        [self.date, self.region, self.service, TERMINATOR]
    }
}

/// The text that is signed: algorithm, time, scope, hash of the canonical request.
pub(crate) struct StringToSign<'a> {
    pub time: &'a SigningTime,
    pub scope: CredentialScope<'a>,
    pub canonical_request_hash: [u8; 32],
}

impl StringToSign<'_> {
    /// Writes the text; into a buffer to read it, into a MAC to sign it.
    pub fn write_to(&self, out: &mut impl Sink) {
        for part in [ALGORITHM.as_bytes(), b"\n", self.time.as_bytes(), b"\n"] {
            out.put(part);
        }
        self.scope.write_to(out);
        out.put(b"\n");
        out.put(&super::hex_digits(&self.canonical_request_hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_440_938_160, "20150830T123600Z"),
            (253_402_300_799, "99991231T235959Z"),
        ] {
            let time = SigningTime::from_unix_seconds(seconds).expect("in range");
            assert_eq!((time.as_str(), time.date()), (text, &text[..8]));
        }
    }

    #[test]
    fn years_without_a_form_are_refused() {
        for seconds in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
            assert!(SigningTime::from_unix_seconds(seconds).is_err(), "{seconds}");
        }
        assert!(SigningTime::from_system_time(UNIX_EPOCH - std::time::Duration::from_secs(1)).is_err());
    }
}
