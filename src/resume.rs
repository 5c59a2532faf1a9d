//! How a broken download goes on: from the byte reached, of the same object, or not at all.
//!
//! In come what was asked for, what has arrived and what the first answer said; out comes the next question, and a check of
//! its answer. Two versions of an object are never spliced.

use http::header::CONTENT_ENCODING;

use crate::error::{Error, ErrorKind, Result};
use crate::operation::GetObject;
use crate::response::{ContentRange, ETag, ResponseHead};

/// A download that can be gone on with.
#[derive(Clone, Debug)]
pub struct Resume {
    operation: GetObject,
    etag: ETag,
    content_encoding: Option<String>,
    /// The object's byte that comes next.
    next: u64,
    /// The object's byte after the last one that was asked for; `None` if only its end tells.
    end: Option<u64>,
    size: Option<u64>,
}

impl Resume {
    /// Takes note of a download's first answer; `None` if it says too little to go on by: it has no strong tag.
    pub fn new(operation: &GetObject, head: &ResponseHead) -> Option<Self> {
        let etag = head.strong_etag()?;
        // Some services name the bytes with a 200.
        let (next, end, size) = match head.content_range() {
            Some(ContentRange { first, last, size }) => (first, Some(last + 1), size),
            None if head.status.as_u16() == 206 => return None,
            None => (0, head.content_length(), head.content_length()),
        };
        let content_encoding = head.header(CONTENT_ENCODING).map(str::to_owned);
        Some(Self { operation: operation.clone(), etag, content_encoding, next, end, size })
    }

    /// Takes note of bytes that have arrived.
    pub fn received(&mut self, count: u64) {
        self.next = self.next.saturating_add(count);
    }

