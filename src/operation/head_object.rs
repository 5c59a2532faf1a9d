//! HeadObject: an object's metadata.

use http::Method;

use super::{Answer, AnswerKind, GetObject, Operation, SelfContained};
use crate::error::Result;
use crate::request::{ExtraHeaders, KeyPrefix, Request};
use crate::response::{ETag, ObjectMeta};

/// HeadObject: reads an object's metadata.
///
/// Errors have no body here, so a service cannot always say whether the object or the bucket is missing; without the
/// permission to list the bucket, AWS says 403 for a missing object.
#[derive(Clone, Debug)]
pub struct HeadObject(GetObject);

impl HeadObject {
    /// Reads the metadata of the object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(GetObject::new(key))
    }

    /// Asks with headers of another operation on the same object.
    pub(super) fn with(self, headers: ExtraHeaders) -> Self {
        Self(self.0.with(headers))
    }

    /// Asks the question of a GetObject without its bytes.
    pub(super) fn of(get: GetObject) -> Self {
        Self(get)
    }

    /// Reads only if the object's tag is this one; 412 otherwise.
    pub fn if_match(self, etag: impl Into<ETag>) -> Self {
        Self(self.0.if_match(etag))
    }

    /// Reads only if the object's tag is not this one; 304 otherwise.
    pub fn if_none_match(self, etag: impl Into<ETag>) -> Self {
        Self(self.0.if_none_match(etag))
    }

    /// Reads a version, in a bucket that keeps versions.
    pub fn version_id(self, version: impl Into<String>) -> Self {
        Self(self.0.version_id(version))
    }

    /// Adds any other header of the API, for example a customer's key. Signed if its name starts with `x-amz-`.
    pub fn header(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        Self(self.0.header(name, value))
    }
}

impl SelfContained for HeadObject {}

impl Operation for HeadObject {
    type Output = ObjectMeta;
    const NAME: &'static str = "HeadObject";
    const ANSWER: AnswerKind = AnswerKind::Object;

    fn key(&self) -> Option<&str> {
        Some(self.0.key())
    }

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        self.0.request_as(Self::NAME, Method::HEAD, prefix)
    }

    fn read(&self, answer: Answer<'_>) -> Result<ObjectMeta> {
        Ok(ObjectMeta::from_head(answer.head))
    }
}

super::from_key!(HeadObject);
