//! A body on its way out: exactly the announced number of bytes, or none that a service could take for the whole.
//!
//! hyper cuts a source that is longer than its Content-Length and reports success. So the last bytes are held back until
//! the source has shown its end: a longer, shorter or failing source never becomes an object.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::SystemTime;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::buffers::Buffers;
use super::wire::Wire;
use crate::sign::{ChunkSigner, PayloadHash};

/// What bytes are handed to hyper in: large enough for few system calls, small enough that its being taken is progress.
const PIECE: usize = 256 << 10;

/// What is read from a file at a time: each costs two turns between threads.
const FILE_PIECE: u64 = 1 << 19;

/// What is read from a reader at a time.
const READER_PIECE: usize = 64 << 10;

/// The size of a signed chunk; S3 takes none below 8 KiB but the last.
pub(super) const SIGNED_CHUNK: u64 = 64 << 10;

/// Where a body's bytes come from.
pub(super) enum Source {
    Bytes(Bytes),
    File(FileSource),
    /// Lent: taken by the first look at it, so that a request that never left leaves the reader as it was.
    Lent(Lent),
    /// The reader, the buffer it reads into, and those that were lent.
    Reader(Reader, Vec<u8>, Buffers),
}

/// A reader that can be sent once.
pub(super) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// Where a reader waits until its first byte is wanted.
pub(super) type Lent = Arc<Mutex<Option<Reader>>>;

impl Source {
    pub fn file(file: OpenFile) -> Self {
        Self::File(FileSource::Idle(file, Buffers::default()))
    }

    /// The next bytes; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        match self {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(Ok(None)),
            Self::Bytes(bytes) => Poll::Ready(Ok(Some(bytes.split_to(bytes.len().min(PIECE))))),
            Self::File(file) => file.poll_next(cx),
            Self::Reader(reader, buffer, buffers) => poll_reader(reader, buffer, buffers, cx),
            Self::Lent(lent) => {
                let Some(reader) = lent.lock().unwrap_or_else(PoisonError::into_inner).take() else {
                    return Poll::Ready(Err(io::Error::other("the reader was sent before")));
                };
                *self = Self::Reader(reader, Vec::new(), Buffers::default());
                self.poll_next(cx)
            }
        }
    }
}

fn poll_reader(
    reader: &mut (dyn AsyncRead + Send + Unpin),
    buffer: &mut Vec<u8>,
    buffers: &mut Buffers,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Option<Bytes>>> {
    if buffer.is_empty() {
        *buffer = buffers.take(READER_PIECE);
    }
    let mut free = ReadBuf::new(buffer);
    ready!(Pin::new(reader).poll_read(cx, &mut free))?;
    let count = free.filled().len();
    buffer.truncate(count);
    Poll::Ready(Ok((count > 0).then(|| buffers.lend(std::mem::take(buffer)))))
}

/// A file read piece by piece off the reactor, without a copy.
pub(super) enum FileSource {
    Idle(OpenFile, Buffers),
    Reading(JoinHandle<(OpenFile, io::Result<Vec<u8>>)>, Buffers),
    Lost,
}

/// A file, and what it was when it was opened.
pub(super) struct OpenFile {
    pub file: File,
    pub identity: Identity,
}

/// What tells a file from one that was changed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub length: u64,
    modified: Option<SystemTime>,
}

impl Identity {
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl FileSource {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        loop {
            match std::mem::replace(self, Self::Lost) {
                Self::Idle(file, mut buffers) => {
                    // An empty look at the end finds out whether the file was changed.
                    let buffer = buffers.take(file.identity.length.min(FILE_PIECE) as usize);
                    *self = Self::Reading(spawn_blocking(move || read_piece(file, buffer)), buffers);
                }
                Self::Reading(mut reading, mut buffers) => match Pin::new(&mut reading).poll(cx) {
                    Poll::Pending => {
                        *self = Self::Reading(reading, buffers);
                        return Poll::Pending;
                    }
                    Poll::Ready(read) => {
                        let (file, bytes) = read.map_err(io::Error::other)?;
                        let bytes = bytes.map(|bytes| (!bytes.is_empty()).then(|| buffers.lend(bytes)));
                        *self = Self::Idle(file, buffers);
                        return Poll::Ready(bytes);
                    }
                },
                Self::Lost => return Poll::Ready(Err(io::Error::other("the runtime is shutting down"))),
            }
        }
    }
}

