//! When a request is sent again: an outcome in, "again, after so long" or "stop" out. Nothing else in this crate decides it.
//!
//! Compared with the AWS SDKs' "standard" mode (revision 2.1): the same classes, quota and costs, but one attempt more, a
//! longer first delay, and a quota that time refills too. There only a success refills it, so an outage that empties it lets
//! every later failure through unrepeated, and where nothing succeeds at first, for ever. A request that a stale connection
//! swallowed is sent again at once and for free.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

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

/// How often and how fast requests are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many times after the first: `max-retries`.
    pub max_retries: u32,
    /// The most that the first wait takes; each further one takes twice as long.
    pub base: Duration,
    /// The same while the service throttles.
    pub throttled_base: Duration,
    /// The most that any wait takes by this side's own choice.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            base: Duration::from_millis(100),
            throttled_base: Duration::from_secs(1),
            longest: Duration::from_secs(20),
        }
    }
}

/// What became of an attempt.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// Why it failed.
    pub error: &'a Error,
    /// The connection had carried a request before, and broke before any byte of an answer.
    pub stale_connection: bool,
    /// What the next attempt will do differently, so that the reason of the failure is gone.
    pub correction: Option<Correction>,
    /// The body can be read from its beginning again.
    pub replayable: bool,
    /// What the service asks for: `Retry-After`, `x-amz-retry-after`.
    pub retry_after: Option<Duration>,
}

/// What an attempt taught: the next one will not meet the same refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Correction {
    /// The clocks were too far apart; the next signature is made with the service's time.
    Clock,
    /// The region was the wrong one; the next signature is made for the right one.
    Region,
    /// The service does not take `Expect: 100-continue` (417); the next request comes without.
    Expectation,
}

/// When a decision is made.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Time since the quota was made.
    pub now: Duration,
    /// What is left of the operation's own time; `None` if it has no bound.
    pub remaining: Option<Duration>,
    /// From 0 to 1, chosen by chance: callers that failed together must not come back together.
    pub jitter: f64,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Send the request again.
    Again {
        /// After so long.
        wait: Duration,
        /// On a connection that has carried nothing yet.
        new_connection: bool,
    },
    /// Report the failure.
    Stop,
}

/// Decides for one operation, from attempt to attempt.
#[derive(Clone, Debug)]
pub struct Retry {
    policy: RetryPolicy,
    /// Sending it twice leaves the same as sending it once.
    idempotent: bool,
    retries: u32,
    stale_used: bool,
    corrected: Vec<Correction>,
    integrity_used: bool,
    /// What the last retry took from the quota, given back when it succeeds.
    spent: u32,
}

impl Retry {
    /// Starts with the first attempt.
    pub fn new(policy: RetryPolicy, idempotent: bool) -> Self {
        let corrected = Vec::new();
        Self { policy, idempotent, retries: 0, stale_used: false, corrected, integrity_used: false, spent: 0 }
    }

    /// Decides what follows a failure.
    pub fn after(&mut self, outcome: &Outcome<'_>, moment: Moment, quota: &mut RetryQuota) -> Decision {
        let harmless = self.idempotent || outcome.error.is_unsent() || outcome.correction.is_some();
        if !outcome.replayable || !harmless {
            return Decision::Stop;
        }
        if self.is_free(outcome) {
            return Decision::Again { wait: Duration::ZERO, new_connection: true };
        }
        let class = self.class(outcome.error);
        if class == FailureClass::Final || self.retries >= self.policy.max_retries {
            return Decision::Stop;
        }
        let wait = self.wait(class, outcome.retry_after, moment.jitter);
        if moment.remaining.is_some_and(|remaining| remaining <= wait) {
            return Decision::Stop;
        }
        let Some(spent) = quota.take(class, moment.now) else { return Decision::Stop };
        self.spent = spent;
        self.retries += 1;
        Decision::Again { wait, new_connection: true }
    }

    /// Takes note of a success: what its retry cost goes back, and a first success adds a little.
    pub fn succeeded(&self, quota: &mut RetryQuota) {
        quota.give_back(if self.retries == 0 { QUOTA_FOR_SUCCESS } else { self.spent });
    }

