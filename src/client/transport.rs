//! Carries a request out and the head of its answer back, with a timeout for each phase; turns failures into errors.
//!
//! What hyper cannot know is added here: whether a request was the first on its connection, whether a body moves, and what a
//! failure means.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};

use super::body::SendBody;
use super::connect::Connector;
use super::failure;
use super::outgoing::Address;
use super::pool::{Connection, Pool};
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
            Route::Pooled => self.pool.idle(address.origin()).await,
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
        let unconnected = |error| Broken::before_sending(failure::describe_connect(error, address, &self.timeouts));
        let connection = connected.map_err(unconnected)?;
        match self.exchange_over(Lease { connection, permit }, address, request).await {
            Ok(exchange) => Ok(exchange),
            Err(Unanswered::Broken(broken)) => Err(broken),
            Err(Unanswered::NotBegun(..)) => Err(Broken::before_sending(failure::closed_before_request(address))),
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
                Ok(Ok(response)) => {
                    let ((trace, unsent), consent_overdue) = (watchdog.answered(), watchdog.consent_overdue());
                    return Ok(Exchange { response, unsent, consent_overdue, trace, lease });
                }
                Ok(Err(mut failed)) => {
                    let Some(request) = failed.take_message() else {
                        return Err(Unanswered::Broken(self.broken(failed.into_error(), address, &watchdog)));
                    };
                    watchdog.stand_down();
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
            closed_unanswered: failure::is_closed_unanswered(&error),
            in_body: watchdog.in_body(),
            trace: watchdog.trace(),
            error: failure::describe(error, address),
        }
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
