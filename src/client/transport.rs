//! Carries a request out and the head of its answer back, with a timeout for each phase; turns failures into errors.
//!
//! What hyper cannot know is added here: whether a request was the first on its connection, whether a body moves, and what a
//! failure means.

use std::error::Error as StdError;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::body::{Progress, SendBody, SourceError, Watch};
use super::connect::{BoxError, ConnectTimeout, Connector};
use super::outgoing::Address;
use super::pool::{Connection, MANY_HEADERS, Pool};
use super::wire::Wire;
use crate::config::Timeouts;
use crate::error::{Error, ErrorKind, Phase};

/// Connections to a store's host, and the rules of exchanges over them.
#[derive(Clone)]
pub(super) struct Transport {
    pool: Pool,
    permits: Arc<Semaphore>,
    timeouts: Timeouts,
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
    pub lease: Lease,
}

/// A connection in use, and the permit to have it.
pub(super) struct Lease {
    pub connection: Connection,
    permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Gives both back; the connection is idle.
    pub fn end(self) {
        // In this order: whoever waits for the permit finds the connection.
        self.connection.keep();
        drop(self.permit);
    }
}

/// A connection on which hyper goes on sending a body that nobody wants any more: it ends once the answer is read.
pub(super) struct Unsent {
    wire: Arc<Wire>,
    watch: Watch,
}

