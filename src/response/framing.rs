//! What frames an answer: its head and what was asked in, how many bytes follow out, or a refusal. RFC 9112 section 6.
//!
//! hyper reads an answer whose `Transfer-Encoding` is not chunked to the end of the connection, whatever length it announces; half
//! of an object would be an object then. So head, status and what was asked must agree before a byte is taken.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, TRANSFER_ENCODING};
use http::{Method, StatusCode};

use super::{ContentRange, ResponseHead};
use crate::error::{Error, Result};
use crate::request::ByteRange;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection, so that nobody can tell whether it is complete.
    Close,
}

/// How an object's bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectFraming {
    /// How many there are; `None` for a chunked body, whose end alone tells.
    pub length: Option<u64>,
    /// Which of the object's bytes they are, if a range was asked for or given.
    pub range: Option<ContentRange>,
}

/// Says how the body of an answer ends (RFC 9112 section 6.3). An answer to a HEAD has none, and is not for this.
///
/// # Errors
///
/// A `Transfer-Encoding` that is not chunked alone, or that stands beside a `Content-Length`.
pub(crate) fn framing(head: &ResponseHead) -> Result<Framing> {
    if matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) || head.status.is_informational() {
        return Ok(Framing::Length(0));
    }
    let (has_length, length) = (head.headers.contains_key(CONTENT_LENGTH), head.content_length());
    let mut encodings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next(), length) {
        (None, _, Some(length)) => Ok(Framing::Length(length)),
        (None, _, None) if has_length => Err(Error::passing_protocol("the answer's Content-Length is no number")),
        (None, _, None) => Ok(Framing::Close),
        (Some(only), None, None) if !has_length && is_chunked(only.as_bytes()) => Ok(Framing::Chunked),
        (Some(only), None, _) if is_chunked(only.as_bytes()) => Err(Error::passing_protocol(
            "the answer has both Content-Length and Transfer-Encoding, and nobody could tell which one counts",
        )),
        _ => Err(Error::passing_protocol(
            "the answer has a Transfer-Encoding other than chunked, and nobody could tell whether it is complete",
        )),
    }
}

