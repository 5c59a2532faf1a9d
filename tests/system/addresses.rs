//! Names with more than one address. Where nobody is at the first, the next is tried.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Store};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{StrictConfig, StrictServer};
use crate::{config, covers};

/// A server under a name with these addresses.
async fn server(addresses: &str) -> StrictServer {
    let base_hosts = vec![format!("{addresses}.addresses")];
    let server = StrictServer::start(StrictConfig { base_hosts, ..StrictConfig::default() }).await;
    server.bucket().seed("k", "hello");
    server
}

/// A store that finds it by that name.
fn store(server: &StrictServer, addresses: &str, timeout: &str) -> Store {
    let endpoint = format!("http://{addresses}.addresses:{}", server.address().port());
    let config = config(server).set("endpoint", endpoint).set("allow-http", true).set("connect-timeout", timeout);
    config.set("retry-timeout", "200ms").build().and_then(Store::new).expect("a store")
}

async fn read(store: &Store) -> Result<Vec<u8>, s3lite::Error> {
    Ok(store.get("k").await?.bytes().await?.to_vec())
}

/// Nobody listens at any address but the server's own.
#[apply(in_every_runtime)]
async fn the_next_address_is_tried_where_nobody_is() {
    for addresses in ["127.0.0.2-127.0.0.1", "127.0.0.2-127.0.0.3-127.0.0.1", "127.0.0.1-127.0.0.2", "v6-127.0.0.1"] {
        let server = server(addresses).await;
        let failed = |error| panic!("{addresses}: {error}");
        assert_eq!(read(&store(&server, addresses, "10s")).await.unwrap_or_else(failed), b"hello");
    }
    let nowhere = "127.0.0.2-127.0.0.3";
    let error = read(&store(&server(nowhere).await, nowhere, "10s")).await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.attempts() >= 4, "{error}");
    assert!(error.to_string().contains("127.0.0.2-127.0.0.3.addresses"), "{error}");
}

/// Takes the place of a host that is gone: it has as many connections waiting as it takes, and answers no further one.
fn silent_host(port: u16) -> Vec<Socket> {
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port)).into();
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let listener = socket();
    listener.bind(&address).expect("the port is free there");
    listener.listen(0).expect("it listens");
    let mut sockets = vec![listener];
    for _ in 0..8 {
        let waiting = socket();
        waiting.set_nonblocking(true).expect("it does not wait");
        let _ = waiting.connect(&address);
        sockets.push(waiting);
    }
    sockets
}

/// The time to connect is divided among the addresses: the first, which never answers, does not take all of it.
#[apply(in_every_runtime)]
async fn a_silent_address_leaves_time_for_the_next() {
    let addresses = "127.0.0.2-127.0.0.1";
    let server = server(addresses).await;
    let _silent = silent_host(server.address().port());
    assert_eq!(read(&store(&server, addresses, "400ms")).await.expect("by the second address"), b"hello");
}

/// What is wrong with a host that takes connections.
#[derive(Clone, Copy, Debug)]
enum Bad {
    Closes,
    /// It closes once it has read the request.
    ClosesUnanswered,
    NeverAnswers,
    /// It answers as a gateway does in front of nothing.
    Says(&'static str),
    /// It answers with the object's head and the first two of its bytes, and closes.
    Cuts,
    /// The same, and does not close.
    Stalls,
}

/// The object's head, under the server's own tag, and two of its five bytes.
const BEGINNING: &str = "HTTP/1.1 200 OK\r\nETag: \"2cf24dba5fb0a30e26e83b2ac5b9e29e\"\r\nContent-Length: 5\r\n\r\nhe";

/// Takes connections at the first address, under the server's port.
async fn bad_host(port: u16, bad: Bad) -> (JoinHandle<()>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).await.expect("the port is free there");
    let count = Arc::new(AtomicUsize::new(0));
    let taken = count.clone();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            taken.fetch_add(1, Ordering::SeqCst);
            if !matches!(bad, Bad::Closes) {
                tokio::spawn(behave_badly(stream, bad));
            }
        }
    });
    (task, count)
}

async fn behave_badly(mut stream: TcpStream, bad: Bad) {
    while stream.read(&mut [0; 4096]).await.is_ok_and(|count| count > 0) {
        let answer = match bad {
            Bad::Closes | Bad::ClosesUnanswered => return,
            Bad::NeverAnswers => continue,
            Bad::Says(status) => format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"),
            Bad::Cuts | Bad::Stalls => BEGINNING.to_owned(),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() || matches!(bad, Bad::Cuts) {
            return;
        }
    }
}

async fn call(store: &Store, what: &str) -> Result<(), s3lite::Error> {
    match what {
        "get" => read(store).await.map(|bytes| assert_eq!(bytes, b"hello")),
        "put" => store.put("p", "hello").await.map(drop),
        _ => store.head("k").await.map(drop),
    }
}

/// Every call succeeds, those of a new store and those of one in use, which soon leaves the bad address alone.
#[apply(in_every_runtime)]
async fn t7_an_address_that_fails_is_left_for_the_next() {
    covers(&["T7"]);
    let addresses = "127.0.0.2-127.0.0.1";
    let ways = [
        Bad::Closes,
        Bad::ClosesUnanswered,
        Bad::NeverAnswers,
        Bad::Says("503 Service Unavailable"),
        Bad::Says("502 Bad Gateway"),
        Bad::Says("500 Internal Server Error"),
    ];
    for bad in ways {
        let server = server(addresses).await;
        let (host, _) = bad_host(server.address().port(), bad).await;
        let open = || {
            let endpoint = format!("http://{addresses}.addresses:{}", server.address().port());
            let config = config(&server).set("endpoint", endpoint).set("allow-http", true).set("timeout", "50ms");
            config
                .set("retry-base-delay", "5ms")
                .set("retry-max-delay", "5ms")
                .build()
                .and_then(Store::new)
                .expect("a store")
        };
        for what in ["get", "put", "head"] {
            for number in 1..=5 {
                let called = call(&open(), what).await;
                called.unwrap_or_else(|error| panic!("{bad:?}, {what}, a new store, the {number}th: {error}"));
            }
        }
        // Its last connections may not have been counted yet.
        host.abort();
        let _ = host.await;
        let (host, taken) = bad_host(server.address().port(), bad).await;
        let store = open();
        for number in 1..=5 {
            call(&store, "get").await.unwrap_or_else(|error| panic!("{bad:?}, the {number}th: {error}"));
        }
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken <= 1, "{bad:?}: {taken} connections went to the bad address");
        host.abort();
    }
}

/// A download that breaks in its middle goes on at another address: the one where it broke may cut every answer.
#[apply(in_every_runtime)]
async fn t7_a_download_that_breaks_goes_on_at_the_next() {
    covers(&["T7"]);
    let addresses = "127.0.0.2-127.0.0.1";
    for bad in [Bad::Cuts, Bad::Stalls] {
        let server = server(addresses).await;
        let (host, taken) = bad_host(server.address().port(), bad).await;
        let endpoint = format!("http://{addresses}.addresses:{}", server.address().port());
        let config = config(&server).set("endpoint", endpoint).set("allow-http", true).set("idle-timeout", "50ms");
        let store = config.set("retry-base-delay", "1ms").build().and_then(Store::new).expect("a store");
        assert_eq!(read(&store).await.unwrap_or_else(|error| panic!("{bad:?}: {error}")), b"hello");
        let (taken, asked) = (taken.load(Ordering::SeqCst), server.requests().len());
        assert_eq!((taken, asked), (1, 1), "{bad:?}: the rest is asked for at the next address");
        host.abort();
    }
}