/// Reads the next piece. At the end the file must still be what it was: half of it may be new.
fn read_piece(mut open: OpenFile, mut buffer: Vec<u8>) -> (OpenFile, io::Result<Vec<u8>>) {
    let read = loop {
        match open.file.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read,
        }
    };
    let read = read.and_then(|count| match count {
        0 if Identity::of(&open.file)? != open.identity => {
            Err(io::Error::other("the file was changed while it was put"))
        }
        _ => {
            buffer.truncate(count);
            Ok(buffer)
        }
    });
    (open, read)
}

/// What went wrong with a source, found again in hyper's error.
#[derive(Debug)]
pub(super) enum SourceError {
    Failed(io::Error),
    Shorter { announced: u64, read: u64 },
    Longer { announced: u64 },
    GivenUp,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "the source failed: {error}"),
            Self::Shorter { announced, read } => write!(f, "the source ended after {read} of {announced} bytes"),
            Self::GivenUp => f.write_str("the upload was given up"),
            Self::Longer { announced } => write!(f, "the source goes on after the {announced} bytes announced"),
        }
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Failed(error) => Some(error),
            Self::Shorter { .. } | Self::Longer { .. } | Self::GivenUp => None,
        }
    }
}

/// How far a body is; shared with the transport, which watches over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The service has not said yet that it wants the body (`Expect: 100-continue`); since this time, if hyper has asked.
    WaitsForConsent(Option<Instant>),
    /// The source has no bytes ready: the caller's time, not the service's.
    WaitsForSource,
    /// Bytes were handed over at this time.
    WaitsForSocket(Instant),
    /// All bytes were handed over at this time.
    Sent(Instant),
}

/// The shared view of a body's [`Progress`]. A body without bytes has none.
#[derive(Clone, Debug)]
pub(super) struct Watch(Option<Arc<Mutex<Watched>>>);

#[derive(Debug)]
struct Watched {
    progress: Progress,
    /// Whom to wake when the service has consented, or the exchange is given up.
    waker: Option<Waker>,
    sent: u64,
    given_up: bool,
}

impl Watch {
    fn new(progress: Progress) -> Self {
        Self(Some(Arc::new(Mutex::new(Watched { progress, waker: None, sent: 0, given_up: false }))))
    }

    /// `None` if there are no bytes to send.
    pub fn progress(&self) -> Option<Progress> {
        self.watched().map(|watched| watched.progress)
    }

    /// How many bytes were handed over, framing included.
    pub fn sent(&self) -> u64 {
        self.watched().map_or(0, |watched| watched.sent)
    }

    /// Lets the body go, because the service wants it or has been silent for too long.
    pub fn consent(&self) {
        let Some(mut watched) = self.watched() else { return };
        if matches!(watched.progress, Progress::WaitsForConsent(_)) {
            watched.progress = Progress::WaitsForSocket(Instant::now());
            if let Some(waker) = watched.waker.take() {
                waker.wake();
            }
        }
    }

    /// Ends the body, whatever it waits for: nobody wants it any more.
    pub fn give_up(&self) {
        let Some(mut watched) = self.watched() else { return };
        watched.given_up = true;
        if let Some(waker) = watched.waker.take() {
            waker.wake();
        }
    }

    fn is_given_up(&self) -> bool {
        self.watched().is_some_and(|watched| watched.given_up)
    }

    /// True while the body is not to go; notes since when it could have.
    fn holds_back(&self, cx: &Context<'_>) -> bool {
        let Some(mut watched) = self.watched() else { return false };
        let Progress::WaitsForConsent(since) = watched.progress else { return false };
        watched.progress = Progress::WaitsForConsent(since.or_else(|| Some(Instant::now())));
        watched.waker = Some(cx.waker().clone());
        true
    }

    fn waits_for_source(&self, cx: &Context<'_>) {
        let Some(mut watched) = self.watched() else { return };
        watched.progress = Progress::WaitsForSource;
        watched.waker = Some(cx.waker().clone());
    }

    fn set(&self, progress: Progress, sent: usize) {
        let Some(mut watched) = self.watched() else { return };
        watched.progress = progress;
        watched.sent += sent as u64;
    }

