//! DeleteObject: an object is gone, whether it was there or not.

use http::Method;
use http::header::IF_MATCH;

use super::{Answer, AnswerKind, Operation, SelfContained};
use crate::error::{Error, Result};
use crate::request::{ExtraHeaders, KeyPrefix, METHODS, Request};
use crate::response::{ETag, X_AMZ_DELETE_MARKER, X_AMZ_VERSION_ID, is_marked};

/// DeleteObject: deletes an object.
///
/// Deleting what is not there is success: AWS answers 204, others 404.
#[derive(Clone, Debug)]
pub struct DeleteObject {
    key: String,
    version_id: Option<String>,
    if_match: Option<ETag>,
    headers: ExtraHeaders,
}

/// What became of a deleted object.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DeleteObjectOutput {
    /// The version that was deleted, or that of the delete marker.
    pub version_id: Option<String>,
    /// True if a delete marker now stands for the object, in a bucket that keeps versions.
    pub delete_marker: bool,
}

impl DeleteObject {
    /// Deletes the object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), version_id: None, if_match: None, headers: ExtraHeaders::default() }
    }

    /// Deletes one version for good, in a bucket that keeps versions.
    pub fn version_id(self, version: impl Into<String>) -> Self {
        Self { version_id: Some(version.into()), ..self }
    }

    /// Deletes only if the object's tag is this one; 412 otherwise.
    pub fn if_match(self, etag: impl Into<ETag>) -> Self {
        Self { if_match: Some(etag.into()), ..self }
    }

    /// Adds any other header of the API. Signed if its name starts with `x-amz-`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(name, value);
        self
    }
}

impl SelfContained for DeleteObject {}

impl Operation for DeleteObject {
    type Output = DeleteObjectOutput;
    const NAME: &'static str = "DeleteObject";
    const ANSWER: AnswerKind = AnswerKind::Head;

    fn key(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        let mut request = Request::object(Self::NAME, Method::DELETE, prefix.join(&self.key))?;
        if let Some(version) = &self.version_id {
            request.push_query("versionId", version);
        }
        if let Some(etag) = &self.if_match {
            request.set_header(IF_MATCH, etag.as_str())?;
        }
        self.headers.append_to(&mut request, &METHODS)?;
        Ok(request)
    }

    fn read(&self, answer: Answer<'_>) -> Result<DeleteObjectOutput> {
        // Some services say OK in words; a page of somebody on the way has no mark.
        if !answer.body.trim_ascii().is_empty() && !is_marked(&answer.head) {
            return Err(Error::passing_protocol("the answer to a deletion has a body, which no object store gives it"));
        }
        let version_id = answer.head.header(X_AMZ_VERSION_ID).map(str::to_owned);
        let delete_marker = answer.head.header(X_AMZ_DELETE_MARKER) == Some("true");
        Ok(DeleteObjectOutput { version_id, delete_marker })
    }

    fn recover(&self, refusal: Error) -> Result<DeleteObjectOutput> {
        if refusal.is_not_found() { Ok(DeleteObjectOutput::default()) } else { Err(refusal) }
    }
}

super::from_key!(DeleteObject);
