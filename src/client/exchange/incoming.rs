//! A body on its way in: every wait bounded by `idle-timeout`, its connection given back once it is read to its end.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use hyper::body::{Body, Frame, Incoming};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::client::connection::lease::Lease;
use crate::client::connection::permits::Permit;
use crate::client::connection::wire::Wire;
use crate::client::exchange::watchdog::Unsent;
use crate::config::Timeouts;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::pace::Pace;

type NextFrame = hyper::Result<Frame<Bytes>>;

/// The body of an answer, as it arrives.
pub(in crate::client) struct IncomingBody {
    body: Incoming,
    idle: Duration,
    /// Whether it moves.
    pace: Pace,
    /// Since when nothing has come that was waited for. Kept here, so that a wait that is dropped and begun again is one wait.
    waiting_since: Option<Instant>,
    trailers: Option<Box<HeaderMap>>,
    /// The end was seen. hyper's own task may take a turn more until its channel says so too.
    ended: bool,
    /// Until the end.
    lease: Option<Lease>,
    unsent: Option<Unsent>,
}

impl IncomingBody {
    pub fn new(
        body: Incoming,
        timeouts: &Timeouts,
        lease: Option<Lease>,
        unsent: Option<Unsent>,
        moment: Instant,
    ) -> Self {
        let pace = Pace::new(timeouts.low_speed_limit, timeouts.low_speed_time);
        let (idle, waiting_since, trailers, ended) = (timeouts.idle, None, None, false);
        let mut new = Self { body, idle, pace, waiting_since, trailers, ended, lease, unsent };
        if new.body.is_end_stream() {
            new.end(moment);
        }
        new
    }

    /// A connection is idle once the answer was read to its end; but not while the request's body still goes up on it.
    fn end(&mut self, now: Instant) {
        self.ended = true;
        if let (None, Some(lease)) = (&self.unsent, self.lease.take()) {
            lease.end(now);
        }
    }

    /// The next bytes, `None` at the end that the framing announced. Cancel safe.
    ///
    /// After the last bytes the body is not polled again: on another thread, hyper's task may not have closed its channel yet,
    /// and would be waited for without a connection.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while !self.ended {
            let next = match poll_fn(|cx| Poll::Ready(Pin::new(&mut self.body).poll_frame(cx))).await {
                Poll::Ready(next) => next,
                Poll::Pending => self.next_frame().await?,
            };
            let waited = self.waiting_since.take().map(|since| since.elapsed());
            let frame = next.transpose().map_err(broken)?;
            if frame.is_none() || self.body.is_end_stream() {
                self.end(Instant::now());
            }
            let Some(frame) = frame else { break };
            match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.moved(waited.unwrap_or_default(), bytes.len() as u64)?;
                    return Ok(Some(bytes));
                }
                Err(frame) => self.trailers = frame.into_trailers().ok().map(Box::new),
            }
        }
        Ok(None)
    }

    /// Takes note of a wait and of the bytes that ended it.
    fn moved(&mut self, waited: Duration, bytes: u64) -> Result<()> {
        if self.pace.record(waited, bytes) { Ok(()) } else { Err(too_slow(&self.pace)) }
    }

    /// Goes on at the pace of the body before this one, and of the time in which there was none.
    pub fn follow(&mut self, before: Pace, gap: Duration) -> Result<()> {
        self.pace = before;
        self.moved(gap, 0)
    }

    /// The connection it comes over, until it has ended.
    pub fn wire(&mut self) -> Option<&Wire> {
        self.lease.as_mut().map(|lease| &**lease.connection().wire())
    }

    /// Another handle to the place that it has, until it has ended.
    pub fn share_place(&mut self) -> Option<Permit> {
        self.lease.as_mut().and_then(Lease::share_permit)
    }

    /// Gives up the rest: the pace so far, the wait that nothing has ended, and the place among the store's connections.
    pub fn into_rest(self) -> (Pace, Duration, Option<Permit>) {
        let waited = self.waiting_since.map(|since| since.elapsed()).unwrap_or_default();
        (self.pace, waited, self.lease.and_then(Lease::into_permit))
    }

    /// Waits for what is not there yet.
    async fn next_frame(&mut self) -> Result<Option<NextFrame>> {
        if self.waiting_since.is_some() {
            // It was waited for before. Whatever has come since gets a turn to be seen before time is said to have run out.
            yield_now().await;
        }
        let until = *self.waiting_since.get_or_insert_with(Instant::now) + self.idle;
        let Self { body, lease: Some(lease), idle, .. } = self else {
            return Err(Error::protocol("the answer goes on without its connection"));
        };
        loop {
            let frame = pin!(poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)));
            match lease.connection().until(until, frame).await {
                Some(next) => return Ok(next),
                None if until <= Instant::now() => return Err(stalled(*idle)),
                None => {}
            }
        }
    }

    /// True if no bytes are to come.
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// What came behind a chunked body, once its end was seen.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_deref()
    }

    /// Reads the whole, which must not exceed a limit, and in a time: what answers a request at once is small.
    pub async fn whole(&mut self, limit: usize) -> Result<Bytes> {
        let mut read = Gathered::default();
        let reading = timeout(MAX_READ_TIME, self.beginning(limit, &mut read)).await;
        if reading.unwrap_or_else(|_| Err(endless()))? {
            return Ok(read.into_bytes());
        }
        Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("the answer is larger than the {limit} bytes that are read of it"),
        ))
    }

    /// Reads up to a limit; true if that was all. What has arrived is the caller's, also if the rest never comes.
    pub async fn beginning(&mut self, limit: usize, read: &mut Gathered) -> Result<bool> {
        while let Some(bytes) = self.chunk().await? {
            let room = limit - read.len();
            if bytes.len() > room {
                read.push(bytes.slice(..room));
                return Ok(false);
            }
            read.push(bytes);
        }
        Ok(true)
    }
}

/// Bytes that arrive in pieces. Most small answers are one piece, which needs no copy.
#[derive(Default)]
pub(in crate::client) struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len().max(self.all.len())
    }

    fn push(&mut self, bytes: Bytes) {
        if self.first.is_empty() {
            self.first = bytes;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&bytes);
    }

    pub fn into_bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

/// A listing of 1,000 keys comes in this time over a line of 2 KiB a second.
const MAX_READ_TIME: Duration = Duration::from_secs(5 * 60);

fn endless() -> Error {
    let problem = format!("the answer was not read to its end within {MAX_READ_TIME:?}");
    Error::new(ErrorKind::Timeout(Phase::Transfer), problem)
}

#[cold]
fn too_slow(pace: &Pace) -> Error {
    Error::new(ErrorKind::Timeout(Phase::Transfer), format!("the answer came more slowly than {}", pace.bound()))
}

fn stalled(idle: Duration) -> Error {
    Error::new(ErrorKind::Timeout(Phase::Body), format!("no byte of the answer came for idle-timeout = {idle:?}"))
}

fn broken(error: hyper::Error) -> Error {
    Error::new(ErrorKind::Truncated, "the answer ended before it was complete").with_source(error)
}
