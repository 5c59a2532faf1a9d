//! R13, R21: what one call leaves another: a permit, and the connection that goes with it.
//!
//! The one who waits is looked after in the very moment in which it is woken, in the midst of the call that makes room. A
//! program with many threads may do so at any time.

use macro_rules_attribute::apply;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use s3lite::{Error, ErrorKind, Payload, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};

use crate::covers;
use crate::line::ServerEnd;
use crate::memory::{Network, Plan, Way};
use crate::rig::{Rig, config, content, everywhere};

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call that is polled wherever it is woken.
struct AtOnce {
    call: Mutex<Call>,
    due: AtomicBool,
}

impl AtOnce {
    /// Polls a call for the first time; what is returned ends with it.
    fn start<T: Send + 'static>(call: impl Future<Output = T> + Send + 'static) -> oneshot::Receiver<T> {
        let (done, is_done) = oneshot::channel();
        let call = Box::pin(async move { drop(done.send(call.await)) });
        Waker::from(Arc::new(Self { call: Mutex::new(call), due: AtomicBool::new(false) })).wake();
        is_done
    }
}

impl Wake for AtOnce {
    fn wake(self: Arc<Self>) {
        self.due.store(true, Ordering::SeqCst);
        while self.due.load(Ordering::SeqCst) {
            // Whoever is polling it looks again afterwards.
            let Ok(mut call) = self.call.try_lock() else { return };
            if self.due.swap(false, Ordering::SeqCst) {
                let waker = Waker::from(self.clone());
                if call.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    *call = Box::pin(std::future::pending());
                }
            }
        }
    }
}

/// A permit without its connection would make the next call dial, beyond what is allowed.
#[apply(everywhere)]
async fn who_gets_a_permit_finds_the_connection() {
    covers(&["R13", "R21"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(100_000));
    let store = rig.open(config().set("max-connections", 1));
    let held = store.get("k").await.expect("it takes the only one");
    let waiting = AtOnce::start({
        let store = store.clone();
        async move { store.head("k").await.map(|meta| meta.size()) }
    });
    assert!(held.bytes().await.expect("its bytes") == content(100_000));
    assert_eq!(waiting.await.expect("no panic").expect("its turn"), Some(100_000));
    assert_eq!(rig.network.dialed(), 1);
    rig.assert_sound(store).await;
}

/// Wakes a call from another thread, and the first time goes on only once that call has got somewhere.
struct Patient {
    waker: Waker,
    waits_for: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Wake for Patient {
    fn wake(self: Arc<Self>) {
        let waker = self.waker.clone();
        // Not from here: a task that a worker wakes may be put where that worker alone finds it.
        thread::spawn(move || waker.wake());
        let waits_for = self.waits_for.lock().expect("nobody panics here").take();
        if let Some(somewhere) = waits_for {
            // This long it takes only if it never does.
            let _ = somewhere.recv_timeout(Duration::from_secs(30));
        }
    }
}

/// Runs a call whose first waking goes on only once it has got somewhere; tells when it waits.
async fn patient<T>(call: impl Future<Output = T>, somewhere: mpsc::Receiver<()>, waits: &Notify) -> T {
    let (mut call, mut somewhere, mut waker) = (Box::pin(call), Some(somewhere), None);
    poll_fn(move |cx| {
        let waker = waker.get_or_insert_with(|| {
            let (waker, waits_for) = (cx.waker().clone(), Mutex::new(somewhere.take()));
            Waker::from(Arc::new(Patient { waker, waits_for }))
        });
        let poll = call.as_mut().poll(&mut Context::from_waker(waker));
        waits.notify_one();
        poll
    })
    .await
}

const REFUSAL: usize = 60_000;
const BODY: usize = 1 << 20;

/// What the server waits for, and tells.
struct Signals {
    first_is_there: Notify,
    second_waits: Notify,
    second_is_there: mpsc::Sender<()>,
    first_is_over: Notify,
}

/// Refuses the first request before it has read its body, which it reads to the end all the same before the refusal ends. Tells
/// of the second, and answers it once the first call is over.
async fn refuse_then_store(mut stream: ServerEnd, signals: Arc<Signals>) {
    while let Some(head) = head(&mut stream).await {
        if head.starts_with("PUT /bucket/second ") {
            signals.second_is_there.send(()).expect("it is waited for");
            signals.first_is_over.notified().await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
        signals.first_is_there.notify_one();
        signals.second_waits.notified().await;
        let answer = format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {REFUSAL}\r\n\r\n{}", " ".repeat(REFUSAL - 1));
        // The way back is narrow: once all of this is written, its head has been taken.
        stream.write_all(answer.as_bytes()).await.expect("it is taken");
        stream.read_exact(&mut vec![0; BODY]).await.expect("the body");
        stream.write_all(b" ").await.expect("it is taken");
    }
}

async fn head(stream: &mut ServerEnd) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// A store with one connection, to such a server.
fn refused_at_first(signals: Arc<Signals>) -> Store {
    let network = Network::to(move |stream| {
        tokio::spawn(refuse_then_store(stream, signals.clone()));
    });
    network.always(|_| Plan { down: Way { buffer: 1024, ..Way::default() }, ..Plan::default() });
    let config = config().set("max-connections", 1).set("expect-continue", "off").set("max-retries", 0);
    let dial = move |_| network.clone().dial();
    Store::dialed_by(config.build().expect("a valid configuration"), dial).expect("a store")
}

async fn put(store: Store, key: &str, payload: Payload) -> Result<(), Error> {
    store.put(key, payload).await.map(drop)
}

/// A connection on which a body went up that nobody wanted is about to be reset: it is no other call's.
#[test]
fn a_connection_with_a_body_that_is_not_wanted_is_nobodys() {
    covers(&["R13"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (second_is_there, somewhere) = mpsc::channel();
        let (first_is_there, second_waits, first_is_over) = Default::default();
        let signals = Arc::new(Signals { first_is_there, second_waits, second_is_there, first_is_over });
        let store = refused_at_first(signals.clone());
        let first = tokio::spawn(put(store.clone(), "first", content(BODY).into()));
        signals.first_is_there.notified().await;
        let second = put(store, "second", Payload::reader(&b"hi"[..], 2));
        let second = tokio::spawn({
            let signals = signals.clone();
            async move { patient(second, somewhere, &signals.second_waits).await }
        });
        let refused = first.await.expect("no panic").expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::AccessDenied, "{refused}");
        signals.first_is_over.notify_one();
        second.await.expect("no panic").expect("its connection is its own");
    });
}
