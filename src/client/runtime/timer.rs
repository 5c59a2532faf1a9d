//! A timer that is kept: making one for each wait costs three percent of a small request.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::time::{Instant, Sleep, sleep_until};

/// Bounds one wait after another, in the runtime that it was made in.
pub(in crate::client) struct Timer(Pin<Box<Sleep>>);

impl Timer {
    /// Makes one in the current runtime. It rings at the first wait, and from then on when it is set for.
    pub fn new() -> Self {
        Self(Box::pin(sleep_until(Instant::now())))
    }

    /// Waits until a moment at most. `None` once that moment has come, or an earlier one for which the timer was still set: to
    /// be woken by that costs less than to set it again. Look at the clock then, and wait again.
    ///
    /// What is ready is never too late. Cancel safe if the future is.
    pub async fn until<F: Future>(&mut self, moment: Instant, mut future: Pin<&mut F>) -> Option<F::Output> {
        if self.0.is_elapsed() || self.0.deadline() > moment {
            self.0.as_mut().reset(moment);
        }
        poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.0.as_mut().poll(cx).map(|()| None),
        })
        .await
    }
}
