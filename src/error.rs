//! The one error type: what failed, in words an operator can act on, and everything the service said about it.
//!
//! In come the parts that any room knows; out goes an [`Error`] with a kind, predicates and the cause. No secret, token,
//! signature or query string ever enters it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

/// An error of this crate.
///
/// `Display` speaks of its own level: operation, key, bucket, what went wrong, the service's own code and request id.
/// The cause, where there is one, is [`source`](StdError::source).
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Default)]
struct Inner {
    kind: Option<ErrorKind>,
    message: String,
    operation: Option<&'static str>,
    bucket: Option<String>,
    key: Option<String>,
    status: Option<StatusCode>,
    service: Option<ServiceError>,
    attempts: u32,
    elapsed: Option<Duration>,
    /// A protocol error that another try may not meet: a proxy's page, a cut document.
    passing: bool,
    /// Another try may not meet it, but a third would: damage on the way, a name that did not resolve.
    worth_one_more: bool,
    outcome_unknown: bool,
    /// Shared, so that a failed download can say again why it failed.
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What kind of failure an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is wrong. Nothing was sent.
    Config,
    /// An argument of the call is one S3 cannot take. Nothing was sent.
    BadInput,
    /// No usable credentials were found, or the service does not accept them any more.
    Credentials,
    /// No connection: the name did not resolve, or nobody answered at the address. Nothing was sent.
    Connect,
    /// The TLS handshake failed, most often over a certificate. Nothing was sent. Not retried.
    Tls,
    /// Nothing happened for too long in the named phase.
    Timeout(Phase),
    /// The connection broke before the answer came; whether the service acted is not known.
    Interrupted,
    /// The answer is not one S3 gives: no HTTP, an HTML page, a success without its result.
    Protocol,
    /// The service asks for fewer requests (429, 503, `SlowDown`).
    Throttled,
    /// The service failed (5xx).
    Server,
    /// The service refused: wrong keys, signature or permissions (401, 403).
    AccessDenied,
    /// The clocks of this host and the service are too far apart (`RequestTimeTooSkewed`).
    ClockSkew,
    /// The object does not exist, or the service did not say what it is that does not.
    NotFound,
    /// The bucket does not exist.
    NoSuchBucket,
    /// The object has not changed (304 to a conditional read).
    NotModified,
    /// A condition of the request did not hold (412).
    Precondition,
    /// Another request is in the way (409).
    Conflict,
    /// The requested range lies outside the object (416).
    InvalidRange,
    /// The bucket lives in another region, or the request was signed for another one.
    WrongRegion,
    /// The service redirects elsewhere. Redirects are not followed: credentials would travel along.
    Redirect,
    /// The bytes that arrived are not those that were stored.
    Integrity,
    /// The answer ended before the object did.
    Truncated,
    /// The object was replaced while it was read, where the rest would be another object's, or before it was verified.
    Changed,
    /// Whether the service acted is not known, and looking did not tell: a conditional write whose answer was lost.
    Ambiguous,
    /// The caller's source failed, or was shorter or longer than announced. Nothing was stored.
    Source,
    /// The local file could not be written. What was there before is untouched.
    Sink,
    /// An answer is larger than this crate reads.
    LimitExceeded,
    /// The service does not offer what was asked (405, 411, 501).
    Unsupported,
    /// Any other refusal; [`Error::code`] has the service's word for it.
    Other,
}

/// The phase of an exchange in which time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting for one of the store's connections to be free: `queue-timeout`.
    Queue,
    /// Resolving, connecting and the TLS handshake: `connect-timeout`.
    Connect,
    /// Sending the body: the socket took no byte for `idle-timeout`.
    Send,
    /// Waiting for the head of the answer: `timeout`.
    Head,
    /// Reading the body of the answer: no byte came for `idle-timeout`.
    Body,
    /// All attempts together: `operation-timeout`.
    Operation,
    /// The service itself gave up waiting for the request (`RequestTimeout`).
    Server,
}

