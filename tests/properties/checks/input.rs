//! Takes an input apart, line by line: seeds stay readable, and mutations meet what they are about.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use s3lite::ResponseHead;

/// What of an input is not yet taken.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next line as bytes; empty where the input is at its end.
    pub fn line_bytes(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let line = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        line
    }

    /// The next line as text.
    pub fn line(&mut self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.line_bytes())
    }

    /// The next line as a number; 0 for what is none.
    pub fn number(&mut self) -> u64 {
        self.line().trim().parse().unwrap_or(0)
    }

    /// The next line as `name: value`, where there is another.
    pub fn pair(&mut self) -> Option<(Cow<'a, str>, Cow<'a, str>)> {
        let line = self.line_bytes();
        let colon = line.iter().position(|byte| *byte == b':')?;
        let value = line[colon + 1..].trim_ascii_start();
        Some((String::from_utf8_lossy(&line[..colon]), String::from_utf8_lossy(value)))
    }

    /// A status, then headers up to an empty line. What HTTP cannot carry is left out, as no client would pass it on.
    pub fn head(&mut self) -> ResponseHead {
        let status = self.line().trim().parse().ok().and_then(|number| StatusCode::from_u16(number).ok());
        let mut headers = HeaderMap::new();
        loop {
            let line = self.line_bytes();
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            let name = HeaderName::from_bytes(line[..colon].trim_ascii());
            let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        ResponseHead { status: status.unwrap_or(StatusCode::OK), headers }
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The first value of a header, if it is text.
pub fn header<'a>(head: &'a ResponseHead, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

/// A number of digits alone, by the slow way.
pub fn digits(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.chars().try_fold(0u64, |sum, c| sum.checked_mul(10)?.checked_add(u64::from(c.to_digit(10)?)))
}
