//! GetObject: an object, or a range of its bytes.

use std::ops::{Bound, RangeBounds};
use std::time::SystemTime;

use http::header::{IF_MATCH, IF_NONE_MATCH, RANGE};
use http::{HeaderName, HeaderValue, Method};

use super::{Answer, AnswerKind, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::request::{ByteRange, ExtraHeaders, KeyPrefix, METHODS, Request};
use crate::response::{ETag, ObjectMeta, object_framing, require_not_compressed, write_http_date};

const X_AMZ_CHECKSUM_MODE: HeaderName = HeaderName::from_static("x-amz-checksum-mode");
const ENABLED: HeaderValue = HeaderValue::from_static("ENABLED");

/// GetObject: reads an object or a range of it.
///
/// ```
/// use s3lite::GetObject;
///
/// let whole = GetObject::new("mail/1");
/// let part = GetObject::new("mail/1").range(100..200);
/// let tail = GetObject::new("mail/1").last(512);
/// ```
#[derive(Clone, Debug)]
pub struct GetObject {
    key: String,
    range: Option<ByteRange>,
    if_match: Option<ETag>,
    if_none_match: Option<ETag>,
    query: Vec<(&'static str, String)>,
    headers: ExtraHeaders,
    checksum_mode: bool,
    verify_checksum: Option<bool>,
}

impl GetObject {
    /// Reads the object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        let (range, if_match, if_none_match, query, headers, checksum_mode, verify_checksum) = Default::default();
        Self { key: key.into(), range, if_match, if_none_match, query, headers, checksum_mode, verify_checksum }
    }

    /// Reads a range of bytes only: `a..b`, `a..=b`, `a..`, `..b`.
    pub fn range(self, range: impl RangeBounds<u64>) -> Self {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.checked_add(1),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => None,
        };
        let range = end.map_or(ByteRange::From(start), |end| ByteRange::Part { start, end });
        Self { range: Some(range), ..self }
    }

    /// Reads the last `count` bytes only, or all of a shorter object.
    pub fn last(self, count: u64) -> Self {
        Self { range: Some(ByteRange::Last(count)), ..self }
    }

    /// Reads only if the object's tag is this one; 412 otherwise.
    pub fn if_match(self, etag: impl Into<ETag>) -> Self {
        Self { if_match: Some(etag.into()), ..self }
    }

    /// Reads only if the object's tag is not this one; 304 otherwise.
    pub fn if_none_match(self, etag: impl Into<ETag>) -> Self {
        Self { if_none_match: Some(etag.into()), ..self }
    }

    /// Reads only if the object was modified after a time, in whole seconds; 304 otherwise.
    pub fn if_modified_since(self, time: SystemTime) -> Self {
        self.header("if-modified-since", write_http_date(time))
    }

    /// Reads only if the object was not modified after a time, in whole seconds; 412 otherwise.
    pub fn if_unmodified_since(self, time: SystemTime) -> Self {
        self.header("if-unmodified-since", write_http_date(time))
    }

    /// Reads a version, in a bucket that keeps versions.
    pub fn version_id(self, version: impl Into<String>) -> Self {
        self.query("versionId", version)
    }

    /// Asks the service to answer with this content type, for example through a presigned URL.
    pub fn response_content_type(self, value: impl Into<String>) -> Self {
        self.query("response-content-type", value)
    }

    /// Asks the service to answer with this disposition, for example `attachment; filename="a.txt"`.
    pub fn response_content_disposition(self, value: impl Into<String>) -> Self {
        self.query("response-content-disposition", value)
    }

    /// Asks for the stored checksum, so that the bytes can be verified.
    pub fn checksum_mode(mut self) -> Self {
        self.checksum_mode = true;
        self
    }

    /// Sets whether the bytes are compared with the stored checksum, whatever the store's `verify-checksum` says. Without, an
    /// object can be read whose checksum was stored wrong.
    pub fn verify_checksum(self, verify: bool) -> Self {
        Self { verify_checksum: Some(verify), ..self }
    }

    /// Returns whether this call says that the bytes are to be compared with the stored checksum.
    pub(crate) fn verifies_checksum(&self) -> Option<bool> {
        self.verify_checksum
    }

    /// Adds any other header of the API, for example a customer's key. Signed if its name starts with `x-amz-`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    pub(super) fn with(self, headers: ExtraHeaders) -> Self {
        Self { headers, ..self }
    }

    /// Returns which bytes are asked for; `None` for all of them.
    pub fn byte_range(&self) -> Option<ByteRange> {
        self.range
    }

    /// Returns the key, without the store's prefix.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns true for a range that has no bytes in any object. HTTP cannot ask for it.
    pub fn asks_for_no_bytes(&self) -> bool {
        self.range.is_some_and(ByteRange::is_empty)
    }

    /// Returns true for the refusal of a range that would take all of an object, if the refusal does not rule out that the
    /// object is empty: AWS answers 416 then, where no bytes are what was asked for.
    pub fn may_be_of_empty_object(&self, refusal: &Error) -> bool {
        let from_start = match self.range {
            Some(ByteRange::From(start) | ByteRange::Part { start, .. }) => start == 0,
            Some(ByteRange::Last(_)) => true,
            None => false,
        };
        let size = refusal.service().and_then(|service| service.actual_object_size);
        from_start && refusal.kind() == ErrorKind::InvalidRange && size.unwrap_or(0) == 0
    }

    fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// Returns the same question without a range, as a HEAD: what an empty range is answered with.
    pub fn as_head(&self) -> super::HeadObject {
        super::HeadObject::of(Self { range: None, ..self.clone() })
    }

    /// The request as GET or HEAD, which share all their options.
    pub(super) fn request_as(&self, operation: &'static str, method: Method, prefix: &KeyPrefix) -> Result<Request> {
        let mut request = Request::object(operation, method, prefix.join(&self.key))?;
        for (name, value) in &self.query {
            request.push_query(*name, value);
        }
        if let Some(range) = self.range {
            request.push_constant(RANGE, range.header()?);
        }
        for (name, etag) in [(IF_MATCH, &self.if_match), (IF_NONE_MATCH, &self.if_none_match)] {
            if let Some(etag) = etag {
                request.set_header(name, etag.as_str())?;
            }
        }
        if self.checksum_mode {
            request.push_constant(X_AMZ_CHECKSUM_MODE, ENABLED);
        }
        self.headers.append_to(&mut request, &METHODS)?;
        Ok(request)
    }
}

impl Operation for GetObject {
    type Output = ObjectMeta;
    const NAME: &'static str = "GetObject";
    const STREAMS: bool = true;
    const ANSWER: AnswerKind = AnswerKind::Object;

    fn key(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        self.request_as(Self::NAME, Method::GET, prefix)
    }

    fn read(&self, answer: Answer<'_>) -> Result<ObjectMeta> {
        object_framing(&answer.head, self.range)?;
        require_not_compressed(&answer.head)?;
        Ok(ObjectMeta::from_head(answer.head))
    }
}

super::from_key!(GetObject);
