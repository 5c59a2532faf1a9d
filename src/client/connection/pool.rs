//! The connections of a store: one that is idle is used again, the last one first, and given up before the service does.
//!
//! Each belongs to the runtime that drives it, and is used by no other: that one may stand still, or end.
//!
//! A store talks to one host, so a list is all it takes. hyper-util's pooled client, which knows many hosts, costs a fifth of
//! a small request's CPU time and may move a request from one connection to another by itself; see `benches/README.md`.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, Builder, SendRequest};
use hyper::rt::Write;
use tokio::runtime::{Handle, Id};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::client::connection::body::SendBody;
use crate::client::connection::connect::{BoxError, Connector, Stream};
use crate::client::connection::wire::Wire;
use crate::client::runtime::timer::Timer;

/// AWS closes idle connections after about 20 s. Some servers do after 5; what they close is mostly seen before it is used,
/// and the rest is tried again at once.
const IDLE: Duration = Duration::from_secs(10);

/// How long a connection may take to be idle once its answer was read.
const PATIENCE: Duration = Duration::from_secs(1);

/// An object may have more metadata headers than hyper's 100, which it keeps without an allocation.
pub(in crate::client) const MANY_HEADERS: usize = 256;

/// Makes connections and keeps the idle ones. Clones share them.
#[derive(Clone)]
pub(in crate::client) struct Pool {
    connector: Connector,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The one that was used last is at the end.
    idle: Vec<Line>,
    /// Connections of an earlier one are not kept.
    generation: u64,
    many_headers: bool,
    /// The runtimes in which a task closes what is idle for too long.
    reaped: Vec<Id>,
}

/// hyper's end of a connection, in a box that it keeps: a connection moves a dozen times for each request.
struct Line(Box<End>);

struct End {
    sender: SendRequest<SendBody>,
    wire: Arc<Wire>,
    /// The host at its other end.
    origin: Arc<Uri>,
    /// The runtime that drives it.
    runtime: Handle,
    generation: u64,
    retired: bool,
    idle_since: Instant,
    timer: Timer,
}

impl Drop for End {
    /// One that is not idle ends at once: hyper would first wait for the peer to take what is written, or to send what nobody
    /// wants any more, and it may do neither.
    fn drop(&mut self) {
        if !self.sender.is_ready() {
            self.wire.abort();
        }
    }
}

/// A connection that carries one request at a time. It ends when it is dropped; [`keep`](Self::keep) it once it is idle.
pub(in crate::client) struct Connection {
    line: Line,
    pool: Arc<Shared>,
}

impl Pool {
    pub fn new(connector: Connector) -> Self {
        Self { connector, shared: Arc::default() }
    }

    /// The idle connection to a host that was used last, if there is one.
    pub fn idle(&self, origin: &Arc<Uri>, now: Instant) -> Option<Connection> {
        let line = self.shared.take(origin, now)?;
        Some(Connection { line, pool: self.shared.clone() })
    }

    /// A connection that has carried nothing yet. So many may be idle beside it in this runtime; those that are too many are closed
    /// first, the oldest ones.
    pub async fn connect(&self, origin: Arc<Uri>, max_idle: usize) -> Result<Connection, BoxError> {
        self.shared.leave_idle(max_idle, Handle::current().id());
        let State { generation, many_headers, .. } = *self.shared.state();
        let stream = self.connector.connect(Uri::clone(&origin)).await?;
        let wire = stream.wire();
        let mut builder = Builder::new();
        // RFC 9112 section 5.2: what is folded counts as blanks.
        builder.allow_obsolete_multiline_headers_in_responses(true);
        if many_headers {
            builder.max_headers(MANY_HEADERS);
        }
        let (sender, connection) = builder.handshake(stream).await?;
        let task = tokio::spawn(drive(connection, wire.clone()));
        wire.runs_in(task.abort_handle());
        let (runtime, timer) = (Handle::current(), Timer::new());
        let (retired, idle_since) = (false, Instant::now());
        let end = End { sender, wire, origin, runtime, generation, retired, idle_since, timer };
        Ok(Connection { line: Line(Box::new(end)), pool: self.shared.clone() })
    }

    /// Lets the next connection go to another address than the one at which an exchange failed.
    pub fn avoid(&self, wire: &Wire) {
        if let Some(peer) = wire.peer() {
            self.connector.avoid(peer);
        }
    }

    /// Takes answers with many headers from now on, over new connections.
    pub fn take_many_headers(&self) {
        let mut state = self.shared.state();
        if !std::mem::replace(&mut state.many_headers, true) {
            state.generation += 1;
            let gone = std::mem::take(&mut state.idle);
            drop(state);
            drop(gone);
        }
    }
}

/// Drives a connection to its end. What breaks it is told to the request that it carries; what could not be read of an answer
/// stays with the wire.
async fn drive(mut connection: http1::Connection<Stream, SendBody>, wire: Arc<Wire>) {
    let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let http1::Parts { mut io, read_buf, .. } = connection.into_parts();
    wire.keep_unread(read_buf);
    // Not for ever: a stream of the caller's making may never be done with it.
    let _ = timeout(PATIENCE, poll_fn(|cx| Pin::new(&mut io).poll_shutdown(cx))).await;
}

impl Line {
    fn is_of(&self, runtime: Id) -> bool {
        self.0.runtime.id() == runtime
    }

    fn is_usable(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.0.idle_since) < IDLE && !self.0.sender.is_closed()
    }
}

impl Connection {
    pub fn wire(&self) -> &Arc<Wire> {
        &self.line.0.wire
    }