fn is_chunked(value: &[u8]) -> bool {
    value.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

/// Demands that the body of a success is whole. One that ends with the connection may be cut anywhere, also before its first byte;
/// but a document shows by itself whether it is whole, and what only acknowledges a write has no body to lose.
pub(crate) fn require_whole(head: &ResponseHead, method: &Method, body: &[u8], is_document: bool) -> Result<()> {
    let needs_none = is_document || body.is_empty() && method != Method::GET;
    match framing(head)? {
        Framing::Close if !needs_none => Err(unframed()),
        _ => Ok(()),
    }
}

/// Demands that status, `Content-Range`, `Content-Length` and what was asked for agree; returns how the bytes come.
///
/// # Errors
///
/// An answer that is another part of the object, of another length than it says, or without an end.
pub(crate) fn object_framing(head: &ResponseHead, asked: Option<ByteRange>) -> Result<ObjectFraming> {
    let framing = framing(head)?;
    let named = head.headers.contains_key(CONTENT_RANGE);
    if head.headers.get_all(CONTENT_RANGE).iter().nth(1).is_some() {
        return Err(Error::protocol("the answer has two Content-Range headers"));
    }
    let found = match (head.status, head.content_range()) {
        (StatusCode::OK, None) if !named => whole(framing, asked)?,
        (StatusCode::OK | StatusCode::PARTIAL_CONTENT, Some(range)) => part(framing, range, asked)?,
        (StatusCode::OK | StatusCode::PARTIAL_CONTENT, None) if is_of_empty(head) && from_start(asked) => {
            no_bytes(framing)?
        }
        (StatusCode::PARTIAL_CONTENT, None) if !named => {
            return Err(Error::protocol("the answer to a range does not say which bytes it has (Content-Range)"));
        }
        (StatusCode::OK | StatusCode::PARTIAL_CONTENT, None) => {
            return Err(Error::protocol("the answer does not say which bytes it has: its Content-Range is none"));
        }
        _ => return Err(Error::protocol("the answer is not the object that was asked for")),
    };
    if framing == Framing::Close && found.length.is_none() { Err(unframed()) } else { Ok(found) }
}

/// A whole object. To a range it is the answer only if no byte of it lies outside.
fn whole(framing: Framing, asked: Option<ByteRange>) -> Result<ObjectFraming> {
    let length = match framing {
        Framing::Length(length) => Some(length),
        Framing::Chunked | Framing::Close => None,
    };
    let is_asked = match asked {
        None | Some(ByteRange::From(0)) => true,
        Some(ByteRange::Part { start: 0, end }) => length.is_some_and(|length| length <= end),
        Some(ByteRange::Last(count)) => length.is_some_and(|length| length <= count),
        Some(_) => false,
    };
    if !is_asked {
        return Err(Error::protocol("the service ignored the range and answered with the whole object"));
    }
    Ok(ObjectFraming { length, range: None })
}

/// A range, which must be the one that was asked for, cut at most by the object's end.
fn part(framing: Framing, got: ContentRange, asked: Option<ByteRange>) -> Result<ObjectFraming> {
    // Where the object's size is not told, only a range that is as long as the one asked for is known to be all of it.
    let reaches_end = got.size.is_some_and(|size| got.last + 1 == size);
    let fits = match asked {
        None => got.first == 0 && reaches_end,
        Some(ByteRange::From(start)) => got.first == start && reaches_end,
        Some(ByteRange::Part { start, end }) => {
            got.first == start && got.last < end && (got.last + 1 == end || reaches_end)
        }
        Some(ByteRange::Last(count)) => match got.size {
            Some(size) => reaches_end && got.length() == count.min(size),
            None => got.length() == count,
        },
    };
    if !fits {
        return Err(Error::protocol(match asked {
            None => "the answer is not the whole object that was asked for",
            Some(_) => "the answer has other bytes than the range that was asked for",
        }));
    }
    if matches!(framing, Framing::Length(length) if length != got.length()) {
        return Err(Error::protocol("the answer's Content-Length is not that of its Content-Range"));
    }
    Ok(ObjectFraming { length: Some(got.length()), range: Some(got) })
}

/// Services that know no empty range write one of no bytes as they can: MinIO as `bytes 0--1/0` (minio/minio#20845).
fn is_of_empty(head: &ResponseHead) -> bool {
    let written = ["bytes 0--1/0", "bytes 0-18446744073709551615/0", "bytes 0-0/0", "bytes */0"];
    head.header(CONTENT_RANGE).is_some_and(|range| written.contains(&range.trim()))
}

fn from_start(asked: Option<ByteRange>) -> bool {
    matches!(asked, None | Some(ByteRange::From(0) | ByteRange::Part { start: 0, .. } | ByteRange::Last(_)))
}

fn no_bytes(framing: Framing) -> Result<ObjectFraming> {
    match framing {
        Framing::Length(0) | Framing::Close => Ok(ObjectFraming { length: Some(0), range: None }),
        _ => Err(Error::protocol("the answer has bytes of an object that it says is empty")),
    }
}

fn unframed() -> Error {
    Error::protocol("the answer does not say how long it is, so nobody could tell whether it is complete")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::head::head;

    /// Every combination of `Transfer-Encoding` and `Content-Length`.
    #[test]
    fn what_ends_a_body() {
        let encodings: [(&[&str], Option<bool>); 9] = [
            (&[], None),
            (&["chunked"], Some(true)),
            (&["Chunked "], Some(true)),
            (&["identity"], Some(false)),
            (&["gzip"], Some(false)),
            (&["gzip, chunked"], Some(false)),
            (&["chunked, gzip"], Some(false)),
            (&["chunked", "chunked"], Some(false)),
            (&[""], Some(false)),
        ];
        for (encodings, chunked) in encodings {
            for length in [None, Some("5"), Some("0"), Some("x"), Some("-1"), Some("+5")] {
                let mut head = head(200, &[]);
                for encoding in encodings {
                    head.headers.append(TRANSFER_ENCODING, HeaderValue::from_str(encoding).expect("a value"));
                }
                if let Some(length) = length {
                    head.headers.insert(CONTENT_LENGTH, HeaderValue::from_static(length));
                }
                let expected = match (chunked, length) {
                    (None, None) => Some(Framing::Close),
                    (None, Some("5")) => Some(Framing::Length(5)),
                    (None, Some("0")) => Some(Framing::Length(0)),
                    (Some(true), None) => Some(Framing::Chunked),
                    _ => None,
                };
                assert_eq!(framing(&head).ok(), expected, "{encodings:?} {length:?}");
            }
        }
        for status in [204, 304] {
            assert_eq!(framing(&head(status, &[])).ok(), Some(Framing::Length(0)), "{status}");
        }
    }

    /// Status, Content-Range, Content-Length and what was asked for; the number of bytes, if the answer is taken.
    type Case = (u16, &'static str, &'static str, Option<ByteRange>, Option<Option<u64>>);

    #[test]
    fn which_bytes_an_answer_has() {
        let (whole, from0, from5) = (None, Some(ByteRange::From(0)), Some(ByteRange::From(5)));
        let part = |start, end| Some(ByteRange::Part { start, end });
        let last = |count| Some(ByteRange::Last(count));
        let cases: [Case; 49] = [
            (200, "", "10", whole, Some(Some(10))),
            (200, "", "0", whole, Some(Some(0))),
            (200, "", "chunked", whole, Some(None)),
            (200, "", "", whole, None),
            (200, "", "10", from0, Some(Some(10))),
            (200, "", "10", from5, None),
            (200, "", "10", part(0, 10), Some(Some(10))),
            (200, "", "10", part(0, 100), Some(Some(10))),
            (200, "", "10", part(0, 9), None),
            (200, "", "chunked", part(0, 100), None),
            (200, "", "10", part(1, 10), None),
            (200, "", "10", last(10), Some(Some(10))),
            (200, "", "10", last(100), Some(Some(10))),
            (200, "", "10", last(9), None),
            (200, "bytes 0-9/10", "10", whole, Some(Some(10))),
            (200, "bytes 0-9/10", "10", part(0, 10), Some(Some(10))),
            (200, "bytes 0-9/10", "10", part(0, 100), Some(Some(10))),
            (200, "bytes 0-9/10", "10", last(10), Some(Some(10))),
            (200, "bytes 0-9/20", "10", whole, None),
            (200, "bytes 0-9/20", "20", part(0, 10), None),
            (200, "garbage", "10", whole, None),
            (200, "garbage", "10", part(0, 10), None),
            (206, "", "10", whole, None),
            (206, "", "10", part(0, 10), None),
            (206, "bytes 0-99999/100000", "50000", whole, None),
            (206, "bytes 0-99999/100000", "100000", whole, Some(Some(100_000))),
            (206, "bytes 0-99999/*", "100000", whole, None),
            (206, "bytes 0-9/100", "10", whole, None),
            (206, "bytes 0-499/*", "500", part(0, 1000), None),
            (206, "bytes 0-999/*", "1000", part(0, 1000), Some(Some(1000))),
            (206, "bytes 0-999/*", "", part(0, 1000), Some(Some(1000))),
            (206, "bytes 0-999/*", "chunked", part(0, 1000), Some(Some(1000))),
            (206, "bytes 0-499/500", "500", part(0, 1000), Some(Some(500))),
            (206, "bytes 0-499/500", "499", part(0, 1000), None),
            (206, "bytes 5-9/*", "5", from5, None),
            (206, "bytes 5-9/10", "5", from5, Some(Some(5))),
            (206, "bytes 4-9/10", "6", from5, None),
            (206, "bytes 5-8/10", "4", from5, None),
            (206, "bytes 5-9/10", "5", last(5), Some(Some(5))),
            (206, "bytes 0-9/10", "10", last(50), Some(Some(10))),
            (206, "bytes 0-9/*", "10", last(50), None),
            (206, "bytes 0--1/0", "0", from0, Some(Some(0))),
            (206, "bytes 0--1/0", "0", from5, None),
            (206, "bytes 0-10/11", "11", part(0, 10), None),
            (206, "bytes 4-9/10", "6", last(5), None),
            (206, "bytes 3-7/10", "5", last(5), None),
            (206, "garbage", "0", from0, None),
            (206, "bytes 0--1/0", "1", from0, None),
            (202, "", "10", whole, None),
        ];
        for (status, range, length, asked, expected) in cases {
            let mut headers = Vec::new();
            match length {
                "" => {}
                "chunked" => headers.push(("transfer-encoding", "chunked")),
                length => headers.push(("content-length", length)),
            }
            if !range.is_empty() {
                headers.push(("content-range", range));
            }
            let found = object_framing(&head(status, &headers), asked).ok().map(|framing| framing.length);
            assert_eq!(found, expected, "{status} {range:?} {length:?} to {asked:?}");
        }
    }

    /// Each refusal says what is wrong with the answer.
    #[test]
    fn refusals_say_why() {
        for (status, headers, words) in [
            (200, &[("content-length", "1"), ("transfer-encoding", "chunked")][..], "both Content-Length and"),
            (200, &[("content-length", "x"), ("transfer-encoding", "chunked")], "both Content-Length and"),
            (200, &[("transfer-encoding", "gzip")], "other than chunked"),
            (200, &[("content-length", "x")], "Content-Length is no number"),
            (200, &[], "does not say how long it is"),
            (206, &[("content-length", "1")], "does not say which bytes it has (Content-Range)"),
            (206, &[("content-length", "1"), ("content-range", "x")], "its Content-Range is none"),
            (200, &[("content-length", "1"), ("content-range", "x")], "its Content-Range is none"),
            (206, &[("content-length", "1"), ("content-range", "bytes 0-1/2")], "Content-Length is not that of"),
            (206, &[("content-length", "1"), ("content-range", "bytes 1-1/2")], "not the whole object"),
            (202, &[("content-length", "1")], "not the object that was asked for"),
        ] {
            let error = object_framing(&head(status, headers), None).expect_err(words).to_string();
            assert!(error.contains(words), "{status} {headers:?}: {error}");
        }
        let error = object_framing(&head(206, &[("content-range", "bytes 1-1/2")]), Some(ByteRange::From(0)));
        assert!(error.expect_err("another range").to_string().contains("other bytes than the range"));
    }

    /// Headers, and whether the body is whole: of a GET with and without bytes, of a PUT with and without, of a document.
    #[test]
    fn an_end_is_demanded() {
        for (headers, whole) in [
            (&[][..], [false, false, false, true, true]),
            (&[("content-length", "0")], [true; 5]),
            (&[("transfer-encoding", "chunked")], [true; 5]),
            (&[("transfer-encoding", "gzip")], [false; 5]),
            (&[("transfer-encoding", "chunked"), ("content-length", "0")], [false; 5]),
        ] {
            let whole_if =
                |method, body: &str, document| require_whole(&head(200, headers), &method, body.as_bytes(), document);
            let found = [
                whole_if(Method::GET, "a", false),
                whole_if(Method::GET, "", false),
                whole_if(Method::PUT, "a", false),
                whole_if(Method::PUT, "", false),
                whole_if(Method::GET, "<a/>", true),
            ];
            assert_eq!(found.map(|found| found.is_ok()), whole, "{headers:?}");
        }
    }
}
