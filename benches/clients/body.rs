//! What raw hyper sends: bytes, a reader or a file, with their length.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::task::{JoinHandle, spawn_blocking};

/// What is read from a source at a time.
const PIECE: usize = 64 << 10;

/// What is read from a file at a time.
const FILE_PIECE: usize = 512 << 10;

/// A request's body.
pub struct SendBody {
    source: Source,
    length: u64,
}

enum Source {
    Bytes(Bytes),
    Reader(Box<dyn AsyncRead + Send + Unpin>, Buffers),
    File(Reading, Buffers),
}

/// A file, or its next piece on its way: read on another thread, as no server may let its reactor wait for a disk.
enum Reading {
    Idle(File),
    Busy(JoinHandle<io::Result<(File, BytesMut, usize)>>),
    Lost,
}

impl SendBody {
    pub fn empty() -> Self {
        Self::bytes(Bytes::new())
    }

    pub fn bytes(bytes: Bytes) -> Self {
        Self { length: bytes.len() as u64, source: Source::Bytes(bytes) }
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, length: u64) -> Self {
        Self { source: Source::Reader(Box::new(reader), Buffers::default()), length }
    }

    pub fn file(file: File, length: u64) -> Self {
        Self { source: Source::File(Reading::Idle(file), Buffers::default()), length }
    }
}

impl Body for SendBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.length == 0 {
            return Poll::Ready(None);
        }
        let bytes = match &mut self.source {
            Source::Bytes(bytes) => std::mem::take(bytes),
            Source::Reader(reader, buffers) => ready!(poll_reader(reader, buffers, cx))?,
            Source::File(reading, buffers) => ready!(poll_file(reading, buffers, cx))?,
        };
        if bytes.is_empty() {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        self.length -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.length == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

/// Buffers that are used again once hyper has sent what was in them. Memory that is freed and asked for again may come from
/// the kernel, page by page, or not, as the heap happens to lie; the floor must not depend on that.
#[derive(Default)]
struct Buffers(VecDeque<Bytes>);

impl Buffers {
    /// Returns a buffer of a size with anything in it: the oldest, if hyper is done with it.
    fn free(&mut self, size: usize) -> BytesMut {
        let oldest = self.0.pop_front().map(Bytes::try_into_mut);
        match oldest {
            Some(Ok(buffer)) if buffer.len() == size => buffer,
            Some(Err(busy)) => {
                self.0.push_front(busy);
                BytesMut::zeroed(size)
            }
            _ => BytesMut::zeroed(size),
        }
    }

    /// Gives the beginning of a buffer away, and keeps the whole for later.
    fn lend(&mut self, buffer: BytesMut, count: usize) -> Bytes {
        let whole = buffer.freeze();
        let lent = whole.slice(..count);
        self.0.push_back(whole);
        lent
    }
}

fn poll_reader(
    reader: &mut (impl AsyncRead + Unpin),
    buffers: &mut Buffers,
    cx: &mut Context<'_>,
) -> Poll<io::Result<Bytes>> {
    let mut buffer = buffers.free(PIECE);
    let mut free = ReadBuf::new(&mut buffer);
    ready!(Pin::new(reader).poll_read(cx, &mut free))?;
    let count = free.filled().len();
    Poll::Ready(Ok(buffers.lend(buffer, count)))
}

fn poll_file(reading: &mut Reading, buffers: &mut Buffers, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
    loop {
        *reading = match std::mem::replace(reading, Reading::Lost) {
            Reading::Idle(mut file) => {
                let mut buffer = buffers.free(FILE_PIECE);
                Reading::Busy(spawn_blocking(move || {
                    let count = file.read(&mut buffer)?;
                    Ok((file, buffer, count))
                }))
            }
            Reading::Busy(mut piece) => match Pin::new(&mut piece).poll(cx) {
                Poll::Pending => {
                    *reading = Reading::Busy(piece);
                    return Poll::Pending;
                }
                Poll::Ready(read) => {
                    let (file, buffer, count) = read.map_err(io::Error::other)??;
                    *reading = Reading::Idle(file);
                    return Poll::Ready(Ok(buffers.lend(buffer, count)));
                }
            },
            Reading::Lost => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
        };
    }
}
