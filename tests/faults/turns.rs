//! Whose turn it is, decided by chance: callers that are woken are polled at once, some turns later or in the midst of another
//! task's turn, as threads would that are faster or slower than each other; the same for the same seed.
//!
//! hyper's task is interrupted where it reads and writes, and given the bytes in pieces, so that its turns end anywhere.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::chance::Random;

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Not due in any turn.
const NEVER: u64 = u64::MAX;

/// Callers, and chance, which says when each is polled.
pub struct Turns {
    random: Mutex<Random>,
    callers: Mutex<Vec<Arc<Caller>>>,
    turn: AtomicU64,
    woken: Notify,
}

struct Caller {
    turns: Arc<Turns>,
    call: Mutex<Option<Call>>,
    /// The turn from which on it is to be polled.
    due: AtomicU64,
    ended: AtomicBool,
}

impl Turns {
    pub fn new(seed: u64) -> Arc<Self> {
        let (callers, turn, woken) = Default::default();
        Arc::new(Self { random: Mutex::new(Random::new(seed)), callers, turn, woken })
    }

    pub fn below(&self, bound: u64) -> u64 {
        lock(&self.random).below(bound)
    }

    /// Adds a caller, which is polled for the first time when its turn comes.
    pub fn add(self: &Arc<Self>, call: impl Future<Output = ()> + Send + 'static) {
        let (call, due) = (Mutex::new(Some(Box::pin(call) as Call)), AtomicU64::new(0));
        let caller = Caller { turns: self.clone(), call, due, ended: AtomicBool::new(false) };
        lock(&self.callers).push(Arc::new(caller));
    }

    /// Polls callers until all of them have ended. Between two turns, every other task has one.
    pub async fn run(&self) {
        loop {
            self.turn.fetch_add(1, Ordering::SeqCst);
            let waits = self.each(|caller| caller.look(false));
            if lock(&self.callers).iter().all(|caller| caller.ended.load(Ordering::SeqCst)) {
                // What they borrow from the scheduler goes with them.
                lock(&self.callers).clear();
                return;
            }
            if waits { self.woken.notified().await } else { yield_now().await }
        }
    }

    /// Lets some of the callers that were woken run in the midst of another task's turn.
    fn interrupt(&self) {
        if self.below(4) == 0 {
            self.each(|caller| {
                if self.below(2) == 0 {
                    caller.look(true);
                }
            });
        }
    }

    /// Looks at each caller, beginning anywhere; true if none is to be polled any more.
    fn each(&self, look: impl Fn(&Arc<Caller>)) -> bool {
        let callers = lock(&self.callers).clone();
        let first = self.below(callers.len().max(1) as u64) as usize;
        let (before, after) = callers.split_at(first);
        after.iter().chain(before).for_each(look);
        callers.iter().all(|caller| caller.due.load(Ordering::SeqCst) == NEVER)
    }

    /// Gives others up to so many turns. Not by `yield_now`, which wakes callers where tokio does not expect one to be polled.
    pub async fn rest(&self, most: u64) {
        for _ in 0..self.below(most + 1) {
            let mut rested = false;
            poll_fn(|cx| {
                if std::mem::replace(&mut rested, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }
}

impl Caller {
    /// Polls it as long as it is due, or if it was only woken. Whoever polls it already looks again afterwards.
    fn look(self: &Arc<Self>, early: bool) {
        let mut early = early;
        loop {
            let due = self.due.load(Ordering::SeqCst);
            if due == NEVER || !early && due > self.turns.turn.load(Ordering::SeqCst) {
                return;
            }
            early = false;
            let Ok(mut call) = self.call.try_lock() else { return };
            self.due.store(NEVER, Ordering::SeqCst);
            let waker = Waker::from(self.clone());
            let Some(polled) = call.as_mut() else { return };
            if polled.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                *call = None;
                self.ended.store(true, Ordering::SeqCst);
                self.turns.woken.notify_one();
            }
        }
    }
}

impl Wake for Caller {
    /// Half of the time it is faster than whoever woke it, otherwise up to five turns late.
    fn wake(self: Arc<Self>) {
        let late = self.turns.below(10).saturating_sub(4);
        let turn = self.turns.turn.load(Ordering::SeqCst);
        self.due.fetch_min(turn + late, Ordering::SeqCst);
        self.look(false);
        self.turns.woken.notify_one();
    }
}

/// How many connections are open, and how many were at most.
#[derive(Default)]
pub struct Open {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Open {
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// The client's end of a connection, in which hyper's task is interrupted.
pub struct Interrupted {
    io: DuplexStream,
    turns: Arc<Turns>,
    open: Arc<Open>,
}

impl Interrupted {
    pub fn new(io: DuplexStream, turns: Arc<Turns>, open: Arc<Open>) -> Self {
        let now = open.now.fetch_add(1, Ordering::SeqCst) + 1;
        open.most.fetch_max(now, Ordering::SeqCst);
        Self { io, turns, open }
    }

    /// Lets others run; ends the turn of the task now and then, which has another one soon.
    fn poll_turn(&self, cx: &Context<'_>) -> Poll<()> {
        self.turns.interrupt();
        if self.turns.below(8) > 0 {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Interrupted {
    fn drop(&mut self) {
        self.open.now.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsyncRead for Interrupted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_turn(cx));
        let mut piece = [0; 4096];
        let most = [piece.len(), piece.len(), 40, 400][self.turns.below(4) as usize].min(buffer.remaining());
        let mut piece = ReadBuf::new(&mut piece[..most]);
        let read = Pin::new(&mut self.io).poll_read(cx, &mut piece);
        buffer.put_slice(piece.filled());
        self.turns.interrupt();
        read
    }
}

impl AsyncWrite for Interrupted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.turns.interrupt();
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_turn(cx));
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