    /// True if it takes a request at once.
    pub fn is_ready(&self) -> bool {
        self.line.0.sender.is_ready()
    }

    /// Waits for that: its last answer was read to the end, and what may be missing is a turn of its task, or that the peer takes
    /// the last bytes.
    pub async fn becomes_ready(&mut self, now: &mut Instant) -> bool {
        let ready = timeout(PATIENCE, self.line.0.sender.ready()).await;
        *now = Instant::now();
        matches!(ready, Ok(Ok(())))
    }

    /// True if the runtime that drives it is the one that this is called in.
    pub fn is_driven_here(&self) -> bool {
        Handle::try_current().is_ok_and(|handle| self.line.is_of(handle.id()))
    }

    /// Sends a request. One that was not begun, because the connection had ended, comes back.
    pub fn send(
        &mut self,
        request: Request<SendBody>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<SendBody>>>> + use<> {
        self.line.0.sender.try_send_request(request)
    }

    /// Waits for what comes over the connection, until a moment at most. `None` then, or before: see [`Timer::until`].
    pub async fn until<F: Future>(&mut self, moment: Instant, future: Pin<&mut F>) -> Option<F::Output> {
        if self.line.is_of(Handle::current().id()) {
            return self.line.0.timer.until(moment, future).await;
        }
        // An object may be read elsewhere than it was asked for, and the connection's own clock stand still meanwhile.
        timeout_at(moment, future).await.ok()
    }

    /// Lets the connection end after this request: behind a service that fails, another one may find another host.
    pub fn retire(&mut self) {
        self.line.0.retired = true;
    }

    /// Gives back a connection whose answer was read to its end. One that is not to be used again is returned.
    pub fn keep(mut self, now: Instant) -> Result<(), Self> {
        if self.line.0.retired {
            return Err(self);
        }
        self.line.0.idle_since = now;
        let Self { line, pool } = self;
        pool.put(line).map_err(|line| Self { line, pool: pool.clone() })
    }
}

impl State {
    /// Takes out the idle connection of a runtime that was used last.
    fn last_of(&mut self, runtime: Id) -> Option<Line> {
        let last = self.idle.iter().rposition(|line| line.is_of(runtime))?;
        Some(self.idle.remove(last))
    }
}

impl Shared {
    fn take(&self, origin: &Arc<Uri>, now: Instant) -> Option<Line> {
        let runtime = Handle::current().id();
        loop {
            let line = self.state().last_of(runtime)?;
            // Of another host only after a wrong region, and then there is no use for it.
            if Arc::ptr_eq(&line.0.origin, origin) && line.is_usable(now) {
                return Some(line);
            }
        }
    }

    /// Closes the connections of a runtime that have been idle the longest, until so many are left.
    fn leave_idle(&self, count: usize, runtime: Id) {
        let mut state = self.state();
        let mut surplus = state.idle.iter().filter(|line| line.is_of(runtime)).count().saturating_sub(count);
        let is_surplus = |line: &mut Line| {
            let is_one = surplus > 0 && line.is_of(runtime);
            surplus -= usize::from(is_one);
            is_one
        };
        let closed: Vec<_> = state.idle.extract_if(.., is_surplus).collect();
        drop(state);
        drop(closed);
    }

    fn put(self: &Arc<Self>, line: Line) -> Result<(), Line> {
        let runtime = line.0.runtime.id();
        let mut state = self.state();
        if state.generation != line.0.generation {
            return Err(line);
        }
        let reaper = (!state.reaped.contains(&runtime)).then(|| line.0.runtime.clone());
        if reaper.is_some() {
            state.reaped.push(runtime);
        }
        state.idle.push(line);
        drop(state);
        if let Some(handle) = reaper {
            // A runtime that has ended drops the task at once, which locks the state again.
            handle.spawn(reap(Reaper { pool: Arc::downgrade(self), runtime }));
        }
        Ok(())
    }

    /// Closes what has been idle for too long in a runtime; tells when the next one will have been.
    fn reap(&self, runtime: Id) -> Option<Instant> {
        let (mut state, now) = (self.state(), Instant::now());
        let is_over = |line: &mut Line| line.is_of(runtime) && !line.is_usable(now);
        let over: Vec<_> = state.idle.extract_if(.., is_over).collect();
        let next = state.idle.iter().filter(|line| line.is_of(runtime)).map(|line| line.0.idle_since + IDLE).min();
        if next.is_none() {
            // Said under the same lock: whoever comes now starts another task.
            state.reaped.retain(|reaped| *reaped != runtime);
        }
        drop(state);
        drop(over);
        next
    }

    /// Connections are dropped once it is unlocked again: that wakes tasks, and drops what belongs to others.
    fn state(&self) -> MutexGuard<'_, State> {
        // No line above panics between two changes.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that closes a runtime's idle connections. It may end with the runtime, and so do they.
struct Reaper {
    pool: Weak<Shared>,
    runtime: Id,
}

impl Drop for Reaper {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else { return };
        let mut state = pool.state();
        state.reaped.retain(|reaped| *reaped != self.runtime);
        let ended: Vec<_> = state.idle.extract_if(.., |line| line.is_of(self.runtime)).collect();
        drop(state);
        drop(ended);
    }
}

async fn reap(mut reaper: Reaper) {
    // Not at once: the connection may be in use again, and no other is idle, before this task has its first turn.
    let mut next = Some(Instant::now() + IDLE);
    while let Some(moment) = next {
        sleep_until(moment).await;
        next = reaper.pool.upgrade().and_then(|pool| pool.reap(reaper.runtime));
    }
    // It was said already; another task may have begun since.
    reaper.pool = Weak::new();
}
