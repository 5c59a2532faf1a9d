//! One connection, and what the transport wants to know and tell of it while TLS and hyper use it.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Extensions;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::client::connection::permits::Permit;

/// How long a connection may take to end once its request has failed.
const ENDING: Duration = Duration::from_secs(1);

/// What is known of a connection while it is used.
pub(in crate::client) struct Wire {
    opened: Instant,
    /// The address at its other end, if it is one of TCP.
    peer: Option<IpAddr>,
    /// Microseconds after `opened` at which the socket last took bytes.
    last_write: AtomicU64,
    /// How many bytes the socket took meanwhile.
    written: AtomicU64,
    /// Writes are looked at the clock for: a body is on its way.
    timed: AtomicBool,
    answered: AtomicBool,
    resets: AtomicBool,
    /// A write broke: what was handed over did not all arrive.
    write_broke: AtomicBool,
    /// How far the body of its request is: one of the constants below.
    body: AtomicU8,
    /// The task that it runs in.
    task: OnceLock<AbortHandle>,
    socket: Mutex<Socket>,
    /// What had arrived and was not read as HTTP when the connection ended.
    unread: OnceLock<Bytes>,
    /// Told once that is there.
    ended: Notify,
}

/// No body is on its way.
const NONE: u8 = 0;
/// A body is on its way.
const BEGUN: u8 = 1;
/// Its last bytes were handed over, and not written yet.
const HANDED_OVER: u8 = 2;

/// Whether the socket is there, and whose place it still takes although nobody uses it any more.
enum Socket {
    Open(Option<Permit>),
    Closed,
}

impl Wire {
    pub fn new(peer: Option<IpAddr>) -> Arc<Self> {
        let (last_write, written, timed, answered, resets, write_broke, body) = Default::default();
        let (task, unread, ended) = Default::default();
        let (opened, socket) = (Instant::now(), Mutex::new(Socket::Open(None)));
        Arc::new(Self {
            opened,
            peer,
            last_write,
            written,
            timed,
            answered,
            resets,
            write_broke,
            body,
            task,
            socket,
            unread,
            ended,
        })
    }

    /// Finds it under TLS, by what hyper-util's connectors hand up. Whatever they are, every connection ends in a [`Metered`].
    pub fn of(connected: &Connected) -> Arc<Self> {
        let mut extras = Extensions::new();
        connected.get_extras(&mut extras);
        extras.remove().unwrap_or_else(|| Self::new(None))
    }

    /// The address at the other end, if it is known.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Keeps a place taken until the socket is closed: the task that has it is told to end, but ends in its own time.
    pub fn keep_until_closed(&self, permit: Permit) {
        if let Socket::Open(kept) = &mut *self.socket() {
            *kept = Some(permit);
        }
    }

    /// Takes note that the socket is closed.
    fn closed(&self) {
        // A permit wakes whoever waits for it, so it is dropped once this is unlocked.
        let socket = std::mem::replace(&mut *self.socket(), Socket::Closed);
        drop(socket);
    }

    fn socket(&self) -> MutexGuard<'_, Socket> {
        // It is replaced whole.
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether it matters when the socket takes bytes: not for a request without a body.
    pub fn time_writes(&self, timed: bool) {
        self.timed.store(timed, Ordering::Relaxed);
    }

    /// When the socket last took bytes, as far as that mattered.
    pub fn last_write(&self) -> Instant {
        self.opened + Duration::from_micros(self.last_write.load(Ordering::Relaxed))
    }

    /// Keeps what had arrived and was not read as HTTP when the connection ended.
    pub fn keep_unread(&self, bytes: Bytes) {
        let _ = self.unread.set(bytes);
        self.ended.notify_one();
    }

    /// Waits for the connection's end, which has begun, and returns what was left unread.
    pub async fn unread(&self) -> Bytes {
        if self.unread.get().is_none() {
            // Not for ever: a task that was aborted tells nobody.
            let _ = timeout(ENDING, self.ended.notified()).await;
        }
        self.unread.get().cloned().unwrap_or_default()
    }

    /// How many bytes the socket took, as far as that mattered.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Notes that an answer came over the connection.
    pub fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// True if a write broke, so that a body which was handed over did not all arrive.
    pub fn write_broke(&self) -> bool {
        self.write_broke.load(Ordering::SeqCst)
    }

