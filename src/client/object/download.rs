//! One GET on its way in: its bytes counted, its checksum kept, gone on with where it broke.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep, timeout_at};

use crate::checksum::Checksum;
use crate::client::Store;
use crate::client::exchange::incoming::IncomingBody;
use crate::client::runtime::blocking::demand_runtime;
use crate::client::runtime::rare::rare;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::operation::GetObject;
use crate::pace::{Pace, is_paid};
use crate::response::{ContentRange, ObjectMeta, object_framing, require_no_document, require_no_framing};
use crate::resume::Resume;
use crate::retry::Retry;

/// So much of a document shows its root element.
const DOCUMENT_START: usize = 512;

/// A GET whose head was found right.
pub(in crate::client) struct Download {
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
    broken: Option<Box<Broken>>,
    checksum: Option<Box<Checksum>>,
    /// Bytes were handed out.
    touched: bool,
    /// It was read from its beginning once more, because its checksum was another.
    repeated: bool,
    /// Until when the whole must be there: `transfer-timeout`.
    deadline: Option<Instant>,
    /// Bytes that were looked at before they are handed out.
    seen: Option<Bytes>,
}

/// What became of a download since the last bytes came.
struct Broken {
    retry: Retry,
    /// When it broke last.
    at: Instant,
    /// The pace until then, and the wait that the break ended.
    pace: Pace,
    waited: Duration,
    /// What came since then.
    bytes: u64,
    /// How much time it cost until bytes could come again.
    lost: Duration,
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
        let framing = object_framing(head, operation.byte_range());
        let verifies = operation.verifies_checksum().unwrap_or(store.config().verify_checksum());
        let checksum = if verifies { Checksum::of_answer(head).map(Box::new) } else { None };
        let mut download = Self::empty(store, operation, meta);
        let framing = framing.map_err(|error| download.about(error))?;
        download.source = Source::Body(body);
        (download.range, download.remaining, download.checksum) = (framing.range, framing.length, checksum);
        Ok(download)
    }

    /// Makes one of which no byte was asked for.
    pub fn empty(store: &Store, operation: GetObject, meta: ObjectMeta) -> Box<Self> {
        let (store, source, remaining) = (store.clone(), Source::Ended, Some(0));
        let (range, received, broken, checksum, touched, repeated, deadline, seen) = Default::default();
        Box::new(Self {
            store,
            operation,
            meta,
            range,
            source,
            remaining,
            received,
            broken,
            checksum,
            touched,
            repeated,
            deadline,
            seen,
        })
    }

    /// Reads the first bytes, which are handed out by the next call, and refuses them if they are a document of S3's.
    pub async fn require_no_document(&mut self) -> Result<()> {
        let mut start = BytesMut::new();
        while start.len() < DOCUMENT_START {
            let Some(bytes) = self.chunk().await? else { break };
            start.extend_from_slice(&bytes);
        }
        let start = start.freeze();
        require_no_document(&start).map_err(|error| self.about(error))?;
        self.seen = Some(start).filter(|start| !start.is_empty());
        Ok(())
    }

    /// Lets it fail unless so many bytes come, where the answer itself does not say how many there are.
    pub fn require_length(&mut self, length: u64) {
        self.remaining.get_or_insert(length);
    }

    /// Lets it fail unless it is read by a time.
    pub fn end_by(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Reads the next bytes; `None` once all have been read. Cancel safe.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if let Some(seen) = self.seen.take() {
            return Ok(Some(seen));
        }
        let Some(deadline) = self.deadline else { return self.next().await };
        // Bytes that are there already count as late, too: it is the caller who may take too long.
        if Instant::now() < deadline
            && let Ok(next) = rare(timeout_at(deadline, self.next())).await
        {
            return next;
        }
        if matches!(self.source, Source::Ended | Source::Failed(_)) {
            return self.next().await;
        }
        let error = self.about(out_of_time(&self.store));
        self.source = Source::Failed(error.clone());
        Err(error)
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        if !matches!(self.source, Source::Ended) {
            demand_runtime().map_err(|error| self.about(error))?;
        }
        loop {
            let next = match &mut self.source {
                Source::Ended => return Ok(None),
                Source::Failed(error) => return Err(error.clone()),
                Source::Body(body) => match body.chunk().await.and_then(|bytes| self.count(bytes)) {
                    Err(error) if may_go_on(&error) => self.go_on(error),
                    Err(error) if error.kind() == ErrorKind::Integrity => self.begin_again(error),
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
        if self.received == 0 {
            require_no_framing(self.meta.head(), &bytes)?;
        }
        self.received += length;
        if self.broken.is_some() {
            self.pay(length);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&bytes);
        }
        if self.remaining == Some(0) { self.verify(Some(bytes)) } else { Ok(Step::Bytes(bytes)) }
    }

    /// Progress pays for what going on cost: then the next break has all its tries again.
    #[cold]
    fn pay(&mut self, bytes: u64) {
        let Some(broken) = &mut self.broken else { return };
        broken.bytes += bytes;
        if is_paid(broken.bytes, broken.lost) {
            let paid = self.broken.take();
            paid.into_iter().for_each(|broken| self.store.download_progressed(broken.retry));
        }
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
        let Source::Body(mut body) = std::mem::replace(&mut self.source, Source::Ended) else { return Err(broke) };
        if let Some(wire) = body.wire() {
            self.store.inner.transport.pool().avoid(wire);
        }
        let (pace, waited, place) = body.into_rest();
        let policy = self.store.config().retry_policy();
        let (retry, at) = (Retry::new(policy, true), Instant::now());
        let new = || Box::new(Broken { retry, at, pace, waited, bytes: 0, lost: Duration::ZERO });
        let broken = self.broken.get_or_insert_with(new);
        (broken.at, broken.pace, broken.waited) = (at, pace, waited);
        let wait = self.store.after_break(&mut broken.retry, broke, broken.lost)?;
        let (store, rest) = (self.store.clone(), resume.operation());
        let resuming = async move {
            sleep(wait).await;
            store.stream(&rest, place).await
        };
        self.source = Source::Resuming(Mutex::new(Box::pin(resuming)));
        Ok(Step::GoOn)
    }

    /// Takes the answer that is to go on where the last one broke. It was tried as often as any call is: a failure is final.
    #[cold]
    fn resumed(&mut self, answer: Result<(ObjectMeta, IncomingBody)>) -> Result<Step> {
        let Some(resume) = self.resume() else { return Err(Error::protocol("there is nothing to go on by")) };
        let (meta, mut body) = match answer {
            Err(refusal) if resume.is_end(&refusal) => return self.verify(None),
            answer => answer.map_err(|error| resume.refused(error))?,
        };
        resume.check(meta.head())?;
        if self.remaining.is_none() {
            // The first answer did not say how long it was, in chunks. This one may, and then it is counted.
            self.remaining = object_framing(meta.head(), resume.operation().byte_range())?.length;
        }
        if let Some(broken) = &mut self.broken {
            let lost = broken.waited + broken.at.elapsed();
            broken.lost += lost;
            body.follow(broken.pace, lost)?;
        }
        self.source = Source::Body(body);
        Ok(Step::GoOn)
    }

    /// Begins again if its checksum is another one, and no byte was handed out yet.
    #[cold]
    fn begin_again(&mut self, damaged: Error) -> Result<Step> {
        if !self.touched && self.repeat() { Ok(Step::GoOn) } else { Err(damaged) }
    }

    /// Lets all of it be read once more, if it was not yet: another checksum may be damage on the way. What was handed out so far
    /// is the caller's to throw away.
    #[cold]
    pub fn repeat(&mut self) -> bool {
        let framing = object_framing(self.meta.head(), self.operation.byte_range());
        let (Some(resume), Ok(framing), false) = (self.resume(), framing, self.repeated) else { return false };
        self.repeated = true;
        (self.received, self.remaining) = (0, framing.length);
        self.checksum = Checksum::of_answer(self.meta.head()).map(Box::new);
        let (store, whole) = (self.store.clone(), resume.from_start());
        self.source = Source::Resuming(Mutex::new(Box::pin(async move { store.stream(&whole, None).await })));
        true
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

pub(in crate::client) fn out_of_time(store: &Store) -> Error {
    let limit = store.config().timeouts().transfer.unwrap_or_default();
    Error::new(ErrorKind::Timeout(Phase::Transfer), format!("not done within transfer-timeout = {limit:?}"))
}

/// A download goes on after what may pass, and never after what says that the object is another one.
fn may_go_on(error: &Error) -> bool {
    let is_stall = matches!(error.kind(), ErrorKind::Timeout(phase) if phase != Phase::Transfer);
    is_stall || error.is_break()
}
