//! What a store's callers may spend on retries together.

use std::time::Duration;

/// The capacity of a small store; it is the AWS SDKs'.
pub(super) const QUOTA_CAPACITY: u32 = 500;
pub(super) const QUOTA_FOR_SUCCESS: u32 = 1;
pub(super) const QUOTA_COST: u32 = 14;
pub(super) const QUOTA_UNANSWERED_COST: u32 = 1;
/// From a full quota so many throttled requests are sent again, and so many more each second, whatever its size.
const THROTTLED_RETRIES: u32 = 100;
const THROTTLED_RETRIES_PER_SECOND: u32 = 2;

/// What a store's callers may spend on retries together, so that a failing service is not stormed.
///
/// It has room for one retry of each connection: a single event that meets them all does not spend what an outage may. Success,
/// progress and time refill it: an outage that empties it does not turn every later failure into a final one.
#[derive(Clone, Debug)]
pub struct RetryQuota {
    capacity: u32,
    pub(super) left: u32,
    refilled_at: Duration,
}

impl Default for RetryQuota {
    fn default() -> Self {
        Self::for_connections(1)
    }
}

impl RetryQuota {
    /// Makes the quota of a store that has so many connections at most.
    pub fn for_connections(count: usize) -> Self {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let capacity = QUOTA_COST.saturating_mul(count).max(QUOTA_CAPACITY);
        Self { capacity, left: capacity, refilled_at: Duration::ZERO }
    }

    pub(super) fn take(&mut self, cost: u32, now: Duration) -> Option<u32> {
        self.refill(now);
        self.left = self.left.checked_sub(cost)?;
        Some(cost)
    }

    pub(super) fn give_back(&mut self, amount: u32) {
        self.left = self.left.saturating_add(amount).min(self.capacity);
    }

    pub(super) fn throttled_cost(&self) -> u32 {
        self.capacity.div_ceil(THROTTLED_RETRIES)
    }

    fn refill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.refilled_at).as_secs();
        let per_second = u64::from(self.throttled_cost() * THROTTLED_RETRIES_PER_SECOND);
        let amount = seconds.saturating_mul(per_second).min(u64::from(self.capacity)) as u32;
        self.give_back(amount);
        self.refilled_at += Duration::from_secs(seconds);
    }
}
