//! What a failure asks for.

use crate::error::{Error, ErrorKind, Phase};

/// What a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureClass {
    /// It may well succeed when sent again.
    Transient,
    /// The service wants to be asked less often.
    Throttled,
    /// Sending it again would fail again.
    Final,
}

/// Says what a failure asks for, by S3's code first, then by status and phase.
pub fn classify(error: &Error) -> FailureClass {
    match error.kind() {
        ErrorKind::Throttled => FailureClass::Throttled,
        // The caller has waited long enough already.
        ErrorKind::Timeout(Phase::Queue | Phase::Operation | Phase::Transfer) => FailureClass::Final,
        // Any other conflict would be one again.
        ErrorKind::Conflict => match error.code() {
            Some("ConditionalRequestConflict" | "OperationAborted") => FailureClass::Transient,
            _ => FailureClass::Final,
        },
        ErrorKind::Server
        | ErrorKind::Integrity
        | ErrorKind::Interrupted
        | ErrorKind::Truncated
        | ErrorKind::Timeout(_)
        | ErrorKind::Connect => FailureClass::Transient,
        // 409 and 4xx with these codes are refusals that pass.
        _ if matches!(error.code(), Some("RequestTimeoutException" | "PriorRequestNotComplete")) => {
            FailureClass::Transient
        }
        _ if error.status().is_some_and(|status| matches!(status.as_u16(), 425 | 499)) => FailureClass::Transient,
        // An answer that is none, of a request that may have been applied: a proxy in between may do better next time.
        ErrorKind::Protocol if error.is_passing() => FailureClass::Transient,
        _ => FailureClass::Final,
    }
}
