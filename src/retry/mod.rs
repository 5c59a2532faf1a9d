//! When a request is sent again: an outcome in, "again, after so long" or "stop" out. Nothing else in this crate decides it.
//!
//! Two bounds: what a service answered is counted (`max-retries`); where no service answered, because nobody listens, the
//! connection broke or a gateway stands in front of nothing, the call has time (`retry-timeout`). A restart of ten seconds is
//! an everyday event, and no number of quick attempts outlasts it.
//!
//! Compared with the AWS SDKs' "standard" mode as of November 2026: the same classes, and the same proportion of costs, but
//! one attempt more, a longer first delay (100 ms instead of 50), and a quota that grows with the store's connections and is
//! refilled by time and progress. There only a success refills it: after an outage that emptied it nothing is retried until a
//! call succeeds at its first try.

mod classify;
mod quota;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use self::classify::{FailureClass, classify};
pub use self::quota::RetryQuota;
use self::quota::{QUOTA_COST, QUOTA_FOR_SUCCESS, QUOTA_UNANSWERED_COST};
use crate::error::Error;

/// How often and how fast requests are sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many times after the first, where a service answered: `max-retries`. With 0, nothing is ever sent again but what
    /// costs nothing.
    pub max_retries: u32,
    /// How long after its start a call is still tried where no service answered: `retry-timeout`.
    pub timeout: Duration,
    /// The most that the first wait takes; each further one takes twice as long: `retry-base-delay`.
    pub base: Duration,
    /// The same while the service throttles.
    pub throttled_base: Duration,
    /// The most that any wait takes by this side's own choice: `retry-max-delay`.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 3,
            timeout: Duration::from_secs(30),
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
    /// That time was refused, too; the next signature is made with the time that was used before.
    OwnClock,
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
    /// Time since the first attempt began.
    pub elapsed: Duration,
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
    /// Report the failure, which would be worth another attempt: the store's quota for retries is spent.
    OutOfQuota,
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
    break_used: bool,
    /// What the last retry took from the quota, given back when it succeeds.
    spent: u32,
    /// What the retries before it took, given back when there is progress.
    spent_before: u32,
}

impl Retry {
    /// Starts with the first attempt.
    pub fn new(policy: RetryPolicy, idempotent: bool) -> Self {
        let corrected = Vec::new();
        let (retries, spent, spent_before, stale_used, one_more_used, break_used) = Default::default();
        Self { policy, idempotent, retries, stale_used, corrected, one_more_used, break_used, spent, spent_before }
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
        let left = self.policy.timeout.saturating_sub(moment.elapsed);
        let has_time = self.policy.max_retries > 0 && outcome.error.is_unanswered() && !left.is_zero();
        if class == FailureClass::Final || !(self.retries < self.policy.max_retries || has_time) {
            return Decision::Stop;
        }
        let mut wait = self.wait(class, outcome, moment.jitter);
        if self.retries >= self.policy.max_retries {
            wait = wait.min(left);
        }
        if moment.remaining.is_some_and(|remaining| remaining <= wait) {
            return Decision::Stop;
        }
        let Some(spent) = quota.take(self.cost(outcome.error, class, quota), moment.now) else {
            return Decision::OutOfQuota;
        };
        self.spent_before += std::mem::replace(&mut self.spent, spent);
        self.retries += 1;
        Decision::Again { wait }
    }

    /// Takes note of a success: what its retry cost goes back, and a first success adds a little.
    pub fn succeeded(&self, quota: &mut RetryQuota) {
        quota.give_back(if self.retries == 0 { QUOTA_FOR_SUCCESS } else { self.spent });
    }

    /// Takes note that a download moved on: what all its retries cost goes back. The next break has all its tries again.
    pub fn progressed(self, quota: &mut RetryQuota) {
        quota.give_back(self.spent + self.spent_before);
    }

    /// Attempts to connect burden nobody. One event may break every connection there is, so the first break of a call costs
    /// nothing either, and where no service answered, the next ones little.
    fn cost(&mut self, error: &Error, class: FailureClass, quota: &RetryQuota) -> u32 {
        let is_first_break = error.is_break() && !std::mem::replace(&mut self.break_used, true);
        match class {
            _ if error.is_unsent() || is_first_break => 0,
            // A 503 without a code may be a gateway's, with nobody behind it; but it may be a service that asks for less.
            FailureClass::Throttled => quota.throttled_cost(),
            _ if error.is_unanswered() => QUOTA_UNANSWERED_COST,
            _ => QUOTA_COST,
        }
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
    fn wait(&self, class: FailureClass, outcome: &Outcome<'_>, jitter: f64) -> Duration {
        let base = match class {
            FailureClass::Throttled => self.policy.throttled_base.max(self.policy.base),
            _ => self.policy.base,
        };
        let longest = if outcome.error.is_unsent() { LONGEST_BEFORE_CONNECTING } else { self.policy.longest };
        let doubled = base.saturating_mul(2u32.saturating_pow(self.retries));
        let own = doubled.min(longest).min(self.policy.longest).mul_f64(jitter.clamp(0.0, 1.0));
        let asked = outcome.retry_after;
        asked.map_or(own, |asked| asked.clamp(own, (own + ASKED_MARGIN).max(LONGEST_ASKED)))
    }
}

/// A service that is back is found within this time.
const LONGEST_BEFORE_CONNECTING: Duration = Duration::from_secs(10);

/// A wait that the service asks for is kept up to this long, or this much longer than this side's own.
const LONGEST_ASKED: Duration = Duration::from_secs(30);
const ASKED_MARGIN: Duration = Duration::from_secs(5);

/// The waits between looks at an object that was just stored: some services show new objects late.
pub const LATE_VISIBILITY: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];
