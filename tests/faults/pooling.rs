//! Connections that are kept, and what calls that share them do to each other.

use std::future::ready;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Raw, Store};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::runtime::Builder;

use crate::covers;
use crate::rig::{Rig, answer, config, content, everywhere, parrot, raw, refusal, reply, take_request};

fn with_many_headers() -> Vec<u8> {
    let many: String = (0..150).map(|number| format!("x-amz-meta-n{number}: {number}\r\n")).collect();
    answer("200 OK", &format!("ETag: \"e\"\r\n{many}"), "")
}

/// A call that is tried again over a new connection makes no more of them than there may be: what is idle meanwhile makes room.
#[tokio::test(start_paused = true)]
async fn a_new_connection_takes_the_place_of_an_idle_one() {
    covers(&["R13"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.open(config().set("max-connections", 1).set("retry-base-delay", "20s"));
    rig.server.next(refusal("503 Slow Down", "SlowDown"));
    let waits = tokio::spawn({
        let store = store.clone();
        async move { store.head("k").await }
    });
    while rig.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    store.head("k").await.expect("meanwhile");
    waits.await.expect("no panic").expect("the second try");
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((rig.network.dialed(), rig.server.open_connections()), (3, 1));
}

/// But only as much as it needs.
#[apply(everywhere)]
async fn a_new_connection_leaves_idle_ones_where_there_is_room() {
    covers(&["R13"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.open(config().set("max-connections", 8));
    let three = || async { tokio::try_join!(store.head("k"), store.head("k"), store.head("k")).map(drop) };
    three().await.expect("three connections");
    rig.server.next(refusal("503 Slow Down", "SlowDown"));
    store.head("k").await.expect("the second try, over a new one");
    let dialed = rig.network.dialed();
    three().await.expect("those that are there");
    assert_eq!(rig.network.dialed(), dialed, "they were kept");
}

/// Each call that was under way when the first of them found out is sent again.
#[apply(everywhere)]
async fn calls_that_meet_many_headers_together_all_succeed() {
    covers(&["H19"]);
    let (store, network) = raw(|mut stream, _| async move {
        while take_request(&mut stream).await {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if stream.write_all(&with_many_headers()).await.is_err() {
                return;
            }
        }
    });
    let calls: Vec<_> =
        (0..4).map(|_| store.clone()).map(|store| tokio::spawn(async move { store.head("k").await })).collect();
    for call in calls {
        let meta = call.await.expect("no panic").expect("150 headers");
        assert_eq!(meta.metadata("n149"), Some("149"));
    }
    assert_eq!(network.dialed(), 8);
}

/// The answer may have been a success: a POST is not sent twice for its headers.
#[apply(everywhere)]
async fn a_post_is_not_repeated_for_many_headers() {
    covers(&["H19"]);
    let (store, network) = parrot(with_many_headers());
    let error = store.send(Raw::post("k").query("uploads", "")).await.expect_err("too many for now");
    assert_eq!((error.kind(), network.dialed()), (ErrorKind::LimitExceeded, 1), "{error}");
    assert!(error.is_outcome_unknown(), "{error}");
    store.send(Raw::post("k").query("uploads", "")).await.expect("with more room");
}

/// Small and read whole, a refusal leaves its connection idle; a large one is not worth its reading.
#[apply(everywhere)]
async fn a_small_refusal_keeps_its_connection_and_a_large_one_does_not() {
    covers(&["R13"]);
    for (length, connections) in [(0, 1), (60_000, 1), (2 << 20, 2)] {
        let rig = Rig::new();
        let store = rig.store();
        let document = format!("<Error><Code>AccessDenied</Code><Message>{}</Message></Error>", "x".repeat(length));
        rig.server.next(reply("403 Forbidden", "", &document));
        assert!(store.get("k").await.expect_err("refused").is_access_denied());
        assert!(store.get("k").await.expect_err("absent").is_not_found());
        assert_eq!(rig.server.connections(), connections, "{length}");
        rig.assert_sound(store).await;
    }
}

/// A connection is idle from when the last bytes were read, however long its reader took.
#[tokio::test(start_paused = true)]
async fn a_slowly_read_object_leaves_a_connection_that_is_used_again() {
    covers(&["R13"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().seed("k", content(1 << 20));
    let mut object = store.get("k").await.expect("the head");
    let mut missing = 1 << 20;
    while missing > 0 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        missing -= object.chunk().await.expect("no fault").expect("its bytes").len();
    }
    store.head("k").await.expect("it is there");
    assert_eq!(rig.server.connections(), 1);
    rig.assert_sound(store).await;
}

/// Behind a service that fails, another connection may find another host.
#[apply(everywhere)]
async fn a_failure_of_the_service_ends_its_connection() {
    covers(&["N32"]);
    for (status, connections) in [("500 Internal Server Error", 2), ("503 Slow Down", 2), ("409 Conflict", 1)] {
        let rig = Rig::new();
        let store = rig.open(config().set("max-retries", 0));
        rig.server.next(reply(status, "", "<Error><Code>Odd</Code></Error>"));
        assert_eq!(store.get("k").await.expect_err("it failed").code(), Some("Odd"));
        assert!(store.get("k").await.expect_err("absent").is_not_found());
        assert_eq!(rig.server.connections(), connections, "{status}");
        rig.assert_sound(store).await;
    }
}

/// The client's end of a connection; says how many bytes were read from it.
struct Tells(DuplexStream, mpsc::Sender<usize>);

impl AsyncRead for Tells {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(cx, buffer);
        let _ = self.1.send(buffer.filled().len() - before);
        read
    }
}

impl AsyncWrite for Tells {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// A store with one connection, of which the other end is the test's, and what tells how much was read from it.
fn telling() -> (Store, DuplexStream, mpsc::Receiver<usize>) {
    let ((client, server), (says, read)) = (tokio::io::duplex(4096), mpsc::channel());
    let client = Arc::new(Mutex::new(Some(Tells(client, says))));
    let dial = move |_| ready(Ok(client.lock().expect("nobody panics here").take().expect("it is dialed once")));
    (Store::dialed_by(config().build().expect("a valid configuration"), dial).expect("a store"), server, read)
}

/// That something ends is what matters; this long it takes only if it never does.
const LONGEST: Duration = Duration::from_secs(30);

/// A connection is given back on a runtime that is gone: its task is dropped where it is spawned.
#[test]
fn a_connection_given_back_to_a_runtime_that_is_gone_hangs_nobody() {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (handle, (store, mut server, read)) = (runtime.handle().clone(), telling());
    let answer = answer("200 OK", "ETag: \"e\"\r\n", "hello");
    let (head, body) = answer.split_at(answer.len() - 5);
    let (object, ()) = runtime.block_on(async {
        tokio::join!(store.get("k"), async {
            assert!(take_request(&mut server).await);
            server.write_all(head).await.expect("the head");
        })
    });
    let mut object = object.expect("the head");
    runtime.block_on(server.write_all(body)).expect("the rest");
    let mut missing = answer.len();
    while missing > 0 {
        // What is read in one turn is handed on in the same, and a runtime ends behind it.
        missing -= read.recv_timeout(LONGEST).expect("the rest is read");
    }
    runtime.shutdown_timeout(LONGEST);
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || done.send(handle.block_on(object.chunk())));
    let last = is_done.recv_timeout(LONGEST).expect("it hangs");
    assert_eq!(last.expect("it had arrived").as_deref(), Some(&b"hello"[..]));
}
