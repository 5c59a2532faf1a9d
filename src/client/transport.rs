//! Carries a request out and the head of its answer back, with a timeout for each phase; turns failures into errors.
//!
//! hyper-util's pool keeps the connections. What it cannot know is added here: whether a request was the first on its
//! connection, whether a body moves, and what a failure means.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::body::{Progress, SendBody, SourceError, Watch};
use super::connect::{ConnectTimeout, Connector};
use super::wire::Wire;
use crate::config::Timeouts;
use crate::error::{Error, ErrorKind, Phase};

/// AWS closes idle connections after about 20 s. Some servers do after 5; what they close is mostly seen before it is used,
/// and the rest is tried again at once.
const POOL_IDLE: Duration = Duration::from_secs(10);
const MAX_IDLE_CONNECTIONS: usize = 64;

/// An object may have more metadata headers than hyper's 100.
const MAX_HEADERS: usize = 256;

/// A pool of connections to one endpoint.
#[derive(Clone)]
pub(super) struct Transport {
    pooled: Client<Connector, SendBody>,
    /// Makes a new connection for every request: for the one after a stale connection.
    fresh: Client<Connector, SendBody>,
    permits: Arc<Semaphore>,
    timeouts: Timeouts,
    /// For errors.
    address: Arc<str>,
}

/// Which connection a request goes out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Pooled,
    New,
}

/// An answer's head with its body still to come, and the permit of its connection.
pub(super) struct Exchange {
    pub response: Response<Incoming>,
    /// There if the request's body had not been sent whole when the answer came.
    pub unsent: Option<Unsent>,
    /// True if the body went out because the service did not answer to `Expect: 100-continue` in time.
    pub consent_overdue: bool,
    pub trace: Trace,
    pub permit: OwnedSemaphorePermit,
    capture: CaptureConnection,
}

/// A connection on which hyper goes on sending a body that nobody wants any more: it ends once the answer is read.
pub(super) struct Unsent {
    wire: Option<Arc<Wire>>,
    watch: Watch,
}

impl Unsent {
    fn new(wire: Option<Arc<Wire>>, watch: Watch) -> Self {
        if let Some(wire) = &wire {
            wire.reset_at_end();
        }
        Self { wire, watch }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        if let Some(wire) = &self.wire {
            wire.abort();
        }
        self.watch.give_up();
    }
}

impl Exchange {
    /// Keeps the connection from being used again: behind a service that fails, another connection may find another host.
    pub fn retire_connection(&self) {
        if let Some(connected) = self.capture.connection_metadata().as_ref() {
            connected.poison();
        }
    }
}

/// What is worth telling of an exchange, whether it failed or not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trace {
    pub bytes_sent: u64,
    pub connection_reused: bool,
}

/// What went wrong before the head of an answer was there.
pub(super) struct Broken {
    pub error: Error,
    /// The connection ended before any byte of an answer.
    pub closed_unanswered: bool,
    /// Some, but not all of the body was sent.
    pub in_body: bool,
    pub trace: Trace,
}

impl Transport {
    pub fn new(connector: Connector, timeouts: Timeouts, max_connections: usize, address: &str) -> Self {
        let client = |max_idle| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(POOL_IDLE)
                .pool_max_idle_per_host(max_idle)
                .http1_max_headers(MAX_HEADERS)
                .set_host(false)
                .build(connector.clone())
        };
        Self {
            pooled: client(MAX_IDLE_CONNECTIONS.min(max_connections)),
            fresh: client(0),
            permits: Arc::new(Semaphore::new(max_connections)),
            timeouts,
            address: address.into(),
        }
    }

    /// Returns how long a body may stand still.
    pub fn idle_timeout(&self) -> Duration {
        self.timeouts.idle
    }

    /// Sends a request and waits for the head of the answer.
    pub async fn exchange(&self, mut request: http::Request<SendBody>, route: Route) -> Result<Exchange, Broken> {
        let permit = self.permit().await?;
        let watch = request.body().watch();
        if matches!(watch.progress(), Progress::WaitsForConsent(_)) {
            let consent = watch.clone();
            hyper::ext::on_informational(&mut request, move |answer| {
                if answer.status() == StatusCode::CONTINUE {
                    consent.consent();
                }
            });
        }
        let capture = capture_connection(&mut request);
        request.body_mut().set_connection(capture.clone());
        let client = match route {
            Route::Pooled => &self.pooled,
            Route::New => &self.fresh,
        };
        let mut response = pin!(client.request(request));
        // Declared after the request's future, so dropped before it.
        let mut watchdog = Watchdog::new(self.timeouts, watch, capture);
        loop {
            match timeout_at(watchdog.next_look(), &mut response).await {
                Ok(Ok(response)) => return Ok(watchdog.exchange(response, permit)),
                Ok(Err(error)) => return Err(self.broken(error, &watchdog)),
                Err(_) => watchdog.check().map_err(|phase| self.timed_out(phase, &watchdog))?,
            }
        }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Broken> {
        let limit = self.timeouts.queue;
        match timeout(limit, self.permits.clone().acquire_owned()).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(Broken {
                error: Error::new(
                    ErrorKind::Timeout(Phase::Queue),
                    format!("all max-connections are in use, and none became free within queue-timeout = {limit:?}"),
                ),
                closed_unanswered: false,
                in_body: false,
                trace: Trace::default(),
            }),
        }
    }

    fn timed_out(&self, phase: Phase, watchdog: &Watchdog) -> Broken {
        let (key, limit) = match phase {
            Phase::Send => ("idle-timeout", self.timeouts.idle),
            _ => ("timeout", self.timeouts.head),
        };
        let address = &self.address;
        let message = format!("{address} did not answer: time ran out {phase} ({key} = {limit:?})");
        let error = Error::new(ErrorKind::Timeout(phase), message);
        Broken { error, closed_unanswered: false, in_body: watchdog.in_body(), trace: watchdog.trace() }
    }

    fn broken(&self, error: ClientError, watchdog: &Watchdog) -> Broken {
        Broken {
            closed_unanswered: is_closed_unanswered(&error),
            in_body: watchdog.in_body(),
            trace: watchdog.trace(),
            error: describe(error, &self.address, &self.timeouts),
        }
    }
}

