//! A failed attempt, and what it taught.

use std::time::{Duration, SystemTime};

use crate::client::exchange::transport::{Broken, Trace};
use crate::error::Error;
use crate::skew::ClockSkew;

/// How an attempt was signed and sent.
#[derive(Clone, Copy)]
pub(in crate::client) struct Signing {
    pub at: SystemTime,
    pub skew: ClockSkew,
    /// Its body waited for the service's consent.
    pub expected: bool,
}

/// A failed attempt, and what it taught.
pub(in crate::client) struct Failure {
    pub error: Error,
    /// An answer came, and it asks for this wait.
    pub answered: bool,
    pub retry_after: Option<Duration>,
    /// The skew by the answer's Date.
    pub measured: Option<ClockSkew>,
    /// The skew that the request was signed with, if it was answered.
    pub signed_with: Option<ClockSkew>,
    pub stale_connection: bool,
    pub expected: bool,
    pub in_body: bool,
}

impl Failure {
    #[cold]
    pub fn of_answer(
        error: Error,
        retry_after: Option<Duration>,
        measured: Option<ClockSkew>,
        signing: Signing,
    ) -> Self {
        let signed_with = Some(signing.skew);
        Self { answered: true, retry_after, measured, signed_with, expected: signing.expected, ..error.into() }
    }

    /// There was no place, or no connection.
    #[cold]
    pub fn before_sending(broken: Broken) -> Self {
        broken.error.into()
    }

    #[cold]
    pub fn of(broken: Broken, trace: Trace, expected: bool) -> Self {
        let Broken { error, closed_unanswered, in_body } = broken;
        let stale_connection = closed_unanswered && trace.connection_reused;
        Self { stale_connection, expected, in_body, ..error.into() }
    }
}

impl From<Error> for Failure {
    #[cold]
    fn from(error: Error) -> Self {
        Self {
            error,
            answered: false,
            retry_after: None,
            measured: None,
            signed_with: None,
            stale_connection: false,
            expected: false,
            in_body: false,
        }
    }
}
