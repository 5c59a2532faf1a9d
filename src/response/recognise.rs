//! Whether an answer is S3's own word, or that of somebody in between: a proxy, a portal, a web framework.
//!
//! In come an answer's head, the beginning of its body and what this service has shown so far. The marks are headers that only
//! object stores send; an ETag is none, every web server sends one. Some stores mark nothing (s3s-fs); of a service that has
//! marked an answer before, what lacks the mark is not its word.

use http::StatusCode;
use http::header::{CONTENT_ENCODING, ETAG};

use super::{ObjectMeta, ResponseHead};
use crate::error::{Error, Result};
use crate::xml::Document;

/// What a service has shown of itself so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// Nothing is known yet, or it marks none of its answers.
    #[default]
    Unknown,
    /// It has marked an answer with its request id.
    Marked,
}

/// Where services put the id of a request.
const REQUEST_IDS: [&str; 2] = ["x-amz-request-id", "x-amz-id-2"];

impl Marks {
    /// Returns what an answer shows: whether its service marks answers.
    pub fn of(head: &ResponseHead) -> Self {
        if REQUEST_IDS.iter().any(|name| head.headers.contains_key(*name)) { Self::Marked } else { Self::Unknown }
    }
}

/// True if an answer has a header that only object stores send. CloudFront and API Gateway have such names for their own.
pub(crate) fn is_marked(head: &ResponseHead) -> bool {
    let is_of_s3 = |name: &str| name.starts_with("x-amz-") && !OF_OTHERS.iter().any(|other| name.starts_with(other));
    head.headers.keys().any(|name| is_of_s3(name.as_str()))
}

/// How the headers of what AWS has before S3 begin: `x-amz-cf-id`, `x-amz-cf-pop`, `x-amz-apigw-id`.
const OF_OTHERS: [&str; 2] = ["x-amz-cf-", "x-amz-apigw-"];

/// True if an answer without a mark may be the service's: it has not marked one before.
pub(crate) fn may_be_own(head: &ResponseHead, known: Marks) -> bool {
    is_marked(head) || known == Marks::Unknown
}

/// Demands that the head of a success about an object is the service's own.
///
/// An object may be a web page, so its type says nothing here.
pub(crate) fn require_own_object(head: &ResponseHead, known: Marks) -> Result<()> {
    if is_marked(head) || known == Marks::Unknown && head.headers.contains_key(ETAG) {
        return Ok(());
    }
    Err(foreign())
}

/// Demands that an answer without a result in its body is the service's own.
pub(crate) fn require_own(head: &ResponseHead, known: Marks) -> Result<()> {
    if may_be_own(head, known) { Ok(()) } else { Err(foreign()) }
}

/// Says of a 404 without a code whether it is the service's word. A mark makes it so.
pub(crate) fn is_own_not_found(head: &ResponseHead, body: &[u8], known: Marks) -> bool {
    let is_empty = body.trim_ascii().is_empty();
    is_marked(head) || is_empty && may_be_own(head, known)
}

pub(crate) fn foreign() -> Error {
    Error::passing_protocol("the answer is not one of an object store: somebody on the way wrote it")
}

/// True for the head of an object that somebody on the way may have compressed: whether it was stored so, only a HEAD tells.
pub(crate) fn may_be_compressed(head: &ResponseHead) -> bool {
    content_coding(head).is_some()
}

/// Demands that an object was not compressed on the way: its tag would be a weak one then.
pub(crate) fn require_not_compressed(head: &ResponseHead) -> Result<()> {
    let is_weak = head.header("etag").is_some_and(|etag| etag.trim_start().starts_with("W/"));
    match content_coding(head) {
        Some(coding) if is_weak => Err(compressed(coding)),
        _ => Ok(()),
    }
}

/// Demands that an object has the encoding with which it is stored, as a HEAD tells it.
pub(crate) fn require_same_coding(head: &ResponseHead, stored: &ResponseHead) -> Result<()> {
    match content_coding(head) {
        Some(coding) if content_coding(stored) != Some(coding) => Err(compressed(coding)),
        _ => Ok(()),
    }
}

/// Demands that an object without a tag is as long as a HEAD says; returns how many bytes must come where the answer itself does
/// not say it, for a whole object.
pub(crate) fn length_by_head(got: &ObjectMeta, stored: &ObjectMeta, is_whole: bool) -> Result<Option<u64>> {
    match (got.size(), stored.size()) {
        (Some(got), Some(stored)) if got == stored => Ok(None),
        (None, Some(length)) if is_whole => Ok(Some(length)),
        (None, _) if !is_whole => Ok(None),
        _ => Err(Error::passing_protocol(
            "the answer has no ETag, and another length than the object: it is somebody else's",
        )),
    }
}

/// The coding of an answer's bytes, unless it says that there is none.
pub(crate) fn content_coding(head: &ResponseHead) -> Option<&str> {
    let coding = head.header(CONTENT_ENCODING)?.trim();
    let is_none = ["", "identity", "aws-chunked"].iter().any(|name| coding.eq_ignore_ascii_case(name));
    (!is_none).then_some(coding)
}

