//! The one error type: what failed, in words an operator can act on, and everything the service said about it.
//!
//! In come the parts that any room knows; out goes an [`Error`] with a kind, predicates and the cause. No secret, token,
//! signature or query string ever enters it.

mod display;
mod foreign;
mod kind;
mod predicates;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

pub(crate) use self::foreign::printable;
pub use self::kind::{ErrorKind, Phase};
use crate::head::ResponseHead;

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
    /// The head of the answer.
    head: Option<ResponseHead>,
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
    /// Where a redirect leads (`Location`), without a signature. Never followed.
    pub location: Option<String>,
    /// The size of the object of which a range was refused (`<ActualObjectSize>`, `Content-Range: bytes */n`).
    pub actual_object_size: Option<u64>,
}

/// The result of this crate's calls.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Makes an error of a kind with a message; the context is added on the way up.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind: Some(kind), message: message.into(), ..Inner::default() }))
    }

    /// Makes the error of a connection that another HTTP client could not make, for [`Retry`](crate::Retry) to judge: nothing was
    /// sent.
    ///
    /// ```
    /// use s3lite::{Decision, Error, Moment, Outcome, Retry, RetryPolicy, RetryQuota};
    /// use std::time::Duration;
    ///
    /// let error = Error::connect(std::io::Error::other("connection refused"));
    /// let outcome =
    ///     Outcome { error: &error, stale_connection: false, correction: None, replayable: true, retry_after: None };
    /// let moment = Moment { now: Duration::ZERO, elapsed: Duration::ZERO, remaining: None, jitter: 0.5 };
    /// let decision = Retry::new(RetryPolicy::default(), true).after(&outcome, moment, &mut RetryQuota::default());
    /// assert_eq!(decision, Decision::Again { wait: Duration::from_millis(50) });
    /// ```
    pub fn connect(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Connect, "there is no connection").with_source(source)
    }

    /// Makes the error of a connection that broke before the whole answer was there: whether the service acted is not known.
    pub fn connection_lost(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Interrupted, "the connection broke").with_source(source)
    }

    /// Makes the error of an exchange in which time ran out in a phase.
    pub fn timeout(phase: Phase, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorKind::Timeout(phase), format!("time ran out {phase}")).with_source(source)
    }

    #[cold]
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    /// Says where the mistake is, before what it is.
    #[cold]
    pub(crate) fn within(mut self, place: impl std::fmt::Display) -> Self {
        self.0.message = format!("{place}: {}", self.0.message);
        self
    }

    /// Makes the error of a call that cannot be made as it is, in an operation of one's own: nothing was sent.
    #[cold]
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// Makes the error of an answer that is none of its operation's, in an operation of one's own.
    #[cold]
    pub fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, message)
    }

    /// Makes an error of an answer that is none, which another try may not meet.
    #[cold]
    pub(crate) fn passing_protocol(message: impl Into<String>) -> Self {
        let mut error = Self::protocol(message);
        error.0.passing = true;
        error
    }

    #[cold]
    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Makes an error of which one more try is worth its while, and no further one.
    #[cold]
    pub fn worth_one_more(mut self) -> Self {
        self.0.worth_one_more = true;
        self
    }

    /// Adds what to do about it.
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.0.message = format!("{} ({hint})", self.0.message);
        self
    }

    #[cold]
    pub(crate) fn with_answer(mut self, head: ResponseHead, service: ServiceError) -> Self {
        self.0.head = Some(head);
        self.0.service = Some(service);
        self
    }

    /// Adds the operation, the bucket and the key that the error is about.
    #[cold]
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
        self.head().map(|head| head.status)
    }

    /// Returns the head of the answer, if one came: a delete marker's 404 has its version there, a 304 its tag.
    pub fn head(&self) -> Option<&ResponseHead> {
        self.0.head.as_ref()
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

    /// Says that an object is stored, but that this writer may not look at it.
    pub(crate) fn into_stored_unverified(mut self) -> Self {
        self.0.message = format!(
            "the object was stored and acknowledged, but could not be verified, for which verify-after-write needs the right to \
             read it (s3:GetObject): {}",
            self.0.message
        );
        self.0.outcome_unknown = false;
        self
    }

    /// Says that an acknowledged object could not be found.
    pub fn into_unverified(mut self) -> Self {
        self.0.message = format!("the object was acknowledged, but it could not be looked at: {}", self.0.message);
        self.into_ambiguous()
    }
}
