//! One GET being read: its metadata, its bytes, counted.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::file::PartFile;
use super::incoming::IncomingBody;
use crate::error::{Error, ErrorKind, Result};
use crate::response::{ContentRange, ObjectMeta, ResponseHead};

/// What is set aside for an object at first, whatever length the service announces.
const MAX_PREALLOCATION: u64 = 16 << 20;

/// An object being read, or a range of one.
///
/// The bytes are counted: an answer that ends early, late or without framing is an error, never a clean end. Dropping it
/// half-read closes its connection.
pub struct Object {
    meta: ObjectMeta,
    range: Option<ContentRange>,
    body: Option<IncomingBody>,
    /// How many bytes are still to come; `None` if the framing alone tells the end.
    remaining: Option<u64>,
    context: ErrorContext,
}

/// What an error of a later read says of the request.
#[derive(Clone)]
pub(super) struct ErrorContext {
    pub bucket: String,
    pub key: String,
}

impl ErrorContext {
    fn add(&self, error: Error) -> Error {
        error.with_context("GetObject", &self.bucket, Some(&self.key))
    }
}

impl Object {
    /// Takes an answer whose head was found right.
    pub(super) fn new(
        head: &ResponseHead,
        meta: ObjectMeta,
        body: IncomingBody,
        context: ErrorContext,
    ) -> Result<Self> {
        let range = head.content_range().filter(|_| head.status.as_u16() == 206);
        let chunked = head.header("transfer-encoding").is_some();
        let remaining = match (body.announced(), range) {
            (Some(length), _) => Some(length),
            (None, Some(range)) => Some(range.length()),
            (None, None) if chunked => None,
            (None, None) => {
                return Err(context.add(Error::protocol(
                    "the answer does not say how long it is, so nobody could tell whether it is complete",
                )));
            }
        };
        Ok(Self { meta, range, body: Some(body), remaining, context })
    }

    /// Makes an object of which no byte was asked for.
    pub(super) fn empty(meta: ObjectMeta, context: ErrorContext) -> Self {
        Self { meta, range: None, body: None, remaining: Some(0), context }
    }

    /// Returns the object's metadata.
    pub fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// Returns which bytes of the object these are, if a range was asked for.
    pub fn content_range(&self) -> Option<ContentRange> {
        self.range
    }

    /// Returns how many bytes are still to be read, if the answer said how many there are.
    pub fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// Reads the next bytes; `None` once all have been read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`] if the answer ends early, [`ErrorKind::Timeout`] if it stalls.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no bytes.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let Some(body) = &mut self.body else { return Ok(None) };
        let next = body.chunk().await.and_then(|bytes| self.count(bytes));
        if !matches!(next, Ok(Some(_))) {
            self.body = None;
        }
        next.map_err(|error| self.context.add(error))
    }

    fn count(&mut self, bytes: Option<Bytes>) -> Result<Option<Bytes>> {
        let (Some(remaining), length) = (self.remaining, bytes.as_ref().map_or(0, Bytes::len) as u64) else {
            return Ok(bytes);
        };
        match &bytes {
            None if remaining > 0 => {
                Err(Error::new(ErrorKind::Truncated, format!("the answer ended {remaining} bytes early")))
            }
            Some(_) if length > remaining => Err(Error::protocol("the answer has more bytes than it announced")),
            _ => {
                self.remaining = Some(remaining - length);
                Ok(bytes)
            }
        }
    }

    /// Reads all bytes into memory.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        // One piece needs no copy, but the end must have been seen.
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let expected = self.remaining.unwrap_or(0).min(MAX_PREALLOCATION) as usize;
        let mut all = BytesMut::with_capacity(first.len() + second.len() + expected);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(bytes) = self.chunk().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }

    /// Writes all bytes to a file: beside it first, then renamed into its place. Returns how many there were.
    ///
    /// On failure, and if the future is dropped, nothing is left behind and what was at `path` is untouched.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and [`ErrorKind::Sink`] if the file cannot be written.
    pub async fn write_to_file(mut self, path: impl AsRef<Path>) -> Result<u64> {
        let mut file = PartFile::create(path.as_ref()).await.map_err(|error| self.context.add(error))?;
        let mut written = 0;
        while let Some(bytes) = self.chunk().await? {
            file.write_all(&bytes).await.map_err(|error| self.context.add(error))?;
            written += bytes.len() as u64;
        }
        file.finish().await.map_err(|error| self.context.add(error))?;
        Ok(written)
    }

    /// Copies all bytes into a writer and flushes it. Returns how many there were.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and [`ErrorKind::Sink`] if the writer fails.
    pub async fn copy_to(mut self, writer: &mut (impl tokio::io::AsyncWrite + Unpin)) -> Result<u64> {
        let sink =
            |error: io::Error| Error::new(ErrorKind::Sink, format!("the writer failed: {error}")).with_source(error);
        let mut written = 0;
        while let Some(bytes) = self.chunk().await? {
            writer.write_all(&bytes).await.map_err(|error| self.context.add(sink(error)))?;
            written += bytes.len() as u64;
        }
        writer.flush().await.map_err(|error| self.context.add(sink(error)))?;
        Ok(written)
    }

    /// Turns it into a reader, for whatever takes one. An [`Error`] becomes the content of the [`io::Error`].
    pub fn into_reader(self) -> ObjectReader {
        ObjectReader { object: Some(self), reading: None, buffer: Bytes::new() }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("meta", &self.meta).field("remaining", &self.remaining).finish_non_exhaustive()
    }
}

type Reading = Pin<Box<dyn Future<Output = (Object, Result<Option<Bytes>>)> + Send>>;

/// An object as an [`AsyncRead`].
pub struct ObjectReader {
    object: Option<Object>,
    reading: Option<Reading>,
    buffer: Bytes,
}

impl ObjectReader {
    /// Waits for bytes that are not empty; empty ones are the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reading.is_none() {
            let Some(mut object) = self.object.take() else { return Poll::Ready(Ok(())) };
            self.reading = Some(Box::pin(async move {
                let chunk = object.chunk().await;
                (object, chunk)
            }));
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(Ok(())) };
        let (object, chunk) = ready!(reading.as_mut().poll(cx));
        self.reading = None;
        if let Some(bytes) = chunk.map_err(into_io)? {
            (self.object, self.buffer) = (Some(object), bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ObjectReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.buffer.is_empty() {
            ready!(self.poll_fill(cx))?;
        }
        let count = self.buffer.len().min(out.remaining());
        out.put_slice(&self.buffer[..count]);
        self.buffer.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectReader")
    }
}

fn into_io(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::Truncated => io::ErrorKind::UnexpectedEof,
        ErrorKind::Timeout(_) => io::ErrorKind::TimedOut,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
