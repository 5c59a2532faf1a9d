//! The attempt loop: one operation, from its first attempt to its answer or its last failure.
//!
//! Per attempt: take a place, open the body anew, take a connection, sign, send, read the outcome, let [`Retry`] decide. No other
//! code retries.

mod learn;
mod report;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Body;
use tokio::time::{Instant, sleep, timeout};

use crate::client::call::lesson::{Failure, Signing};
use crate::client::call::observe::{Attempt, Telling};
use crate::client::call::outgoing::{Attempting, BodyPlan};
use crate::client::call::reading::Recipient;
use crate::client::connection::address::Address;
use crate::client::exchange::incoming::{Gathered, IncomingBody};
use crate::client::exchange::transport::Route;
use crate::client::payload::Payload;
use crate::client::runtime::rare::rare;
use crate::client::{Store, load};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::operation::Answer;
use crate::request::Request;
use crate::response::{Marks, ResponseHead, require_whole};
use crate::retry::{Decision, Moment, Outcome, Retry};
use crate::sign::{PayloadForm, SigningTime};
use crate::skew::ClockSkew;
use crate::target::{Scheme, Target};
use crate::xml;

/// How much of an error's body is read, and for how long.
const MAX_ERROR_BYTES: usize = 64 << 10;
const MAX_ERROR_TIME: Duration = Duration::from_secs(5);

/// Why a failure that may pass was reported all the same.
pub(in crate::client) const OUT_OF_QUOTA: &str =
    "not tried again: the store's quota for retries is spent, because too much failed lately";

const EARLY_SUCCESS: &str = "the service reported success before it had read the whole body";

/// One operation on its way.
///
/// It knows nothing of its kind but the name: one loop, compiled once, serves them all.
struct Call<'a> {
    store: &'a Store,
    request: &'a Request,
    payload: &'a Payload,
    body: BodyPlan,
    address: Arc<Address>,
    target: Target,
    route: Route,
    /// The connection broke while the body went up: its refusal may have been lost, so the next body waits for consent.
    body_broke: bool,
    started: Instant,
    /// When this attempt began.
    began: Instant,
    attempts: u32,
    /// An attempt may have taken effect although it failed.
    unknown: bool,
    /// An attempt was sent, whatever came of it.
    was_sent: bool,
    because: Option<Error>,
    /// The skew to sign with where it is not the one that is known: it was measured by a refusal, and is to be proved.
    skew: Option<ClockSkew>,
}

/// Sends a request, as often as need be, and has its answer read.
pub(in crate::client) async fn carry_out(
    store: &Store,
    request: &Request,
    payload: &mut Payload,
    recipient: &mut dyn Recipient,
) -> Result<()> {
    let mut call = pin!(call(store, request, payload, recipient));
    poll_fn(|cx| poll_apart(call.as_mut(), cx)).await
}

/// Polls a future in a function of its own, which is compiled once. The future alone would be compiled into every operation.
#[inline(never)]
fn poll_apart<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    future.poll(cx)
}

/// Looks at the payload, hashes it, and goes from attempt to attempt.
async fn call(store: &Store, request: &Request, payload: &mut Payload, recipient: &mut dyn Recipient) -> Result<()> {
    let address = store.inner.address();
    let body = body_plan(store, request, payload, address.endpoint().scheme()).await;
    let body = body.map_err(|error| store.about(error, request.operation(), Some(request)))?;
    let target = address.endpoint().target(request);
    let (route, body_broke, started) = (Route::Pooled, false, Instant::now());
    let (attempts, unknown, was_sent, because, skew) = Default::default();
    Call {
        store,
        request,
        payload,
        body,
        address,
        target,
        route,
        body_broke,
        started,
        began: started,
        attempts,
        unknown,
        was_sent,
        because,
        skew,
    }
    .run(recipient)
    .await
}