pub(crate) fn compressed(coding: &str) -> Error {
    Error::protocol(format!(
        "the answer was compressed on the way (Content-Encoding: {coding}), so its bytes are not the object's; let the proxy \
         leave it alone"
    ))
}

/// Refuses the bytes of an object without a tag that are S3's own document: an error or a listing that came with a 200.
pub(crate) fn require_no_document(start: &[u8]) -> Result<()> {
    // The beginning may end within a character, and not every service writes UTF-8.
    match Document::open(String::from_utf8_lossy(start).as_bytes()) {
        Ok(document) if is_of_s3(document.root(), start) => {
            Err(Error::passing_protocol(format!("the answer is no object but a document of S3: <{}>", document.root())))
        }
        _ => Ok(()),
    }
}

/// S3's documents are errors, results, or have its namespace.
fn is_of_s3(root: &str, start: &[u8]) -> bool {
    let namespace = b"http://s3.amazonaws.com/doc/";
    let others = ["Error", "ErrorResponse", "LocationConstraint", "AccessControlPolicy", "Tagging"];
    let is_known = others.contains(&root) || root.ends_with("Result");
    is_known || start.windows(namespace.len()).any(|window| window == namespace)
}

/// Refuses an object that was stored with the framing of its upload. Some services keep the word aws-chunked without the framing
/// (versitygw, radosgw), so the bytes decide.
pub(crate) fn require_no_framing(head: &ResponseHead, start: &[u8]) -> Result<()> {
    let says_so = head.header(CONTENT_ENCODING).is_some_and(|value| value.to_ascii_lowercase().contains("aws-chunked"));
    if says_so && is_framing(start) {
        return Err(Error::protocol(
            "the object was stored with the framing of its upload (Content-Encoding: aws-chunked): the service keeps what it \
             should take off",
        ));
    }
    Ok(())
}

/// True for `5;chunk-signature=…`, or a size alone as unsigned chunks have it.
fn is_framing(start: &[u8]) -> bool {
    let digits = start.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = &start[digits..];
    (1..=16).contains(&digits) && (rest.starts_with(b";chunk-signature=") || rest.starts_with(b"\r\n"))
}

/// Says of a document that cannot be read that it was compressed, if its head or its first bytes (RFC 1952) say so.
pub(crate) fn compression(head: &ResponseHead, body: &[u8]) -> Option<Error> {
    let coding = content_coding(head).or(body.starts_with(&[0x1f, 0x8b]).then_some("gzip"))?;
    Some(compressed(coding))
}

