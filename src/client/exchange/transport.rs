//! Carries a request out and the head of its answer back, with a timeout for each phase; turns failures into errors.
//!
//! What hyper cannot know is added here: whether a request was the first on its connection, whether a body moves, and what a
//! failure means.

use std::pin::pin;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::client::connection::address::Address;
use crate::client::connection::body::SendBody;
use crate::client::connection::connect::Connector;
use crate::client::connection::lease::Lease;
use crate::client::connection::permits::{Permit, Permits, Use};
use crate::client::connection::pool::{Connection, Pool};
use crate::client::exchange::failure;
use crate::client::exchange::incoming::IncomingBody;
pub(in crate::client) use crate::client::exchange::watchdog::Trace;
use crate::client::exchange::watchdog::{Unsent, Watchdog};
use crate::client::runtime::rare::rare;
use crate::config::Timeouts;
use crate::error::{Error, ErrorKind, Phase};

/// Connections to a store's host, and the rules of exchanges over them.
#[derive(Clone)]
pub(in crate::client) struct Transport {
    pool: Pool,
    permits: Permits,
    timeouts: Timeouts,
}

/// Which connection a request goes out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Route {
    Pooled,
    New,
}

/// One request on its way: it takes a place, a connection, is made and sent. When the head of its answer is there, what is left
/// of it.
pub(in crate::client) struct Exchange<'a> {
    transport: &'a Transport,
    address: &'a Address,
    /// Until there is a connection.
    permit: Option<Permit>,
    /// Until a connection has begun it.
    request: Option<Request<SendBody>>,
    /// But while the head of the answer is waited for.
    lease: Option<Lease>,
    /// The connection was idle before.
    reuses: bool,
    /// There if the request's body had not been sent whole by then.
    unsent: Option<Unsent>,
    /// True if the body went out because the service did not answer to `Expect: 100-continue` in time.
    pub consent_overdue: bool,
    pub trace: Trace,
    /// The last look at the clock: when the exchange began, and at least every second since then. So it is within a second of
    /// when the head of the answer came, which is exact enough to say since when a connection is idle that has no body to read.
    pub moment: Instant,
}

/// What went wrong before the head of an answer was there.
pub(in crate::client) struct Broken {
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
    NotBegun(Option<Permit>),
}

impl Transport {
    pub fn new(connector: Connector, timeouts: Timeouts, max_connections: usize) -> Self {
        Self { pool: Pool::new(connector), permits: Permits::new(max_connections), timeouts }
    }

    /// The connections there are.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Prepares to send a request, which is made in place.
    pub fn exchange<'a>(&'a self, address: &'a Address, began: Instant) -> Exchange<'a> {
        let (permit, request, lease, reuses, unsent, consent_overdue, trace) = Default::default();
        let (transport, moment) = (self, began);
        Exchange { transport, address, permit, request, lease, reuses, unsent, consent_overdue, trace, moment }
    }

    async fn connect(&self, address: &Address, now: &mut Instant) -> Result<Connection, Broken> {
        let max_idle = self.permits.count().saturating_sub(self.permits.taken());
        let connected = self.pool.connect(address.origin().clone(), max_idle).await;
        *now = Instant::now();
        connected.map_err(|error| Broken::before_sending(failure::describe_connect(error, address, &self.timeouts)))
    }

    /// Waits for leave to have a connection.
    async fn next_permit(&self, purpose: Use, now: &mut Instant) -> Result<Permit, Broken> {
        let limit = self.timeouts.queue;
        let permit = self.permits.take(purpose, limit).await;
        *now = Instant::now();
        permit.ok_or_else(|| {
            let what = match purpose {
                Use::Request => "all max-connections are in use",
                Use::Object => {
                    "objects are being read over three quarters of max-connections, which is all they may take"
                }
            };
            let message = format!("{what}, and none became free within queue-timeout = {limit:?}");
            Broken::before_sending(Error::new(ErrorKind::Timeout(Phase::Queue), message))
        })
    }
}

