//! When a request is sent again: an outcome in, "again" or "stop" out. Nothing else in this crate decides it.
//!
//! So far for the one case that every pooled client meets: the service closes a connection that was idle just when the
//! next request goes out on it. The request is sent once more, on a new connection.

/// What became of an attempt that brought no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The connection broke before any byte of an answer.
    pub closed_unanswered: bool,
    /// The connection had carried a request before.
    pub reused_connection: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Send the request again at once, on a new connection.
    AgainOnNewConnection,
    /// Report the failure.
    Stop,
}

/// Decides for one operation, from attempt to attempt.
#[derive(Clone, Debug)]
pub struct Retry {
    may_repeat: bool,
    stale_retry_used: bool,
}

impl Retry {
    /// Starts with the first attempt. A request may be repeated if twice leaves the same as once, and if its body can be
    /// read again.
    pub fn new(repeatable_request: bool, replayable_body: bool) -> Self {
        Self { may_repeat: repeatable_request && replayable_body, stale_retry_used: false }
    }

    /// Decides what follows a failure.
    ///
    /// A request that was swallowed on a reused connection looks the same whether the service acted or not, so only one
    /// that may be repeated is.
    pub fn after(&mut self, outcome: Outcome) -> Decision {
        let stale = outcome.closed_unanswered && outcome.reused_connection;
        if !stale || !self.may_repeat || self.stale_retry_used {
            return Decision::Stop;
        }
        self.stale_retry_used = true;
        Decision::AgainOnNewConnection
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_stale_connection_and_only_once() {
        for (closed_unanswered, reused_connection, request, body, decision) in [
            (true, true, true, true, Decision::AgainOnNewConnection),
            (true, false, true, true, Decision::Stop),
            (false, true, true, true, Decision::Stop),
            (true, true, false, true, Decision::Stop),
            (true, true, true, false, Decision::Stop),
        ] {
            let mut retry = Retry::new(request, body);
            let outcome = Outcome { closed_unanswered, reused_connection };
            assert_eq!(retry.after(outcome), decision, "{outcome:?}");
            assert_eq!(retry.after(outcome), Decision::Stop, "a second time");
        }
    }
}
