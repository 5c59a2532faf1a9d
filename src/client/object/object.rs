//! An object being read, as its users see it.

use std::fmt;
use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::client::Store;
use crate::client::exchange::incoming::IncomingBody;
use crate::client::object::download::Download;
use crate::client::object::file::PartFile;
use crate::client::object::reader::ObjectReader;
use crate::client::runtime::rare::rare;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::GetObject;
use crate::response::{ContentRange, ObjectMeta};

/// What is set aside for an object at first, whatever length the service announces.
const MAX_PREALLOCATION: u64 = 16 << 20;

/// An object being read, or a range of one.
///
/// The bytes are counted: an answer that ends early, late or without framing is an error, never a clean end. A download that
/// breaks or stalls goes on at the byte it had reached, if the object is still the same; as long as bytes arrive, and not more
/// slowly than `low-speed-limit`, as often as need be. If the service keeps a checksum of the whole object, the bytes are compared with it before the last of them are
/// handed out, or before their end is where the answer does not say how many there are. Dropping it half-read closes its connection.
pub struct Object(Box<Download>);

impl Object {
    /// Takes an answer whose head was found right.
    pub(in crate::client) fn new(
        store: &Store,
        operation: GetObject,
        meta: ObjectMeta,
        body: IncomingBody,
    ) -> Result<Self> {
        Download::new(store, operation, meta, body).map(Self)
    }

    /// Looks at the first bytes: an object without a tag may be a document of S3's that came with a 200.
    pub(in crate::client) async fn require_no_document(&mut self) -> Result<()> {
        self.0.require_no_document().await
    }

    /// Lets it fail unless so many bytes come, where the answer itself does not say how many there are.
    pub(in crate::client) fn require_length(&mut self, length: u64) {
        self.0.require_length(length);
    }

    /// Lets it fail unless it is read by a time.
    pub(in crate::client) fn end_by(mut self, deadline: Option<Instant>) -> Self {
        self.0.end_by(deadline);
        self
    }

    /// Makes an object of which no byte was asked for.
    pub(in crate::client) fn empty(store: &Store, operation: GetObject, meta: ObjectMeta) -> Self {
        Self(Download::empty(store, operation, meta))
    }

    /// Returns the object's metadata.
    pub fn meta(&self) -> &ObjectMeta {
        &self.0.meta
    }

    /// Returns which bytes of the object these are, if a range was asked for.
    pub fn content_range(&self) -> Option<ContentRange> {
        self.0.range
    }

    /// Returns how many bytes are still to be read, if the answer said how many there are.
    pub fn remaining(&self) -> Option<u64> {
        self.0.remaining
    }

    /// Reads the next bytes; `None` once all have been read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Truncated`] if the answer ends early, [`ErrorKind::Timeout`] if it stalls. Once failed, it fails so again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no bytes, and the next one goes on waiting where it was.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.chunk().await
    }

    /// Reads all bytes into memory. If they do not have the stored checksum, they are read once more.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(mut self) -> Result<Bytes> {
        match self.collect().await {
            Err(error) if error.kind() == ErrorKind::Integrity && self.0.repeat() => rare(self.collect()).await,
            result => result,
        }
    }

    async fn collect(&mut self) -> Result<Bytes> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        // One piece needs no copy, but the end must have been seen.
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let expected = self.0.remaining.unwrap_or(0).min(MAX_PREALLOCATION) as usize;
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
    /// On failure, and if the future is dropped, nothing is left behind and what was at `path` is untouched. One exception: if
    /// syncing the directory fails, or the future is dropped after the rename, the new file stays. A symbolic link at `path` is
    /// replaced, not followed. If the bytes do not have the stored checksum, they are read once more.
    ///
    /// On Unix the file keeps the permissions of the one that it replaces, and gets those of the process's umask where there was
    /// none (where `/proc` does not tell that, its owner alone can read it); while it is written its owner alone can. A pipe, a device or a socket at `path` is refused: copy to it with
    /// [`copy_to`](Self::copy_to).
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and [`ErrorKind::Sink`] if the file cannot be written.
    pub async fn write_to_file(mut self, path: impl AsRef<Path>) -> Result<u64> {
        let mut file = PartFile::create(path.as_ref()).await.map_err(|error| self.0.about(error))?;
        let written = match self.write_into(&mut file).await {
            Err(error) if error.kind() == ErrorKind::Integrity && self.0.repeat() => {
                file.begin_again().await.map_err(|error| self.0.about(error))?;
                rare(self.write_into(&mut file)).await
            }
            result => result,
        }?;
        file.finish().await.map_err(|error| self.0.about(error))?;
        Ok(written)
    }

    async fn write_into(&mut self, file: &mut PartFile) -> Result<u64> {
        let mut written = 0;
        while let Some(bytes) = self.chunk().await? {
            file.write_all(&bytes).await.map_err(|error| self.0.about(error))?;
            written += bytes.len() as u64;
        }
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
            writer.write_all(&bytes).await.map_err(|error| self.0.about(sink(error)))?;
            written += bytes.len() as u64;
        }
        writer.flush().await.map_err(|error| self.0.about(sink(error)))?;
        Ok(written)
    }

    /// Turns it into a reader, for whatever takes one. An [`Error`] becomes the content of the [`io::Error`].
    pub fn into_reader(self) -> ObjectReader {
        ObjectReader::new(self)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object")
            .field("meta", &self.0.meta)
            .field("remaining", &self.0.remaining)
            .finish_non_exhaustive()
    }
}
