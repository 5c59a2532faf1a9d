//! Connections that are kept, and what calls that share them do to each other.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Raw, Store};
use tokio::io::AsyncWriteExt;

use crate::covers;
use crate::rig::{Rig, answer, config, content, everywhere, parrot, raw, reply, take_request};

fn with_many_headers() -> Vec<u8> {
    let many: String = (0..150).map(|number| format!("x-amz-meta-n{number}: {number}\r\n")).collect();
    answer("200 OK", &format!("ETag: \"e\"\r\n{many}"), "")
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
#[tokio::test(start_paused = true)]
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
#[tokio::test(start_paused = true)]
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

/// A connection is given back on a runtime that is gone: its task is dropped where it is spawned.
#[test]
fn a_connection_given_back_to_a_runtime_that_is_gone_hangs_nobody() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (handle, listener) = (runtime.handle().clone(), std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || half_an_answer_and_the_rest(&listener));
    let store =
        Store::new(config().set("endpoint", format!("http://{address}")).build().expect("valid")).expect("a store");
    let mut object = runtime.block_on(store.get("k")).expect("the head");
    // One look makes hyper read on; then it is dropped.
    let look = runtime.block_on(async { tokio::time::timeout(Duration::ZERO, object.chunk()).await });
    assert!(look.is_err(), "the rest has not come yet");
    server.join().expect("the rest is sent");
    runtime.shutdown_timeout(Duration::from_secs(5));
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(handle.block_on(object.chunk())));
    // That it ends is what matters; this long it takes only if it never does.
    let last = is_done.recv_timeout(Duration::from_secs(30)).expect("it hangs");
    assert_eq!(last.expect("it had arrived").as_deref(), Some(&b"hello"[..]));
}

fn half_an_answer_and_the_rest(listener: &std::net::TcpListener) {
    use std::io::{Read, Write};
    let (mut stream, _) = listener.accept().expect("a connection");
    let _ = stream.read(&mut [0; 4096]).expect("a request");
    stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n").expect("the head");
    std::thread::sleep(Duration::from_millis(20));
    stream.write_all(b"hello").expect("the rest");
    std::thread::sleep(Duration::from_millis(20));
}
