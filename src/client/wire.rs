//! One connection, and what the transport wants to know and tell of it while TLS and hyper use it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Extensions;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// What is known of a connection while it is used.
#[derive(Debug)]
pub(super) struct Wire {
    opened: Instant,
    /// Microseconds after `opened` at which the socket last took bytes.
    last_write: AtomicU64,
    /// Writes are looked at the clock for: a body is on its way.
    timed: AtomicBool,
    answered: AtomicBool,
    resets: AtomicBool,
    /// The task that it runs in.
    task: OnceLock<AbortHandle>,
}

impl Wire {
    pub fn new() -> Arc<Self> {
        let (last_write, timed, answered, resets, task) = Default::default();
        Arc::new(Self { opened: Instant::now(), last_write, timed, answered, resets, task })
    }

    /// Finds it under TLS, by what hyper-util's connectors hand up. Whatever they are, every connection ends in a [`Metered`].
    pub fn of(connected: &Connected) -> Arc<Self> {
        let mut extras = Extensions::new();
        connected.get_extras(&mut extras);
        extras.remove().unwrap_or_else(Self::new)
    }

    /// Says whether it matters when the socket takes bytes: not for a request without a body.
    pub fn time_writes(&self, timed: bool) {
        self.timed.store(timed, Ordering::Relaxed);
    }

    /// When the socket last took bytes, as far as that mattered.
    pub fn last_write(&self) -> Instant {
        self.opened + Duration::from_micros(self.last_write.load(Ordering::Relaxed))
    }

    /// Notes that an answer came over the connection.
    pub fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
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

    pub fn ends_in_reset(&self) -> bool {
        self.resets.load(Ordering::SeqCst)
    }

    fn wrote(&self) {
        if !self.timed.load(Ordering::Relaxed) {
            return;
        }
        let since = self.opened.elapsed().as_micros();
        self.last_write.store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// A connection that keeps its [`Wire`] up to date.
pub(super) struct Metered<S> {
    io: TokioIo<S>,
    wire: Arc<Wire>,
    /// Makes the connection end in a reset, where that is possible.
    reset: fn(&S),
}

impl Metered<TcpStream> {
    pub fn tcp(io: TokioIo<TcpStream>) -> Self {
        // Where it cannot be set, the connection closes in order, which most servers take for what it is.
        let reset = |stream: &TcpStream| drop(stream.set_zero_linger());
        Self { io, wire: Wire::new(), reset }
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
        Self { io: TokioIo::new(stream), wire: Wire::new(), reset }
    }
}

impl<S> Metered<S> {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.wire.wrote();
        }
        written
    }
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

    /// An aborted connection is not shut down in order: it is dropped.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.wire.ends_in_reset() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
