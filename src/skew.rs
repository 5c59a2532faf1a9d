//! How far the clock of this host is from the service's: learned from the answers, used for the next signature.
//!
//! The rules are those the AWS SDKs share, judged by their official cases: an answer with a trustworthy Date is learned from;
//! one that came from a cache, or took too long, is not.

use std::time::{Duration, SystemTime};

use http::header::{AGE, DATE};

use crate::error::{Error, ErrorKind};
use crate::response::{ResponseHead, http_date};

/// A refusal may be due to the clock if the clocks differ by more than this; S3 itself allows 15 minutes.
const DETECTABLE: u64 = 4 * 60;

/// The service takes signatures of times so far from its own (S3 User Guide, "Authenticating requests").
const ACCEPTED: u64 = 15 * 60;

/// A Date of the year 9000 or later is no clock's; one in 9999 would lead to years that no signature can carry.
const LATEST: i64 = 221_845_392_000;

/// An answer that took longer says nothing exact about the time.
const TRUSTED_EXCHANGE: Duration = Duration::from_secs(15 * 60);

/// Seconds by which the service's clock is ahead of this host's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockSkew(i64);

impl ClockSkew {
    /// Makes a skew of so many seconds.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds.
    pub fn as_seconds(self) -> i64 {
        self.0
    }

    /// Returns the service's time at this host's `now`, as far as the clock can tell it.
    pub fn apply(self, now: SystemTime) -> SystemTime {
        let distance = Duration::from_secs(self.0.unsigned_abs());
        let shifted = if self.0.is_negative() { now.checked_sub(distance) } else { now.checked_add(distance) };
        shifted.unwrap_or(now)
    }

    /// Measures the skew by an answer; `None` if it cannot be trusted to tell.
    ///
    /// The service wrote its Date at some time between sending and receiving; the middle is the best guess.
    pub fn measure(head: &ResponseHead, sent: SystemTime, received: SystemTime) -> Option<Self> {
        if head.headers.contains_key(AGE) {
            return None;
        }
        let date = unix_seconds(http_date(head.header(DATE)?)?).filter(|date| *date < LATEST)?;
        let took = received.duration_since(sent).ok().filter(|took| *took < TRUSTED_EXCHANGE)?;
        let middle = unix_seconds(sent + took / 2)?;
        Some(Self(date - middle))
    }

    /// Returns true if a refusal is due to the clock: the service says so, or refuses the signature while the clocks differ
    /// by more than the request was corrected for.
    pub fn explains(self, refusal: &Error, signed_with: Self) -> bool {
        signed_with.may_be_to_blame(refusal) && self.0.abs_diff(signed_with.0) > DETECTABLE
    }

    /// Returns true if the time that a request was signed with may be why it was refused.
    pub fn may_be_to_blame(self, refusal: &Error) -> bool {
        refusal.kind() == ErrorKind::ClockSkew
            || matches!(
                refusal.code(),
                Some("SignatureDoesNotMatch" | "InvalidSignatureException" | "AuthFailure" | "AccessDeniedException")
            )
            || (refusal.code().is_none() && refusal.status().is_some_and(|status| status.as_u16() == 403))
    }

    /// Returns true if a Date that tells this can be the service's, which has accepted a signature made with another skew. A
    /// proxy's clock may be hours off.
    pub fn agrees_with(self, accepted: Self) -> bool {
        self.0.abs_diff(accepted.0) <= ACCEPTED
    }
}

