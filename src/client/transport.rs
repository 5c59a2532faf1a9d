//! Carries a request out and the head of its answer back, with a timeout for each phase; turns failures into errors.
//!
//! What hyper cannot know is added here: whether a request was the first on its connection, whether a body moves, and what a
//! failure means.

use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::body::SendBody;
use super::connect::Connector;
use super::failure;
use super::incoming::IncomingBody;
use super::outgoing::Address;
use super::pool::{Connection, Pool};
use super::rare::rare;
pub(super) use super::watchdog::Trace;
use super::watchdog::{Unsent, Watchdog};
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

/// One request on its way; when the head of its answer is there, what is left of it.
pub(super) struct Exchange<'a> {
    transport: &'a Transport,
    address: &'a Address,
    /// Until a connection has begun it.
    request: Option<Request<SendBody>>,
    /// Once the head of the answer is there.
    lease: Option<Lease>,
    /// There if the request's body had not been sent whole by then.
    unsent: Option<Unsent>,
    /// True if the body went out because the service did not answer to `Expect: 100-continue` in time.
    pub consent_overdue: bool,
    pub trace: Trace,
    /// The last look at the clock: when the exchange began, and at least every second since then. So it is within a second of
    /// when the head of the answer came, which is exact enough to say since when a connection is idle that has no body to read.
    pub moment: Instant,
}

/// A connection in use, and the permit to have it.
pub(super) struct Lease {
    pub connection: Connection,
    permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Gives both back; the connection is idle from now on.
    pub fn end(self, now: Instant) {
        // In this order: whoever waits for the permit finds the connection, if they are of one runtime.
        self.connection.keep(now);
        drop(self.permit);
    }
}

/// What went wrong before the head of an answer was there.
pub(super) struct Broken {
    pub error: Error,
    /// The connection ended before any byte of an answer.
    pub closed_unanswered: bool,
    /// Some, but not all of the body was sent.
    pub in_body: bool,
}

impl Broken {
    #[cold]
    fn before_sending(error: Error) -> Self {
        Self { error, closed_unanswered: false, in_body: false }
    }
}

/// What became of a request on a connection.
enum Sent {
    Answered(Response<Incoming>),
    /// The connection had ended before the request was begun; another one may carry it.
    NotBegun(OwnedSemaphorePermit),
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

    /// Prepares to send a request, which is made in place.
    pub fn exchange<'a>(&'a self, address: &'a Address, began: Instant) -> Exchange<'a> {
        let (request, lease, unsent, consent_overdue, trace) = Default::default();
        Exchange { transport: self, address, request, lease, unsent, consent_overdue, trace, moment: began }
    }

    async fn connect(&self, address: &Address, now: &mut Instant) -> Result<Connection, Broken> {
        let connected = self.pool.connect(address.origin().clone()).await;
        *now = Instant::now();
        connected.map_err(|error| Broken::before_sending(failure::describe_connect(error, address, &self.timeouts)))
    }

    /// Waits for leave to have a connection.
    async fn next_permit(&self, now: &mut Instant) -> Result<OwnedSemaphorePermit, Broken> {
        let limit = self.timeouts.queue;
        let waited = timeout(limit, self.permits.clone().acquire_owned()).await;
        *now = Instant::now();
        match waited {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_) => Err(Broken::before_sending(Error::new(
                ErrorKind::Timeout(Phase::Queue),
                format!("all max-connections are in use, and none became free within queue-timeout = {limit:?}"),
            ))),
        }
    }
}

impl Exchange<'_> {
    /// Returns the request that is to be sent, an empty one at first.
    pub fn request(&mut self) -> &mut Request<SendBody> {
        self.request.get_or_insert_default()
    }

    /// Sends the request and waits for the head of the answer.
    pub async fn head(&mut self, route: Route) -> Result<Response<Incoming>, Broken> {
        let mut permit = match self.transport.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => rare(self.transport.next_permit(&mut self.moment)).await?,
        };
        ask_for_consent(self.request());
        let mut reuse = route == Route::Pooled;
        loop {
            let idle =
                if reuse { self.transport.pool.idle(self.address.origin(), &mut self.moment).await } else { None };
            reuse = idle.is_some();
            let connection = match idle {
                Some(connection) => connection,
                None => rare(self.transport.connect(self.address, &mut self.moment)).await?,
            };
            match self.over(Lease { connection, permit }).await? {
                Sent::Answered(response) => return Ok(response),
                Sent::NotBegun(kept) if reuse => (permit, reuse) = (kept, false),
                Sent::NotBegun(_) => {
                    return Err(Broken::before_sending(failure::closed_before_request(self.address)));
                }
            }
        }
    }

    /// Sends the request over a connection, and waits as long as there is progress.
    async fn over(&mut self, mut lease: Lease) -> Result<Sent, Broken> {
        let wire = lease.connection.wire().clone();
        let watch = self.request().body_mut().watched_over(&wire);
        wire.time_writes(watch.progress().is_some());
        let mut response = pin!(lease.connection.send(self.request.take().unwrap_or_default()));
        // Declared after the answer's future, so dropped before it.
        let mut watchdog = Watchdog::new(&self.transport.timeouts, watch, wire, self.moment);
        let mut next_look = watchdog.next_look(self.moment);
        loop {
            match lease.connection.until(next_look, response.as_mut()).await {
                Some(Ok(response)) => {
                    (self.trace, self.unsent) = watchdog.answered();
                    self.consent_overdue = watchdog.consent_overdue();
                    self.lease = Some(lease);
                    return Ok(Sent::Answered(response));
                }
                Some(Err(mut failed)) => {
                    let Some(request) = failed.take_message() else {
                        return Err(self.broken(failed.into_error(), &watchdog));
                    };
                    self.request = Some(request);
                    watchdog.stand_down();
                    return Ok(Sent::NotBegun(lease.permit));
                }
                None => {
                    self.moment = Instant::now();
                    watchdog.check(self.moment).map_err(|phase| self.timed_out(phase, &watchdog))?;
                    next_look = watchdog.next_look(self.moment);
                }
            }
        }
    }

    #[cold]
    fn timed_out(&mut self, phase: Phase, watchdog: &Watchdog<'_>) -> Broken {
        let (host, timeouts) = (self.address.host(), &self.transport.timeouts);
        let (key, limit) = match phase {
            Phase::Send => ("idle-timeout", timeouts.idle),
            _ => ("timeout", timeouts.head),
        };
        let message = format!("{host} did not answer: time ran out {phase} ({key} = {limit:?})");
        self.trace = watchdog.trace();
        let error = Error::new(ErrorKind::Timeout(phase), message);
        Broken { error, closed_unanswered: false, in_body: watchdog.in_body() }
    }

    #[cold]
    fn broken(&mut self, error: hyper::Error, watchdog: &Watchdog<'_>) -> Broken {
        self.trace = watchdog.trace();
        Broken {
            closed_unanswered: failure::is_closed_unanswered(&error),
            in_body: watchdog.in_body(),
            error: failure::describe(error, self.address),
        }
    }

    /// Lets the connection end after this answer: behind a service that fails, another one may find another host.
    pub fn retire_connection(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.connection.retire();
        }
    }

    /// True once the request's body was sent whole.
    pub fn is_sent(&self) -> bool {
        self.unsent.is_none()
    }

    /// Takes the body of the answer, and with it the connection.
    pub fn body(&mut self, body: Incoming) -> IncomingBody {
        let (lease, unsent) = (self.lease.take(), self.unsent.take());
        IncomingBody::new(body, self.transport.timeouts.idle, lease, unsent, self.moment)
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
