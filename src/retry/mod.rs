//! When a request is sent again: an outcome in, "again, after so long" or "stop" out. Nothing else in this crate decides it.
//!
//! Compared with the AWS SDKs' "standard" mode (revision 2.1): the same classes, quota and costs, but one attempt more, a
//! longer first delay, and a quota that time refills too. There only a success refills it, so an outage that empties it lets
//! every later failure through unrepeated, and where nothing succeeds at first, for ever. A request that a stale connection
//! swallowed is sent again at once and for free.

mod classify;
mod quota;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::classify::{FailureClass, classify};
use self::quota::QUOTA_FOR_SUCCESS;
pub use self::quota::RetryQuota;
use crate::error::Error;

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
    /// The answer had more headers than are usual; the next one may.
    Headers,
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
    ///
    /// On a connection that has carried nothing yet: the others may be as dead as the one that failed.
    Again {
        /// After so long.
        wait: Duration,
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
    one_more_used: bool,
    /// What the last retry took from the quota, given back when it succeeds.
    spent: u32,
}

impl Retry {
    /// Starts with the first attempt.
    pub fn new(policy: RetryPolicy, idempotent: bool) -> Self {
        let corrected = Vec::new();
        Self { policy, idempotent, retries: 0, stale_used: false, corrected, one_more_used: false, spent: 0 }
    }

    /// Decides what follows a failure.
    pub fn after(&mut self, outcome: &Outcome<'_>, moment: Moment, quota: &mut RetryQuota) -> Decision {
        // The corrected request was refused; but an answer with many headers may have been a success.
        let refused = outcome.correction.is_some_and(|correction| correction != Correction::Headers);
        let harmless = self.idempotent || outcome.error.is_unsent() || refused;
        if !outcome.replayable || !harmless {
            return Decision::Stop;
        }
        if self.is_free(outcome) {
            return Decision::Again { wait: Duration::ZERO };
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
        Decision::Again { wait }
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

    /// Damage on the way is worth one more try; a service that finds it twice means what it says. So does a name that does not
    /// resolve.
    fn class(&mut self, error: &Error) -> FailureClass {
        if error.is_worth_one_more() && std::mem::replace(&mut self.one_more_used, true) {
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

/// The waits between looks at an object that was just stored: some services show new objects late.
pub const LATE_VISIBILITY: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];
