//! GetObject: an object, or a range of its bytes.

use std::ops::{Bound, RangeBounds};

use http::header::{IF_MATCH, IF_NONE_MATCH, RANGE};
use http::{HeaderName, HeaderValue, Method};

use super::{Answer, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::request::{ExtraHeaders, KeyPrefix, METHODS, Request};
use crate::response::{ContentRange, ETag, ObjectMeta, ResponseHead};

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
}

/// Which bytes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From a byte to the end.
    From(u64),
    /// From a byte up to another, which is not included.
    Part {
        /// The first byte.
        start: u64,
        /// The byte after the last one.
        end: u64,
    },
    /// The last bytes.
    Last(u64),
}

impl GetObject {
    /// Reads the object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        let (range, if_match, if_none_match, query, headers, checksum_mode) = Default::default();
        Self { key: key.into(), range, if_match, if_none_match, query, headers, checksum_mode }
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
            request.set_header(RANGE, &range.header()?)?;
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

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        self.request_as(Self::NAME, Method::GET, prefix)
    }

    fn read(&self, answer: Answer<'_>) -> Result<ObjectMeta> {
        answer.head.demand_s3()?;
        match self.range {
            Some(range) => range.check(&answer.head)?,
            None => check_whole(&answer.head)?,
        }
        Ok(ObjectMeta::from_head(answer.head))
    }
}

impl ByteRange {
    /// Returns true if no object has a byte in it.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Last(0)) || matches!(self, Self::Part { start, end } if start == end)
    }

    /// The value of the Range header (RFC 9110 section 14.2), whose last byte is inclusive.
    fn header(self) -> Result<String> {
        match self {
            Self::From(start) => Ok(format!("bytes={start}-")),
            Self::Part { start, end } if start < end => Ok(format!("bytes={start}-{}", end - 1)),
            Self::Last(count) if count > 0 => Ok(format!("bytes=-{count}")),
            Self::Last(_) => Err(Error::bad_input("the range is empty, and HTTP cannot ask for no bytes")),
            Self::Part { start, end } => {
                Err(Error::bad_input(format!("the range {start}..{end} does not have its start before its end")))
            }
        }
    }

    /// Demands that the answer is the range that was asked for, cut at most by the object's end.
    fn check(self, head: &ResponseHead) -> Result<()> {
        if head.status.as_u16() != 206 {
            // From the first byte on, the whole object is what was asked for.
            let is_whole = self == Self::From(0) && head.status.as_u16() == 200;
            return if is_whole { Ok(()) } else { Err(ignored()) };
        }
        let Some(got) = head.content_range() else {
            return Err(Error::protocol("the answer to a range does not say which bytes it has (Content-Range)"));
        };
        let reaches_end = got.size.is_none_or(|size| got.last + 1 == size);
        let fits = match self {
            Self::From(start) => got.first == start && reaches_end,
            Self::Part { start, end } => got.first == start && got.last < end && (got.last + 1 == end || reaches_end),
            Self::Last(count) => {
                let is_all_or_enough = got.first == 0 || got.length() == count;
                got.length() <= count && is_all_or_enough && reaches_end
            }
        };
        let fits = fits && head.content_length().is_none_or(|length| length == got.length());
        if fits { Ok(()) } else { Err(Error::protocol("the answer has other bytes than the range that was asked for")) }
    }
}

/// Demands that the answer is the whole object: a part nobody asked for would pass for an object cut short.
fn check_whole(head: &ResponseHead) -> Result<()> {
    let is_whole = |range: ContentRange| range.first == 0 && range.size == Some(range.length());
    match head.status.as_u16() {
        200 => Ok(()),
        206 if head.content_range().is_some_and(is_whole) => Ok(()),
        _ => Err(Error::protocol("the answer is not the whole object that was asked for")),
    }
}

fn ignored() -> Error {
    Error::protocol("the service ignored the range and answered with the whole object")
}

super::from_key!(GetObject);
