//! What S3 answers: the head of a response, an object's metadata, a range, an error.
//!
//! In come status, headers and (for errors and XML results) the body; out come typed values. Headers first, body second:
//! a HEAD has no body, and a proxy's error page is not S3's.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_RANGE, HeaderMap};
use http::{HeaderName, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::error::{Error, ErrorKind, Phase, ServiceError};
use crate::xml::Document;

/// How much of a service's message is kept.
const MAX_MESSAGE_CHARS: usize = 300;

/// Status and headers of a response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers, as they came.
    pub headers: HeaderMap,
}

/// An object's metadata, as the headers of a GET or HEAD tell it.
#[derive(Clone)]
pub struct ObjectMeta {
    headers: HeaderMap,
    size: u64,
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
    pub(crate) fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        header(&self.headers, name.as_ref())
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
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
    pub(crate) fn from_head(head: &ResponseHead) -> Self {
        let whole = head.content_range().and_then(|range| range.size);
        let size = whole.or_else(|| head.content_length()).unwrap_or(0);
        Self { headers: head.headers.clone(), size }
    }

    /// Returns the size of the whole object in bytes, also if a range of it was asked for. 0 if the server did not say.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the entity tag.
    pub fn etag(&self) -> Option<ETag> {
        self.header("etag").map(ETag::new)
    }

    /// Returns the content type.
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// Returns the time of the last change; `None` if the server sent none or no readable one.
    pub fn last_modified(&self) -> Option<SystemTime> {
        http_date(self.header("last-modified")?)
    }

    /// Returns the version, in buckets that keep versions.
    pub fn version_id(&self) -> Option<&str> {
        self.header("x-amz-version-id")
    }

    /// Returns an entry of the user's metadata by its name without `x-amz-meta-`.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.header(&format!("x-amz-meta-{}", name.to_ascii_lowercase()))
    }

    /// Returns every header of the answer, for whatever has no name here.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
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

    fn opaque(&self) -> &str {
        self.0.strip_prefix("W/").unwrap_or(&self.0).trim_matches('"')
    }
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

/// Reads an error answer: what the service said, and of what kind that is.
///
/// `signed_for` is the region the request was signed for; a HEAD's 400 says only by a header that it is the wrong one.
pub(crate) fn service_error(head: &ResponseHead, body: &[u8], signed_for: &str) -> Error {
    let mut service = service_error_document(body).unwrap_or_else(|| foreign_document(body));
    let from_header = |name: &str| head.header(name).map(printable);
    if service.code.is_empty() {
        // A HEAD has no body; these are where servers put the code then.
        let code = from_header("x-amz-error-code").or_else(|| from_header("x-minio-error-code"));
        service.code = code.unwrap_or_default();
    }
    service.request_id = from_header("x-amz-request-id").or(service.request_id);
    service.host_id = from_header("x-amz-id-2").or(service.host_id);
    if service.region.is_none() {
        service.region = region_in_message(&service).or_else(|| from_header("x-amz-bucket-region"));
    }
    if service.actual_object_size.is_none() {
        let unsatisfied = head.header(CONTENT_RANGE).and_then(|range| range.strip_prefix("bytes */"));
        service.actual_object_size = unsatisfied.and_then(digits);
    }
    let kind = kind_of(head.status, &service, signed_for);
    Error::new(kind, meaning(kind, &service)).with_answer(head.status, service)
}

/// Reads S3's `<Error>` document; `None` if the body is not one.
pub(crate) fn service_error_document(body: &[u8]) -> Option<ServiceError> {
    let mut document = Document::open(body).ok().filter(|document| document.root() == "Error")?;
    let mut service = ServiceError::default();
    // A truncated document is read as far as it goes: the code comes first.
    while let Ok(Some(child)) = document.child() {
        let name = child.name().to_owned();
        let Ok(text) = document.text() else { break };
        let text = printable(&text);
        match name.as_str() {
            "Code" => service.code = text,
            "Message" => service.message = text,
            "RequestId" => service.request_id = Some(text),
            "HostId" => service.host_id = Some(text),
            "Region" => service.region = Some(text),
            "Endpoint" => service.endpoint = Some(text),
            "ActualObjectSize" => service.actual_object_size = digits(&text),
            _ => {}
        }
    }
    Some(service)
}

/// Keeps the beginning of an answer that S3 did not write, for the operator to recognise who did.
fn foreign_document(body: &[u8]) -> ServiceError {
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let message = if text.trim().is_empty() { String::new() } else { format!("not S3's answer: {}", printable(&text)) };
    ServiceError { message, ..ServiceError::default() }
}

/// AWS and others name the right region in words: `… is wrong; expecting 'eu-central-1'`.
fn region_in_message(service: &ServiceError) -> Option<String> {
    if service.code != "AuthorizationHeaderMalformed" {
        return None;
    }
    let (_, rest) = service.message.split_once("expecting '")?;
    rest.split_once('\'').map(|(region, _)| region.to_owned())
}

fn kind_of(status: StatusCode, service: &ServiceError, signed_for: &str) -> ErrorKind {
    kind_of_code(&service.code, service).unwrap_or_else(|| kind_of_status(status, service, signed_for))
}

