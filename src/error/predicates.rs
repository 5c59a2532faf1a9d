//! What an error says of what happened: the questions that callers and the retry rules ask.

use http::StatusCode;

use super::{Error, ErrorKind, Phase};

impl Error {
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
            ErrorKind::Timeout(phase) if phase != Phase::Server => {
                matches!(phase, Phase::Send | Phase::Head | Phase::Body | Phase::Operation | Phase::Transfer)
            }
            // Whoever wrote it, the request had been sent.
            ErrorKind::Protocol => true,
            // What a gateway says without S3's code says nothing of what the service behind it did.
            _ => {
                let passes = |status: StatusCode| status.is_server_error() || matches!(status.as_u16(), 408 | 429);
                self.code().is_none() && self.status().is_some_and(passes)
            }
        }
    }

    /// Returns true if no service answered: nobody listened, the connection broke, or a gateway stands in front of nothing (502,
    /// 503 or 504 without an S3 code).
    pub fn is_unanswered(&self) -> bool {
        let is_gateways =
            self.status().is_some_and(|status| matches!(status.as_u16(), 502..=504)) && self.code().is_none();
        let is_lost =
            matches!(self.kind(), ErrorKind::Connect | ErrorKind::Interrupted | ErrorKind::Timeout(Phase::Connect));
        is_lost || is_gateways
    }

    /// True if a connection broke before the whole answer was there.
    pub(crate) fn is_break(&self) -> bool {
        matches!(self.kind(), ErrorKind::Interrupted | ErrorKind::Truncated)
    }

    pub(crate) fn is_passing(&self) -> bool {
        self.0.passing
    }

    /// True if what answered is no service of S3, or a broken one: asking again cannot help.
    pub fn is_final_protocol(&self) -> bool {
        self.kind() == ErrorKind::Protocol && !self.is_passing()
    }

    pub(crate) fn is_worth_one_more(&self) -> bool {
        self.0.worth_one_more || self.kind() == ErrorKind::Integrity
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

    /// Returns true if the bucket lives in another region; [`ServiceError::region`](super::ServiceError::region) names it where the service did.
    pub fn is_wrong_region(&self) -> bool {
        self.kind() == ErrorKind::WrongRegion
    }
}
