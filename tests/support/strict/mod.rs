//! A strict S3 server on a raw TCP socket, which misbehaves on request.
//!
//! It is evidence that does not depend on the library under test: requests are verified as raw
//! bytes, by a signature check written from the specification, and the bucket behind it has AWS's
//! semantics for keys of any bytes. What a well-behaved server never does (to close, to stall, to
//! lie, to cut) is a queue of [`Act`]s.
//!
//! ```text
//! let server = StrictServer::start(StrictConfig::default()).await;
//! server.bucket().seed("key", "content");
//! server.next_for("GET", Act::CutBody { after: 3 });
//! … the client under test reads "key" from http://{server.address()}/bucket …
//! assert_eq!(server.bucket().content("key"), …);
//! assert!(server.requests().iter().all(|seen| seen.refusal.is_none()));
//! ```
//!
//! The way of a request: [`http`] reads it and [`log`] keeps it, [`script`] may have an act for it, which [`conduct`]
//! carries out over a [`connection`]. [`manners`], [`authorization`], [`sigv4`] and [`aws_chunked`] verify it,
//! [`service`] finds the bucket and key meant, [`bucket`], [`object`], [`conditions`], [`checksum`] and [`listing`]
//! make the [`response`].

// Each test binary compiles this module and uses a part of it.
#![allow(dead_code)]

pub mod authorization;
pub mod aws_chunked;
pub mod bucket;
pub mod canonical;
pub mod checksum;
pub mod clock;
pub mod conditions;
pub mod conduct;
pub mod connection;
pub mod digest;
pub mod error;
pub mod http;
pub mod listing;
pub mod log;
pub mod manners;
pub mod object;
pub mod response;
pub mod script;
pub mod service;
pub mod sigv4;
pub mod xml;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

// A test binary names some of these, none needs all.
#[allow(unused_imports)]
pub use self::{
    bucket::Bucket,
    canonical::{canonical_query, canonical_uri},
    log::Seen,
    object::StoredObject,
    response::{Framing, RawResponse},
    script::{Act, AfterEarlyReply, Filter, Script},
};

use connection::Transport;
use service::{Shared, lock};
use sigv4::Rules;

/// What a server is started with.
#[derive(Clone)]
pub struct StrictConfig {
    /// Name of its one bucket.
    pub bucket: String,
    /// Region that requests must be signed for.
    pub region: String,
    /// Service that requests must be signed for.
    pub service: String,
    /// The access key it knows.
    pub access_key: String,
    /// The secret that belongs to it.
    pub secret_key: String,
    /// The session token that must come with the access key; without one, none may be sent.
    pub session_token: Option<String>,
    /// Seconds by which its clock is ahead.
    pub clock_offset: i64,
    /// Headers that may be signed besides `host`, `x-amz-*` and `content-md5`, in lower case.
    pub also_signable: Vec<String>,
    /// Host names for path style; `bucket.` in front of one is virtual-host style.
    pub base_hosts: Vec<String>,
    /// TLS, if it is to be spoken.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether to listen on `[::1]` rather than 127.0.0.1.
    pub ipv6: bool,
}

impl Default for StrictConfig {
    /// Bucket `bucket` in `eu-central-1`, keys `access` and `secret`, plain HTTP on 127.0.0.1.
    fn default() -> Self {
        Self {
            bucket: "bucket".into(),
            region: "eu-central-1".into(),
            service: "s3".into(),
            access_key: "access".into(),
            secret_key: "secret".into(),
            session_token: None,
            clock_offset: 0,
            also_signable: Vec::new(),
            base_hosts: ["127.0.0.1", "[::1]", "localhost"].map(str::to_owned).to_vec(),
            tls: None,
            ipv6: false,
        }
    }
}

impl StrictConfig {
    fn into_shared(self) -> Shared {
        Shared {
            bucket: Mutex::new(Bucket::new(&self.bucket, &self.region)),
            rules: Mutex::new(Rules {
                access_key: self.access_key,
                secret_key: self.secret_key,
                session_token: self.session_token,
                region: self.region,
                service: self.service,
                now: 0,
                default_port: if self.tls.is_some() { 443 } else { 80 },
                also_signable: self.also_signable,
            }),
            clock_offset: Mutex::new(self.clock_offset),
            base_hosts: self.base_hosts,
            log: Mutex::default(),
            script: Mutex::default(),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            answers: AtomicU64::new(1),
        }
    }
}

