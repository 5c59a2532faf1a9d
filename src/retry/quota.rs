//! What a store's callers may spend on retries together.

use std::time::Duration;

use super::FailureClass;

pub(super) const QUOTA_CAPACITY: u32 = 500;
pub(super) const QUOTA_FOR_SUCCESS: u32 = 1;
pub(super) const QUOTA_COST: u32 = 14;
const QUOTA_THROTTLED_COST: u32 = 5;
const QUOTA_PER_SECOND: u64 = 10;

/// What a store's callers may spend on retries together, so that a failing service is not stormed.
///
/// Success and time refill it: an outage that empties it does not turn every later failure into a final one.
#[derive(Clone, Debug)]
pub struct RetryQuota {
    pub(super) left: u32,
    refilled_at: Duration,
}

impl Default for RetryQuota {
    fn default() -> Self {
        Self { left: QUOTA_CAPACITY, refilled_at: Duration::ZERO }
    }
}

impl RetryQuota {
    pub(super) fn take(&mut self, class: FailureClass, now: Duration) -> Option<u32> {
        self.refill(now);
        let cost = if class == FailureClass::Throttled { QUOTA_THROTTLED_COST } else { QUOTA_COST };
        self.left = self.left.checked_sub(cost)?;
        Some(cost)
    }

    pub(super) fn give_back(&mut self, amount: u32) {
        self.left = self.left.saturating_add(amount).min(QUOTA_CAPACITY);
    }

    fn refill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.refilled_at).as_secs();
        let amount = seconds.saturating_mul(QUOTA_PER_SECOND).min(u64::from(QUOTA_CAPACITY)) as u32;
        self.give_back(amount);
        self.refilled_at += Duration::from_secs(seconds);
    }
}