    /// Returns true if every byte that was asked for has arrived, and only the end of the answer has not.
    pub fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }

    /// Returns true for a refusal that says that the object ends where the answer broke.
    pub fn is_end(&self, refusal: &Error) -> bool {
        let size = refusal.service().and_then(|service| service.actual_object_size);
        refusal.kind() == ErrorKind::InvalidRange && self.end.is_none() && size == Some(self.next)
    }

    /// Returns what to ask for next: the rest, of this very object.
    pub fn operation(&self) -> GetObject {
        let rest = match self.end {
            Some(end) => self.operation.clone().range(self.next..end),
            None => self.operation.clone().range(self.next..),
        };
        rest.if_match(self.etag.as_str())
    }

    /// Returns what to ask for to begin anew, of this very object.
    pub fn from_start(&self) -> GetObject {
        self.operation.clone().if_match(self.etag.as_str())
    }

    /// Demands that an answer is the rest, of this very object, in the same form.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Changed`] if it is of another.
    pub fn check(&self, head: &ResponseHead) -> Result<()> {
        if self.next == 0 && self.end == self.size && head.status.as_u16() == 200 {
            // Nothing had arrived, and the whole object answers for its whole range.
            return if self.is_same(head, head.content_length()) { Ok(()) } else { Err(changed()) };
        }
        let Some(range) = head.content_range().filter(|_| head.status.as_u16() == 206) else {
            return Err(Error::protocol("the service ignored the range from which the download was to go on"));
        };
        if !self.is_same(head, range.size) {
            return Err(changed());
        }
        let reaches_end = match self.end {
            Some(end) => range.last + 1 == end,
            None => range.size.is_none_or(|size| range.last + 1 == size),
        };
        if range.first != self.next || !reaches_end {
            return Err(Error::protocol("the answer has other bytes than those from which the download was to go on"));
        }
        Ok(())
    }

    fn is_same(&self, head: &ResponseHead, size: Option<u64>) -> bool {
        let same_tag = head.strong_etag().is_some_and(|etag| etag == self.etag);
        let same_size = size.is_none_or(|size| self.size.is_none_or(|own| own == size));
        same_tag && same_size && head.header(CONTENT_ENCODING) == self.content_encoding.as_deref()
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
    use http::HeaderValue;

    use super::*;
    use crate::head::head;
    use crate::operation::Operation;
    use crate::request::KeyPrefix;
    use crate::response::service_error;

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

    /// A body without an announced length goes on to wherever the object ends.
    #[test]
    fn an_object_of_unknown_length_goes_on_to_its_end() {
        let mut resume = Resume::new(&GetObject::new("k"), &head(200, &[("etag", "\"a\"")])).expect("a strong tag");
        resume.received(40);
        let request = resume.operation().request(&KeyPrefix::default()).expect("a request");
        assert_eq!(request.header("range").expect("it is asked for"), "bytes=40-");
        let rest = |range| head(206, &[("etag", "\"a\""), ("content-range", range)]);
        assert!(resume.check(&rest("bytes 40-99/100")).is_ok() && !resume.is_complete());
        assert_eq!(resume.check(&rest("bytes 40-98/100")).err().map(|error| error.kind()), Some(ErrorKind::Protocol));
    }

    #[test]
    fn another_form_of_the_object_is_another_object() {
        let first = head(200, &[("etag", "\"a\""), ("content-length", "100"), ("content-encoding", "gzip")]);
        let mut resume = Resume::new(&GetObject::new("k"), &first).expect("enough to go on by");
        resume.received(40);
        for (encoding, etag, same) in
            [("gzip", "\"a\"", true), ("br", "\"a\"", false), ("", "\"a\"", false), ("gzip", "W/\"a\"", false)]
        {
            let mut rest = head(206, &[("etag", etag), ("content-range", "bytes 40-99/100")]);
            if !encoding.is_empty() {
                rest.headers.insert("content-encoding", HeaderValue::from_static(encoding));
            }
            assert_eq!(resume.check(&rest).is_ok(), same, "{encoding} {etag}");
        }
    }

    fn error(status: u16, code: &str, size: &str) -> Error {
        let body = format!("<Error><Code>{code}</Code><ActualObjectSize>{size}</ActualObjectSize></Error>");
        service_error(&head(status, &[]), body.as_bytes(), "")
    }

    #[test]
    fn it_is_complete_once_all_that_was_asked_for_is_there() {
        let mut resume = whole();
        for (more, complete) in [(59, false), (1, true), (1, true)] {
            resume.received(more);
            assert_eq!(resume.is_complete(), complete, "{resume:?}");
        }
    }

    /// Without an announced length the refusal of a rest that is none says that all is there, if it names this very size.
    #[test]
    fn a_refusal_may_say_that_all_is_there() {
        let mut open = Resume::new(&GetObject::new("k"), &head(200, &[("etag", "\"a\"")])).expect("a strong tag");
        open.received(40);
        for (resume, status, code, size, ends) in [
            (&open, 416, "InvalidRange", "40", true),
            (&open, 416, "InvalidRange", "41", false),
            (&open, 416, "InvalidRange", "", false),
            (&open, 404, "NoSuchKey", "40", false),
            (&whole(), 416, "InvalidRange", "40", false),
        ] {
            assert_eq!(resume.is_end(&error(status, code, size)), ends, "{status} {code} {size}");
        }
    }

    /// The whole object answers for a range from its first byte to its last, and for no other.
    #[test]
    fn a_whole_answer_is_the_rest_of_nothing() {
        let whole = |headers| Resume::new(&GetObject::new("k"), &head(200, headers)).expect("a strong tag");
        let known = whole(&[("etag", "\"a\""), ("content-length", "100")]);
        for (etag, length, kind) in [
            ("\"a\"", "100", None),
            ("\"a\"", "101", Some(ErrorKind::Changed)),
            ("\"b\"", "100", Some(ErrorKind::Changed)),
        ] {
            let found = known.check(&head(200, &[("etag", etag), ("content-length", length)]));
            assert_eq!(found.err().map(|error| error.kind()), kind, "{etag} {length}");
        }
        let first = head(206, &[("etag", "\"a\""), ("content-range", "bytes 0-59/100")]);
        let part = Resume::new(&GetObject::new("k").range(0..60), &first).expect("enough to go on by");
        let found = part.check(&head(200, &[("etag", "\"a\""), ("content-length", "100")]));
        assert_eq!(found.err().map(|error| error.kind()), Some(ErrorKind::Protocol));
        let request = known.from_start().request(&KeyPrefix::default()).expect("a request");
        assert_eq!(request.header("if-match").expect("it is asked for"), "\"a\"");
        assert_eq!(request.header("range"), None);
    }

    #[test]
    fn a_refusal_to_go_on_says_what_became_of_the_object() {
        for (status, code, kind) in [
            (412, "PreconditionFailed", ErrorKind::Changed),
            (404, "NoSuchKey", ErrorKind::Changed),
            (416, "InvalidRange", ErrorKind::Changed),
            (403, "AccessDenied", ErrorKind::AccessDenied),
        ] {
            assert_eq!(whole().refused(error(status, code, "")).kind(), kind, "{status}");
        }
    }

    #[test]
    fn too_little_to_go_on_by() {
        let range = [("etag", "\"a\""), ("content-range", "nonsense")];
        assert!(Resume::new(&GetObject::new("k"), &head(206, &range)).is_none());
        for headers in [
            &[("content-length", "100")][..],
            &[("etag", "W/\"a\""), ("content-length", "100")],
            &[("etag", ""), ("content-length", "100")],
            &[("etag", "\"\""), ("content-length", "100")],
        ] {
            assert!(Resume::new(&GetObject::new("k"), &head(200, headers)).is_none(), "{headers:?}");
        }
    }
}
