//! Dates and waits in the head of an answer: any head.

use std::time::{Duration, UNIX_EPOCH};

use s3lite::{Answer, ClockSkew, HeadObject, KeyPrefix, ResponseHead, read_answer};

use super::dates::unix_seconds;
use super::input::{Input, digits, header};

/// A wait is what the headers say, and every well-formed date is read as the second that it names.
pub fn check(bytes: &[u8]) {
    let head = Input::new(bytes).head();
    let wait = head.retry_after();
    if let Some(milliseconds) = header(&head, "x-amz-retry-after").and_then(digits) {
        assert_eq!(wait, Some(Duration::from_millis(milliseconds)));
    } else if let Some(seconds) = header(&head, "retry-after").and_then(digits) {
        assert_eq!(wait, Some(Duration::from_secs(seconds)));
    } else if let (Some(date), Some(until)) = (date_of(&head, "date"), date_of(&head, "retry-after")) {
        assert_eq!(wait, until.checked_sub(date).map(Duration::from_secs));
    }
    assert_modified(&head);
    assert_skew(&head);
}

fn date_of(head: &ResponseHead, name: &str) -> Option<u64> {
    unix_seconds(header(head, name)?)
}

fn assert_modified(head: &ResponseHead) {
    let answer = Answer { head: head.clone(), body: b"", prefix: &KeyPrefix::default(), signed_for: "x" };
    let Ok(meta) = read_answer(&HeadObject::new("k"), answer) else { return };
    if let Some(seconds) = date_of(head, "last-modified") {
        assert_eq!(meta.last_modified(), Some(UNIX_EPOCH + Duration::from_secs(seconds)));
    }
}

/// The difference to a clock that shows the year 2001, for an exchange without any delay.
fn assert_skew(head: &ResponseHead) {
    const NOW: u64 = 1_000_000_000;
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    let skew = ClockSkew::measure(head, now, now);
    // Of the year 9000 and later there is no clock.
    let date = date_of(head, "date").filter(|date| *date < 221_845_392_000);
    if let (Some(date), None) = (date, head.headers.get("age")) {
        assert_eq!(skew.map(ClockSkew::as_seconds), Some(date as i64 - NOW as i64));
    }
    if let Some(skew) = skew {
        let _ = (skew.apply(UNIX_EPOCH), skew.apply(now));
    }
}