/// How long a service may take to say that it wants a body. Many never do, and take it all the same.
const CONSENT: Duration = Duration::from_secs(1);

/// Watches one exchange: is there progress, and if not, who is waited for?
struct Watchdog {
    timeouts: Timeouts,
    watch: Watch,
    capture: CaptureConnection,
    started: Instant,
    consent_overdue: bool,
    /// The answer is there.
    over: bool,
}

/// What ends when a deadline passes.
enum Due {
    /// The patience with the service.
    Patience(Phase),
    /// The wait for its consent: the body goes all the same.
    Consent,
}

impl Drop for Watchdog {
    /// An exchange that is given up ends its connection at once. An upload must not look like a shorter one, and hyper would
    /// wait for a silent peer to take what is written. This comes before the request is dropped, because hyper closes the
    /// connection in order as soon as that is.
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if let Some(wire) = self.wire() {
            wire.abort();
        }
        self.watch.give_up();
    }
}

impl Watchdog {
    fn new(timeouts: Timeouts, watch: Watch, capture: CaptureConnection) -> Self {
        Self { timeouts, watch, capture, started: Instant::now(), consent_overdue: false, over: false }
    }

    /// When to look next. A shorter limit may begin to count meanwhile, so never further away than that.
    fn next_look(&self) -> Instant {
        let soon = Instant::now() + self.timeouts.idle.min(self.timeouts.head).min(CONSENT);
        self.deadline().map_or(soon, |(deadline, _)| deadline.min(soon))
    }

    /// Fails with the phase in which time has run out.
    fn check(&mut self) -> Result<(), Phase> {
        match self.deadline() {
            Some((deadline, due)) if deadline <= Instant::now() => match due {
                Due::Patience(phase) => Err(phase),
                Due::Consent => {
                    self.consent_overdue = true;
                    self.watch.consent();
                    Ok(())
                }
            },
            _ => Ok(()),
        }
    }

    /// Until when the service has time, and for what; `None` while it is not waited for.
    fn deadline(&self) -> Option<(Instant, Due)> {
        // While connecting, the connector's own limit counts.
        let last_write = self.wire()?.last_write().max(self.started);
        match self.watch.progress() {
            Progress::WaitsForSource => None,
            Progress::WaitsForConsent(since) => Some((since.unwrap_or(last_write) + CONSENT, Due::Consent)),
            Progress::WaitsForSocket(since) => {
                Some((since.max(last_write) + self.timeouts.idle, Due::Patience(Phase::Send)))
            }
            Progress::Sent(since) => Some((since.max(last_write) + self.timeouts.head, Due::Patience(Phase::Head))),
        }
    }

    /// The connection that the request is on. Looked up each time: hyper-util moves a request that had not started to another
    /// connection by itself.
    fn wire(&self) -> Option<Arc<Wire>> {
        self.capture.connection_metadata().as_ref().and_then(Wire::of)
    }

    fn exchange(&mut self, response: Response<Incoming>, permit: OwnedSemaphorePermit) -> Exchange {
        let (body_sent, consent_overdue) = (self.body_sent(), self.consent_overdue);
        let wire = response.extensions().get::<Arc<Wire>>().cloned();
        let connection_reused = wire.as_ref().is_some_and(|wire| wire.was_used());
        let trace = Trace { bytes_sent: self.watch.sent(), connection_reused };
        if let Some(wire) = &wire {
            wire.answered();
        }
        let unsent = (!body_sent).then(|| Unsent::new(wire, self.watch.clone()));
        self.over = true;
        Exchange { response, unsent, consent_overdue, trace, permit, capture: self.capture.clone() }
    }

