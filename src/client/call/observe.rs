//! What is told of every attempt: to an [`Observer`], and with the feature `tracing` as events.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

use crate::client::exchange::transport::Trace;
use crate::error::Error;

/// Is told of each attempt's start and end, for counters and logs. Called on the task that makes the attempt: be quick.
///
/// Nothing secret is in what it is told: keys of objects are, keys of accounts are not.
pub trait Observer: Send + Sync {
    /// An attempt starts.
    fn attempt_started(&self, attempt: &Attempt<'_>) {
        let _ = attempt;
    }

    /// An attempt has ended: its answer is read, or with a streamed one, its head. Every attempt that started ends, also one
    /// whose call was dropped.
    fn attempt_ended(&self, attempt: &Attempt<'_>, end: &AttemptEnd<'_>) {
        let _ = (attempt, end);
    }
}

/// One attempt of an operation.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The operation's name in the S3 API.
    pub operation: &'static str,
    /// The bucket.
    pub bucket: &'a str,
    /// The object's key, `key-prefix` included.
    pub key: Option<&'a str>,
    /// 1 for the first.
    pub number: u32,
    /// Why the attempt before this one failed.
    pub because: Option<&'a Error>,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct AttemptEnd<'a> {
    /// The answer's status.
    pub status: Option<StatusCode>,
    /// What went wrong; `None` for a success. Its code is [`Error::code`].
    pub error: Option<&'a Error>,
    /// How many bytes of the body were handed to the connection.
    pub bytes_sent: u64,
    /// How many bytes the answer's body has, if it says so.
    pub bytes_announced: Option<u64>,
    /// The time until the answer's head was there.
    pub time_to_head: Option<Duration>,
    /// The time that the attempt took.
    pub elapsed: Duration,
    /// True if the connection had carried a request before.
    pub connection_reused: bool,
    /// True if the call was dropped meanwhile: neither a success nor a failure.
    pub dropped: bool,
}

/// One attempt being told: of its start when it is made, of its end when it has ended or is dropped. Nothing if nobody listens.
pub(in crate::client) struct Telling<'a>(Option<Told<'a>>);

struct Told<'a> {
    observer: Option<&'a dyn Observer>,
    attempt: Attempt<'a>,
    began: Instant,
    /// What is known of its end so far.
    end: AttemptEnd<'static>,
    over: bool,
}

impl<'a> Telling<'a> {
    pub fn of(observer: Option<&'a dyn Observer>, attempt: impl FnOnce() -> Attempt<'a>) -> Self {
        if observer.is_none() && cfg!(not(feature = "tracing")) {
            return Self(None);
        }
        let attempt = attempt();
        started(observer, &attempt);
        Self(Some(Told { observer, attempt, began: Instant::now(), end: AttemptEnd::default(), over: false }))
    }

    /// Takes note of what was sent, and how.
    pub fn sent(&mut self, trace: Trace) {
        let Some(told) = &mut self.0 else { return };
        (told.end.bytes_sent, told.end.connection_reused) = (trace.bytes_sent, trace.connection_reused);
    }

    /// Takes note that the head of an answer is there.
    pub fn answered(&mut self, status: StatusCode, announced: Option<u64>) {
        let Some(told) = &mut self.0 else { return };
        told.end.status = Some(status);
        told.end.time_to_head = Some(told.began.elapsed());
        told.end.bytes_announced = announced;
    }

    /// Tells of the end.
    pub fn ended(mut self, error: Option<&Error>) {
        let Some(told) = &mut self.0 else { return };
        told.over = true;
        ended(told.observer, &told.attempt, &AttemptEnd { error, elapsed: told.began.elapsed(), ..told.end });
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if !self.over {
            let end = AttemptEnd { dropped: true, elapsed: self.began.elapsed(), ..self.end };
            ended(self.observer, &self.attempt, &end);
        }
    }
}

fn started(observer: Option<&dyn Observer>, attempt: &Attempt<'_>) {
    if let Some(observer) = observer {
        observer.attempt_started(attempt);
    }
    #[cfg(feature = "tracing")]
    tracing::debug!(
        operation = attempt.operation,
        bucket = attempt.bucket,
        key = attempt.key,
        attempt = attempt.number,
        because = attempt.because.map(tracing::field::display),
        "attempt started"
    );
}

fn ended(observer: Option<&dyn Observer>, attempt: &Attempt<'_>, end: &AttemptEnd<'_>) {
    if let Some(observer) = observer {
        observer.attempt_ended(attempt, end);
    }
    #[cfg(feature = "tracing")]
    tracing::debug!(
        operation = attempt.operation,
        bucket = attempt.bucket,
        key = attempt.key,
        attempt = attempt.number,
        status = end.status.map(|status| status.as_u16()),
        code = end.error.and_then(Error::code),
        error = end.error.map(tracing::field::display),
        bytes_sent = end.bytes_sent,
        time_to_head = end.time_to_head.map(tracing::field::debug),
        elapsed = ?end.elapsed,
        connection_reused = end.connection_reused,
        dropped = end.dropped,
        "attempt ended"
    );
}

impl fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
