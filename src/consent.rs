//! Whether a service is asked before a large body is sent (`Expect: 100-continue`, RFC 9110 section 10.1.1).
//!
//! In come a refusal of the question and an answer that stayed out; out comes whether to ask next time. Many services never
//! answer and take the body all the same; a busy one may answer late once.

use std::time::Duration;

/// How long a service that did not answer is not asked.
const SILENCE: Duration = Duration::from_secs(5 * 60);

/// What a service makes of the question.
#[derive(Clone, Copy, Debug, Default)]
pub enum Consent {
    /// It is asked.
    #[default]
    Asked,
    /// It did not answer in time; the time is that of the store.
    SilentAt(Duration),
    /// It does not take the question (417), and will not.
    Refused,
}

impl Consent {
    /// Returns true if the service is to be asked at this time.
    pub fn is_asked(self, now: Duration) -> bool {
        match self {
            Self::Asked => true,
            Self::SilentAt(then) => now.saturating_sub(then) >= SILENCE,
            Self::Refused => false,
        }
    }

    /// Takes note that the service refused the question.
    pub fn refused(&mut self) {
        *self = Self::Refused;
    }

    /// Takes note that the service did not answer in time.
    pub fn overdue(&mut self, now: Duration) {
        if !matches!(self, Self::Refused) {
            *self = Self::SilentAt(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_for_a_while_and_a_refusal_for_ever() {
        let at = Duration::from_secs;
        let mut consent = Consent::default();
        assert!(consent.is_asked(at(0)));
        consent.overdue(at(10));
        assert!(!consent.is_asked(at(309)) && consent.is_asked(at(310)));
        consent.refused();
        consent.overdue(at(400));
        assert!(!consent.is_asked(at(1_000_000)));
    }
}
