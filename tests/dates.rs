//! Dates in headers: the three forms that RFC 9110 section 5.6.7 has every recipient read.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, StatusCode};
use s3lite::{Answer, GetObject, HeadObject, KeyPrefix, Operation, ResponseHead, read_answer};

/// What the `Last-Modified` of an object is read as, in seconds since 1970.
fn read(date: &str) -> Option<u64> {
    let mut headers = HeaderMap::new();
    for (name, value) in [("content-length", "1"), ("etag", "\"1\""), ("last-modified", date)] {
        headers.insert(name, HeaderValue::from_str(value).expect("HTTP can carry it"));
    }
    let head = ResponseHead { status: StatusCode::OK, headers };
    let answer = Answer { head, body: b"", prefix: &KeyPrefix::default(), signed_for: "us-east-1" };
    let modified = read_answer(&HeadObject::new("k"), answer).expect("an object").last_modified()?;
    Some(modified.duration_since(UNIX_EPOCH).expect("after 1970").as_secs())
}

#[test]
fn the_three_forms_are_one_date() {
    for (seconds, forms) in [
        (784_111_777, ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]),
        (
            1_369_353_600,
            ["Fri, 24 May 2013 00:00:00 GMT", "Friday, 24-May-13 00:00:00 GMT", "Fri May 24 00:00:00 2013"],
        ),
        (0, ["Thu, 01 Jan 1970 00:00:00 GMT", "Thursday, 01-Jan-70 00:00:00 GMT", "Thu Jan  1 00:00:00 1970"]),
        (
            1_709_251_199,
            ["Thu, 29 Feb 2024 23:59:59 GMT", "Thursday, 29-Feb-24 23:59:59 GMT", "Thu Feb 29 23:59:59 2024"],
        ),
    ] {
        for form in forms {
            assert_eq!(read(form), Some(seconds), "{form}");
        }
    }
}

/// A leap second is the last of its minute or the first of the next.
#[test]
fn a_leap_second_is_a_second() {
    for form in ["Sat, 31 Dec 2016 23:59:60 GMT", "Saturday, 31-Dec-16 23:59:60 GMT", "Sat Dec 31 23:59:60 2016"] {
        assert!(matches!(read(form), Some(1_483_228_799 | 1_483_228_800)), "{form}: {:?}", read(form));
    }
}

#[test]
fn what_is_no_date_is_none() {
    for text in [
        "Sunday, 31-Nov-94 08:49:37 GMT",
        "Sunday, 06-Nov-94 24:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:61 GMT",
        "Sunday, 06-Nov-4 08:49:37 GMT",
        "Sunday, 06-Nuv-94 08:49:37 GMT",
        "Sunday, 06-Nov 08:49:37 GMT",
        "Sun Nov  6 08:49:37",
        "Sun Nov 31 08:49:37 1994",
        "Sun Nov  6 08:49:61 1994",
        "Sun Nov  6 08:60:37 1994",
        "Sun  6 Nov 08:49:37 1994",
        "Sun Nov  6 1994",
        "Sun Nov 006 08:49:37 1994",
        "Sat, 31 Dec 2016 23:59:61 GMT",
        "784111777",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

/// They are written in one form, and what is written is read again.
#[test]
fn dates_are_written_in_the_first_form() {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    for (time, text) in [
        (at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (at(784_111_777) + Duration::from_millis(999), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (at(0), "Thu, 01 Jan 1970 00:00:00 GMT"),
        (at(0) - Duration::from_secs(1), "Thu, 01 Jan 1970 00:00:00 GMT"),
        (at(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 GMT"),
        (at(253_402_300_799), "Fri, 31 Dec 9999 23:59:59 GMT"),
        (at(253_402_300_800), "Fri, 31 Dec 9999 23:59:59 GMT"),
    ] {
        assert_eq!(written(&GetObject::new("k").if_modified_since(time), "if-modified-since"), text);
        assert_eq!(written(&GetObject::new("k").if_unmodified_since(time), "if-unmodified-since"), text);
        assert!(read(text).is_some(), "{text}");
    }
}

fn written(operation: &GetObject, name: &str) -> String {
    let request = operation.request(&KeyPrefix::default()).expect("a date is a header");
    let (_, value) = request.headers().find(|(sent, _)| sent.as_str() == name).expect("it is sent");
    value.to_str().expect("ASCII").to_owned()
}
