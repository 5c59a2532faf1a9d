//! How a broken download goes on: from the byte reached, of the same object, or not at all.
//!
//! In come what was asked for, what has arrived and what the first answer said; out comes the next question, and a check of
//! its answer. Two versions of an object are never spliced.

use crate::error::{Error, ErrorKind, Result};
use crate::operation::GetObject;
use crate::response::{ContentRange, ETag, ResponseHead};

/// A download that can be gone on with.
#[derive(Clone, Debug)]
pub struct Resume {
    operation: GetObject,
    etag: ETag,
    /// The object's byte that comes next.
    next: u64,
    /// The object's byte after the last one that was asked for.
    end: u64,
    size: u64,
}

impl Resume {
    /// Takes note of a download's first answer; `None` if it says too little to go on by: no strong tag, no size.
    pub fn new(operation: &GetObject, head: &ResponseHead) -> Option<Self> {
        let etag = ETag::new(head.header("etag")?);
        if etag.as_str().is_empty() || etag.as_str().starts_with("W/") {
            return None;
        }
        let (next, end, size) = match head.content_range().filter(|_| head.status.as_u16() == 206) {
            Some(ContentRange { first, last, size }) => (first, last + 1, size?),
            None if head.status.as_u16() == 206 => return None,
            None => (0, head.content_length()?, head.content_length()?),
        };
        Some(Self { operation: operation.clone(), etag, next, end, size })
    }

    /// Takes note of bytes that have arrived.
    pub fn received(&mut self, count: u64) {
        self.next = self.next.saturating_add(count);
    }

    /// Returns true if every byte that was asked for has arrived, and only the end of the answer has not.
    pub fn is_complete(&self) -> bool {
        self.next >= self.end
    }

    /// Returns what to ask for next: the rest, of this very object.
    pub fn operation(&self) -> GetObject {
        self.operation.clone().range(self.next..self.end).if_match(self.etag.as_str())
    }

    /// Returns what to ask for to begin anew, of this very object.
    pub fn from_start(&self) -> GetObject {
        self.operation.clone().if_match(self.etag.as_str())
    }

    /// Demands that an answer is the rest, of this very object.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Changed`] if it is of another.
    pub fn check(&self, head: &ResponseHead) -> Result<()> {
        let same_tag = head.header("etag").is_some_and(|etag| ETag::new(etag) == self.etag);
        let Some(range) = head.content_range().filter(|_| head.status.as_u16() == 206) else {
            return Err(Error::protocol("the service ignored the range from which the download was to go on"));
        };
        let same_size = range.size.is_none_or(|size| size == self.size);
        if !same_tag || !same_size {
            return Err(changed());
        }
        if range.first != self.next || range.last + 1 != self.end {
            return Err(Error::protocol("the answer has other bytes than those from which the download was to go on"));
        }
        Ok(())
    }

    /// Says what a refusal to go on means: the object is another one now, or is gone.
    pub fn refused(&self, refusal: Error) -> Error {
        match refusal.kind() {
            ErrorKind::Precondition | ErrorKind::NotFound | ErrorKind::InvalidRange => changed().with_source(refusal),
            _ => refusal,
        }
    }
}

fn changed() -> Error {
    Error::new(ErrorKind::Changed, "the object was replaced or deleted while it was read")
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::*;
    use crate::operation::Operation;
    use crate::request::KeyPrefix;

    fn head(status: u16, headers: &[(&'static str, &str)]) -> ResponseHead {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header")));
        ResponseHead { status: StatusCode::from_u16(status).expect("a status"), headers: pairs.collect::<HeaderMap>() }
    }

    fn whole() -> Resume {
        let first = head(200, &[("etag", "\"a\""), ("content-length", "100")]);
        let mut resume = Resume::new(&GetObject::new("k"), &first).expect("enough to go on by");
        resume.received(30);
        resume.received(10);
        resume
    }

    #[test]
    fn the_rest_of_the_same_object_is_asked_for() {
        let request = whole().operation().request(&KeyPrefix::default()).expect("a request");
        assert_eq!(request.header("range").expect("it is asked for"), "bytes=40-99");
        assert_eq!(request.header("if-match").expect("it is asked for"), "\"a\"");
        let first = head(206, &[("etag", "\"a\""), ("content-range", "bytes 50-59/100")]);
        let mut part = Resume::new(&GetObject::new("k").range(50..60), &first).expect("enough to go on by");
        part.received(3);
        let request = part.operation().request(&KeyPrefix::default()).expect("a request");
        assert_eq!(request.header("range").expect("it is asked for"), "bytes=53-59");
    }

    #[test]
    fn only_the_rest_of_the_same_object_is_accepted() {
        for (status, etag, range, kind) in [
            (206, "\"a\"", "bytes 40-99/100", None),
            (206, "a", "bytes 40-99/*", None),
            (206, "\"b\"", "bytes 40-99/100", Some(ErrorKind::Changed)),
            (206, "\"a\"", "bytes 40-99/101", Some(ErrorKind::Changed)),
            (206, "\"a\"", "bytes 39-99/100", Some(ErrorKind::Protocol)),
            (206, "\"a\"", "bytes 40-98/100", Some(ErrorKind::Protocol)),
            (206, "\"a\"", "nonsense", Some(ErrorKind::Protocol)),
            (200, "\"a\"", "bytes 40-99/100", Some(ErrorKind::Protocol)),
        ] {
            let head = head(status, &[("etag", etag), ("content-range", range)]);
            assert_eq!(whole().check(&head).err().map(|error| error.kind()), kind, "{status} {etag} {range}");
        }
    }

    #[test]
    fn too_little_to_go_on_by() {
        for headers in [
            &[("content-length", "100")][..],
            &[("etag", "\"a\"")],
            &[("etag", "W/\"a\""), ("content-length", "100")],
            &[("etag", ""), ("content-length", "100")],
        ] {
            assert!(Resume::new(&GetObject::new("k"), &head(200, headers)).is_none(), "{headers:?}");
        }
    }
}
