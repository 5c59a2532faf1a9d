//! A body on its way out: exactly the announced number of bytes, or none that a service could take for the whole.
//!
//! hyper cuts a source that is longer than its Content-Length and reports success. So the last bytes are held back until
//! the source has shown its end: a longer, shorter or failing source never becomes an object.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::client::connection::watch::{Progress, Watch};
use crate::client::connection::wire::Wire;
use crate::client::payload::framer::Framer;
use crate::client::payload::source::{Source, SourceError};

/// A request's body. One with bytes is boxed: a request moves a dozen times on its way to its connection.
#[derive(Default)]
pub(in crate::client) struct SendBody(Option<Box<Sending>>);

/// A body with bytes.
struct Sending {
    source: Source,
    announced: u64,
    taken: u64,
    /// The last bytes, until the source has shown its end.
    held: Option<Bytes>,
    source_ended: bool,
    /// All was handed over.
    ended: bool,
    framer: Option<Box<Framer>>,
    wire_length: u64,
    watch: Watch,
    wire: Option<Arc<Wire>>,
}

impl SendBody {
    /// Sends `length` bytes of a source; chunk by chunk if there is a framer, when `wire_length` counts its heads too.
    pub fn new(source: Source, length: u64, framer: Option<Box<Framer>>, wire_length: u64, now: Instant) -> Self {
        // hyper asks for no part of a body whose length is 0.
        if wire_length == 0 {
            return Self(None);
        }
        Self(Some(Box::new(Sending {
            source,
            announced: length,
            taken: 0,
            held: None,
            source_ended: false,
            ended: false,
            framer,
            wire_length,
            watch: Watch::new(Progress::WaitsForSocket(now)),
            wire: None,
        })))
    }

    /// Holds the body back until [`Watch::consent`].
    pub fn gated(self) -> Self {
        if let Some(sending) = &self.0 {
            sending.watch.set(Progress::WaitsForConsent(None), 0);
        }
        self
    }

    /// Returns what lets the body go, if it waits for the service's consent.
    pub fn waits_for_consent(&self) -> Option<Watch> {
        let watch = &self.0.as_ref()?.watch;
        matches!(watch.progress(), Some(Progress::WaitsForConsent(_))).then(|| watch.clone())
    }

    /// Tells the body its connection, which it resets if its source fails: it must not look like a shorter one.
    pub fn watched_over(&mut self, wire: &Arc<Wire>) -> Watch {
        let Some(sending) = &mut self.0 else { return Watch::of_nothing() };
        wire.body_begins();
        sending.wire = Some(wire.clone());
        sending.watch.clone()
    }
}

impl Sending {
    /// The next bytes that may leave, counted; `None` once the source has ended as announced.
    fn poll_counted(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, SourceError>> {
        let announced = self.announced;
        loop {
            match ready!(self.source.poll_next(cx)).map_err(SourceError::Failed)? {
                None if self.taken == announced => return Poll::Ready(Ok(self.held.take())),
                None => return Poll::Ready(Err(SourceError::Shorter { announced, read: self.taken })),
                Some(bytes) => {
                    self.taken += bytes.len() as u64;
                    if self.taken > announced {
                        return Poll::Ready(Err(SourceError::Longer { announced }));
                    }
                    if self.taken < announced {
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                    self.held = Some(bytes);
                }
            }
        }
    }

    /// Resets the connection at once: hyper closes it in order as soon as it has the error.
    fn fail(&mut self, error: SourceError) -> SourceError {
        self.reset_connection();
        self.ended = true;
        error
    }

    /// Takes note of bytes that are handed over, the last of them perhaps.
    fn sent(&mut self, bytes: Bytes) -> Frame<Bytes> {
        self.ended = self.source_ended && self.framer.as_ref().is_none_or(|framer| framer.is_empty());
        let now = Instant::now();
        let progress = if self.ended { Progress::Sent(now) } else { Progress::WaitsForSocket(now) };
        if let (true, Some(wire)) = (self.ended, &self.wire) {
            wire.body_handed_over();
        }
        self.watch.set(progress, bytes.len());
        Frame::data(bytes)
    }

    fn reset_connection(&self) {
        if let Some(wire) = &self.wire {
            wire.abort();
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SourceError>>> {
        if !self.ended && self.watch.holds_back(cx) {
            return Poll::Pending;
        }
        while !self.ended {
            if let Some(framed) = self.framer.as_mut().and_then(|framer| framer.next()) {
                return Poll::Ready(Some(Ok(self.sent(framed))));
            }
            let Poll::Ready(next) = self.poll_counted(cx) else {
                self.watch.set(Progress::WaitsForSource, 0);
                return Poll::Pending;
            };
            let next = match next {
                Ok(next) => next,
                Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
            };
            let source_ended = self.taken == self.announced;
            self.source_ended = source_ended;
            match (self.framer.as_mut(), next) {
                (None, Some(bytes)) => return Poll::Ready(Some(Ok(self.sent(bytes)))),
                (None, None) => self.ended = true,
                (Some(framer), next) => {
                    framer.take(next.unwrap_or_default());
                    if source_ended {
                        framer.end();
                    }
                }
            }
        }
        Poll::Ready(None)
    }
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = SourceError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SourceError>>> {
        self.0.as_mut().map_or(Poll::Ready(None), |sending| sending.poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|sending| sending.ended)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |sending| sending.wire_length))
    }
}
