//! An object as an [`AsyncRead`], for whatever takes one.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, ReadBuf};

use crate::client::Object;
use crate::error::{Error, ErrorKind, Result};

type Reading = Pin<Box<dyn Future<Output = (Object, Result<Option<Bytes>>)> + Send>>;

/// An object as an [`AsyncRead`].
pub struct ObjectReader {
    object: Option<Object>,
    reading: Option<Reading>,
    buffer: Bytes,
}

impl ObjectReader {
    pub(in crate::client) fn new(object: Object) -> Self {
        Self { object: Some(object), reading: None, buffer: Bytes::new() }
    }

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
        (self.reading, self.object) = (None, Some(object));
        self.buffer = chunk.map_err(into_io)?.unwrap_or_default();
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
