//! Watches over one exchange: is there progress, and if not, who is waited for?

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::client::connection::watch::{Progress, Watch};
use crate::client::connection::wire::Wire;
use crate::config::Timeouts;
use crate::error::Phase;
use crate::pace::Pace;

/// How long a service may take to say that it wants a body. Many never do, and take it all the same.
const CONSENT: Duration = Duration::from_secs(1);

/// Watches one exchange: is there progress, and if not, who is waited for?
pub(in crate::client) struct Watchdog<'a> {
    timeouts: &'a Timeouts,
    watch: Watch,
    wire: Arc<Wire>,
    started: Instant,
    /// Whether the body moves while the socket is waited for; until the last look, when so many bytes had been taken.
    pace: Pace,
    looked: (Instant, u64),
    consent_overdue: bool,
    /// The answer is there.
    over: bool,
}

/// What ends when a deadline passes.
enum Due {
    /// The patience with the service.
    Patience(Phase),
    /// The wait for its consent: the body goes all the same.
    Consent,
}

impl Drop for Watchdog<'_> {
    /// An exchange that is given up ends its connection at once. An upload must not look like a shorter one, and hyper would
    /// wait for a silent peer to take what is written. This comes before the request is dropped, because hyper closes the
    /// connection in order as soon as that is.
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.wire.abort();
    }
}

impl<'a> Watchdog<'a> {
    pub fn new(timeouts: &'a Timeouts, watch: Watch, wire: Arc<Wire>, started: Instant) -> Self {
        let pace = Pace::new(timeouts.low_speed_limit, timeouts.low_speed_time);
        let looked = (started, wire.written());
        Self { timeouts, watch, wire, started, pace, looked, consent_overdue: false, over: false }
    }

    /// When to look next. A shorter limit may begin to count meanwhile, so never further away than that.
    pub fn next_look(&self, now: Instant) -> Instant {
        let soon = now + self.timeouts.idle.min(self.timeouts.head).min(CONSENT);
        self.deadline().map_or(soon, |(deadline, _)| deadline.min(soon))
    }

    /// Fails with the phase in which time has run out.
    pub fn check(&mut self, now: Instant) -> Result<(), Phase> {
        if !self.moves(now) {
            return Err(Phase::Transfer);
        }
        match self.deadline() {
            Some((deadline, due)) if deadline <= now => match due {
                Due::Patience(phase) => Err(phase),
                Due::Consent => {
                    self.consent_overdue = true;
                    self.watch.consent();
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    /// False if the socket took the body too slowly. What a slow source takes is the caller's time.
    fn moves(&mut self, now: Instant) -> bool {
        let written = self.wire.written();
        let (before, written_before) = std::mem::replace(&mut self.looked, (now, written));
        let waits = matches!(self.watch.progress(), Some(Progress::WaitsForSocket(_)));
        let waited = if waits { now.saturating_duration_since(before) } else { Duration::ZERO };
        self.pace.record(waited, written - written_before)
    }

    /// How fast the body has to move, in the words of the configuration.
    pub fn bound(&self) -> String {
        self.pace.bound()
    }

    /// Until when the service has time, and for what; `None` while it is not waited for.
    fn deadline(&self) -> Option<(Instant, Due)> {
        let last_write = self.wire.last_write().max(self.started);
        match self.watch.progress().unwrap_or(Progress::Sent(self.started)) {
            Progress::WaitsForSource => None,
            Progress::WaitsForConsent(since) => Some((since.unwrap_or(last_write) + CONSENT, Due::Consent)),
            Progress::WaitsForSocket(since) => {
                Some((since.max(last_write) + self.timeouts.idle, Due::Patience(Phase::Send)))
            }
            Progress::Sent(since) => Some((since.max(last_write) + self.timeouts.head, Due::Patience(Phase::Head))),
        }
    }

    /// Takes note that the answer is there. Returns what goes on of a body that was not sent whole by then.
    pub fn answered(&mut self) -> (Trace, Option<Unsent>) {
        let trace = self.trace();
        self.wire.answered();
        self.over = true;
        let is_sent = self.body_sent() && !self.wire.write_broke();
        (trace, (!is_sent).then(|| Unsent::new(self.wire.clone())))
    }

    /// True if the body went out because the service did not answer to `Expect: 100-continue` in time.
    pub fn consent_overdue(&self) -> bool {
        self.consent_overdue
    }

    /// The connection.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    fn body_sent(&self) -> bool {
        matches!(self.watch.progress(), None | Some(Progress::Sent(_)))
    }

    pub fn in_body(&self) -> bool {
        self.watch.sent() > 0 && !self.body_sent()
    }

    pub fn trace(&self) -> Trace {
        Trace { bytes_sent: self.watch.sent(), connection_reused: self.wire.was_used() }
    }
}

/// What is worth telling of an exchange, whether it failed or not.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::client) struct Trace {
    pub bytes_sent: u64,
    pub connection_reused: bool,
}

/// A connection on which hyper goes on sending a body that nobody wants any more: it ends once the answer is read.
pub(in crate::client) struct Unsent {
    wire: Arc<Wire>,
}

impl Unsent {
    fn new(wire: Arc<Wire>) -> Self {
        wire.reset_at_end();
        Self { wire }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.wire.abort();
    }
}
