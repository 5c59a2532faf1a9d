//! The answer to a range: any head.

use s3lite::{Answer, ByteRange, Checksum, GetObject, KeyPrefix, ResponseHead, read_answer};

use super::input::{Input, digits, header};

/// What is accepted is the range that was asked for, cut at most by the object's end.
///
/// The input is `first-end`, `first-`, `-count` or nothing, then a head.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let line = input.line();
    let (left, right) = line.split_once('-').unwrap_or((&line, ""));
    let head = input.head();
    assert_ranges_agree(&head);
    let operation = match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(first), Ok(end)) => GetObject::new("k").range(first..end),
        (Ok(first), Err(_)) => GetObject::new("k").range(first..),
        (Err(_), Ok(count)) => GetObject::new("k").last(count),
        (Err(_), Err(_)) => return assert_whole(&head),
    };
    let answer = Answer { head: head.clone(), body: b"", prefix: &KeyPrefix::default(), signed_for: "x" };
    if read_answer(&operation, answer).is_ok() {
        assert_answered(operation.byte_range().expect("one was asked for"), &head);
    }
}

/// The whole object was asked for. Metadata and checksums are read from any head at all.
fn assert_whole(head: &ResponseHead) {
    let answer = Answer { head: head.clone(), body: b"", prefix: &KeyPrefix::default(), signed_for: "x" };
    if let Ok(meta) = read_answer(&GetObject::new("k"), answer) {
        let is_whole = |(first, last, size)| first == 0 && size == Some(last + 1);
        assert!(head.status == 200 || content_range(head).is_some_and(is_whole), "{}: not all of it", head.status);
        let _ = (meta.size(), meta.etag(), meta.last_modified(), meta.version_id(), meta.metadata("é\0"));
    }
    if let Some(mut checksum) = Checksum::of_answer(head) {
        checksum.update(b"x");
        let _ = checksum.verify();
    }
}

fn assert_ranges_agree(head: &ResponseHead) {
    let got = head.content_range().map(|range| (range.first, range.last, range.size));
    assert_eq!(got, content_range(head));
    if let Some(range) = head.content_range() {
        assert_eq!(u128::from(range.length()), u128::from(range.last) - u128::from(range.first) + 1);
    }
}

/// RFC 9110, 14.4, for objects of at most 2^64 - 1 bytes.
fn content_range(head: &ResponseHead) -> Option<(u64, u64, Option<u64>)> {
    let (bytes, size) = header(head, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = bytes.split_once('-')?;
    let (first, last) = (digits(first)?, digits(last)?);
    let size = if size == "*" { None } else { Some(digits(size)?) };
    let exists = first <= last && last < size.unwrap_or(u64::MAX);
    exists.then_some((first, last, size))
}

fn assert_answered(range: ByteRange, head: &ResponseHead) {
    if head.status.as_u16() != 206 {
        assert_eq!(head.status.as_u16(), 200);
        if content_range(head).is_none() {
            return assert_all_of_it(range, head);
        }
    }
    let (first, last, size) = content_range(head).expect("the answer to a range says which");
    let end = last + 1;
    let size = size.unwrap_or(end);
    let (wanted_first, wanted_end) = match range {
        ByteRange::From(first) => (first, size),
        ByteRange::Part { start, end: wanted } => (start, wanted.min(size)),
        ByteRange::Last(count) if head.headers.get("content-range").is_some_and(|range| !known(range)) => {
            // Of an object of unknown size, that many bytes or all of them.
            (if first == 0 { 0 } else { end - count }, end)
        }
        ByteRange::Last(count) => (size.saturating_sub(count), size),
    };
    assert_eq!((first, end), (wanted_first, wanted_end), "{range:?} of {size}");
}

/// The whole object was what was asked for: no byte of it lies outside.
fn assert_all_of_it(range: ByteRange, head: &ResponseHead) {
    let length = header(head, "content-length").and_then(digits);
    let fits = |most: u64| length.is_some_and(|length| length <= most);
    let is_all = match range {
        ByteRange::From(start) => start == 0,
        ByteRange::Part { start, end } => start == 0 && fits(end),
        ByteRange::Last(count) => fits(count),
    };
    assert!(is_all, "{range:?} of {length:?}");
}

/// True if a Content-Range names the object's size.
fn known(range: &http::HeaderValue) -> bool {
    !range.as_bytes().ends_with(b"/*")
}