fn unix_seconds(time: SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
    use serde_json::Value;
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::*;
    use crate::response::service_error;

    /// The SDKs' own cases; see `tests/data/README.md` for their origin.
    const CASES: &str = include_str!("../tests/data/clock-skew-test-cases.json");

    fn time(value: &Value) -> OffsetDateTime {
        OffsetDateTime::parse(value.as_str().expect("a time"), &Rfc3339).expect("RFC 3339")
    }

    fn head(response: &Value) -> ResponseHead {
        let status = response["statusCode"].as_u64().expect("a status") as u16;
        let mut headers = HeaderMap::new();
        for (name, value) in response["headers"].as_object().expect("headers") {
            let value = HeaderValue::from_str(value.as_str().expect("text")).expect("a header");
            headers.insert(HeaderName::try_from(name.as_str()).expect("a name"), value);
        }
        ResponseHead { status: StatusCode::from_u16(status).expect("a status"), headers }
    }

    /// Goes through an operation's attempts; returns the skew at its end.
    fn run(operation: &Value, name: &Value) -> ClockSkew {
        let mut skew = ClockSkew(operation["initialClientSkew"].as_i64().expect("seconds"));
        let attempts = operation["attempts"].as_array().expect("attempts");
        for (index, attempt) in attempts.iter().enumerate() {
            let (sent, received) = (time(&attempt["clientTimeAtSend"]), time(&attempt["clientTimeAtReceive"]));
            let signed_at = time(&attempt["expectedSigningTime"]).unix_timestamp();
            assert_eq!(unix_seconds(skew.apply(sent.into())), Some(signed_at), "{name}");
            let (head, signed_with) = (head(&attempt["response"]), skew);
            let measured = ClockSkew::measure(&head, sent.into(), received.into());
            skew = measured.unwrap_or(skew);
            let Some(code) = attempt["response"]["errorCode"].as_str() else { continue };
            let body = format!("<Error><Code>{code}</Code></Error>");
            let refusal = service_error(&head, body.as_bytes(), "us-east-1");
            let goes_on = index + 1 < attempts.len();
            let out_of_attempts = operation["maxAttempts"].as_u64() == Some(index as u64 + 1);
            let explained = measured.is_some_and(|measured| measured.explains(&refusal, signed_with));
            assert_eq!(explained && !out_of_attempts, goes_on, "{name}");
        }
        skew
    }

    #[test]
    fn a_clock_at_the_end_of_time_is_not_followed() {
        let measured = |date: &'static str| {
            let headers = HeaderMap::from_iter([(http::header::DATE, HeaderValue::from_static(date))]);
            let head = ResponseHead { status: StatusCode::OK, headers };
            ClockSkew::measure(&head, SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH)
        };
        assert_eq!(measured("Fri, 31 Dec 9999 23:59:59 GMT"), None);
        assert_eq!(measured("Wed, 01 Jan 9000 00:00:00 GMT"), None);
        assert_eq!(measured("Tue, 31 Dec 8999 23:59:59 GMT"), Some(ClockSkew(LATEST - 1)));
    }

    /// What cannot be trusted to tell the time: `Age` is a cache's, a slow answer's Date is anybody's guess.
    #[test]
    fn what_tells_nothing_is_not_learned_from() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_700);
        let measured = |headers: &[(&'static str, &'static str)], sent: SystemTime, took: i64| {
            let pairs =
                headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let head = ResponseHead { status: StatusCode::OK, headers: pairs.collect() };
            let received = ClockSkew(took).apply(sent);
            ClockSkew::measure(&head, sent, received).map(ClockSkew::as_seconds)
        };
        for (headers, sent, took, skew) in [
            (&[DATE][..], start, 0, Some(77)),
            (&[DATE], start, 100, Some(27)),
            (&[DATE], start, 899, Some(77 - 449)),
            (&[DATE], start, 900, None),
            (&[DATE], start, -1, None),
            (&[DATE, ("age", "0")], start, 0, None),
            (&[], start, 0, None),
            (&[("date", "yesterday")], start, 0, None),
            (&[DATE], SystemTime::UNIX_EPOCH - Duration::from_secs(10), 1, None),
        ] {
            assert_eq!(measured(headers, sent, took), skew, "{headers:?} {took}");
        }
    }

    fn bare(status: u16) -> ResponseHead {
        crate::head::head(status, &[])
    }

    /// Four minutes explain nothing, and a service takes what is fifteen minutes off (both by the SDKs' rules and S3's guide).
    #[test]
    fn bounds_are_told_to_the_second() {
        let refusal = service_error(&bare(403), b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "us-east-1");
        let signed_with = ClockSkew::from_seconds(1_000);
        for (seconds, explains, agrees) in [
            (1_000, false, true),
            (1_240, false, true),
            (1_241, true, true),
            (759, true, true),
            (1_900, true, true),
            (1_901, true, false),
            (99, true, false),
        ] {
            let skew = ClockSkew::from_seconds(seconds);
            assert_eq!(skew.as_seconds(), seconds);
            assert_eq!(skew.explains(&refusal, signed_with), explains, "{seconds}");
            assert_eq!(skew.agrees_with(signed_with), agrees, "{seconds}");
        }
    }

    /// A refusal without a code, as a HEAD has it, may be for the time.
    #[test]
    fn what_the_time_may_be_to_blame_for() {
        for (status, code, may_be) in [
            (403, "RequestTimeTooSkewed", true),
            (400, "RequestTimeTooSkewed", true),
            (403, "SignatureDoesNotMatch", true),
            (403, "", true),
            (401, "", false),
            (403, "AccessDenied", false),
            (403, "InvalidAccessKeyId", false),
        ] {
            let body = format!("<Error><Code>{code}</Code></Error>");
            let refusal = service_error(&bare(status), body.as_bytes(), "us-east-1");
            assert_eq!(ClockSkew::default().may_be_to_blame(&refusal), may_be, "{status} {code}");
        }
    }

    #[test]
    fn official_cases() {
        let suite: Value = serde_json::from_str(CASES).expect("the suite is JSON");
        let cases = suite["tests"].as_array().expect("a list of cases");
        assert_eq!(cases.len(), 10);
        for case in cases {
            for operation in case["operations"].as_array().expect("operations") {
                let skew = run(operation, &case["description"]);
                assert_eq!(Some(skew.0), operation["expectedClientSkew"].as_i64(), "{}", case["description"]);
            }
        }
    }
}
