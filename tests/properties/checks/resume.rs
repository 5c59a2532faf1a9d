//! How a download goes on: any first answer, any second one.

use s3lite::{GetObject, KeyPrefix, Operation, ResponseHead, Resume};

use super::input::{Input, digits, header};

/// What is accepted goes on at the very byte, up to the very end, of the very object.
///
/// The input is a number of bytes received, then two heads.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let received = input.number();
    let (first, second) = (input.head(), input.head());
    let Some(mut resume) = Resume::new(&GetObject::new("k"), &first) else { return };
    resume.received(received);
    let (start, end, size) = extent(&first);
    let next = start.saturating_add(received);
    assert_asks_for(&resume, &first, next, end);
    if resume.check(&second).is_ok() {
        if second.status.as_u16() == 200 {
            assert!(next == 0 && end == size, "the whole goes on from nothing alone");
            return;
        }
        let (first_byte, last_byte, whole) = range(&second).expect("an answer that goes on says where");
        assert_eq!(second.status.as_u16(), 206);
        assert_eq!((first_byte, last_byte + 1), (next, end.or(whole).unwrap_or(last_byte + 1)));
        assert!(whole.is_none_or(|whole| size.is_none_or(|size| size == whole)), "another object of {whole:?} bytes");
        let tag = |head| header(head, "etag").map(|tag| tag.trim_start_matches("W/").replace('"', ""));
        assert!(tag(&second).is_none() || tag(&second) == tag(&first), "another object by its tag");
    }
}

/// The request for the rest names the object by its tag; there is none once everything has arrived.
fn assert_asks_for(resume: &Resume, first: &ResponseHead, next: u64, end: Option<u64>) {
    let Ok(request) = resume.operation().request(&KeyPrefix::default()) else {
        let is_over = end.is_some_and(|end| next >= end);
        assert!(is_over || !is_printable(header(first, "etag")), "{next} of {end:?}");
        return;
    };
    let last = end.map_or(String::new(), |end| (end - 1).to_string());
    assert_eq!(*request.header("range").expect("it is asked for"), format!("bytes={next}-{last}"));
    assert!(request.header("if-match").is_some());
}

fn is_printable(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte)))
}

/// First byte, end and size of what an answer has, as far as it says.
fn extent(head: &ResponseHead) -> (u64, Option<u64>, Option<u64>) {
    // Some services name the bytes with a 200.
    if let Some((first, last, size)) = range(head) {
        return (first, Some(last + 1), size);
    }
    assert_ne!(head.status.as_u16(), 206, "a part that goes on says which one it is");
    let length = header(head, "content-length").and_then(digits);
    (0, length, length)
}

fn range(head: &ResponseHead) -> Option<(u64, u64, Option<u64>)> {
    let (bytes, size) = header(head, "content-range")?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = bytes.split_once('-')?;
    let (first, last) = (digits(first)?, digits(last)?);
    let size = if size == "*" { None } else { Some(digits(size)?) };
    (first <= last && last < size.unwrap_or(u64::MAX)).then_some((first, last, size))
}