/// A running server; dropping it ends it and all its connections.
pub struct StrictServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    /// Those that were handed to it.
    connections: Mutex<JoinSet<()>>,
    /// Accepts the others.
    task: Option<JoinHandle<()>>,
}

/// What a server in memory calls its address; nothing listens there.
const IN_MEMORY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9000);

impl StrictServer {
    /// Listens on a free port of the loopback interface.
    pub async fn start(config: StrictConfig) -> Self {
        let ip = if config.ipv6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        let listener = TcpListener::bind(SocketAddr::new(ip, 0)).await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let tls = config.tls.clone().map(TlsAcceptor::from);
        let shared = Arc::new(config.into_shared());
        let task = Some(tokio::spawn(accept(listener, tls.clone(), Arc::clone(&shared))));
        Self { address, shared, tls, connections: Mutex::default(), task }
    }

    /// Listens nowhere: connections come by [`Self::serve`].
    pub fn in_memory(config: StrictConfig) -> Self {
        let tls = config.tls.clone().map(TlsAcceptor::from);
        let (shared, connections) = (Arc::new(config.into_shared()), Mutex::default());
        Self { address: IN_MEMORY, shared, tls, connections, task: None }
    }

    /// Takes a connection that another way than a socket led to it.
    pub fn serve(&self, stream: impl Transport + 'static) {
        let number = self.shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        let mut connections = lock(&self.connections);
        connections.spawn(run(stream, self.tls.clone(), Arc::clone(&self.shared), number));
        while connections.try_join_next().is_some() {}
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far, in the order in which their heads arrived.
    pub fn requests(&self) -> Vec<Seen> {
        lock(&self.shared.log).clone()
    }

    /// How many TCP connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many of them the server has not closed or seen closed.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// The bucket, to seed it or to look inside. Requests wait while the guard lives, so keep it
    /// over no `await`.
    pub fn bucket(&self) -> MutexGuard<'_, Bucket> {
        lock(&self.shared.bucket)
    }

    /// The script, for anything the shorthands beside this have no word for.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.shared.script)
    }

    /// Queues an act for any request.
    pub fn next(&self, act: Act) {
        self.script().once(Filter::Any, act);
    }

    /// Queues an act for a request with this method.
    pub fn next_for(&self, method: &'static str, act: Act) {
        self.script().once(Filter::Method(method), act);
    }

    /// Queues an act for all requests after it.
    pub fn always(&self, act: Act) {
        self.script().always(Filter::Any, act);
    }

    /// Sets by how many seconds the server's clock is ahead.
    pub fn set_clock_offset(&self, seconds: i64) {
        *lock(&self.shared.clock_offset) = seconds;
    }

    /// Sets the region that requests must be signed for, and that the bucket names as its own.
    pub fn set_region(&self, region: &str) {
        lock(&self.shared.rules).region = region.into();
        self.bucket().region = region.into();
    }

    /// Sets the keys and the session token that requests must be signed with.
    pub fn set_credentials(&self, access_key: &str, secret_key: &str, session_token: Option<&str>) {
        let mut rules = lock(&self.shared.rules);
        rules.access_key = access_key.into();
        rules.secret_key = secret_key.into();
        rules.session_token = session_token.map(str::to_owned);
    }
}

impl Drop for StrictServer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Accepts until aborted; the set of connections goes with this task.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        // Small pieces must leave at once, or a trickled body arrives in lumps.
        if stream.set_nodelay(true).is_ok() {
            connections.spawn(run(stream, tls.clone(), Arc::clone(&shared), number));
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn run(stream: impl Transport, tls: Option<TlsAcceptor>, shared: Arc<Shared>, number: usize) {
    let _open = Open::count(Arc::clone(&shared));
    match tls {
        None => conduct::serve(stream, shared, number).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                conduct::serve(stream, shared, number).await;
            }
        }
    }
}

/// Counts a connection as open while it lives.
struct Open(Arc<Shared>);

impl Open {
    fn count(shared: Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
