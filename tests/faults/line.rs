//! One connection in memory: its two ends, and the carrier between them, which does to the bytes what is planned.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, split};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::memory::{Fate, Network, Plan, Way};
use crate::support::strict::connection::Transport;

/// Makes a connection: the client's end and the server's.
pub fn connect(network: Arc<Network>, number: usize, plan: Plan) -> (ClientEnd, ServerEnd) {
    let line = Line::new(network, number);
    let (client, near) = duplex(plan.up.buffer);
    let server = serve(near, plan, &line);
    (ClientEnd { end: End { io: client, line }, closed: false }, server)
}

/// Takes a connection that a client made to a real socket; returns the server's end.
pub fn accept(network: Arc<Network>, number: usize, plan: Plan, io: TcpStream) -> ServerEnd {
    let line = Line::new(network, number);
    serve(Socket { io, line: line.clone() }, plan, &line)
}

fn serve(near: impl AsyncRead + AsyncWrite + Send + 'static, plan: Plan, line: &Arc<Line>) -> ServerEnd {
    let (server, far) = duplex(plan.down.buffer);
    tokio::spawn(carry(near, far, plan, line.clone()));
    ServerEnd(End { io: server, line: line.clone() })
}

/// What the two ends and the carrier of a connection share.
struct Line {
    network: Arc<Network>,
    number: usize,
    /// It ends in a reset, behind what has arrived already.
    reset: AtomicBool,
    /// The reset has overtaken what had arrived.
    overtaken: AtomicBool,
    /// One of the ends is gone.
    gone: watch::Sender<bool>,
}

impl Line {
    fn new(network: Arc<Network>, number: usize) -> Arc<Self> {
        let (reset, overtaken) = Default::default();
        Arc::new(Self { network, number, reset, overtaken, gone: watch::Sender::new(false) })
    }

    fn reset(&self) -> Broken {
        self.reset.store(true, Ordering::SeqCst);
        Broken
    }

    fn is_reset(&self) -> bool {
        self.reset.load(Ordering::SeqCst)
    }
}

/// The connection is reset.
struct Broken;

async fn carry(near: impl AsyncRead + AsyncWrite, far: DuplexStream, plan: Plan, line: Arc<Line>) {
    let ((from_client, to_client), (from_server, to_server)) = (split(near), split(far));
    let up = carry_way(from_client, to_server, plan.up, "up", &line);
    let down = carry_way(from_server, to_client, plan.down, "down", &line);
    // A reset in one direction ends the other, too.
    let _ = tokio::try_join!(up, down);
}

async fn carry_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    name: &str,
    line: &Line,
) -> Result<(), Broken> {
    let mut passed = 0;
    let mut buffer = vec![0; way.buffer.min(16 << 10)];
    loop {
        let left = way.fate.map_or(u64::MAX, |(bytes, _)| bytes - passed);
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX).max(1));
        let count = from.read(&mut buffer[..most]).await.unwrap_or(0);
        if count == 0 {
            if line.is_reset() {
                return Err(Broken);
            }
            // Nobody reads any more where this fails, which the other direction finds out.
            let _ = to.shutdown().await;
            return Ok(());
        }
        if left > 0 {
            let time = way.latency + time_for(count, way.bytes_per_second);
            // By a real clock, no time at all would be a millisecond for each piece.
            if !time.is_zero() {
                tokio::time::sleep(time).await;
            }
            if to.write_all(&buffer[..count]).await.is_err() {
                line.overtaken.store(true, Ordering::SeqCst);
                return Err(line.reset());
            }
            passed += count as u64;
        }
        if let Some((_, fate)) = way.fate.filter(|(bytes, _)| *bytes == passed) {
            line.network.note(format!("{}: {name}, {fate:?} after {passed}", line.number));
            return end(fate, from, to, line).await;
        }
    }
}

async fn end(
    fate: Fate,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    line: &Line,
) -> Result<(), Broken> {
    match fate {
        Fate::Reset => Err(line.reset()),
        Fate::Fin => {
            let _ = to.shutdown().await;
            match from.read_u8().await {
                Ok(_) => Err(line.reset()),
                Err(_) if line.is_reset() => Err(Broken),
                Err(_) => Ok(()),
            }
        }
        Fate::BlackHole => {
            let _ = line.gone.subscribe().wait_for(|gone| *gone).await;
            Err(line.reset())
        }
    }
}

fn time_for(bytes: usize, per_second: Option<u64>) -> Duration {
    per_second.map_or(Duration::ZERO, |rate| Duration::from_micros(bytes as u64 * 1_000_000 / rate))
}

/// The carrier's side of a client's real socket.
struct Socket {
    io: TcpStream,
    line: Arc<Line>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.line.is_reset() {
            let _ = self.io.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buffer));
        if read.is_err() {
            self.line.reset();
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// One end of a connection.
struct End {
    io: DuplexStream,
    line: Arc<Line>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.line.gone.send_replace(true);
    }
}

impl End {
    fn check(&self) -> io::Result<()> {
        if self.line.overtaken.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let ended = buffer.filled().len() == before && buffer.remaining() > 0;
        if ended && self.line.is_reset() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.line.is_reset() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }
}

/// The client's end. Dropped without being shut down, it resets the connection.
pub struct ClientEnd {
    end: End,
    closed: bool,
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        if !self.closed {
            self.end.line.reset();
        }
    }
}

/// The server's end. Dropped, it closes the connection in order.
pub struct ServerEnd(End);

impl Transport for ServerEnd {
    fn reset_when_closed(&self) -> io::Result<()> {
        self.0.line.reset();
        Ok(())
    }
}

/// Lets an end read and write; what shutting it down means besides is its own affair.
macro_rules! stream {
    ($name:ident, $self:ident => $end:expr, $closing:block) => {
        impl AsyncRead for $name {
            fn poll_read(
                mut $self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                $end.poll_read(cx, buffer)
            }
        }

        impl AsyncWrite for $name {
            fn poll_write(mut $self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                $end.poll_write(cx, bytes)
            }

            fn poll_flush(mut $self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Pin::new(&mut $end.io).poll_flush(cx)
            }

            fn poll_shutdown(mut $self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                $closing
                Pin::new(&mut $end.io).poll_shutdown(cx)
            }
        }
    };
}

stream!(ClientEnd, self => self.end, { self.closed = true });
stream!(ServerEnd, self => self.0, {});