impl Exchange<'_> {
    /// Takes a place among the store's connections; the one that is given, if there is one.
    pub async fn take_place(&mut self, purpose: Use, held: Option<Permit>) -> Result<(), Broken> {
        let transport = self.transport;
        self.permit = match held.or_else(|| transport.permits.try_take(purpose)) {
            None => Some(rare(transport.next_permit(purpose, &mut self.moment)).await?),
            permit => permit,
        };
        Ok(())
    }

    /// Takes a connection. The request is signed after this: nothing that is waited for before it can make the signature stale.
    pub async fn connect(&mut self, route: Route) -> Result<(), Broken> {
        self.lease = match route {
            Route::Pooled => self.idle().await,
            Route::New => None,
        };
        self.reuses = self.lease.is_some();
        if !self.reuses {
            let connection = rare(self.transport.connect(self.address, &mut self.moment)).await?;
            self.lease = self.permit.take().map(|permit| Lease::new(connection, permit));
        }
        Ok(())
    }

    /// Takes an idle connection that is ready. One is waited for, and no second one; the place stays with it meanwhile, so that it is
    /// free only once the socket is closed if the call is given up.
    async fn idle(&mut self) -> Option<Lease> {
        let mut patient = true;
        while let Some(connection) = self.transport.pool.idle(self.address.origin(), self.moment) {
            let mut lease = Lease::new(connection, self.permit.take()?);
            let connection = lease.connection();
            if connection.is_ready() || patient && rare(connection.becomes_ready(&mut self.moment)).await {
                return Some(lease);
            }
            self.permit = lease.into_permit();
            patient = false;
        }
        None
    }

    /// Returns the request that is to be sent, an empty one at first.
    pub fn request(&mut self) -> &mut Request<SendBody> {
        self.request.get_or_insert_default()
    }

    /// Sends the request and waits for the head of the answer.
    pub async fn head(&mut self) -> Result<Response<Incoming>, Broken> {
        ask_for_consent(self.request());
        loop {
            let lease = self.lease.take().expect("a connection was taken before the request is sent");
            match self.over(lease).await? {
                Sent::Answered(response) => return Ok(response),
                Sent::NotBegun(permit) if self.reuses => {
                    self.permit = permit;
                    rare(self.connect(Route::New)).await?;
                }
                Sent::NotBegun(_) => {
                    return Err(Broken::before_sending(failure::closed_before_request(self.address)));
                }
            }
        }
    }

    /// Sends the request over a connection, and waits as long as there is progress.
    async fn over(&mut self, mut lease: Lease) -> Result<Sent, Broken> {
        let wire = lease.connection().wire().clone();
        let watch = self.request().body_mut().watched_over(&wire);
        wire.time_writes(watch.progress().is_some());
        let mut response = pin!(lease.connection().send(self.request.take().unwrap_or_default()));
        // Declared after the answer's future, so dropped before it.
        let mut watchdog = Watchdog::new(&self.transport.timeouts, watch, wire, self.moment);
        let mut next_look = watchdog.next_look(self.moment);
        loop {
            match lease.connection().until(next_look, response.as_mut()).await {
                Some(Ok(response)) => {
                    (self.trace, self.unsent) = watchdog.answered();
                    self.consent_overdue = watchdog.consent_overdue();
                    self.lease = Some(lease);
                    return Ok(Sent::Answered(response));
                }
                Some(Err(mut failed)) => {
                    let Some(request) = failed.take_message() else {
                        return Err(rare(self.broken(failed.into_error(), &watchdog)).await);
                    };
                    self.request = Some(request);
                    if !self.reuses {
                        self.transport.pool.avoid(lease.connection().wire());
                    }
                    return Ok(Sent::NotBegun(lease.into_permit()));
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
        let message = match phase {
            Phase::Transfer => format!("{host} took the body more slowly than {}", watchdog.bound()),
            Phase::Send => format!("{host} did not answer: time ran out {phase} (idle-timeout = {:?})", timeouts.idle),
            _ => format!("{host} did not answer: time ran out {phase} (timeout = {:?})", timeouts.head),
        };
        self.trace = watchdog.trace();
        self.transport.pool.avoid(watchdog.wire());
        let error = Error::new(ErrorKind::Timeout(phase), message);
        Broken { error, closed_unanswered: false, in_body: watchdog.in_body() }
    }

    async fn broken(&mut self, error: hyper::Error, watchdog: &Watchdog<'_>) -> Broken {
        self.trace = watchdog.trace();
        self.transport.pool.avoid(watchdog.wire());
        let unread = if error.is_parse() { watchdog.wire().unread().await } else { Bytes::new() };
        Broken {
            closed_unanswered: failure::is_closed_unanswered(&error),
            in_body: watchdog.in_body(),
            error: failure::describe(error, self.address, &unread),
        }
    }

    /// Lets the connection end after this answer: behind a service that fails, another one may find another host.
    pub fn retire_connection(&mut self) {
        if let Some(lease) = &mut self.lease {
            lease.connection().retire();
            self.transport.pool.avoid(lease.connection().wire());
        }
    }

    /// True once the request's body was sent whole.
    pub fn is_sent(&self) -> bool {
        self.unsent.is_none()
    }

    /// Takes the body of the answer, and with it the connection.
    pub fn body(&mut self, body: Incoming) -> IncomingBody {
        let (lease, unsent) = (self.lease.take(), self.unsent.take());
        IncomingBody::new(body, &self.transport.timeouts, lease, unsent, self.moment)
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
