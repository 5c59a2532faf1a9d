//! Whether a transfer moves: bytes in a time, not single bytes.
//!
//! In come the time that was waited and the bytes that came of it; out comes whether that is enough. A peer that gives a byte
//! before each timeout would keep its client for ever otherwise.

use std::time::Duration;

/// What a download must gain for each second that it lost by a break, so that the break counts as paid.
const PAID_PER_SECOND: f64 = 1024.0;

/// Measures a transfer in stretches of `low-speed-time`, of the time in which the peer was waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The bytes of a stretch: `low-speed-limit`.
    limit: u64,
    time: Duration,
    waited: Duration,
    bytes: u64,
}

impl Pace {
    pub fn new(limit: u64, time: Duration) -> Self {
        Self { limit, time, waited: Duration::ZERO, bytes: 0 }
    }

    /// Takes note of a wait and of the bytes that ended it; false if the stretch that ends with it was too slow.
    pub fn record(&mut self, waited: Duration, bytes: u64) -> bool {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.waited < self.time {
            return true;
        }
        let stretches = self.waited.as_secs_f64() / self.time.as_secs_f64();
        let is_enough = self.bytes as f64 >= self.limit as f64 * stretches;
        (self.waited, self.bytes) = (Duration::ZERO, 0);
        is_enough
    }

    /// How fast it has to be, in the words of the configuration.
    pub fn bound(&self) -> String {
        format!("low-speed-limit = {} B in low-speed-time = {:?}", self.limit, self.time)
    }
}

/// Returns true if the bytes that came since a download broke are worth the time that the break cost. A service that gives a little
/// and stalls, again and again, is not gone along with for ever.
pub(crate) fn is_paid(bytes: u64, lost: Duration) -> bool {
    bytes as f64 >= PAID_PER_SECOND * lost.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_judged_at_its_end() {
        let seconds = Duration::from_secs;
        let mut pace = Pace::new(60, seconds(60));
        assert!(pace.record(seconds(59), 0));
        assert!(pace.record(seconds(1), 60));
        assert!(pace.record(seconds(20), 20) && pace.record(seconds(20), 20));
        assert!(!pace.record(seconds(20), 19));
        assert!(pace.record(seconds(120), 120), "a longer wait needs more");
        assert!(!pace.record(seconds(120), 119));
        assert!(Pace::new(0, seconds(1)).record(seconds(1000), 0), "a limit of nothing is none");
    }

    #[test]
    fn the_bound_is_told_as_it_is_written() {
        let bound = Pace::new(1024, Duration::from_secs(30)).bound();
        assert_eq!(bound, "low-speed-limit = 1024 B in low-speed-time = 30s");
    }

    #[test]
    fn a_break_is_paid_by_what_comes_behind_it() {
        for (bytes, milliseconds, paid) in
            [(1, 0, true), (51, 50, false), (52, 50, true), (20_479, 20_000, false), (20_480, 20_000, true)]
        {
            assert_eq!(is_paid(bytes, Duration::from_millis(milliseconds)), paid, "{bytes} in {milliseconds} ms");
        }
    }
}
