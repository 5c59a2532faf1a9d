//! What S3 answers: the head of a response, an object's metadata, a range, an error.
//!
//! In come status, headers and (for errors and XML results) the body; out come typed values. Headers first, body second:
//! a HEAD has no body, and a proxy's error page is not S3's.

mod date;
mod framing;
mod recognise;
mod refusal;

use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderName;
use http::header::{AsHeaderName, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, LAST_MODIFIED};

pub(crate) use self::date::{http_date, iso_date, write_http_date};
pub(crate) use self::framing::{object_framing, require_whole};
pub use self::recognise::Marks;
pub(crate) use self::recognise::{
    compression, is_marked, length_by_head, may_be_compressed, require_no_document, require_no_framing,
    require_not_compressed, require_own, require_own_object, require_same_coding, require_stored,
};
pub(crate) use self::refusal::{service_error, service_error_document, service_error_of};
pub use crate::head::ResponseHead;

/// An object's metadata, as the headers of a GET or HEAD tell it.
#[derive(Clone)]
pub struct ObjectMeta {
    head: ResponseHead,
    size: Option<u64>,
}

/// An entity tag. Two tags are equal if they differ in quotes or the weak prefix only, as servers write both.
///
/// It is not always an MD5: multipart uploads, encryption and some servers make others. Send it back as it came.
#[derive(Clone, Debug, Eq)]
pub struct ETag(String);

/// Which bytes of how many: `Content-Range: bytes 0-9/100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte.
    pub first: u64,
    /// The last byte; inclusive, as in HTTP.
    pub last: u64,
    /// The object's size, unless the server does not know it.
    pub size: Option<u64>,
}

impl ResponseHead {
    /// Returns a header's text, if it is there and ASCII.
    pub(crate) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the tag by which the object's bytes are known to be the same: a strong one, which is not empty.
    pub(crate) fn strong_etag(&self) -> Option<ETag> {
        let etag = ETag::new(self.header(ETAG)?);
        let is_strong = !etag.as_str().trim_start().starts_with("W/") && !etag.is_empty();
        is_strong.then_some(etag)
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        digits(self.header(CONTENT_LENGTH)?)
    }

    /// Reads how long the service asks to wait: `x-amz-retry-after` in milliseconds, or `Retry-After` in seconds or as a
    /// date, which counts from the answer's own. `None` for anything else.
    pub fn retry_after(&self) -> Option<Duration> {
        if let Some(milliseconds) = self.header("x-amz-retry-after").and_then(digits) {
            return Some(Duration::from_millis(milliseconds));
        }
        let text = self.header("retry-after")?;
        let seconds = digits(text).map(Duration::from_secs);
        seconds.or_else(|| http_date(text)?.duration_since(http_date(self.header(DATE)?)?).ok())
    }

    /// Reads `Content-Range`; `None` if there is none or it is not one.
    pub fn content_range(&self) -> Option<ContentRange> {
        ContentRange::parse(self.header(CONTENT_RANGE)?)
    }
}

impl ContentRange {
    /// Reads the header's value (RFC 9110 section 14.4).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last) = (digits(first)?, digits(last)?);
        let size = if size == "*" { None } else { Some(digits(size)?) };
        let fits = first <= last && last < u64::MAX && size.is_none_or(|size| last < size);
        fits.then_some(Self { first, last, size })
    }

    /// Returns the number of bytes.
    pub fn length(&self) -> u64 {
        self.last - self.first + 1
    }
}

impl ObjectMeta {
    /// Reads the metadata from the head of a GET or HEAD.
    pub(crate) fn from_head(head: ResponseHead) -> Self {
        // Some services name the bytes with a 200. A length beside them is the range's, not the object's.
        let size = match head.content_range().filter(|_| head.status.is_success()) {
            Some(range) => range.size,
            None => head.content_length(),
        };
        Self { head, size }
    }

    /// Returns the head of the answer that it was read from.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }

    /// Returns the size of the whole object in bytes, also if a range of it was asked for; `None` if the server did not say.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Returns the entity tag; `None` if there is none or an empty one, as some gateways send.
    pub fn etag(&self) -> Option<ETag> {
        self.header(ETAG).map(ETag::new).filter(|etag| !etag.is_empty())
    }

    /// True if there is a tag that is not empty.
    pub(crate) fn has_etag(&self) -> bool {
        self.header(ETAG).is_some_and(|etag| !opaque(etag).is_empty())
    }

    /// Returns the content type.
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// Returns the time of the last change; `None` if the server sent none or no readable one.
    pub fn last_modified(&self) -> Option<SystemTime> {
        http_date(self.header(LAST_MODIFIED)?)
    }

    /// Returns the version, in buckets that keep versions.
    pub fn version_id(&self) -> Option<&str> {
        self.header(X_AMZ_VERSION_ID)
    }

    /// Returns an entry of the user's metadata by its name without `x-amz-meta-`.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.header(format!("x-amz-meta-{}", name.to_ascii_lowercase()))
    }

    /// Returns every header of the answer, for whatever has no name here.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.head.header(name)
    }
}

impl fmt::Debug for ObjectMeta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectMeta").field("size", &self.size).field("etag", &self.etag()).finish_non_exhaustive()
    }
}

impl ETag {
    /// Takes a tag as it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the tag as it came, quotes included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if there is nothing in it, as some gateways send.
    pub(crate) fn is_empty(&self) -> bool {
        self.opaque().is_empty()
    }

    fn opaque(&self) -> &str {
        opaque(&self.0)
    }
}

/// What stands between a tag's quotes (RFC 9110 section 8.8.3).
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
}

impl From<&str> for ETag {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ETag {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl PartialEq for ETag {
    fn eq(&self, other: &Self) -> bool {
        self.opaque() == other.opaque()
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads a number that is digits alone: no sign, no blank.
pub(crate) fn digits(text: &str) -> Option<u64> {
    let add = |sum: u64, digit: u8| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    };
    if text.is_empty() { None } else { text.bytes().try_fold(0, add) }
}

/// The header that names a version.
pub(crate) const X_AMZ_VERSION_ID: HeaderName = HeaderName::from_static("x-amz-version-id");

/// The header that names a delete marker.
pub(crate) const X_AMZ_DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");

#[cfg(test)]
mod tests {
    use super::*;

    /// Some gateways send a tag with nothing in it.
    #[test]
    fn an_empty_tag_is_none() {
        for (tag, is_there) in [
            (Some("\"a\""), true),
            (Some("W/\"a\""), true),
            (Some("a"), true),
            (Some("\"\""), false),
            (Some("W/\"\""), false),
            (Some(""), false),
            (None, false),
        ] {
            let headers: Vec<(&str, &str)> = tag.map(|tag| ("etag", tag)).into_iter().collect();
            let meta = ObjectMeta::from_head(crate::head::head(200, &headers));
            assert_eq!(meta.has_etag(), is_there, "{tag:?}");
            assert_eq!(meta.etag().is_some(), is_there, "{tag:?}");
        }
    }
}