    /// A stale connection and a correction cost nothing, once each: the reason of the failure is gone.
    fn is_free(&mut self, outcome: &Outcome<'_>) -> bool {
        if let Some(correction) = outcome.correction.filter(|correction| !self.corrected.contains(correction)) {
            self.corrected.push(correction);
            return true;
        }
        outcome.stale_connection && !std::mem::replace(&mut self.stale_used, true)
    }

    /// Damage on the way is worth one more try; a service that finds it twice means what it says.
    fn class(&mut self, error: &Error) -> FailureClass {
        if error.kind() == ErrorKind::Integrity && std::mem::replace(&mut self.integrity_used, true) {
            return FailureClass::Final;
        }
        classify(error)
    }

    /// Exponential, with full jitter. What the service asks for counts, but neither zero nor for ever.
    fn wait(&self, class: FailureClass, asked: Option<Duration>, jitter: f64) -> Duration {
        let base = match class {
            FailureClass::Throttled => self.policy.throttled_base,
            _ => self.policy.base,
        };
        let doubled = base.saturating_mul(2u32.saturating_pow(self.retries));
        let bound = doubled.min(self.policy.longest);
        let own = bound.mul_f64(jitter.clamp(0.0, 1.0));
        asked.map_or(own, |asked| asked.clamp(own, (own + ASKED_MARGIN).max(LONGEST_ASKED)))
    }
}

/// A wait that the service asks for is kept up to this long, or this much longer than this side's own.
const LONGEST_ASKED: Duration = Duration::from_secs(30);
const ASKED_MARGIN: Duration = Duration::from_secs(5);

/// Says what a failure asks for, by S3's code first, then by status and phase.
pub fn classify(error: &Error) -> FailureClass {
    match error.kind() {
        ErrorKind::Throttled => FailureClass::Throttled,
        ErrorKind::Server
        | ErrorKind::Conflict
        | ErrorKind::Integrity
        | ErrorKind::Interrupted
        | ErrorKind::Truncated
        | ErrorKind::Timeout(_)
        | ErrorKind::Connect => FailureClass::Transient,
        // 409 and 4xx with these codes are refusals that pass.
        _ if matches!(error.code(), Some("RequestTimeoutException" | "PriorRequestNotComplete")) => {
            FailureClass::Transient
        }
        _ if error.status().is_some_and(|status| matches!(status.as_u16(), 425 | 499 | 520..=529)) => {
            FailureClass::Transient
        }
        // An answer that is none, of a request that may have been applied: a proxy in between may do better next time.
        ErrorKind::Protocol if error.is_passing() => FailureClass::Transient,
        _ => FailureClass::Final,
    }
}

/// The waits between looks at an object that was just stored: some services show new objects late.
pub(crate) const LATE_VISIBILITY: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];

const QUOTA_CAPACITY: u32 = 500;
const QUOTA_FOR_SUCCESS: u32 = 1;
const QUOTA_COST: u32 = 14;
const QUOTA_THROTTLED_COST: u32 = 5;
const QUOTA_PER_SECOND: u64 = 10;

/// What a store's callers may spend on retries together, so that a failing service is not stormed.
///
/// Success and time refill it: an outage that empties it does not turn every later failure into a final one.
#[derive(Clone, Debug)]
pub struct RetryQuota {
    left: u32,
    refilled_at: Duration,
}

impl Default for RetryQuota {
    fn default() -> Self {
        Self { left: QUOTA_CAPACITY, refilled_at: Duration::ZERO }
    }
}

impl RetryQuota {
    fn take(&mut self, class: FailureClass, now: Duration) -> Option<u32> {
        self.refill(now);
        let cost = if class == FailureClass::Throttled { QUOTA_THROTTLED_COST } else { QUOTA_COST };
        self.left = self.left.checked_sub(cost)?;
        Some(cost)
    }

    fn give_back(&mut self, amount: u32) {
        self.left = self.left.saturating_add(amount).min(QUOTA_CAPACITY);
    }

    fn refill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.refilled_at).as_secs();
        let amount = seconds.saturating_mul(QUOTA_PER_SECOND).min(u64::from(QUOTA_CAPACITY)) as u32;
        self.give_back(amount);
        self.refilled_at += Duration::from_secs(seconds);
    }
}
