//! A timer that is kept: making one for each wait costs three percent of a small request.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bounds one wait after another.
pub(super) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// Whose clock it goes by. Another runtime may wait while that one stands still.
    runtime: Id,
}

impl Timer {
    /// Makes one in the current runtime.
    pub fn new() -> Self {
        Self { sleep: Box::pin(sleep_until(Instant::now())), runtime: Handle::current().id() }
    }

    /// Goes by the current runtime's clock from now on.
    pub fn here(&mut self) -> &mut Self {
        if self.runtime != Handle::current().id() {
            *self = Self::new();
        }
        self
    }

    /// Waits until a moment at most. `None` if that comes first, or one before it: a timer that is set already is cheaper to
    /// wake up by than to set again, so look at the clock and go on.
    ///
    /// What is ready is never too late. Cancel safe if the future is.
    pub async fn until<F: Future>(&mut self, moment: Instant, mut future: Pin<&mut F>) -> Option<F::Output> {
        if self.sleep.is_elapsed() || self.sleep.deadline() > moment {
            self.sleep.as_mut().reset(moment);
        }
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.sleep.as_mut().poll(cx).map(|()| None),
        })
        .await
    }
}
