//! The attempt loop: one operation, from its first attempt to its answer or its last failure.
//!
//! Per attempt: sign anew, open the body anew, send, read the outcome, let [`Retry`] decide. No other code retries.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use super::incoming::{Gathered, IncomingBody};
use super::observe::{Attempt, Telling};
use super::outgoing::{Address, Attempting, BodyPlan};
use super::payload::Payload;
use super::transport::{Broken, Exchange, Route, Trace};
use super::{Store, load};
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::operation::Answer;
use crate::request::Request;
use crate::response::ResponseHead;
use crate::retry::{Correction, Decision, Moment, Outcome, Retry};
use crate::sign::{PayloadForm, SigningTime};
use crate::skew::ClockSkew;
use crate::target::Target;
use crate::xml;

/// How much of an error's body is read, and for how long.
const MAX_ERROR_BYTES: usize = 64 << 10;
const MAX_ERROR_TIME: Duration = Duration::from_secs(5);

/// An upload up to this size takes so little time that the answer's Date tells the service's clock.
const LONGEST_TELLING: u64 = 1 << 20;

/// One operation on its way.
///
/// It knows nothing of its kind but the name: one loop, compiled once, serves them all.
struct Call<'a> {
    store: &'a Store,
    operation: &'static str,
    /// A success's body is handed on, not read.
    streams: bool,
    request: Request,
    payload: Payload,
    body: BodyPlan,
    address: Arc<Address>,
    target: Target,
    route: Route,
    /// The connection broke while the body went up: its refusal may have been lost, so the next body waits for consent.
    body_broke: bool,
    started: Instant,
    attempts: u32,
    /// An attempt may have taken effect although it failed.
    unknown: bool,
    because: Option<Error>,
}

/// Sends a request, as often as need be, and has its answer read. Returns the answer that is still coming, for operations that
/// stream it.
pub(super) async fn carry_out(
    store: &Store,
    request: Request,
    streams: bool,
    payload: Payload,
    read: &mut Read<'_>,
) -> Result<Option<IncomingBody>> {
    let mut call = pin!(async move { Call::new(store, request, streams, payload).await?.run(read).await });
    poll_fn(|cx| poll_apart(call.as_mut(), cx)).await
}

/// Polls a future in a function of its own, which is compiled once. The future alone would be compiled into every operation.
#[inline(never)]
fn poll_apart<F: Future>(future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
    future.poll(cx)
}

/// Reads an answer: a success, whose output it keeps for the caller, or a refusal.
pub(super) type Read<'r> = dyn FnMut(Answer<'_>) -> Result<()> + Send + 'r;

/// A failed attempt, and what it taught.
struct Failure {
    error: Error,
    /// An answer came, and it asks for this wait.
    answered: bool,
    retry_after: Option<Duration>,
    /// The skew by the answer's Date, and the one that was signed with.
    skew: Option<(ClockSkew, ClockSkew)>,
    stale_connection: bool,
    expected: bool,
    in_body: bool,
}

impl<'a> Call<'a> {
    /// Takes a request and hashes its payload.
    async fn new(store: &'a Store, request: Request, streams: bool, mut payload: Payload) -> Result<Self> {
        let (config, operation) = (&store.inner.config, request.operation());
        if !request.body().is_empty() {
            payload = Payload::bytes(request.body().clone());
        }
        let address = store.inner.address();
        let prepared = async {
            let form = match store.inner.credentials {
                Some(_) => config.payload_signing().form(payload.is_replayable(), address.endpoint().scheme())?,
                None => PayloadForm::Unsigned,
            };
            BodyPlan::new(&request, &mut payload, form).await
        };
        let body = prepared.await.map_err(|error| store.about(error, operation, Some(&request)))?;
        let target = address.endpoint().target(&request);
        let (route, body_broke, started) = (Route::Pooled, false, Instant::now());
        let (attempts, unknown, because) = Default::default();
        Ok(Self {
            store,
            operation,
            streams,
            request,
            payload,
            body,
            address,
            target,
            route,
            body_broke,
            started,
            attempts,
            unknown,
            because,
        })
    }