/// Demands the head of a stored object: the status that S3 gives it, and the mark of a service that marks its answers.
pub(crate) fn require_stored(head: &ResponseHead, known: Marks) -> Result<()> {
    if known == Marks::Marked && !is_marked(head) {
        return Err(foreign());
    }
    if head.status == StatusCode::OK {
        return Ok(());
    }
    Err(Error::passing_protocol(format!(
        "the answer to a put is {}, which no object store gives it: it may be somebody's on the way",
        head.status.as_u16()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::head;

    const ID: (&str, &str) = ("x-amz-request-id", "1");
    const TAG: (&str, &str) = ("etag", "\"a\"");
    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

    /// Head, body, and whether it is a missing object where nothing is known, and where the service marks answers.
    #[test]
    fn whose_a_404_is() {
        for (headers, body, unknown, marked) in [
            (&[][..], "", true, false),
            (&[ID], "", true, true),
            (&[ID], "<html>", true, true),
            (&[], "<Error>", false, false),
            (&[], "<html>gone</html>", false, false),
            (&[TAG], "<html>gone</html>", false, false),
            (&[TAG, HTML], "<html>gone</html>", false, false),
            (&[HTML], "", true, false),
            (&[ID, HTML], "", true, true),
        ] {
            let head = head(404, headers);
            let own = |known| is_own_not_found(&head, body.as_bytes(), known);
            assert_eq!((own(Marks::Unknown), own(Marks::Marked)), (unknown, marked), "{headers:?} {body}");
        }
    }

    #[test]
    fn whose_an_object_is() {
        for (headers, unknown, marked) in
            [(&[][..], false, false), (&[TAG], true, false), (&[TAG, HTML], true, false), (&[ID], true, true)]
        {
            let own = |known| require_own_object(&head(200, headers), known).is_ok();
            assert_eq!((own(Marks::Unknown), own(Marks::Marked)), (unknown, marked), "{headers:?}");
        }
    }

    #[test]
    fn marks_are_of_whoever_marks() {
        for (headers, marks) in [
            (&[][..], Marks::Unknown),
            (&[TAG], Marks::Unknown),
            (&[ID], Marks::Marked),
            (&[("x-amz-id-2", "1")], Marks::Marked),
            (&[("x-amz-version-id", "1")], Marks::Unknown),
            (&[("x-amz-cf-id", "1"), ("x-amz-cf-pop", "1")], Marks::Unknown),
            (&[("x-amz-apigw-id", "1"), ("x-amzn-requestid", "1")], Marks::Unknown),
        ] {
            assert_eq!(Marks::of(&head(200, headers)), marks, "{headers:?}");
            let own = |known| require_own(&head(204, headers), known).is_ok();
            let is_marked = marks == Marks::Marked || headers.iter().any(|(name, _)| *name == "x-amz-version-id");
            assert_eq!((own(Marks::Unknown), own(Marks::Marked)), (true, is_marked), "{headers:?}");
        }
    }

    #[test]
    fn a_put_is_stored_by_the_service_alone() {
        for (status, headers, unknown, marked) in
            [(200, &[][..], true, false), (200, &[ID], true, true), (204, &[ID], false, false)]
        {
            let stored = |known| require_stored(&head(status, headers), known).is_ok();
            assert_eq!((stored(Marks::Unknown), stored(Marks::Marked)), (unknown, marked), "{status} {headers:?}");
        }
    }

    /// A coding and a weak tag: somebody on the way compressed. With a strong one, only what is stored tells.
    #[test]
    fn what_was_compressed_on_the_way() {
        const GZIP: (&str, &str) = ("content-encoding", " gzip ");
        const WEAK: (&str, &str) = ("etag", " W/\"a\"");
        for (headers, coding, refused) in [
            (&[][..], None, false),
            (&[WEAK], None, false),
            (&[GZIP, TAG], Some("gzip"), false),
            (&[GZIP], Some("gzip"), false),
            (&[GZIP, WEAK], Some("gzip"), true),
            (&[("content-encoding", "Identity"), WEAK], None, false),
            (&[("content-encoding", "aws-chunked"), WEAK], None, false),
            (&[("content-encoding", ""), WEAK], None, false),
        ] {
            let head = head(200, headers);
            assert_eq!((content_coding(&head), may_be_compressed(&head)), (coding, coding.is_some()), "{headers:?}");
            assert_eq!(require_not_compressed(&head).is_err(), refused, "{headers:?}");
        }
        let (zipped, plain) = (head(200, &[GZIP]), head(200, &[]));
        let other = head(200, &[("content-encoding", "br")]);
        let same = |got: &ResponseHead, stored: &ResponseHead| require_same_coding(got, stored).is_ok();
        assert!(same(&zipped, &zipped) && same(&plain, &zipped) && same(&plain, &plain));
        assert!(!same(&zipped, &plain) && !same(&zipped, &other));
        let says = |head: &ResponseHead, body: &[u8]| compression(head, body).is_some();
        assert!(says(&zipped, b"") && says(&plain, b"\x1f\x8bx") && !says(&plain, b"x\x1f\x8b"));
    }

    /// Bytes that came for an object without a tag, and whether they are a document of S3 instead.
    #[test]
    fn documents_of_s3_are_no_objects() {
        for (start, is_document) in [
            ("<Error><Code>SlowDown</Code></Error>", true),
            ("<ListBucketResult/>", true),
            ("<Tagging/>", true),
            ("<note>of somebody's own, and longer than a namespace</note>", false),
            ("<note xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>", true),
            ("<note/>", false),
            ("no markup", false),
            ("", false),
        ] {
            assert_eq!(require_no_document(start.as_bytes()).is_err(), is_document, "{start}");
        }
        for start in [&b"<ListBucketResult><Key>\xc3"[..], b"<Error><Message>d\xe9sol\xe9</Message></Error>"] {
            assert!(require_no_document(start).is_err(), "{}", start.escape_ascii());
        }
    }

    /// What an answer without a tag says, what a HEAD says, of a whole object and of a part; `Err` is a contradiction.
    #[test]
    fn a_length_is_compared_with_a_head() {
        let length = |length: Option<&str>| {
            let headers: Vec<(&str, &str)> = length.map(|length| ("content-length", length)).into_iter().collect();
            ObjectMeta::from_head(head(200, &headers))
        };
        for (got, stored, whole, part) in [
            (Some("5"), Some("5"), Ok(None), Ok(None)),
            (Some("5"), Some("6"), Err(()), Err(())),
            (Some("5"), None, Err(()), Err(())),
            (None, Some("5"), Ok(Some(5)), Ok(None)),
            (None, None, Err(()), Ok(None)),
        ] {
            let found = |is_whole| length_by_head(&length(got), &length(stored), is_whole).map_err(drop);
            assert_eq!((found(true), found(false)), (whole, part), "{got:?} {stored:?}");
        }
    }

    #[test]
    fn framing_is_known_by_its_beginning() {
        let says_so = head(200, &[("content-encoding", "aws-chunked")]);
        for (start, kept) in
            [("5;chunk-signature=ab", true), ("5\r\nhello", true), ("hello", false), ("", false), ("5;x", false)]
        {
            assert_eq!(require_no_framing(&says_so, start.as_bytes()).is_err(), kept, "{start}");
            assert!(require_no_framing(&head(200, &[]), start.as_bytes()).is_ok(), "{start}");
        }
    }
}
