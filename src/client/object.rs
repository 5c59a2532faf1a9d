//! One GET being read: its metadata, its bytes, counted.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::Store;
use super::file::PartFile;
use super::incoming::IncomingBody;
use super::reader::ObjectReader;
use super::runtime::demand_runtime;
use crate::checksum::Checksum;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::GetObject;
use crate::response::{ContentRange, ObjectMeta};
use crate::resume::Resume;
use crate::retry::Retry;

/// What is set aside for an object at first, whatever length the service announces.
const MAX_PREALLOCATION: u64 = 16 << 20;

/// An object being read, or a range of one.
///
/// The bytes are counted: an answer that ends early, late or without framing is an error, never a clean end. A download that
/// breaks or stalls goes on at the byte it had reached, if the object is still the same; as long as bytes arrive, as often as
/// need be. If the service keeps a checksum of the whole object, the bytes are compared with it before the last of them are
/// handed out, or before their end is where the answer does not say how many there are. Dropping it half-read closes its connection.
pub struct Object {
    store: Store,
    operation: GetObject,
    meta: ObjectMeta,
    range: Option<ContentRange>,
    source: Source,
    /// How many bytes are still to come; `None` if the framing alone tells the end.
    remaining: Option<u64>,
    /// How many bytes have arrived.
    received: u64,
    /// Since the last bytes came, if it broke.
    retry: Option<Box<Retry>>,
    checksum: Option<Box<Checksum>>,
    /// Bytes were handed out.
    touched: bool,
}

/// Where the next bytes come from.
enum Source {
    Body(IncomingBody),
    /// The body broke; this waits for a new answer, from the byte reached on. Kept between calls, so that one that is dropped
    /// neither waits nor asks anew. Nobody ever locks it: it makes an object that can be shared between threads.
    Resuming(Mutex<Resuming>),
    /// All bytes were handed out.
    Ended,
    /// Why no more bytes will come.
    Failed(Error),
}

type Resuming = Pin<Box<dyn Future<Output = Result<(ObjectMeta, IncomingBody)>> + Send>>;

impl Object {
    /// Takes an answer whose head was found right.
    pub(super) fn new(store: &Store, operation: GetObject, meta: ObjectMeta, body: IncomingBody) -> Result<Self> {
        let head = meta.head();
        let range = head.content_range().filter(|_| head.status.as_u16() == 206);
        let chunked = head.header("transfer-encoding").is_some();
        let checksum = Checksum::of_answer(head);
        let mut object = Self::empty(store, operation, meta);
        object.remaining = match (body.announced(), range) {
            (Some(length), _) => Some(length),
            (None, Some(range)) => Some(range.length()),
            (None, None) if chunked => None,
            (None, None) => {
                let unframed = "the answer does not say how long it is, so nobody could tell whether it is complete";
                return Err(object.about(Error::protocol(unframed)));
            }
        };
        object.range = range;
        object.source = Source::Body(body);
        object.checksum = checksum.map(Box::new);
        Ok(object)
    }

    /// Makes an object of which no byte was asked for.
    pub(super) fn empty(store: &Store, operation: GetObject, meta: ObjectMeta) -> Self {
        let (source, remaining) = (Source::Ended, Some(0));
        Self {
            store: store.clone(),
            operation,
            meta,
            range: None,
            source,
            remaining,
            received: 0,
            retry: None,
            checksum: None,
            touched: false,
        }
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
    /// [`ErrorKind::Truncated`] if the answer ends early, [`ErrorKind::Timeout`] if it stalls. Once failed, it fails so again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no bytes, and the next one goes on waiting where it was.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        demand_runtime().map_err(|error| self.about(error))?;
        loop {
            let next = match &mut self.source {
                Source::Ended => return Ok(None),
                Source::Failed(error) => return Err(error.clone()),
                Source::Body(body) => match body.chunk().await.and_then(|bytes| self.count(bytes)) {
                    Err(error) if may_go_on(&error) => self.go_on(error),
                    next => next,
                },
                Source::Resuming(resuming) => {
                    let answer = resuming.get_mut().unwrap_or_else(PoisonError::into_inner).await;
                    self.resumed(answer)
                }
            };
            match next {
                Ok(Step::Bytes(bytes)) => {
                    self.touched = true;
                    return Ok(Some(bytes));
                }
                Ok(Step::GoOn) => {}
                Ok(Step::End) => self.source = Source::Ended,
                Err(error) => self.source = Source::Failed(self.about(error)),
            }
        }
    }