    /// Goes from attempt to attempt. Returns the answer that is still coming, for operations that stream it.
    async fn run(mut self, read: &mut Read<'_>) -> Result<Option<IncomingBody>> {
        let inner = &self.store.inner;
        let mut retry = Retry::new(inner.config.retry_policy(), self.request.is_idempotent());
        loop {
            self.attempts += 1;
            let failure = match self.observed_attempt(read).await {
                Ok(success) => {
                    retry.succeeded(&mut inner.quota());
                    return Ok(success);
                }
                Err(failure) => failure,
            };
            self.unknown |= failure.error.may_have_acted() && !self.request.is_safe();
            self.body_broke |= failure.in_body && failure.error.kind() == ErrorKind::Interrupted;
            let outcome = Outcome {
                error: &failure.error,
                stale_connection: failure.stale_connection,
                correction: self.correction(&failure),
                replayable: self.payload.is_whole(),
                retry_after: failure.retry_after,
            };
            let decision = retry.after(&outcome, self.moment(), &mut inner.quota());
            let Decision::Again { wait } = decision else { return Err(self.report(failure.error)) };
            self.route = Route::New;
            self.because = Some(failure.error);
            sleep(wait).await;
        }
    }

    fn report(&self, error: Error) -> Error {
        let hint = self.store.inner.credentials.as_ref().and_then(Credentials::hint);
        let error = match hint.filter(|_| error.is_access_denied()) {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        let error = self.store.about(error, self.operation, Some(&self.request)).with_unknown_outcome(self.unknown);
        error.with_attempts(self.attempts, self.started.elapsed())
    }

    fn moment(&self) -> Moment {
        Moment { now: self.store.inner.opened.elapsed(), remaining: self.remaining(), jitter: load::jitter() }
    }

    fn remaining(&self) -> Option<Duration> {
        let limit = self.store.inner.config.timeouts().operation?;
        Some(limit.saturating_sub(self.started.elapsed()))
    }

    /// Takes what a failure teaches, so that the next attempt does not meet it again.
    fn correction(&mut self, failure: &Failure) -> Option<Correction> {
        let inner = &self.store.inner;
        if failure.skew.is_some_and(|(measured, signed_with)| measured.explains(&failure.error, signed_with)) {
            return Some(Correction::Clock);
        }
        if failure.expected && failure.error.status().is_some_and(|status| status.as_u16() == 417) {
            inner.consent().refused();
            return Some(Correction::Expectation);
        }
        if !failure.answered && failure.error.kind() == ErrorKind::LimitExceeded {
            inner.transport.pool().take_many_headers();
            return Some(Correction::Headers);
        }
        let signed_for = self.address.endpoint().signing_region();
        let region = inner.config.region_to_follow(&failure.error, signed_for)?;
        let address = Arc::new(inner.config.endpoint_in(&region).and_then(Address::new).ok()?);
        self.target = address.endpoint().target(&self.request);
        inner.moved_to(address.clone());
        self.address = address;
        Some(Correction::Region)
    }

    /// One attempt, told to the observer.
    async fn observed_attempt(&mut self, read: &mut Read<'_>) -> std::result::Result<Option<IncomingBody>, Failure> {
        let observer = self.store.observer.clone();
        let because = self.because.take();
        let attempt = Attempt {
            operation: self.operation,
            bucket: self.store.inner.config.bucket(),
            key: self.request.key(),
            number: self.attempts,
            because: because.as_ref(),
        };
        let mut telling = Telling::of(observer.as_deref(), attempt);
        let result = {
            let mut attempt = pin!(self.attempt(&mut telling, read));
            let attempt = poll_fn(|cx| poll_apart(attempt.as_mut(), cx));
            match self.remaining() {
                Some(limit) => timeout(limit, attempt).await.unwrap_or_else(|_| Err(self.out_of_time().into())),
                None => attempt.await,
            }
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
        read: &mut Read<'_>,
    ) -> std::result::Result<Option<IncomingBody>, Failure> {
        let inner = &self.store.inner;
        let (sent_at, signed_with, expected) = (load::now(), inner.skew(), self.expects());
        let time = SigningTime::from_system_time(signed_with.apply(sent_at))?;
        let attempting = Attempting {
            request: &self.request,
            address: &self.address,
            target: &self.target,
            body: self.body,
            payload: &self.payload,
            expect: expected,
        };
        let request = attempting.outgoing(inner.signer(&self.address), time).await?;
        let exchange = inner.transport.exchange(&self.address, request, self.route).await;
        let Trace { bytes_sent, connection_reused } = match &exchange {
            Ok(exchange) => exchange.trace,
            Err(broken) => broken.trace,
        };
        (telling.end.bytes_sent, telling.end.connection_reused) = (bytes_sent, connection_reused);
        let exchange = exchange.map_err(|broken| Failure::of(broken, expected))?;
        telling.end.time_to_head = Some(telling.elapsed());
        telling.end.status = Some(exchange.response.status());
        self.answer(exchange, telling, read, (sent_at, signed_with), expected).await
    }

    async fn answer(
        &self,
        mut exchange: Exchange,
        telling: &mut Telling<'_>,
        read: &mut Read<'_>,
        (sent_at, signed_with): (SystemTime, ClockSkew),
        expected: bool,
    ) -> std::result::Result<Option<IncomingBody>, Failure> {
        let inner = &self.store.inner;
        if exchange.consent_overdue {
            inner.consent().overdue(inner.opened.elapsed());
        }
        if exchange.response.status().is_server_error() {
            exchange.lease.connection.retire();
        }
        let Exchange { response, unsent, lease, .. } = exchange;
        let (parts, body) = response.into_parts();
        let head = ResponseHead { status: parts.status, headers: parts.headers };
        // The middle of a long upload is not when its answer was written.
        let tells_time = !head.status.is_success() || self.body.wire_length <= LONGEST_TELLING;
        let skew = tells_time.then(|| ClockSkew::measure(&head, sent_at, load::now())).flatten();
        if let Some(skew) = skew {
            inner.learned.skew.store(skew.as_seconds(), Ordering::Relaxed);
        }
        let body_sent = unsent.is_none();
        let body = IncomingBody::new(body, inner.transport.idle_timeout(), lease, unsent);
        telling.end.bytes_announced = body.announced();
        let retry_after = if head.status.is_success() { None } else { head.retry_after() };
        let result = match head.status.is_success() && !body_sent {
            true => Err(Error::passing_protocol("the service reported success before it had read the whole body")),
            false => self.read(head, body, read).await,
        };
        result.map_err(|error| {
            let skew = skew.map(|measured| (measured, signed_with));
            Failure { answered: true, retry_after, skew, expected, ..error.into() }
        })
    }

    async fn read(
        &self,
        head: ResponseHead,
        mut body: IncomingBody,
        read: &mut Read<'_>,
    ) -> Result<Option<IncomingBody>> {
        let (success, streams) = (head.status.is_success(), head.status.is_success() && self.streams);
        let bytes = match (success, streams) {
            (_, true) => Bytes::new(),
            (true, false) => body.whole(xml::MAX_BYTES).await?,
            // A refusal counts by its status, and by what arrived of its body before that broke or never ended.
            (false, false) => {
                let mut beginning = Gathered::default();
                let _ = timeout(MAX_ERROR_TIME, body.beginning(MAX_ERROR_BYTES, &mut beginning)).await;
                beginning.into_bytes()
            }
        };
        let prefix = self.store.inner.config.key_prefix();
        let signed_for = self.address.endpoint().signing_region();
        read(Answer { head, body: &bytes, prefix, signed_for })?;
        Ok(streams.then_some(body))
    }

    /// Whether the body waits for the service's consent: a large one, or one that broke before.
    fn expects(&self) -> bool {
        let inner = &self.store.inner;
        let large = inner.config.expect_continue().is_some_and(|limit| self.body.wire_length >= limit.max(1));
        (large || self.body_broke) && inner.consent().is_asked(inner.opened.elapsed())
    }
}

impl Failure {
    fn of(broken: Broken, expected: bool) -> Self {
        let Broken { error, closed_unanswered, in_body, trace } = broken;
        let stale_connection = closed_unanswered && trace.connection_reused;
        Self { stale_connection, expected, in_body, ..error.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            answered: false,
            retry_after: None,
            skew: None,
            stale_connection: false,
            expected: false,
            in_body: false,
        }
    }
}
