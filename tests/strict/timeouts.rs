//! A limit for each phase, and none for the whole: what stands still is given up, what moves is not.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, Payload, Phase, Store};

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, StrictServer};
use crate::{config, open, server};

/// A store that is impatient in one phase: each test waits in that one alone, and a slow machine passes the others.
fn impatient(server: &StrictServer, limit: &str) -> Store {
    open(config(server).set(limit, "60ms"))
}

#[apply(in_every_runtime)]
async fn no_answer() {
    let server = server().await;
    server.next(Act::Stall);
    let error = impatient(&server, "timeout").get("k").await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Head), "{error}");
    assert!(error.is_timeout() && error.to_string().contains("timeout = 60ms"), "{error}");
    server.next(Act::Stall);
    let error = impatient(&server, "timeout").put("k", vec![0; 100_000]).await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Head), "{error}");
}

#[apply(in_every_runtime)]
async fn a_body_that_is_not_taken() {
    let server = server().await;
    server.next(Act::StallReading);
    let error = impatient(&server, "idle-timeout").put("k", vec![0; 64 << 20]).await.expect_err("it is not read");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Send), "{error}");
    assert!(error.to_string().contains("idle-timeout = 60ms"), "{error}");
}

#[apply(in_every_runtime)]
async fn a_body_that_stops_coming() {
    let server = server().await;
    server.bucket().seed("k", vec![0; 100_000]);
    server.next(Act::StallBody { after: 10 });
    let object = impatient(&server, "idle-timeout").get("k").await.expect("the head");
    let error = object.bytes().await.expect_err("it stops");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Body), "{error}");
}

/// Takes connections and says nothing: no TLS handshake ever ends.
#[apply(in_every_runtime)]
async fn a_handshake_that_never_ends() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let store = open(
        s3lite::StoreConfig::builder()
            .set("endpoint", format!("https://{address}"))
            .set("region", "x")
            .set("bucket", "bucket")
            .set("anonymous", true)
            .set("tls.roots", "bundled")
            .set("connect-timeout", "60ms")
            .set("retry-timeout", "1ms"),
    );
    let error = store.get("k").await.expect_err("silence");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Connect), "{error}");
    assert!(error.to_string().contains("connect-timeout"), "{error}");
}

/// It takes longer as a whole than any single limit allows.
#[apply(in_every_runtime)]
async fn a_slow_transfer_that_moves_is_not_given_up() {
    let server = server().await;
    let store = open(config(&server).set("timeout", "1s").set("idle-timeout", "1s"));
    let content = vec![7; 400];
    server.bucket().seed("k", content.clone());
    server.next_for("GET", Act::Trickle { chunk: 1, pause: Duration::from_millis(4) });
    let read = store.get("k").await.expect("the head").bytes().await.expect("its bytes");
    assert_eq!(read, content);

    // The caller's own source may be as slow as it likes.
    let (mut writer, reader) = tokio::io::duplex(16);
    let feeding = tokio::spawn(async move {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            tokio::io::AsyncWriteExt::write_all(&mut writer, b"x").await.expect("it is read");
        }
    });
    let slow = open(config(&server).set("timeout", "1s").set("idle-timeout", "50ms"));
    slow.put("slow", Payload::reader(reader, 8)).await.expect("it is stored");
    feeding.await.expect("all was fed");
    assert_eq!(server.bucket().content("slow").as_deref(), Some(&b"xxxxxxxx"[..]));
}
