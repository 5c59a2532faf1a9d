//! PutObject: an object in one request.

use http::Method;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH,
};

use super::{Answer, AnswerKind, HeadObject, Operation};
use crate::error::{Error, ErrorKind, Result};
use crate::request::{ExtraHeaders, KeyPrefix, METHODS, Request};
use crate::response::{ETag, ObjectMeta, ResponseHead, X_AMZ_VERSION_ID};
use crate::sign::{CHUNK_SIZE, encoded_length};

/// The most that S3 keeps of a user's metadata, names included (S3 User Guide, "User-defined object metadata").
const MAX_METADATA_BYTES: usize = 2048;

/// The metadata entry that holds the id of a conditional write.
const PUT_ID: &str = "s3lite-put-id";

/// PutObject: stores an object in one request, at most 5 GiB on AWS.
///
/// ```
/// use s3lite::PutObject;
///
/// let put = PutObject::new("mail/1").content_type("message/rfc822").metadata("account", "7").if_none_match("*");
/// ```
#[derive(Clone, Debug)]
pub struct PutObject {
    key: String,
    headers: Vec<(HeaderName, String)>,
    metadata: Vec<(String, String)>,
    other: ExtraHeaders,
}

/// What a stored object was given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PutObjectOutput {
    /// The object's tag.
    pub etag: ETag,
    /// The version, in a bucket that keeps versions.
    pub version_id: Option<String>,
    head: ResponseHead,
}

impl PutObjectOutput {
    /// Returns the head of the answer, for whatever has no name here: encryption, checksums, expiration.
    ///
    /// If the put's own answer was lost, it is that of the HEAD that found the object.
    pub fn head(&self) -> &ResponseHead {
        &self.head
    }
}

impl PutObject {
    /// Stores an object with this key.
    pub fn new(key: impl Into<String>) -> Self {
        let (headers, metadata, other) = Default::default();
        Self { key: key.into(), headers, metadata, other }
    }

    /// Sets the content type; without one the service chooses, most often `binary/octet-stream`.
    pub fn content_type(self, value: impl Into<String>) -> Self {
        self.with(CONTENT_TYPE, value)
    }

    /// Sets the content encoding that is kept with the object. The bytes are stored as they are.
    pub fn content_encoding(self, value: impl Into<String>) -> Self {
        self.with(CONTENT_ENCODING, value)
    }

    /// Sets the content disposition, for browsers.
    pub fn content_disposition(self, value: impl Into<String>) -> Self {
        self.with(CONTENT_DISPOSITION, value)
    }

    /// Sets the cache control, for browsers and proxies.
    pub fn cache_control(self, value: impl Into<String>) -> Self {
        self.with(CACHE_CONTROL, value)
    }

    /// Sets the storage class, for example `STANDARD_IA`.
    pub fn storage_class(self, value: impl Into<String>) -> Self {
        self.with(HeaderName::from_static("x-amz-storage-class"), value)
    }

    /// Adds an entry of the user's metadata: printable ASCII, 2,048 bytes in all.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }

    /// Stores only if there is no object with this key: `*`. 412 otherwise, 409 while another request writes it.
    pub fn if_none_match(self, value: impl Into<String>) -> Self {
        self.with(IF_NONE_MATCH, value)
    }

    /// Stores only over the object with this tag. 412 otherwise; 404 if there is none.
    pub fn if_match(self, etag: impl Into<ETag>) -> Self {
        self.with(IF_MATCH, etag.into().as_str())
    }

