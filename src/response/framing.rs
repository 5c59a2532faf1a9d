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
/// A `Transfer-Encoding` that is not chunked alone, or that stands beside a `Content-Length`; a length that is not one number.
pub(crate) fn framing(head: &ResponseHead) -> Result<Framing> {
    if matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) || head.status.is_informational() {
        return Ok(Framing::Length(0));
    }
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let first = lengths.next();
    let has_length = first.is_some();
    let length = head.content_length().filter(|_| lengths.all(|other| Some(other) == first));
    let mut encodings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next(), length) {
        (None, _, Some(length)) => Ok(Framing::Length(length)),
        (None, _, None) if has_length => Err(Error::passing_protocol("the answer's Content-Length is not one number")),
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
mod tests;
