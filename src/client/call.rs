//! The attempt loop: one operation, from its first attempt to its answer or its last failure.
//!
//! Per attempt: sign anew, open the body anew, send, read the outcome, let [`Retry`] decide. No other code retries.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Body;
use tokio::time::{Instant, sleep, timeout};

use super::incoming::{Gathered, IncomingBody};
use super::lesson::{Failure, Signing};
use super::observe::{Attempt, Telling};
use super::outgoing::{Address, Attempting, BodyPlan};
use super::payload::Payload;
use super::rare::rare;
use super::reading::Recipient;
use super::transport::{Exchange, Route};
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
    because: Option<Error>,
}

/// Sends a request, as often as need be, and has its answer read.
pub(super) async fn carry_out(
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
    let (inner, address) = (&store.inner, store.inner.address());
    let form = match inner.credentials {
        Some(_) => inner.config.payload_signing().form(payload.is_replayable(), address.endpoint().scheme()),
        None => Ok(PayloadForm::Unsigned),
    };
    let body = match form {
        Ok(form) => BodyPlan::new(request, payload, form).await,
        Err(error) => Err(error),
    };
    let body = body.map_err(|error| store.about(error, request.operation(), Some(request)))?;
    let target = address.endpoint().target(request);
    let (route, body_broke, started) = (Route::Pooled, false, Instant::now());
    let (attempts, unknown, because) = Default::default();
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
        because,
    }
    .run(recipient)
    .await
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
        self.body_broke |= failure.in_body && failure.error.kind() == ErrorKind::Interrupted;
        let outcome = Outcome {
            error: &failure.error,
            stale_connection: failure.stale_connection,
            correction: self.correction(&failure),
            replayable: self.payload.is_whole(),
            retry_after: failure.retry_after,
        };
        let decision = retry.after(&outcome, self.moment(), &mut self.store.inner.quota());
        let Decision::Again { wait } = decision else { return Err(self.report(failure.error)) };
        self.route = Route::New;
        self.because = Some(failure.error);
        Ok(wait)
    }

    fn report(&self, error: Error) -> Error {
        let hint = self.store.inner.credentials.as_ref().and_then(Credentials::hint);
        let error = match hint.filter(|_| error.is_access_denied()) {
            Some(hint) => error.with_hint(hint),
            None => error,
        };
        let error =
            self.store.about(error, self.request.operation(), Some(self.request)).with_unknown_outcome(self.unknown);
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
        self.target = address.endpoint().target(self.request);
        inner.moved_to(address.clone());
        self.address = address;
        Some(Correction::Region)
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
        let (source, began) = match self.payload.at_hand() {
            Some(source) => (source, self.began),
            // Opening may take any time, of which the service gets the blame for none.
            None => (rare(self.payload.open()).await?, Instant::now()),
        };
        let signing = Signing { at: load::now(), began, skew: inner.skew(), expected: self.expects() };
        let time = SigningTime::from_system_time(signing.skew.apply(signing.at))?;
        let attempting = Attempting {
            request: self.request,
            address: &self.address,
            target: &self.target,
            body: self.body,
            expect: signing.expected,
            began: signing.began,
        };
        let mut exchange = inner.transport.exchange(&self.address, signing.began);
        attempting.fill(exchange.request(), source, inner.signer(&self.address), time)?;
        let answer = exchange.head(self.route).await;
        telling.sent(exchange.trace);
        let response = answer.map_err(|broken| Failure::of(broken, exchange.trace, signing.expected))?;
        telling.answered(response.status(), response.body().size_hint().exact());
        let (parts, body) = response.into_parts();
        let head = ResponseHead { status: parts.status, headers: parts.headers };
        let skew = self.learn(&mut exchange, &head, signing);
        let retry_after = if head.status.is_success() { None } else { head.retry_after() };
        let is_sent = exchange.is_sent();
        let body = exchange.body(body);
        let result = match head.status.is_success() {
            true if !is_sent => Err(Error::passing_protocol(EARLY_SUCCESS)),
            true if recipient.streams() => recipient.read(self.answer_of(head, &[])).map(|()| recipient.take(body)),
            true if body.is_ended() => recipient.read(self.answer_of(head, &[])),
            _ => rare(self.read(head, body, recipient)).await,
        };
        result.map_err(|error| Failure::of_answer(error, retry_after, skew, signing))
    }

    /// Takes what an answer's head teaches: of the service's consent, its health, and its clock.
    fn learn(&self, exchange: &mut Exchange<'_>, head: &ResponseHead, signing: Signing) -> Option<ClockSkew> {
        let inner = &self.store.inner;
        if exchange.consent_overdue {
            inner.consent().overdue(inner.opened.elapsed());
        }
        if head.status.is_server_error() {
            exchange.retire_connection();
        }
        // The middle of a long upload is not when its answer was written, and a Date has no more than seconds to tell.
        let second = exchange.moment.saturating_duration_since(inner.opened).as_secs();
        let tells_nothing = self.body.wire_length > LONGEST_TELLING || inner.learned.was_measured(second);
        if head.status.is_success() && tells_nothing {
            return None;
        }
        let skew = ClockSkew::measure(head, signing.at, load::now())?;
        inner.learned.take(skew, second);
        Some(skew)
    }

    async fn read(&self, head: ResponseHead, mut body: IncomingBody, recipient: &mut dyn Recipient) -> Result<()> {
        let bytes = match head.status.is_success() {
            true => body.whole(xml::MAX_BYTES).await?,
            // A refusal counts by its status, and by what arrived of its body before that broke or never ended.
            false => {
                let mut beginning = Gathered::default();
                let _ = timeout(MAX_ERROR_TIME, body.beginning(MAX_ERROR_BYTES, &mut beginning)).await;
                beginning.into_bytes()
            }
        };
        recipient.read(self.answer_of(head, &bytes))
    }

    fn answer_of<'b>(&'b self, head: ResponseHead, body: &'b [u8]) -> Answer<'b> {
        let prefix = self.store.inner.config.key_prefix();
        Answer { head, body, prefix, signed_for: self.address.endpoint().signing_region() }
    }

    /// Whether the body waits for the service's consent: a large one, or one that broke before.
    fn expects(&self) -> bool {
        let inner = &self.store.inner;
        let large = inner.config.expect_continue().is_some_and(|limit| self.body.wire_length >= limit.max(1));
        (large || self.body_broke) && inner.consent().is_asked(inner.opened.elapsed())
    }
}