    /// Adds any other header of the API, for example `x-amz-tagging`. Signed if its name starts with `x-amz-`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.other.push(name, value);
        self
    }

    /// Returns the key, without the store's prefix.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns true if it stores under a condition only.
    pub fn is_conditional(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == IF_MATCH || *name == IF_NONE_MATCH)
    }

    /// Marks the object with an id of this very write, by which it is recognised should the answer be lost. Where the user's
    /// own metadata leaves no room for one, there is none.
    pub fn put_id(mut self, id: impl Into<String>) -> Self {
        let id = id.into();
        self.metadata.retain(|(name, _)| name != PUT_ID);
        if self.metadata_bytes() + PUT_ID.len() + id.len() > MAX_METADATA_BYTES {
            self
        } else {
            self.metadata(PUT_ID, id)
        }
    }

    /// Returns a HEAD of the object that this stores, allowed what this is allowed.
    pub fn as_head(&self) -> HeadObject {
        HeadObject::new(&self.key).with(self.other.of_access())
    }

    /// Returns a HEAD of what was stored: of that version, where the service keeps versions.
    pub fn as_head_of(&self, stored: &PutObjectOutput) -> HeadObject {
        // "null" is what a bucket says that does not keep them any more.
        match stored.version_id.as_deref().filter(|version| *version != "null") {
            Some(version) => self.as_head().version_id(version),
            None => self.as_head(),
        }
    }

    /// Settles a conditional write of `length` bytes whose answer was lost, or whose second copy was refused, by what a HEAD
    /// found: this write's object or another's.
    ///
    /// # Errors
    ///
    /// The error itself. Its outcome is known if the service refused the last copy while the object is still the one that the
    /// condition names; a copy whose answer was lost may still be applied, and another's object may have been there before, or
    /// have replaced this write's. [`ErrorKind::Ambiguous`] if the object cannot be told from this write's, because the service
    /// keeps no metadata.
    pub fn settle(&self, length: u64, found: &ObjectMeta, error: Error) -> Result<PutObjectOutput> {
        let id = self.metadata.iter().find(|(name, _)| name == PUT_ID).map(|(_, id)| id.as_str());
        let (found_id, version_id) = (found.metadata(PUT_ID), found.version_id().map(str::to_owned));
        if let (true, Some(etag)) = (id.is_some() && found_id == id, found.etag()) {
            return Ok(PutObjectOutput { etag, version_id, head: found.head().clone() });
        }
        let expected = self.headers.iter().find(|(name, _)| *name == IF_MATCH).map(|(_, tag)| ETag::new(tag));
        let is_unchanged = expected.is_some() && expected == found.etag();
        let is_anothers = found_id.is_some() || found.size().is_some_and(|size| size != length);
        // Without an id, this write may have stored the same bytes once more.
        let is_refused = is_unchanged && id.is_some() && error.is_precondition_failed();
        match (is_unchanged, is_anothers) {
            _ if is_refused => Err(error.with_unknown_outcome(false)),
            (false, false) => Err(error.into_ambiguous()),
            _ => Err(error),
        }
    }

    /// Says whether a service took a body in signed chunks for what it is, by what a HEAD of the object found: it may have kept
    /// their framing.
    pub(crate) fn chunks_mistaken(&self, stored: &PutObjectOutput, length: u64, found: &ObjectMeta) -> Option<Error> {
        let size = found.size().filter(|size| *size != length)?;
        let is_this = found.etag().is_none_or(|etag| etag == stored.etag);
        is_this.then(|| of_other_size(length, size, found))
    }

    /// Compares what was stored with what a HEAD of it found: `verify-after-write`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Integrity`] if size or tag differ; [`ErrorKind::Changed`] if the tag does because another write came in
    /// between.
    pub fn verify(stored: &PutObjectOutput, length: u64, found: &ObjectMeta) -> Result<()> {
        if let Some(other) = found.etag().filter(|etag| *etag != stored.etag) {
            let same_version = stored.version_id.is_some() && stored.version_id.as_deref() == found.version_id();
            let problem = format!("the object was stored as {}, but is {other} now", stored.etag);
            return Err(match same_version {
                true => Error::new(ErrorKind::Integrity, problem),
                false => Error::new(ErrorKind::Changed, problem + ": another write came in between"),
            });
        }
        match found.size() {
            Some(size) if size == length => Ok(()),
            Some(size) => Err(of_other_size(length, size, found)),
            None => Err(Error::protocol("the service does not say how many bytes the stored object has")),
        }
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn metadata_bytes(&self) -> usize {
        self.metadata.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    fn check_metadata(&self) -> Result<()> {
        for (index, (name, _)) in self.metadata.iter().enumerate() {
            if self.metadata[..index].iter().any(|(before, _)| before.eq_ignore_ascii_case(name)) {
                return Err(Error::bad_input(format!(
                    "the metadata has {name:?} twice, for its names have no capitals; drop one"
                )));
            }
        }
        let bytes = self.metadata_bytes();
        if bytes <= MAX_METADATA_BYTES {
            return Ok(());
        }
        Err(Error::bad_input(format!("the metadata has {bytes} bytes, and S3 keeps {MAX_METADATA_BYTES} at most")))
    }
}

impl Operation for PutObject {
    type Output = PutObjectOutput;
    const NAME: &'static str = "PutObject";
    const ANSWER: AnswerKind = AnswerKind::Stored;

    fn key(&self) -> Option<&str> {
        Some(&self.key)
    }

    fn request(&self, prefix: &KeyPrefix) -> Result<Request> {
        self.check_metadata()?;
        let mut request = Request::object(Self::NAME, Method::PUT, prefix.join(&self.key))?;
        for (name, value) in &self.headers {
            request.set_header(name.clone(), value)?;
        }
        for (name, value) in &self.metadata {
            if name.is_empty() {
                return Err(Error::bad_input("an entry of the metadata has no name"));
            }
            request.append_header(&format!("x-amz-meta-{name}"), value)?;
        }
        self.other.append_to(&mut request, &METHODS)?;
        Ok(request)
    }

    /// A 200 is not yet success: a proxy's page has no tag.
    fn read(&self, answer: Answer<'_>) -> Result<PutObjectOutput> {
        if !answer.body.trim_ascii().is_empty() {
            return Err(Error::passing_protocol(
                "the answer to a put has a body, which no object store gives it: it may be somebody's on the way",
            ));
        }
        let Some(etag) = answer.head.header(ETAG).map(ETag::new).filter(|etag| !etag.is_empty()) else {
            let problem = "the service says that the object is stored, but not under which ETag";
            return Err(Error::passing_protocol(problem).worth_one_more());
        };
        let version_id = answer.head.header(X_AMZ_VERSION_ID).map(str::to_owned);
        Ok(PutObjectOutput { etag, version_id, head: answer.head })
    }

    /// `If-Match` on a missing object is 404 on AWS; to the caller it is the same as a tag that has changed.
    fn recover(&self, refusal: Error) -> Result<PutObjectOutput> {
        let overwrites = self.headers.iter().any(|(name, _)| *name == IF_MATCH);
        Err(if overwrites && refusal.is_not_found() { refusal.into_precondition() } else { refusal })
    }
}

/// Something was stored, but not what was put, so its outcome counts as unknown.
fn of_other_size(length: u64, size: u64, found: &ObjectMeta) -> Error {
    let says_so = found.head().header(CONTENT_ENCODING).is_some_and(|coding| coding.contains("aws-chunked"));
    let hint = match says_so || size == encoded_length(length, CHUNK_SIZE).unwrap_or(length) {
        true => {
            ": the service keeps the framing of signed chunks (aws-chunked) as a part of it; put bytes or a file, or use https"
        }
        false => "",
    };
    let problem = format!("{length} bytes were acknowledged, but the stored object has {size}{hint}");
    Error::new(ErrorKind::Integrity, problem).with_unknown_outcome(true)
}

super::from_key!(PutObject);