    fn body_sent(&self) -> bool {
        matches!(self.watch.progress(), Progress::Sent(_))
    }

    fn in_body(&self) -> bool {
        self.watch.sent() > 0 && !self.body_sent()
    }

    fn trace(&self) -> Trace {
        let connection_reused = self.wire().is_some_and(|wire| wire.was_used());
        Trace { bytes_sent: self.watch.sent(), connection_reused }
    }
}

/// A connection that ended before any byte of an answer: closed, reset, or never ready for the request.
fn is_closed_unanswered(error: &ClientError) -> bool {
    if error.is_connect() {
        return false;
    }
    let closed = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::NotConnected,
        io::ErrorKind::UnexpectedEof,
    ];
    let io_closed = find::<io::Error>(error).is_some_and(|error| closed.contains(&error.kind()));
    io_closed || find::<hyper::Error>(error).is_some_and(|error| error.is_incomplete_message() || error.is_canceled())
}

/// hyper says so to servers by a method, and to clients only in words.
fn is_too_large(error: &hyper::Error) -> bool {
    error.to_string() == "message head is too large"
}

/// An answer that is no HTTP, or that comes before its request. Other damage to a head may pass; this does not.
fn is_foreign(error: &hyper::Error) -> bool {
    ["invalid HTTP version parsed", "received unexpected message from connection"].contains(&error.to_string().as_str())
}

/// Says what a failure means, in words for an operator; the whole chain stays as its source.
fn describe(error: ClientError, address: &str, timeouts: &Timeouts) -> Error {
    let hyper_says = |what: fn(&hyper::Error) -> bool| find::<hyper::Error>(&error).is_some_and(what);
    let described = if let Some(source) = find::<SourceError>(&error) {
        Error::new(ErrorKind::Source, format!("{source}; nothing was stored"))
    } else if find::<ConnectTimeout>(&error).is_some() {
        let limit = timeouts.connect;
        let message = format!("no connection to {address} within connect-timeout = {limit:?}");
        Error::new(ErrorKind::Timeout(Phase::Connect), message)
    } else if let Some((kind, message)) = describe_tls(&error, address) {
        Error::new(kind, message)
    } else if is_unresolved(&error) {
        let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
        let message = format!("there is no address for the host name {name}: {}", root_cause(&error));
        // A resolver may have been restarting; a name that is wrong stays wrong.
        Error::new(ErrorKind::Connect, message).worth_one_more()
    } else if error.is_connect() {
        Error::new(ErrorKind::Connect, format!("cannot connect to {address}: {}", root_cause(&error)))
    } else if is_closed_unanswered(&error) {
        Error::new(ErrorKind::Interrupted, format!("{address} closed the connection before it answered"))
    } else if hyper_says(is_too_large) {
        let message = format!("{address} answered with more than {MAX_HEADERS} headers, or too large ones");
        Error::new(ErrorKind::LimitExceeded, message)
    } else if hyper_says(is_foreign) {
        let hint = "is it a store's endpoint, and does it speak plain http on this port?";
        Error::protocol(format!("{address} did not answer in HTTP: {hint}"))
    } else if hyper_says(hyper::Error::is_parse) {
        Error::passing_protocol(format!("{address} gave an answer that is not right HTTP: {}", root_cause(&error)))
    } else {
        Error::new(ErrorKind::Interrupted, format!("the exchange with {address} broke: {}", root_cause(&error)))
    };
    described.with_source(error)
}

/// The host's name has no address. hyper-util says so in words alone.
fn is_unresolved(error: &ClientError) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> =
        Some(error).filter(|error| error.is_connect()).map(|error| error as _);
    while let Some(error) = next {
        if error.to_string() == "dns error" {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(feature = "tls")]
fn describe_tls(error: &ClientError, address: &str) -> Option<(ErrorKind, String)> {
    use rustls::{CertificateError as Wrong, Error as Tls, InvalidMessage};
    // Later, on an established connection, it is a connection that broke: the request may have arrived.
    if !error.is_connect() {
        return None;
    }
    let problem = match find::<Tls>(error)? {
        Tls::InvalidCertificate(Wrong::UnknownIssuer) => {
            "its certificate is from an authority that is not trusted; name the authority's certificate in tls.ca-file"
                .to_owned()
        }
        Tls::InvalidCertificate(wrong) => format!("its certificate does not hold: {wrong}"),
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it speaks plain http on this port; is the endpoint http://?".to_owned()
        }
        other => other.to_string(),
    };
    Some((ErrorKind::Tls, format!("no TLS connection to {address}: {problem}")))
}

#[cfg(not(feature = "tls"))]
fn describe_tls(_: &ClientError, _: &str) -> Option<(ErrorKind, String)> {
    None
}

/// Finds an error of a type in a chain, also inside an [`io::Error`], whose own source skips its content.
pub(super) fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