impl Unsent {
    fn new(wire: Arc<Wire>, watch: Watch) -> Self {
        wire.reset_at_end();
        Self { wire, watch }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        self.wire.abort();
        self.watch.give_up();
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

impl Broken {
    fn before_sending(error: Error) -> Self {
        Self { error, closed_unanswered: false, in_body: false, trace: Trace::default() }
    }
}

/// What became of a request that has no answer.
enum Unanswered {
    /// The connection had ended before the request was begun; another one may carry it.
    NotBegun(Box<Request<SendBody>>, OwnedSemaphorePermit),
    Broken(Broken),
}

impl Transport {
    pub fn new(connector: Connector, timeouts: Timeouts, max_connections: usize) -> Self {
        let (pool, permits) = (Pool::new(connector, max_connections), Semaphore::new(max_connections));
        Self { pool, permits: Arc::new(permits), timeouts }
    }

    /// The connections there are.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Returns how long a body may stand still.
    pub fn idle_timeout(&self) -> Duration {
        self.timeouts.idle
    }

    /// Sends a request and waits for the head of the answer.
    pub async fn exchange(
        &self,
        address: &Address,
        mut request: Request<SendBody>,
        route: Route,
    ) -> Result<Exchange, Broken> {
        let mut permit = self.permit().await?;
        ask_for_consent(&mut request);
        let idle = match route {
            Route::Pooled => self.pool.idle().await,
            Route::New => None,
        };
        if let Some(connection) = idle {
            match self.exchange_over(Lease { connection, permit }, address, request).await {
                Ok(exchange) => return Ok(exchange),
                Err(Unanswered::Broken(broken)) => return Err(broken),
                Err(Unanswered::NotBegun(unsent, kept)) => (request, permit) = (*unsent, kept),
            }
        }
        let connected = self.pool.connect(address.origin().clone()).await;
        let unconnected = |error| Broken::before_sending(describe_connect(error, address, &self.timeouts));
        let connection = connected.map_err(unconnected)?;
        match self.exchange_over(Lease { connection, permit }, address, request).await {
            Ok(exchange) => Ok(exchange),
            Err(Unanswered::Broken(broken)) => Err(broken),
            Err(Unanswered::NotBegun(..)) => {
                Err(Broken { closed_unanswered: true, ..Broken::before_sending(closed(address)) })
            }
        }
    }

    async fn exchange_over(
        &self,
        mut lease: Lease,
        address: &Address,
        mut request: Request<SendBody>,
    ) -> Result<Exchange, Unanswered> {
        let wire = lease.connection.wire().clone();
        let watch = request.body_mut().watched_over(&wire);
        let mut response = pin!(lease.connection.send(request));
        // Declared after the answer's future, so dropped before it.
        let mut watchdog = Watchdog::new(self.timeouts, watch, wire);
        loop {
            match timeout_at(watchdog.next_look(), &mut response).await {
                Ok(Ok(response)) => return Ok(watchdog.exchange(response, lease)),
                Ok(Err(mut failed)) => {
                    let Some(request) = failed.take_message() else {
                        return Err(Unanswered::Broken(self.broken(failed.into_error(), address, &watchdog)));
                    };
                    watchdog.over = true;
                    return Err(Unanswered::NotBegun(Box::new(request), lease.permit));
                }
                Err(_) => watchdog.check().map_err(|phase| self.timed_out(phase, address, &watchdog))?,
            }
        }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, Broken> {
        let limit = self.timeouts.queue;
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(permit);
        }
        match timeout(limit, self.permits.clone().acquire_owned()).await {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(Broken::before_sending(Error::new(
                ErrorKind::Timeout(Phase::Queue),
                format!("all max-connections are in use, and none became free within queue-timeout = {limit:?}"),
            ))),
        }
    }

    fn timed_out(&self, phase: Phase, address: &Address, watchdog: &Watchdog) -> Unanswered {
        let (key, limit) = match phase {
            Phase::Send => ("idle-timeout", self.timeouts.idle),
            _ => ("timeout", self.timeouts.head),
        };
        let host = address.host();
        let message = format!("{host} did not answer: time ran out {phase} ({key} = {limit:?})");
        let error = Error::new(ErrorKind::Timeout(phase), message);
        Unanswered::Broken(Broken {
            error,
            closed_unanswered: false,
            in_body: watchdog.in_body(),
            trace: watchdog.trace(),
        })
    }

    fn broken(&self, error: hyper::Error, address: &Address, watchdog: &Watchdog) -> Broken {
        Broken {
            closed_unanswered: is_closed_unanswered(&error),
            in_body: watchdog.in_body(),
            trace: watchdog.trace(),
            error: self.describe(error, address),
        }
    }

    /// Says what a failure means, in words for an operator; the whole chain stays as its source.
    fn describe(&self, error: hyper::Error, address: &Address) -> Error {
        let host = address.host();
        let described = if let Some(source) = find::<SourceError>(&error) {
            Error::new(ErrorKind::Source, format!("{source}; nothing was stored"))
        } else if is_closed_unanswered(&error) {
            closed(address)
        } else if is_too_large(&error) {
            let message = format!("{host} answered with more than {MANY_HEADERS} headers, or too large ones");
            Error::new(ErrorKind::LimitExceeded, message)
        } else if is_foreign(&error) {
            let hint = "is it a store's endpoint, and does it speak plain http on this port?";
            Error::protocol(format!("{host} did not answer in HTTP: {hint}"))
        } else if error.is_parse() {
            Error::passing_protocol(format!("{host} gave an answer that is not right HTTP: {}", root_cause(&error)))
        } else {
            Error::new(ErrorKind::Interrupted, format!("the exchange with {host} broke: {}", root_cause(&error)))
        };
        described.with_source(error)
    }
}

/// Lets the service's `100 Continue` set the body free, if it waits for that.
fn ask_for_consent(request: &mut Request<SendBody>) {
    let Some(watch) = request.body().waits_for_consent() else { return };
    hyper::ext::on_informational(request, move |answer| {
        if answer.status() == StatusCode::CONTINUE {
            watch.consent();
        }
    });
}

fn closed(address: &Address) -> Error {
    Error::new(ErrorKind::Interrupted, format!("{} closed the connection before it answered", address.host()))
}

/// How long a service may take to say that it wants a body. Many never do, and take it all the same.
const CONSENT: Duration = Duration::from_secs(1);

/// Watches one exchange: is there progress, and if not, who is waited for?
struct Watchdog {
    timeouts: Timeouts,
    watch: Watch,
    wire: Arc<Wire>,
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
        self.wire.abort();
        self.watch.give_up();
    }
}

impl Watchdog {
    fn new(timeouts: Timeouts, watch: Watch, wire: Arc<Wire>) -> Self {
        Self { timeouts, watch, wire, started: Instant::now(), consent_overdue: false, over: false }
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
        let last_write = self.wire.last_write().max(self.started);
        match self.watch.progress().unwrap_or(Progress::Sent(self.started)) {
            Progress::WaitsForSource => None,
            Progress::WaitsForConsent(since) => Some((since.unwrap_or(last_write) + CONSENT, Due::Consent)),
            Progress::WaitsForSocket(since) => {
                Some((since.max(last_write) + self.timeouts.idle, Due::Patience(Phase::Send)))
            }
            Progress::Sent(since) => Some((since.max(last_write) + self.timeouts.head, Due::Patience(Phase::Head))),
        }
    }