/// What the service said when it refused: the parts of S3's `<Error>` document and of its headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceError {
    /// S3's error code, for example `NoSuchKey`. Empty if the answer named none.
    pub code: String,
    /// The human-readable message, cut at 300 characters and without control characters.
    pub message: String,
    /// `x-amz-request-id`: what the provider's support asks for.
    pub request_id: Option<String>,
    /// `x-amz-id-2`: the second identifier AWS's support asks for.
    pub host_id: Option<String>,
    /// The region the service says is right (`<Region>`, `x-amz-bucket-region`).
    pub region: Option<String>,
    /// The endpoint the service says is right (`<Endpoint>`). Never followed.
    pub endpoint: Option<String>,
    /// The size of the object of which a range was refused (`<ActualObjectSize>`, `Content-Range: bytes */n`).
    pub actual_object_size: Option<u64>,
}

/// The result of this crate's calls.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of a kind with a message; the context is added on the way up.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind: Some(kind), message: message.into(), ..Inner::default() }))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, message)
    }

    /// Makes an error of an answer that is none, which another try may not meet.
    pub(crate) fn passing_protocol(message: impl Into<String>) -> Self {
        let mut error = Self::protocol(message);
        error.0.passing = true;
        error
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Makes an error of which one more try is worth its while, and no further one.
    pub fn worth_one_more(mut self) -> Self {
        self.0.worth_one_more = true;
        self
    }

    /// Adds what to do about it.
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.0.message = format!("{} ({hint})", self.0.message);
        self
    }

    pub(crate) fn with_answer(mut self, status: StatusCode, service: ServiceError) -> Self {
        self.0.status = Some(status);
        self.0.service = Some(service);
        self
    }

    /// Adds the operation, the bucket and the key that the error is about.
    pub fn with_context(mut self, operation: &'static str, bucket: &str, key: Option<&str>) -> Self {
        self.0.operation = Some(operation);
        self.0.bucket = Some(bucket.to_owned());
        self.0.key = key.map(str::to_owned);
        self
    }

    /// Adds how often the request was sent and how long that took.
    pub fn with_attempts(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.0.attempts = attempts;
        self.0.elapsed = Some(elapsed);
        self
    }

    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind.unwrap_or(ErrorKind::Other)
    }

    /// Returns the HTTP status of the answer, if one came.
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns what the service said, if it answered.
    pub fn service(&self) -> Option<&ServiceError> {
        self.0.service.as_ref()
    }

    /// Returns S3's error code, for example `AccessDenied`, if the answer named one.
    pub fn code(&self) -> Option<&str> {
        self.service().map(|service| service.code.as_str()).filter(|code| !code.is_empty())
    }

    /// Returns the service's request id, if the answer had one.
    pub fn request_id(&self) -> Option<&str> {
        self.service()?.request_id.as_deref()
    }

    /// Returns the service's host id (`x-amz-id-2`), if the answer had one.
    pub fn host_id(&self) -> Option<&str> {
        self.service()?.host_id.as_deref()
    }

    /// Returns the operation's name in the S3 API, for example `GetObject`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// Returns the bucket the request was for.
    pub fn bucket(&self) -> Option<&str> {
        self.0.bucket.as_deref()
    }

    /// Returns the key the request was for, `key-prefix` included.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Returns how many times the request was sent, or 0 if it never was.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns how long the operation took until it failed.
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    /// Returns true if the request never left, so the service cannot have acted.
    pub fn is_unsent(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Config
                | ErrorKind::BadInput
                | ErrorKind::Connect
                | ErrorKind::Tls
                | ErrorKind::Timeout(Phase::Connect | Phase::Queue)
        )
    }

    /// Returns true if it is not known whether the call took effect, because its answer was lost or is none: after a PUT the
    /// object may be there or not, after a DELETE it may be gone or not.
    pub fn is_outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// Returns true if the service may have acted although this is what came of it.
    pub fn may_have_acted(&self) -> bool {
        match self.kind() {
            ErrorKind::Ambiguous
            | ErrorKind::Interrupted
            | ErrorKind::LimitExceeded
            | ErrorKind::Server
            | ErrorKind::Truncated => true,
            ErrorKind::Timeout(phase) => {
                matches!(phase, Phase::Send | Phase::Head | Phase::Body | Phase::Operation)
            }
            // Whoever wrote it, the request had been sent.
            ErrorKind::Protocol => true,
            _ => false,
        }
    }

    /// Marks that an attempt of the operation, this or an earlier one, may have taken effect.
    pub fn with_unknown_outcome(mut self, unknown: bool) -> Self {
        self.0.outcome_unknown = unknown;
        self
    }

    /// Says that a condition did not hold because there is nothing it could hold for.
    pub(crate) fn into_precondition(mut self) -> Self {
        self.0.kind = Some(ErrorKind::Precondition);
        self.0.message = "the condition does not hold: there is no such object".to_owned();
        self
    }

    /// Says that looking did not tell either.
    pub fn into_ambiguous(mut self) -> Self {
        self.0.kind = Some(ErrorKind::Ambiguous);
        self.0.outcome_unknown = true;
        self
    }

    /// Says that an acknowledged object could not be found.
    pub fn into_unverified(mut self) -> Self {
        self.0.message = format!("the object was acknowledged, but it could not be looked at: {}", self.0.message);
        self.into_ambiguous()
    }

    pub(crate) fn is_passing(&self) -> bool {
        self.0.passing
    }

    /// True if what answered is no service of S3, or a broken one: asking again cannot help.
    pub fn is_final_protocol(&self) -> bool {
        self.kind() == ErrorKind::Protocol && !self.is_passing()
    }

    pub(crate) fn is_worth_one_more(&self) -> bool {
        self.0.worth_one_more
    }

    /// Returns true if the object does not exist. A missing bucket is not a missing object: see
    /// [`is_no_such_bucket`](Self::is_no_such_bucket).
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    /// Returns true if the service says that the bucket does not exist.
    pub fn is_no_such_bucket(&self) -> bool {
        self.kind() == ErrorKind::NoSuchBucket
    }

    /// Returns true if the service refused the credentials, the signature or the permission.
    pub fn is_access_denied(&self) -> bool {
        self.kind() == ErrorKind::AccessDenied
    }

    /// Returns true if a condition of the request did not hold (412).
    pub fn is_precondition_failed(&self) -> bool {
        self.kind() == ErrorKind::Precondition
    }

    /// Returns true if the object has not changed (304).
    pub fn is_not_modified(&self) -> bool {
        self.kind() == ErrorKind::NotModified
    }

    /// Returns true if time ran out, in whichever phase.
    pub fn is_timeout(&self) -> bool {
        matches!(self.kind(), ErrorKind::Timeout(_))
    }

    /// Returns true if the bucket lives in another region; [`ServiceError::region`] names it where the service did.
    pub fn is_wrong_region(&self) -> bool {
        self.kind() == ErrorKind::WrongRegion
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { operation, bucket, key, .. } = &*self.0;
        match (operation, key) {
            (Some(operation), Some(key)) => write!(f, "{operation} {key:?}")?,
            (Some(operation), None) => write!(f, "{operation}")?,
            (None, _) => {}
        }
        if let (Some(_), Some(bucket)) = (operation, bucket) {
            write!(f, " in bucket {bucket:?}: ")?;
        }
        f.write_str(&self.0.message)?;
        self.fmt_answer(f)?;
        if self.0.outcome_unknown {
            f.write_str("; whether it took effect is not known")?;
        }
        self.fmt_effort(f)
    }
}

impl Error {
    /// `: 403 AccessDenied: Access Denied. (request id 4442587FB7D0A2F9)`, as far as it is known.
    fn fmt_answer(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(status) = self.0.status else { return Ok(()) };
        write!(f, ": {}", status.as_u16())?;
        let Some(service) = &self.0.service else { return Ok(()) };
        if !service.code.is_empty() {
            write!(f, " {}", service.code)?;
        } else if let Some(reason) = status.canonical_reason() {
            write!(f, " {reason}")?;
        }
        if !service.message.is_empty() {
            write!(f, ": {}", service.message)?;
        }
        if let Some(id) = &service.request_id {
            write!(f, " (request id {id})")?;
        }
        Ok(())
    }

    fn fmt_effort(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.attempts, self.0.elapsed) {
            (attempts @ 2.., Some(elapsed)) => {
                write!(f, " [{attempts} attempts in {:.1} s]", elapsed.as_secs_f64())
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind())
            .field("message", &self.to_string())
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue => "waiting for a free connection",
            Self::Connect => "connecting",
            Self::Send => "sending the body",
            Self::Head => "waiting for the response",
            Self::Body => "reading the body",
            Self::Operation => "with all attempts together",
            Self::Server => "the service waiting for the request",
        })
    }
}