    fn watched(&self) -> Option<MutexGuard<'_, Watched>> {
        // Plain values are never half-written.
        self.0.as_ref().map(|watched| watched.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A request's body.
pub(super) struct SendBody {
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
    /// Sends `length` bytes of a source; chunk by chunk if there is a signer, when `wire_length` counts the framing too.
    pub fn new(source: Source, length: u64, signer: Option<ChunkSigner>, wire_length: u64) -> Self {
        // hyper asks for no part of a body whose length is 0.
        let ended = wire_length == 0;
        let watch = if ended { Watch(None) } else { Watch::new(Progress::WaitsForSocket(Instant::now())) };
        let framer = signer.map(Framer::new).map(Box::new);
        Self {
            source,
            announced: length,
            taken: 0,
            held: None,
            source_ended: ended,
            ended,
            framer,
            wire_length,
            watch,
            wire: None,
        }
    }

    /// Holds the body back until [`Watch::consent`].
    pub fn gated(self) -> Self {
        self.watch.set(Progress::WaitsForConsent(None), 0);
        self
    }

    /// Returns what lets the body go, if it waits for the service's consent.
    pub fn waits_for_consent(&self) -> Option<Watch> {
        matches!(self.watch.progress(), Some(Progress::WaitsForConsent(_))).then(|| self.watch.clone())
    }

    /// Tells the body its connection, which it resets if its source fails: it must not look like a shorter one.
    pub fn watched_over(&mut self, wire: &Arc<Wire>) -> Watch {
        self.wire = Some(wire.clone());
        self.watch.clone()
    }

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
        self.ended = self.source_ended && self.framer.as_ref().is_none_or(|framer| framer.framed.is_empty());
        let now = Instant::now();
        let progress = if self.ended { Progress::Sent(now) } else { Progress::WaitsForSocket(now) };
        self.watch.set(progress, bytes.len());
        Frame::data(bytes)
    }

    fn reset_connection(&self) {
        if let Some(wire) = &self.wire {
            wire.abort();
        }
    }
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = SourceError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SourceError>>> {
        if !self.ended && self.watch.is_given_up() {
            return Poll::Ready(Some(Err(self.fail(SourceError::GivenUp))));
        }
        if !self.ended && self.watch.holds_back(cx) {
            return Poll::Pending;
        }
        while !self.ended {
            if let Some(framed) = self.framer.as_mut().and_then(|framer| framer.framed.pop_front()) {
                return Poll::Ready(Some(Ok(self.sent(framed))));
            }
            let Poll::Ready(next) = self.poll_counted(cx) else {
                self.watch.waits_for_source(cx);
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

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.wire_length)
    }
}

/// Puts a body into signed chunks of `SIGNED_CHUNK`, as its announced length on the wire counts on. The bytes are hashed as they
/// come and never copied: what leaves is heads and bytes in turn.
struct Framer {
    signer: ChunkSigner,
    hash: Sha256,
    gathered: u64,
    chunk: Vec<Bytes>,
    framed: VecDeque<Bytes>,
}

impl Framer {
    fn new(signer: ChunkSigner) -> Self {
        let (hash, gathered, chunk, framed) = Default::default();
        Self { signer, hash, gathered, chunk, framed }
    }

    fn take(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let room = usize::try_from(SIGNED_CHUNK - self.gathered).unwrap_or(usize::MAX);
            let piece = bytes.split_to(room.min(bytes.len()));
            self.hash.update(&piece);
            self.gathered += piece.len() as u64;
            self.chunk.push(piece);
            if self.gathered == SIGNED_CHUNK {
                self.close_chunk();
            }
        }
    }

    /// The source has ended: the rest, and the closing chunk.
    fn end(&mut self) {
        if self.gathered > 0 {
            self.close_chunk();
        }
        self.framed.push_back(self.signer.end().into());
    }

    fn close_chunk(&mut self) {
        let hash = PayloadHash::Sha256(self.hash.finalize_reset().into());
        let head = self.signer.head_of(std::mem::take(&mut self.gathered), &hash);
        self.framed.push_back(head.into());
        self.framed.extend(self.chunk.drain(..));
        self.framed.push_back(Bytes::from_static(b"\r\n"));
    }
}
