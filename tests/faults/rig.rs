//! A store and the strict server it talks to, over a network in memory.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use s3lite::{Error, Store, StoreConfigBuilder};
use tokio::io::AsyncWriteExt;
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::line::ServerEnd;
use crate::memory::{Network, over_sockets};
pub use crate::support::request::take_request;
use crate::support::runtimes;
use crate::support::store;
use crate::support::strict::log::Seen;
use crate::support::strict::{Act, StrictConfig, StrictServer};

/// The strict server and the way to it.
pub struct Rig {
    pub server: Arc<StrictServer>,
    pub network: Arc<Network>,
}

impl Rig {
    pub fn new() -> Self {
        Self::of(StrictConfig::default())
    }

    pub fn of(config: StrictConfig) -> Self {
        let server = Arc::new(StrictServer::in_memory(config));
        let network = Network::to({
            let server = server.clone();
            move |stream| server.serve(stream)
        });
        Self { server, network }
    }

    pub fn store(&self) -> Store {
        self.open(config())
    }

    pub fn open(&self, config: StoreConfigBuilder) -> Store {
        open(&self.network, config)
    }

    /// What arrived, in the order of its heads.
    pub fn requests(&self) -> Vec<Seen> {
        self.server.requests()
    }

    /// Demands that the server found nothing wrong with any request.
    pub fn assert_manners(&self) {
        for seen in self.requests() {
            assert!(seen.refusal.is_none(), "{} {}: {:?}", seen.method, seen.target_text(), seen.refusal);
        }
    }

    /// Demands that the store still works, and that nothing stays open once it is gone.
    pub async fn assert_sound(&self, store: Store) {
        self.server.script().clear();
        self.network.always(|_| crate::memory::Plan::default());
        let connections = store.config().max_connections().min(200);
        let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(look(store.clone()))).collect();
        for task in tasks {
            task.await.expect("every permit is there");
        }
        drop(store);
        self.assert_no_connection_left().await;
    }

    /// Idle connections are given up by the pool within seconds.
    pub async fn assert_no_connection_left(&self) {
        // By a paused clock a look costs nothing.
        let (look, looks) = if self.network.address().is_some() { (10, 15_000) } else { (1000, 150) };
        for _ in 0..looks {
            if self.server.open_connections() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(look)).await;
        }
        panic!("{} connections stay open", self.server.open_connections());
    }
}

async fn look(store: Store) {
    match store.head("no such object, surely").await {
        Err(error) if error.is_not_found() => {}
        other => panic!("not what an absent object gives: {other:?}"),
    }
}

/// Runs a test over the network in memory under a paused clock; then over real sockets, in every kind of runtime.
pub fn run_everywhere<F: Future<Output = ()> + Send + 'static>(test: impl Fn() -> F) {
    let paused = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    paused.block_on(test());
    drop(paused);
    runtimes::run(|| over_sockets(test()));
}

/// Makes a test of an async function, for `#[apply(everywhere)]`.
macro_rules! everywhere {
    ($(#[$attribute:meta])* async fn $name:ident() $body:block) => {
        $(#[$attribute])*
        #[test]
        fn $name() {
            $crate::rig::run_everywhere(|| async $body);
        }
    };
}
pub(crate) use everywhere;

/// A store whose server is a function of each connection: for what no server of HTTP would do.
pub fn raw<F>(server: impl Fn(ServerEnd, usize) -> F + Send + Sync + 'static) -> (Store, Arc<Network>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let count = std::sync::atomic::AtomicUsize::new(0);
    let network = Network::to(move |stream| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        tokio::spawn(server(stream, number));
    });
    (open(&network, config()), network)
}

pub fn open(network: &Arc<Network>, config: StoreConfigBuilder) -> Store {
    if let Some(address) = network.address() {
        // By a real clock the waits between attempts are as short as they can be: how long they are is for a paused one to see.
        let config = config.set("endpoint", format!("http://{address}"));
        let config = config.set("retry-base-delay", "1ms").set("retry-max-delay", "20ms");
        return config.build().and_then(Store::new).expect("a store");
    }
    let network = network.clone();
    let config = config.build().expect("a valid configuration");
    Store::dialed_by(config, move |_| network.clone().dial()).expect("a store")
}

/// The configuration that leads to a strict server with its defaults; all else is the crate's own default.
pub fn config() -> StoreConfigBuilder {
    store::config("http://127.0.0.1:9000".to_owned())
}

/// An answer that applies nothing.
pub fn reply(status: &str, headers: &str, body: &str) -> Act {
    Act::Reply(answer(status, headers, body))
}

pub fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A refusal with an error document.
pub fn refusal(status: &str, code: &str) -> Act {
    reply(status, "", &format!("<Error><Code>{code}</Code><Message>no</Message></Error>"))
}

/// Bytes that differ from place to place.
pub fn content(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

/// Reads an object's bytes, from the request to the last byte.
pub async fn read(store: &Store, key: impl Into<s3lite::GetObject>) -> Result<Vec<u8>, Error> {
    Ok(store.get(key).await?.bytes().await?.to_vec())
}

/// Polls a call so often, then drops it; true if it came to its end before.
pub async fn polled(call: impl Future, times: usize) -> bool {
    let mut call = pin!(call);
    for _ in 0..times {
        if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        yield_now().await;
    }
    false
}

/// A server that gives the same bytes to every request, and closes where they do not end an answer.
pub fn parrot(answer: impl Into<Vec<u8>>) -> (Store, Arc<Network>) {
    let answer = answer.into();
    raw(move |mut stream, _| {
        let answer = answer.clone();
        async move { while take_request(&mut stream).await && stream.write_all(&answer).await.is_ok() {} }
    })
}
