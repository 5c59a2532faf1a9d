//! A network in memory: connections over `tokio::io::duplex` that break, stall and crawl by plan.
//!
//! Between the two ends of a connection stands a carrier, which takes bytes from one end and gives them to the other as its
//! [`Plan`] says. With the clock of the runtime paused, an hour of silence takes no time at all.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex, split};
use tokio::sync::watch;

use crate::support::strict::connection::Transport;

/// What becomes of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// How long it takes until it is there.
    pub delay: Duration,
    pub dial: Dial,
    /// From the client to the server.
    pub up: Way,
    /// From the server to the client.
    pub down: Way,
}

/// What dialing comes to.
#[derive(Clone, Copy, Debug, Default)]
pub enum Dial {
    #[default]
    Connect,
    Fail(io::ErrorKind),
    /// This side has no descriptor left (EMFILE).
    NoDescriptor,
    /// Nobody ever answers.
    Silence,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// How long each piece is on its way.
    pub latency: Duration,
    pub bytes_per_second: Option<u64>,
    /// What its sender can have on the way unread.
    pub buffer: usize,
    /// What happens once so many bytes have passed; after none, when the first comes.
    pub fate: Option<(u64, Fate)>,
}

/// How a direction ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Both ends find the connection reset.
    Reset,
    /// The receiver finds an orderly end, and what is still sent to it is answered with a reset.
    Fin,
    /// Nothing more arrives, and nobody is told.
    BlackHole,
}

impl Default for Way {
    fn default() -> Self {
        Self { latency: Duration::ZERO, bytes_per_second: None, buffer: 64 << 10, fate: None }
    }
}

impl Plan {
    pub fn refused() -> Self {
        Self { dial: Dial::Fail(io::ErrorKind::ConnectionRefused), ..Self::default() }
    }

    pub fn up(bytes: u64, fate: Fate) -> Self {
        Self { up: Way { fate: Some((bytes, fate)), ..Way::default() }, ..Self::default() }
    }

    pub fn down(bytes: u64, fate: Fate) -> Self {
        Self { down: Way { fate: Some((bytes, fate)), ..Way::default() }, ..Self::default() }
    }
}

type Planner = Box<dyn FnMut(usize) -> Plan + Send>;

/// All connections to one server, and what is planned for them.
pub struct Network {
    planned: Mutex<VecDeque<Plan>>,
    /// Asked for every connection for which nothing was planned, with its number from 1.
    planner: Mutex<Planner>,
    dialed: AtomicUsize,
    events: Mutex<Vec<String>>,
    server: Box<dyn Fn(ServerEnd) + Send + Sync>,
}

impl Network {
    /// A network without faults, at whose other end is this server.
    pub fn to(server: impl Fn(ServerEnd) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            planned: Mutex::default(),
            planner: Mutex::new(Box::new(|_| Plan::default())),
            dialed: AtomicUsize::new(0),
            events: Mutex::default(),
            server: Box::new(server),
        })
    }

    /// Plans the next connection for which nothing is planned yet.
    pub fn next(&self, plan: Plan) {
        lock(&self.planned).push_back(plan);
    }

    /// Plans all connections for which nothing else is planned.
    pub fn always(&self, planner: impl FnMut(usize) -> Plan + Send + 'static) {
        *lock(&self.planner) = Box::new(planner);
    }

    /// How often it was dialed.
    pub fn dialed(&self) -> usize {
        self.dialed.load(Ordering::SeqCst)
    }

    /// What happened, in its order.
    pub fn events(&self) -> Vec<String> {
        lock(&self.events).clone()
    }

    pub fn note(&self, event: String) {
        lock(&self.events).push(event);
    }

    pub async fn dial(self: Arc<Self>) -> io::Result<ClientEnd> {
        let number = self.dialed.fetch_add(1, Ordering::SeqCst) + 1;
        let planned = lock(&self.planned).pop_front();
        let plan = planned.unwrap_or_else(|| (lock(&self.planner))(number));
        self.note(format!("{number}: dialed, {:?}", plan.dial));
        tokio::time::sleep(plan.delay).await;
        match plan.dial {
            Dial::Silence => std::future::pending().await,
            Dial::Fail(kind) => Err(kind.into()),
            Dial::NoDescriptor => Err(io::Error::from_raw_os_error(24)),
            Dial::Connect => Ok(self.connect(number, plan)),
        }
    }

    fn connect(self: Arc<Self>, number: usize, plan: Plan) -> ClientEnd {
        let line = Arc::new(Line { network: self.clone(), number, ..Line::default_of(&self) });
        let (client, near) = duplex(plan.up.buffer);
        let (server, far) = duplex(plan.down.buffer);
        tokio::spawn(carry(near, far, plan, line.clone()));
        (self.server)(ServerEnd(End { io: server, line: line.clone() }));
        ClientEnd { end: End { io: client, line }, closed: false }
    }
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
    fn default_of(network: &Arc<Network>) -> Self {
        let (reset, overtaken) = Default::default();
        Self { network: network.clone(), number: 0, reset, overtaken, gone: watch::Sender::new(false) }
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

async fn carry(near: DuplexStream, far: DuplexStream, plan: Plan, line: Arc<Line>) {
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
            tokio::time::sleep(way.latency + time_for(count, way.bytes_per_second)).await;
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

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
