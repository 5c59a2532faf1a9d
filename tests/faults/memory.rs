//! A network in memory: connections over `tokio::io::duplex` that break, stall and crawl by plan.
//!
//! Between the two ends of a connection stands a carrier, which takes bytes from one end and gives them to the other as its
//! [`Plan`] says. With the clock of the runtime paused, an hour of silence takes no time at all.
//!
//! Under [`over_sockets`] the same plans are carried out behind real sockets of the loopback interface, in real time.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;

use crate::line::{ClientEnd, ServerEnd, accept, connect};

/// What becomes of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// How long it takes until it is there.
    pub delay: Duration,
    pub dial: Dial,
    /// From the client to the server.
    pub up: Way,
    /// From the server to the client.
    pub down: Way,
}

/// What dialing comes to.
#[derive(Clone, Copy, Debug, Default)]
pub enum Dial {
    #[default]
    Connect,
    Fail(io::ErrorKind),
    /// This side has no descriptor left (EMFILE).
    NoDescriptor,
    /// Nobody ever answers.
    Silence,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// How long each piece is on its way.
    pub latency: Duration,
    pub bytes_per_second: Option<u64>,
    /// What its sender can have on the way unread.
    pub buffer: usize,
    /// What happens once so many bytes have passed; after none, when the first comes.
    pub fate: Option<(u64, Fate)>,
}

/// How a direction ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Both ends find the connection reset.
    Reset,
    /// The receiver finds an orderly end, and what is still sent to it is answered with a reset.
    Fin,
    /// Nothing more arrives, and nobody is told.
    BlackHole,
}

impl Default for Way {
    fn default() -> Self {
        Self { latency: Duration::ZERO, bytes_per_second: None, buffer: 64 << 10, fate: None }
    }
}

impl Plan {
    pub fn refused() -> Self {
        Self { dial: Dial::Fail(io::ErrorKind::ConnectionRefused), ..Self::default() }
    }

    pub fn up(bytes: u64, fate: Fate) -> Self {
        Self { up: Way { fate: Some((bytes, fate)), ..Way::default() }, ..Self::default() }
    }

    pub fn down(bytes: u64, fate: Fate) -> Self {
        Self { down: Way { fate: Some((bytes, fate)), ..Way::default() }, ..Self::default() }
    }
}

tokio::task_local! {
    static SOCKETS: bool;
}

/// Lets every network that a future makes be one of real sockets.
pub fn over_sockets<F: Future>(future: F) -> impl Future<Output = F::Output> {
    SOCKETS.scope(true, future)
}

type Planner = Box<dyn FnMut(usize) -> Plan + Send>;

/// All connections to one server, and what is planned for them.
pub struct Network {
    planned: Mutex<VecDeque<Plan>>,
    /// Asked for every connection for which nothing was planned, with its number from 1.
    planner: Mutex<Planner>,
    dialed: AtomicUsize,
    events: Mutex<Vec<String>>,
    server: Box<dyn Fn(ServerEnd) + Send + Sync>,
    /// Where it is reached, if it is one of sockets.
    address: Option<SocketAddr>,
}

impl Network {
    /// A network without faults, at whose other end is this server.
    pub fn to(server: impl Fn(ServerEnd) + Send + Sync + 'static) -> Arc<Self> {
        let listener = SOCKETS.try_get().is_ok().then(|| std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
        let network = Arc::new(Self {
            planned: Mutex::default(),
            planner: Mutex::new(Box::new(|_| Plan::default())),
            dialed: AtomicUsize::new(0),
            events: Mutex::default(),
            server: Box::new(server),
            address: listener.as_ref().map(|listener| listener.local_addr().expect("an address")),
        });
        if let Some(listener) = listener {
            listener.set_nonblocking(true).expect("a socket option");
            tokio::spawn(network.clone().listen(TcpListener::from_std(listener).expect("a listener")));
        }
        network
    }

    /// Where it is reached, if it is one of sockets.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    async fn listen(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            // Two small writes would be 40 ms apart.
            stream.set_nodelay(true).expect("a socket option");
            let network = self.clone();
            tokio::spawn(async move {
                let (number, plan) = network.planned();
                tokio::time::sleep(plan.delay).await;
                match plan.dial {
                    Dial::Connect => (network.server)(accept(network.clone(), number, plan, stream)),
                    Dial::Silence => std::future::pending().await,
                    // The listener's queue has taken it; this is the nearest to a refusal.
                    Dial::Fail(_) | Dial::NoDescriptor => drop(stream.set_zero_linger()),
                }
            });
        }
    }

    /// The next connection's number, and what is planned for it.
    fn planned(&self) -> (usize, Plan) {
        let number = self.dialed.fetch_add(1, Ordering::SeqCst) + 1;
        let planned = lock(&self.planned).pop_front();
        let plan = planned.unwrap_or_else(|| (lock(&self.planner))(number));
        self.note(format!("{number}: dialed, {:?}", plan.dial));
        (number, plan)
    }

    /// Plans the next connection for which nothing is planned yet.
    pub fn next(&self, plan: Plan) {
        lock(&self.planned).push_back(plan);
    }

    /// Plans all connections for which nothing else is planned.
    pub fn always(&self, planner: impl FnMut(usize) -> Plan + Send + 'static) {
        *lock(&self.planner) = Box::new(planner);
    }

    /// How often it was dialed.
    pub fn dialed(&self) -> usize {
        self.dialed.load(Ordering::SeqCst)
    }

    /// What happened, in its order.
    pub fn events(&self) -> Vec<String> {
        lock(&self.events).clone()
    }

    pub fn note(&self, event: String) {
        lock(&self.events).push(event);
    }

    pub async fn dial(self: Arc<Self>) -> io::Result<ClientEnd> {
        let (number, plan) = self.planned();
        tokio::time::sleep(plan.delay).await;
        match plan.dial {
            Dial::Silence => std::future::pending().await,
            Dial::Fail(kind) => Err(kind.into()),
            Dial::NoDescriptor => Err(io::Error::from_raw_os_error(24)),
            Dial::Connect => {
                let (client, server) = connect(self.clone(), number, plan);
                (self.server)(server);
                Ok(client)
            }
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
