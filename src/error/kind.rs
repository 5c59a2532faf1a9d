//! What kinds of failure there are, and the phases in which time runs out.

use std::fmt;

/// What kind of failure an [`Error`](super::Error) is.
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
    /// The store is full: a quota of the bucket or the account is used up (`QuotaExceeded` and its like, 507).
    QuotaExceeded,
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
    /// The state of the bucket or the object is in the way (409). Retried only for `ConditionalRequestConflict` and
    /// `OperationAborted`, which say that another request is.
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
    /// The caller's source failed, or was shorter or longer than announced. The upload was broken off with a reset, which
    /// services take for a failure.
    Source,
    /// The local file could not be written. What was there before is untouched.
    Sink,
    /// An answer is larger than this crate reads.
    LimitExceeded,
    /// The service does not offer what was asked (405, 411, 501).
    Unsupported,
    /// Any other refusal; [`Error::code`](super::Error::code) has the service's word for it.
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
    /// The whole transfer: it took longer than `transfer-timeout`, or moved more slowly than `low-speed-limit`.
    Transfer,
    /// The service itself gave up waiting for the request (`RequestTimeout`).
    Server,
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
            Self::Transfer => "with the whole transfer",
            Self::Server => "the service waiting for the request",
        })
    }
}
