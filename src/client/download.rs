//! One GET on its way in: its bytes counted, its checksum kept, gone on with where it broke.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::TRANSFER_ENCODING;
use tokio::time::sleep;

use super::Store;
use super::incoming::IncomingBody;
use super::runtime::demand_runtime;
use crate::checksum::Checksum;
use crate::error::{Error, ErrorKind, Result};
use crate::operation::GetObject;
use crate::response::{ContentRange, ObjectMeta};
use crate::resume::Resume;
use crate::retry::Retry;

/// A GET whose head was found right.
pub(super) struct Download {
    pub store: Store,
    operation: GetObject,
    pub meta: ObjectMeta,
    pub range: Option<ContentRange>,
    source: Source,
    /// How many bytes are still to come; `None` if the framing alone tells the end.
    pub remaining: Option<u64>,
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

impl Download {
    /// Takes an answer whose head was found right.
    pub fn new(store: &Store, operation: GetObject, meta: ObjectMeta, body: IncomingBody) -> Result<Box<Self>> {
        let head = meta.head();
        let range = if head.status.as_u16() == 206 { head.content_range() } else { None };
        let remaining = body.announced().or(range.map(|range| range.length()));
        let is_framed = remaining.is_some() || head.headers.contains_key(TRANSFER_ENCODING);
        let checksum = Checksum::of_answer(head).map(Box::new);
        let mut download = Self::empty(store, operation, meta);
        if !is_framed {
            let unframed = "the answer does not say how long it is, so nobody could tell whether it is complete";
            return Err(download.about(Error::protocol(unframed)));
        }
        download.source = Source::Body(body);
        (download.range, download.remaining, download.checksum) = (range, remaining, checksum);
        Ok(download)
    }

    /// Makes one of which no byte was asked for.
    pub fn empty(store: &Store, operation: GetObject, meta: ObjectMeta) -> Box<Self> {
        let (store, source, remaining) = (store.clone(), Source::Ended, Some(0));
        let (range, received, retry, checksum, touched) = Default::default();
        Box::new(Self { store, operation, meta, range, source, remaining, received, retry, checksum, touched })
    }

    /// Returns true if the bytes will be compared with a checksum, and none was handed out yet.
    pub fn can_be_read_again(&self) -> bool {
        self.checksum.is_some() && !self.touched
    }

    /// Reads the next bytes; `None` once all have been read. Cancel safe.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if !matches!(self.source, Source::Ended) {
            demand_runtime().map_err(|error| self.about(error))?;
        }
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
                    self.end_with_framing();
                    return Ok(Some(bytes));
                }
                Ok(Step::GoOn) => {}
                Ok(Step::End) => self.source = Source::Ended,
                Err(error) => self.source = Source::Failed(self.about(error)),
            }
        }
    }

    /// Ends if these were the last bytes, and the framing has ended with them.
    fn end_with_framing(&mut self) {
        let Source::Body(body) = &self.source else { return };
        if self.remaining == Some(0) && body.is_ended() {
            self.source = Source::Ended;
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
    #[cold]
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
    #[cold]
    fn resumed(&mut self, answer: Result<(ObjectMeta, IncomingBody)>) -> Result<Step> {
        let Some(resume) = self.resume() else { return Err(Error::protocol("there is nothing to go on by")) };
        let (meta, body) = answer.map_err(|error| resume.refused(error))?;
        resume.check(meta.head())?;
        self.source = Source::Body(body);
        Ok(Step::GoOn)
    }

    /// How it would go on: most downloads never need it, so it is not kept.
    pub fn resume(&self) -> Option<Resume> {
        let mut resume = Resume::new(&self.operation, self.meta.head())?;
        resume.received(self.received);
        Some(resume)
    }

    #[cold]
    pub fn about(&self, error: Error) -> Error {
        let config = self.store.config();
        error.with_context("GetObject", config.bucket(), Some(&config.key_prefix().join(self.operation.key())))
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