    /// Counts bytes that arrived, or finds out whether the end is one.
    fn count(&mut self, bytes: Option<Bytes>) -> Result<Step> {
        let Some(bytes) = bytes else {
            return match self.remaining {
                Some(missing @ 1..) => {
                    Err(Error::new(ErrorKind::Truncated, format!("the answer ended {missing} bytes early")))
                }
                _ => {
                    self.take_trailers();
                    self.verify(None)
                }
            };
        };
        let length = bytes.len() as u64;
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining
                .checked_sub(length)
                .ok_or_else(|| Error::protocol("the answer has more bytes than it announced"))?;
        }
        self.received += length;
        // Progress: the next break has all its tries again.
        self.retry = None;
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&bytes);
        }
        if self.remaining == Some(0) { self.verify(Some(bytes)) } else { Ok(Step::Bytes(bytes)) }
    }

    fn take_trailers(&mut self) {
        let Source::Body(body) = &self.source else { return };
        if let (Some(trailers), Some(checksum)) = (body.trailers(), &mut self.checksum) {
            checksum.take_trailers(trailers);
        }
    }

    /// Compares the checksum before the last bytes are handed out; behind a chunked body, before its end is.
    fn verify(&mut self, last: Option<Bytes>) -> Result<Step> {
        if let Some(checksum) = self.checksum.take() {
            checksum.verify()?;
        }
        Ok(last.map_or(Step::End, Step::Bytes))
    }

    /// Prepares to ask for the rest of a download that broke, unless it broke too often.
    fn go_on(&mut self, broke: Error) -> Result<Step> {
        let Some(resume) = self.resume() else { return Err(broke) };
        if resume.is_complete() {
            return self.verify(None);
        }
        let policy = self.store.config().retry_policy();
        let retry = self.retry.get_or_insert_with(|| Box::new(Retry::new(policy, true)));
        let Some(wait) = self.store.after_break(retry, &broke) else { return Err(broke) };
        let (store, rest) = (self.store.clone(), resume.operation());
        let resuming = async move {
            sleep(wait).await;
            store.stream(&rest).await
        };
        self.source = Source::Resuming(Mutex::new(Box::pin(resuming)));
        Ok(Step::GoOn)
    }

    /// Takes the answer that is to go on where the last one broke. It was tried as often as any call is: a failure is final.
    fn resumed(&mut self, answer: Result<(ObjectMeta, IncomingBody)>) -> Result<Step> {
        let Some(resume) = self.resume() else { return Err(Error::protocol("there is nothing to go on by")) };
        let (meta, body) = answer.map_err(|error| resume.refused(error))?;
        resume.check(meta.head())?;
        self.source = Source::Body(body);
        Ok(Step::GoOn)
    }

    /// How it would go on: most downloads never need it, so it is not kept.
    fn resume(&self) -> Option<Resume> {
        let mut resume = Resume::new(&self.operation, self.meta.head())?;
        resume.received(self.received);
        Some(resume)
    }

    fn about(&self, error: Error) -> Error {
        let config = self.store.config();
        error.with_context("GetObject", config.bucket(), Some(&config.key_prefix().join(self.operation.key())))
    }

    /// Reads all bytes into memory. If they do not have the stored checksum, they are read once more.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub async fn bytes(self) -> Result<Bytes> {
        let verified = self.checksum.is_some() && !self.touched;
        let resume = if verified { self.resume() } else { None };
        let again = resume.map(|resume| (self.store.clone(), resume));
        match (self.collect().await, again) {
            (Err(error), Some((store, resume))) if error.kind() == ErrorKind::Integrity => {
                let again = store.get(resume.from_start()).await.map_err(|error| resume.refused(error))?;
                again.collect().await
            }
            (result, _) => result,
        }
    }

    async fn collect(mut self) -> Result<Bytes> {
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
    /// On failure, and if the future is dropped, nothing is left behind and what was at `path` is untouched; only once all bytes
    /// are on the disk, a failure to say so of the new name, or a drop in that moment, leaves the new file. On Unix the file can
    /// be read by its owner alone.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk), and [`ErrorKind::Sink`] if the file cannot be written.
    pub async fn write_to_file(mut self, path: impl AsRef<Path>) -> Result<u64> {
        let mut file = PartFile::create(path.as_ref()).await.map_err(|error| self.about(error))?;
        let mut written = 0;
        while let Some(bytes) = self.chunk().await? {
            file.write_all(&bytes).await.map_err(|error| self.about(error))?;
            written += bytes.len() as u64;
        }
        file.finish().await.map_err(|error| self.about(error))?;
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
            writer.write_all(&bytes).await.map_err(|error| self.about(sink(error)))?;
            written += bytes.len() as u64;
        }
        writer.flush().await.map_err(|error| self.about(sink(error)))?;
        Ok(written)
    }

    /// Turns it into a reader, for whatever takes one. An [`Error`] becomes the content of the [`io::Error`].
    pub fn into_reader(self) -> ObjectReader {
        ObjectReader::new(self)
    }
}

/// What a look at the source gave.
enum Step {
    Bytes(Bytes),
    GoOn,
    End,
}

/// A download goes on after what may pass, and never after what says that the object is another one.
fn may_go_on(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Truncated | ErrorKind::Timeout(_) | ErrorKind::Interrupted)
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("meta", &self.meta).field("remaining", &self.remaining).finish_non_exhaustive()
    }
}