/// S3's error codes (S3 API reference, "Error responses"); those not named here count by their status.
fn kind_of_code(code: &str, service: &ServiceError) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchBucket" => ErrorKind::NoSuchBucket,
        "NoSuchKey" | "NoSuchVersion" | "NoSuchUpload" => ErrorKind::NotFound,
        "AccessDenied" | "AllAccessDisabled" | "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
            ErrorKind::AccessDenied
        }
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => ErrorKind::Credentials,
        "RequestTimeTooSkewed" => ErrorKind::ClockSkew,
        "AuthorizationHeaderMalformed" if service.region.is_some() => ErrorKind::WrongRegion,
        "PermanentRedirect" | "IncorrectEndpoint" => ErrorKind::WrongRegion,
        "PreconditionFailed" => ErrorKind::Precondition,
        "ConditionalRequestConflict" | "OperationAborted" => ErrorKind::Conflict,
        "InvalidRange" => ErrorKind::InvalidRange,
        "BadDigest"
        | "IncompleteBody"
        | "InvalidDigest"
        | "XAmzContentChecksumMismatch"
        | "XAmzContentSHA256Mismatch" => ErrorKind::Integrity,
        "RequestTimeout" => ErrorKind::Timeout(Phase::Server),
        "SlowDown"
        | "ServiceUnavailable"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "Throttling"
        | "ThrottlingException" => ErrorKind::Throttled,
        "InternalError" => ErrorKind::Server,
        "NotImplemented" | "MethodNotAllowed" => ErrorKind::Unsupported,
        _ => return None,
    })
}

fn kind_of_status(status: StatusCode, service: &ServiceError, signed_for: &str) -> ErrorKind {
    let elsewhere = service.region.as_deref().is_some_and(|region| region != signed_for);
    match status.as_u16() {
        304 => ErrorKind::NotModified,
        301 | 307 | 308 | 400 if elsewhere => ErrorKind::WrongRegion,
        300..=399 => ErrorKind::Redirect,
        401 | 403 => ErrorKind::AccessDenied,
        404 => ErrorKind::NotFound,
        408 => ErrorKind::Timeout(Phase::Server),
        409 => ErrorKind::Conflict,
        412 => ErrorKind::Precondition,
        416 => ErrorKind::InvalidRange,
        405 | 411 | 501 => ErrorKind::Unsupported,
        429 | 503 | 509 => ErrorKind::Throttled,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Other,
    }
}

/// What a kind means to the operator; the service's own words follow it.
fn meaning(kind: ErrorKind, service: &ServiceError) -> String {
    let text = match (kind, service.code.as_str()) {
        (_, "InvalidAccessKeyId") => "the service does not know the access key",
        (_, "SignatureDoesNotMatch") => "the signature does not match; is the secret key right?",
        (_, "ExpiredToken") => "the temporary credentials have expired",
        (ErrorKind::NotFound, "NoSuchKey") => "there is no such object",
        (ErrorKind::NotFound, "NoSuchUpload") => "there is no such multipart upload",
        (ErrorKind::NotFound, _) => "not found",
        (ErrorKind::NoSuchBucket, _) => "there is no such bucket",
        (ErrorKind::AccessDenied, _) => "the service refused access",
        (ErrorKind::Credentials, _) => "the service does not accept the credentials",
        (ErrorKind::ClockSkew, _) => "the clock of this host differs too much from the service's",
        (ErrorKind::WrongRegion, _) => return wrong_region(service),
        (ErrorKind::Redirect, _) => "the service redirects elsewhere, which is not followed; is the endpoint right?",
        (ErrorKind::NotModified, _) => "the object has not changed",
        (ErrorKind::Precondition, _) => "the condition does not hold",
        (ErrorKind::Conflict, _) => "another request is in the way",
        (ErrorKind::InvalidRange, _) => "the range lies outside the object",
        (ErrorKind::Throttled, _) => "the service asks for fewer requests",
        (ErrorKind::Server, _) => "the service failed",
        (ErrorKind::Unsupported, _) => "the service does not offer this",
        (ErrorKind::Integrity, _) => "the bytes that arrived are not those that were announced",
        (ErrorKind::Timeout(_), _) => "the service gave up waiting for the request",
        _ => "the service refused the request",
    };
    text.to_owned()
}

fn wrong_region(service: &ServiceError) -> String {
    match (&service.region, &service.endpoint) {
        (Some(region), _) => format!("the bucket is in another region: set region = {region:?}"),
        (None, Some(endpoint)) => format!("the bucket is elsewhere: the service names the endpoint {endpoint:?}"),
        (None, None) => "the bucket is in another region, which the service does not name".to_owned(),
    }
}

/// Takes foreign text into an error: bounded, and without control characters that would reach a terminal.
fn printable(text: &str) -> String {
    let clean = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(MAX_MESSAGE_CHARS).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Reads a number that is digits alone: no sign, no blank.
pub(crate) fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Reads `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110 section 5.6.7).
pub(crate) fn http_date(text: &str) -> Option<SystemTime> {
    system_time(OffsetDateTime::parse(text, &Rfc2822).ok()?)
}

/// Reads `2013-05-24T00:00:00.000Z`, as listings have it (RFC 3339).
pub(crate) fn iso_date(text: &str) -> Option<SystemTime> {
    system_time(OffsetDateTime::parse(text, &Rfc3339).ok()?)
}

fn system_time(time: OffsetDateTime) -> Option<SystemTime> {
    let seconds = u64::try_from(time.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, time.nanosecond()))
}

/// The header that names a delete marker.
pub(crate) const X_AMZ_DELETE_MARKER: HeaderName = HeaderName::from_static("x-amz-delete-marker");