    fn exchange(&mut self, response: Response<Incoming>, lease: Lease) -> Exchange {
        let (trace, consent_overdue) = (self.trace(), self.consent_overdue);
        self.wire.answered();
        let unsent = (!self.body_sent()).then(|| Unsent::new(self.wire.clone(), self.watch.clone()));
        self.over = true;
        Exchange { response, unsent, consent_overdue, trace, lease }
    }

    fn body_sent(&self) -> bool {
        matches!(self.watch.progress(), None | Some(Progress::Sent(_)))
    }

    fn in_body(&self) -> bool {
        self.watch.sent() > 0 && !self.body_sent()
    }

    fn trace(&self) -> Trace {
        Trace { bytes_sent: self.watch.sent(), connection_reused: self.wire.was_used() }
    }
}

/// A connection that ended before any byte of an answer: closed, reset, or never ready for the request.
fn is_closed_unanswered(error: &hyper::Error) -> bool {
    let closed = [
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::BrokenPipe,
        io::ErrorKind::NotConnected,
        io::ErrorKind::UnexpectedEof,
    ];
    let io_closed = find::<io::Error>(error).is_some_and(|error| closed.contains(&error.kind()));
    io_closed || error.is_incomplete_message() || error.is_canceled()
}

/// hyper says so to servers by a method, and to clients only in words.
fn is_too_large(error: &hyper::Error) -> bool {
    error.to_string() == "message head is too large"
}

/// An answer that is no HTTP, or that comes before its request. Other damage to a head may pass; this does not.
fn is_foreign(error: &hyper::Error) -> bool {
    ["invalid HTTP version parsed", "received unexpected message from connection"].contains(&error.to_string().as_str())
}

/// Says why there is no connection.
fn describe_connect(error: BoxError, address: &Address, timeouts: &Timeouts) -> Error {
    let host = address.host();
    let described = if find::<ConnectTimeout>(&*error).is_some() {
        let limit = timeouts.connect;
        let message = format!("no connection to {host} within connect-timeout = {limit:?}");
        Error::new(ErrorKind::Timeout(Phase::Connect), message)
    } else if let Some(problem) = tls_problem(&*error) {
        Error::new(ErrorKind::Tls, format!("no TLS connection to {host}: {problem}"))
    } else if is_unresolved(&*error) {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let message = format!("there is no address for the host name {name}: {}", root_cause(&*error));
        // A resolver may have been restarting; a name that is wrong stays wrong.
        Error::new(ErrorKind::Connect, message).worth_one_more()
    } else {
        Error::new(ErrorKind::Connect, format!("cannot connect to {host}: {}", root_cause(&*error)))
    };
    described.with_source(error)
}

/// The host's name has no address. hyper-util says so in words alone.
fn is_unresolved(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.to_string() == "dns error" {
            return true;
        }
        next = error.source();
    }
    false
}

#[cfg(feature = "tls")]
fn tls_problem(error: &(dyn StdError + 'static)) -> Option<String> {
    use rustls::{CertificateError as Wrong, Error as Tls, InvalidMessage};
    Some(match find::<Tls>(error)? {
        Tls::InvalidCertificate(Wrong::UnknownIssuer) => {
            "its certificate is from an authority that is not trusted; name the authority's certificate in tls.ca-file"
                .to_owned()
        }
        Tls::InvalidCertificate(wrong) => format!("its certificate does not hold: {wrong}"),
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it speaks plain http on this port; is the endpoint http://?".to_owned()
        }
        other => other.to_string(),
    })
}

#[cfg(not(feature = "tls"))]
fn tls_problem(_: &(dyn StdError + 'static)) -> Option<String> {
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
