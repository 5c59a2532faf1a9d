//! Raw: any S3 call that has no type of its own here.

use std::fmt;

use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderMap, Method, StatusCode};

use super::{Answer, AnswerKind, Operation, SelfContained};
use crate::error::{Error, Result};
use crate::request::{ExtraHeaders, KeyPrefix, Request};
use crate::response::{
    ETag, ResponseHead, object_framing, require_no_document, require_no_framing, require_not_compressed, service_error,
    service_error_document,
};

/// Any S3 call, for example `GET /key?tagging`: addressed, signed, sent, and its errors read like every other's.
///
/// The answer to a GET of an object is a whole object, or the part that was asked for; unlike [`GetObject`](crate::GetObject)'s it
/// is neither compared with a HEAD, where its head leaves doubt, nor with a stored checksum.
///
/// ```
/// use s3lite::{Method, Raw};
///
/// let tags = Raw::get("mail/1").query("tagging", "");
/// let location = Raw::bucket(Method::GET).query("location", "");
/// let versioning = Raw::bucket(Method::PUT).query("versioning", "").body("<VersioningConfiguration/>");
/// ```
#[derive(Clone)]
pub struct Raw {
    method: Method,
    key: Option<String>,
    query: Vec<(String, String)>,
    headers: ExtraHeaders,
    body: Bytes,
}

/// The answer to a [`Raw`] call.
#[derive(Clone)]
#[non_exhaustive]
pub struct RawAnswer {
    /// The status; a 2xx.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 16 MiB.
    pub body: Bytes,
}

impl Raw {
    /// Makes a call about an object.
    pub fn object(method: Method, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::bucket(method) }
    }

    /// Makes a call about the bucket itself.
    pub fn bucket(method: Method) -> Self {
        let (query, headers, body) = Default::default();
        Self { method, key: None, query, headers, body }
    }

    /// Makes a GET about an object.
    pub fn get(key: impl Into<String>) -> Self {
        Self::object(Method::GET, key)
    }

    /// Makes a PUT about an object.
    pub fn put(key: impl Into<String>) -> Self {
        Self::object(Method::PUT, key)
    }

    /// Makes a POST about an object.
    pub fn post(key: impl Into<String>) -> Self {
        Self::object(Method::POST, key)
    }

    /// Makes a DELETE about an object.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::object(Method::DELETE, key)
    }

    /// Adds a query parameter, as plain text; one without a value has an empty one.
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a header. Signed if its name starts with `x-amz-`, or is `content-md5`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Sets the body, whose SHA-256 is signed.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// An object's own bytes may be an `<Error>` document that somebody stored; every other answer that is one, is one.
    fn asks_for_an_object(&self) -> bool {
        let of_object =
            |name: &str| matches!(name, "versionId" | "partNumber" | "x-id") || name.starts_with("response-");
        self.method == Method::GET && self.key.is_some() && self.query.iter().all(|(name, _)| of_object(name))
    }

    fn asks_for_a_part(&self) -> bool {
        self.headers.has("range") || self.query.iter().any(|(name, _)| name == "partNumber")
    }
}

/// Bodies may be anything, secrets among them: `Debug` shows their lengths.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw")
            .field("method", &self.method)
            .field("key", &self.key)
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RawAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawAnswer")
            .field("status", &self.status)
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl SelfContained for Raw {}

impl Operation for Raw {
    type Output = RawAnswer;
    const NAME: &'static str = "Raw";
    const ANSWER: AnswerKind = AnswerKind::Any;
    const IS_DOCUMENT: bool = false;

    fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        let mut request = match &self.key {
            Some(key) => Request::object(Self::NAME, self.method.clone(), prefix.join(key))?,
            None => Request::bucket(Self::NAME, self.method.clone()),
        };
        for (name, value) in &self.query {
            request.push_query(name.clone(), value);
        }
        self.headers.append_to(&mut request, &[])?;
        request.set_body(self.body.clone());
        Ok(request)
    }

    fn check_presignable(&self) -> Result<()> {
        if self.body.is_empty() {
            return Ok(());
        }
        Err(Error::bad_input("a presigned URL carries no body; leave it out, and let whoever uses the URL send it"))
    }

    /// An object has a tag, and as many bytes as the answer says. A document without one is S3's own word, whatever was asked for.
    fn accept(&self, answer: &Answer<'_>) -> Result<()> {
        if !self.asks_for_an_object() {
            return Ok(());
        }
        if !self.asks_for_a_part() {
            object_framing(&answer.head, None)?;
        }
        if answer.head.content_range().is_some_and(|range| range.length() != answer.body.len() as u64) {
            return Err(Error::protocol("the answer has another number of bytes than its Content-Range"));
        }
        if answer.head.header(ETAG).is_some_and(|etag| !ETag::new(etag).is_empty()) {
            return Ok(());
        }
        match service_error_document(answer.body) {
            Some(_) => Err(service_error(&answer.head, answer.body, answer.signed_for)),
            None => require_no_document(answer.body),
        }
    }

    fn read(&self, answer: Answer<'_>) -> Result<RawAnswer> {
        if !self.asks_for_an_object() && service_error_document(answer.body).is_some() {
            return Err(service_error(&answer.head, answer.body, answer.signed_for));
        }
        if self.method == Method::GET {
            require_not_compressed(&answer.head)?;
            require_no_framing(&answer.head, answer.body)?;
        }
        let ResponseHead { status, headers } = answer.head;
        Ok(RawAnswer { status, headers, body: Bytes::copy_from_slice(answer.body) })
    }
}
