//! Where a body's bytes come from: memory, a file, a reader; each handed over in pieces.

use std::fmt;
use std::fs::{File, Metadata};
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::client::payload::buffers::Buffers;

/// What bytes are handed to hyper in: large enough for few system calls, small enough that its being taken is progress.
const PIECE: usize = 256 << 10;

/// What is read from a file at a time: each costs two turns between threads.
const FILE_PIECE: u64 = 1 << 19;

/// What is read from a reader at a time.
const READER_PIECE: usize = 64 << 10;

/// Where a body's bytes come from.
pub(in crate::client) enum Source {
    Bytes(Bytes),
    File(FileSource),
    /// Lent: taken by the first look at it, so that a request that never left leaves the reader as it was.
    Lent(Lent),
    /// The reader, the buffer it reads into, and those that were lent.
    Reader(Reader, Vec<u8>, Buffers),
}

/// A reader that can be sent once.
pub(in crate::client) type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// Where a reader waits until its first byte is wanted.
pub(in crate::client) type Lent = Arc<Mutex<Option<Reader>>>;

impl Source {
    pub fn file(file: OpenFile) -> Self {
        Self::File(FileSource::Idle(file, Buffers::default()))
    }

    /// The next bytes; `None` at the end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
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
    if count < READER_PIECE / 4 {
        // A source that trickles neither holds nor clears a whole buffer for each of its drops.
        return Poll::Ready(Ok((count > 0).then(|| Bytes::copy_from_slice(&buffer[..count]))));
    }
    buffer.truncate(count);
    Poll::Ready(Ok(Some(buffers.lend(std::mem::take(buffer)))))
}

/// A file read piece by piece off the reactor, without a copy.
pub(in crate::client) enum FileSource {
    Idle(OpenFile, Buffers),
    Reading(JoinHandle<(OpenFile, io::Result<Vec<u8>>)>, Buffers),
    Lost,
}

/// A file, and what it was when it was opened.
pub(in crate::client) struct OpenFile {
    pub file: File,
    pub identity: Identity,
}

/// What tells a file from one that was changed meanwhile. The time of the last change can be set back, that of its inode cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Identity {
    pub length: u64,
    modified: Option<SystemTime>,
    inode: Inode,
}

#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

#[cfg(not(unix))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Inode;

impl Identity {
    pub fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self { length: metadata.len(), modified: metadata.modified().ok(), inode: Inode::of(&metadata) })
    }
}

impl Inode {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), number: metadata.ino(), changed: (metadata.ctime(), metadata.ctime_nsec()) }
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self
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
pub(in crate::client) enum SourceError {
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
