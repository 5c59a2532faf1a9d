//! How far a body is on its way out, as the transport sees it, and a hand on it, to let it go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use tokio::time::Instant;

/// How far a body is; shared with the transport, which watches over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Progress {
    /// The service has not said yet that it wants the body (`Expect: 100-continue`); since this time, if hyper has asked.
    WaitsForConsent(Option<Instant>),
    /// The source has no bytes ready: the caller's time, not the service's.
    WaitsForSource,
    /// Bytes were handed over at this time.
    WaitsForSocket(Instant),
    /// All bytes were handed over at this time.
    Sent(Instant),
}

/// The shared view of a body's [`Progress`]. A body without bytes has none.
#[derive(Clone, Debug)]
pub(in crate::client) struct Watch(Option<Arc<Mutex<Watched>>>);

#[derive(Debug)]
struct Watched {
    progress: Progress,
    /// Whom to wake when the service has consented.
    waker: Option<Waker>,
    sent: u64,
}

impl Watch {
    /// Of a body without bytes.
    pub fn of_nothing() -> Self {
        Self(None)
    }

    /// Of a body that has bytes to send.
    pub fn new(progress: Progress) -> Self {
        Self(Some(Arc::new(Mutex::new(Watched { progress, waker: None, sent: 0 }))))
    }

    /// `None` if there are no bytes to send.
    pub fn progress(&self) -> Option<Progress> {
        self.watched().map(|watched| watched.progress)
    }

    /// How many bytes were handed over, framing included.
    pub fn sent(&self) -> u64 {
        self.watched().map_or(0, |watched| watched.sent)
    }

    /// Lets the body go, because the service wants it or has been silent for too long.
    pub fn consent(&self) {
        let Some(mut watched) = self.watched() else { return };
        if matches!(watched.progress, Progress::WaitsForConsent(_)) {
            watched.progress = Progress::WaitsForSocket(Instant::now());
            if let Some(waker) = watched.waker.take() {
                waker.wake();
            }
        }
    }

    /// True while the body is not to go; notes since when it could have.
    pub fn holds_back(&self, cx: &Context<'_>) -> bool {
        let Some(mut watched) = self.watched() else { return false };
        let Progress::WaitsForConsent(since) = watched.progress else { return false };
        watched.progress = Progress::WaitsForConsent(since.or_else(|| Some(Instant::now())));
        watched.waker = Some(cx.waker().clone());
        true
    }

    pub fn set(&self, progress: Progress, sent: usize) {
        let Some(mut watched) = self.watched() else { return };
        watched.progress = progress;
        watched.sent += sent as u64;
    }

    fn watched(&self) -> Option<MutexGuard<'_, Watched>> {
        // Plain values are never half-written.
        self.0.as_ref().map(|watched| watched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