    /// True if an earlier request was answered over the connection.
    pub fn was_used(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Lets the connection end in a reset instead of an orderly close, whenever it ends.
    ///
    /// There are servers that store the beginning of a body as the object when the connection closes in its middle (measured
    /// with versitygw 1.8.0: after a FIN, over TLS after a close_notify). None does after a reset.
    pub fn reset_at_end(&self) {
        self.resets.store(true, Ordering::SeqCst);
    }

    /// Takes note of the task that the connection runs in.
    pub fn runs_in(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    /// Ends the connection in a reset at once: hyper would first wait for the peer to take what is written, which it may
    /// never do.
    pub fn abort(&self) {
        self.reset_at_end();
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// True if an orderly end could be taken for that of a body which is not whole: also if the connection ends by itself, because
    /// its peer has, its runtime does, or its source panics.
    pub fn ends_in_reset(&self) -> bool {
        self.resets.load(Ordering::SeqCst) || self.body.load(Ordering::SeqCst) != NONE
    }

    /// Takes note that a body is on its way.
    pub fn body_begins(&self) {
        self.body.store(BEGUN, Ordering::SeqCst);
    }

    /// Takes note that the last bytes of a body were handed over.
    pub fn body_handed_over(&self) {
        self.body.store(HANDED_OVER, Ordering::SeqCst);
    }

    /// Takes note that what was handed over is written.
    pub fn flushed(&self) {
        if self.body.load(Ordering::Relaxed) == HANDED_OVER {
            self.body.store(NONE, Ordering::SeqCst);
        }
    }

    fn wrote(&self, count: usize) {
        if !self.timed.load(Ordering::Relaxed) {
            return;
        }
        self.written.fetch_add(count as u64, Ordering::Relaxed);
        let since = self.opened.elapsed().as_micros();
        self.last_write.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A connection that keeps its [`Wire`] up to date.
pub(in crate::client) struct Metered<S> {
    io: TokioIo<S>,
    wire: Arc<Wire>,
    /// Makes the connection end in a reset, where that is possible.
    reset: fn(&S),
    /// Dropped behind the stream.
    _closed: Closed,
}

/// Says that the socket is closed when it is dropped.
struct Closed(Arc<Wire>);

impl Drop for Closed {
    fn drop(&mut self) {
        self.0.closed();
    }
}

impl Metered<TcpStream> {
    pub fn tcp(io: TokioIo<TcpStream>) -> Self {
        // Where it cannot be set, the connection closes in order, which most servers take for what it is.
        let reset = |stream: &TcpStream| drop(stream.set_zero_linger());
        let peer = io.inner().peer_addr().ok().map(|address| address.ip());
        Self::new(io, peer, reset)
    }
}

impl<S: 'static> Metered<S> {
    /// A stream that the caller made. One of TCP is reset; one of another kind is aborted by being dropped.
    pub fn other(stream: S) -> Self {
        let reset = |stream: &S| {
            if let Some(tcp) = (stream as &dyn std::any::Any).downcast_ref::<TcpStream>() {
                let _ = tcp.set_zero_linger();
            }
        };
        Self::new(TokioIo::new(stream), None, reset)
    }
}

impl<S> Metered<S> {
    fn new(io: TokioIo<S>, peer: Option<IpAddr>, reset: fn(&S)) -> Self {
        let wire = Wire::new(peer);
        Self { io, _closed: Closed(wire.clone()), wire, reset }
    }

    /// Takes note of what the socket took.
    ///
    /// A peer that refuses a body early closes while the rest is coming, and then a write breaks although its answer has
    /// arrived. So a broken write is not the end: it stays pending, and the reading side says what there is to say.
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count @ 1..)) => self.wire.wrote(count),
            Poll::Ready(Err(ref error)) if is_closed_by_peer(error) => {
                self.wire.write_broke.store(true, Ordering::SeqCst);
                return Poll::Pending;
            }
            _ => {}
        }
        written
    }
}

fn is_closed_by_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

impl<S> Drop for Metered<S> {
    fn drop(&mut self) {
        if self.wire.ends_in_reset() {
            (self.reset)(self.io.inner());
        }
    }
}

impl<S> Connection for Metered<S> {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.wire.clone())
    }
}

impl<S: AsyncRead + Unpin> Read for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> Write for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let io = Pin::new(&mut self.io);
        // A request without a body is one slice, and a plain write is the cheaper call.
        let written = match slices {
            [only] => io.poll_write(cx, only),
            _ => io.poll_write_vectored(cx, slices),
        };
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