/// Looks at the payload: a small reader is read first, for then it is bytes like others.
async fn body_plan(store: &Store, request: &Request, payload: &mut Payload, scheme: Scheme) -> Result<BodyPlan> {
    payload.read_if_small().await?;
    let inner = &store.inner;
    let form = match inner.credentials {
        Some(_) => inner.config.payload_signing().form(payload.is_replayable(), scheme)?,
        None => PayloadForm::Unsigned,
    };
    BodyPlan::new(request, payload, form).await
}

impl Call<'_> {
    /// Goes from attempt to attempt.
    async fn run(&mut self, recipient: &mut dyn Recipient) -> Result<()> {
        let inner = &self.store.inner;
        let mut retry = Retry::new(inner.config.retry_policy(), self.request.is_idempotent());
        loop {
            self.attempts += 1;
            let Err(failure) = self.observed_attempt(recipient).await else {
                retry.succeeded(&mut inner.quota());
                return Ok(());
            };
            let wait = self.after(failure, &mut retry)?;
            rare(sleep(wait)).await;
            self.began = Instant::now();
        }
    }

    /// Prepares another attempt, and returns the wait before it; or gives up.
    #[cold]
    fn after(&mut self, failure: Failure, retry: &mut Retry) -> Result<Duration> {
        self.unknown |= failure.error.may_have_acted() && !self.request.is_safe();
        // Whatever an attempt before this one came to, it was sent: a condition may have been broken by that very attempt.
        self.unknown |= failure.error.is_precondition_failed() && self.was_sent && !self.request.is_safe();
        self.was_sent |= !failure.error.is_unsent();
        self.body_broke |= failure.in_body && failure.error.kind() == ErrorKind::Interrupted;
        let outcome = Outcome {
            error: &failure.error,
            stale_connection: failure.stale_connection,
            correction: self.correction(&failure),
            replayable: self.payload.is_whole(),
            retry_after: failure.retry_after,
        };
        let decision = retry.after(&outcome, self.moment(), &mut self.store.inner.quota());
        match decision {
            Decision::Again { wait } => {
                self.route = Route::New;
                self.because = Some(failure.error);
                Ok(wait)
            }
            Decision::OutOfQuota => Err(self.report(failure.error.with_hint(OUT_OF_QUOTA))),
            Decision::Stop => Err(self.report(failure.error)),
        }
    }

    fn moment(&self) -> Moment {
        let (now, elapsed) = (self.store.inner.opened.elapsed(), self.started.elapsed());
        Moment { now, elapsed, remaining: self.remaining(), jitter: load::jitter() }
    }

    fn remaining(&self) -> Option<Duration> {
        let limit = self.store.inner.config.timeouts().operation?;
        Some(limit.saturating_sub(self.started.elapsed()))
    }

    /// One attempt, told to the observer.
    async fn observed_attempt(&mut self, recipient: &mut dyn Recipient) -> std::result::Result<(), Failure> {
        let because = self.because.take();
        let attempt = || Attempt {
            operation: self.request.operation(),
            bucket: self.store.inner.config.bucket(),
            key: self.request.key(),
            number: self.attempts,
            because: because.as_ref(),
        };
        let mut telling = Telling::of(self.store.observer.as_deref(), attempt);
        let result = match self.remaining() {
            Some(limit) => {
                let attempt = rare(timeout(limit, self.attempt(&mut telling, recipient))).await;
                attempt.unwrap_or_else(|_| Err(self.out_of_time().into()))
            }
            None => self.attempt(&mut telling, recipient).await,
        };
        telling.ended(result.as_ref().err().map(|failure| &failure.error));
        result
    }

    fn out_of_time(&self) -> Error {
        let limit = self.store.inner.config.timeouts().operation.unwrap_or_default();
        Error::new(ErrorKind::Timeout(Phase::Operation), format!("not done within operation-timeout = {limit:?}"))
    }

    /// One attempt: signed anew, its body opened anew, its answer read.
    async fn attempt(
        &self,
        telling: &mut Telling<'_>,
        recipient: &mut dyn Recipient,
    ) -> std::result::Result<(), Failure> {
        let inner = &self.store.inner;
        let expected = self.expects();
        let mut exchange = inner.transport.exchange(&self.address, self.began);
        exchange.take_place(recipient.purpose(), recipient.place()).await.map_err(Failure::before_sending)?;
        let source = match self.payload.at_hand() {
            Some(source) => source,
            None => rare(self.payload.open()).await?,
        };
        exchange.connect(self.route_for(expected)).await.map_err(Failure::before_sending)?;
        let signing = Signing { at: load::now(), skew: self.skew.unwrap_or_else(|| inner.skew()), expected };
        let time = SigningTime::from_system_time(signing.skew.apply(signing.at))?;
        let attempting = Attempting {
            request: self.request,
            address: &self.address,
            target: &self.target,
            body: self.body,
            expect: expected,
            began: exchange.moment,
        };
        attempting.fill(exchange.request(), source, inner.signer(&self.address), time)?;
        let answer = exchange.head().await;
        telling.sent(exchange.trace);
        let response = answer.map_err(|broken| Failure::of(broken, exchange.trace, signing.expected))?;
        telling.answered(response.status(), response.body().size_hint().exact());
        let (parts, body) = response.into_parts();
        let head = ResponseHead { status: parts.status, headers: parts.headers };
        // What the service had shown of itself before this answer.
        let known = inner.learned.marks();
        let measured = self.learn(&mut exchange, &head, signing);
        let retry_after = if head.status.is_success() { None } else { head.retry_after() };
        let is_sent = exchange.is_sent();
        let body = exchange.body(body);
        let result = match head.status.is_success() {
            true if !is_sent => Err(Error::passing_protocol(EARLY_SUCCESS)),
            true if recipient.streams() => {
                recipient.read(self.answer_of(head, &[]), known).map(|()| recipient.take(body))
            }
            true if body.is_ended() => recipient.read(self.answer_of(head, &[]), known),
            _ => rare(self.read(head, body, recipient, known)).await,
        };
        result.map_err(|error| Failure::of_answer(error, retry_after, measured, signing))
    }

    /// A body that can be sent once goes over a connection that was just seen alive: one whose service is asked first, or a new
    /// one. What a stale connection swallows of it is gone.
    fn route_for(&self, expected: bool) -> Route {
        let is_once = !self.payload.is_replayable() && self.body.wire_length > 0;
        if is_once && !expected { Route::New } else { self.route }
    }

    async fn read(
        &self,
        head: ResponseHead,
        mut body: IncomingBody,
        recipient: &mut dyn Recipient,
        known: Marks,
    ) -> Result<()> {
        let bytes = match head.status.is_success() {
            true => {
                let bytes = body.whole(xml::MAX_BYTES).await?;
                require_whole(&head, self.request.method(), &bytes, recipient.reads_documents())?;
                bytes
            }
            // A refusal counts by its status, and by what arrived of its body before that broke or never ended.
            false => {
                let mut beginning = Gathered::default();
                let _ = timeout(MAX_ERROR_TIME, body.beginning(MAX_ERROR_BYTES, &mut beginning)).await;
                beginning.into_bytes()
            }
        };
        recipient.read(self.answer_of(head, &bytes), known)
    }

    fn answer_of<'b>(&'b self, head: ResponseHead, body: &'b [u8]) -> Answer<'b> {
        let prefix = self.store.inner.config.key_prefix();
        Answer { head, body, prefix, signed_for: self.address.endpoint().signing_region() }
    }

    /// Whether the body waits for the service's consent: a large one, one that can be sent once, or one that broke before.
    fn expects(&self) -> bool {
        let inner = &self.store.inner;
        let limit = if self.payload.is_replayable() { inner.config.expect_continue() } else { Some(1) };
        let large = limit.is_some_and(|limit| self.body.wire_length >= limit.max(1));
        let is_off = inner.config.expect_continue().is_none();
        (large && !is_off || self.body_broke) && inner.consent().is_asked(inner.opened.elapsed())
    }
}
