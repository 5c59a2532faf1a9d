//! T8, T8a, T8c: a body on its way out. One that can be sent once goes over a connection that is alive, hashing holds up nobody, and
//! the signature is the last thing before it is sent.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use macro_rules_attribute::apply;
use s3lite::{Payload, Raw, Store};
use tokio::io::AsyncReadExt;
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use super::service::{self, Service, bytes};
use crate::covers;
use crate::memory::Plan;
use crate::rig::{Rig, answer, config, content, everywhere, read};
use crate::support::folder::Folder;
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::{Act, AfterEarlyReply};

/// The server closes the connection behind its answer and does not say so.
#[apply(everywhere)]
async fn t8_a_reader_behind_an_answer_whose_connection_closes_is_stored() {
    covers(&["T8"]);
    for (size, expect) in [(100 << 10, "1MiB"), (300 << 10, "1MiB"), (300 << 10, "off")] {
        let service = Service::new(bytes(size), |asked| match asked.method.as_str() {
            "DELETE" => service::Act::RawThenClose(answer("200 OK", GONE, "")),
            _ => service::Act::Normal,
        });
        let store = service.open(config().set("expect-continue", expect));
        for number in 1..=50 {
            store.delete("gone").await.expect("it is answered");
            let payload = Payload::reader(io::Cursor::new(bytes(size)), size as u64);
            let stored = store.put("k", payload).await;
            stored.unwrap_or_else(|error| panic!("{size}, {expect}, the {number}th: {error}"));
            assert_eq!(service.stored(), number, "{size}, {expect}: whole, and once");
        }
    }
}

const GONE: &str = "x-amz-request-id: 1\r\n";

/// The same where it is reset.
#[apply(everywhere)]
async fn t8_a_reader_behind_an_answer_whose_connection_is_reset_is_stored() {
    covers(&["T8"]);
    let reset = || Act::ReplyEarly { raw: answer("200 OK", GONE, ""), then: AfterEarlyReply::Reset };
    let rig = Rig::new();
    let store = rig.store();
    for number in 0..20 {
        rig.server.next_for("DELETE", reset());
        // The reset may overtake the answer.
        let _ = store.delete("gone").await;
        let payload = Payload::reader(io::Cursor::new(content(300_000)), 300_000);
        store.put(format!("{number}"), payload).await.unwrap_or_else(|error| panic!("the {number}th: {error}"));
    }
    rig.assert_sound(store).await;
}

/// The connection is closed by the time the request comes, whether this side has seen it or not.
#[apply(everywhere)]
async fn t8_a_reader_over_an_idle_connection_that_is_closed_is_stored() {
    covers(&["T8"]);
    for expect in ["1MiB", "off"] {
        let rig = Rig::new();
        let store = rig.open(config().set("expect-continue", expect));
        for size in [1_000, 100 << 10, 300 << 10] {
            store.delete("gone").await.expect("it leaves a connection");
            rig.server.next(Act::Swallow);
            let payload = Payload::reader(io::Cursor::new(content(size)), size as u64);
            store.put("k", payload).await.unwrap_or_else(|error| panic!("{size}, {expect}: {error}"));
            assert!(rig.server.bucket().content("k").expect("stored") == content(size), "{size}, {expect}");
            rig.server.script().clear();
        }
        rig.assert_sound(store).await;
    }
}

/// Hashing it all takes seconds; the end of the runtime waits for what is going on off the reactor.
#[test]
fn t8a_hashing_a_file_ends_with_its_put() {
    covers(&["T8a"]);
    let folder = Folder::new();
    let path = folder.path().join("sparse");
    File::create(&path).and_then(|file| file.set_len(8 << 30)).expect("a sparse file");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let payload = Payload::file(&path).await.expect("a file");
        timeout(Duration::from_millis(50), signed_store().put("k", payload)).await.expect_err("it is hashed yet");
    });
    let began = std::time::Instant::now();
    drop(runtime);
    assert!(began.elapsed() < Duration::from_millis(700), "the runtime ended after {:?}", began.elapsed());
}

/// A store that signs, and of which nobody answers.
fn signed_store() -> Store {
    Rig::new().store()
}

/// The same for bytes, of a put and of any other call.
#[test]
fn t8a_hashing_bytes_ends_with_their_call() {
    covers(&["T8a"]);
    for is_put in [true, false] {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let bytes = vec![0; 256 << 20];
        runtime.block_on(async {
            let store = signed_store();
            let given_up = Duration::from_millis(10);
            match is_put {
                true => timeout(given_up, store.put("k", bytes)).await.map(drop).expect_err("it is hashed yet"),
                false => timeout(given_up, store.send(Raw::put("k").body(bytes))).await.map(drop).expect_err("as well"),
            }
        });
        let began = std::time::Instant::now();
        drop(runtime);
        assert!(began.elapsed() < Duration::from_millis(150), "{is_put}: ended after {:?}", began.elapsed());
    }
}

/// Until the request leaves, another task of the same thread has had many turns.
#[test]
fn t8a_bytes_are_hashed_off_the_reactor() {
    covers(&["T8a"]);
    for is_put in [true, false] {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (turns, turns_before) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let dial = {
                let (turns, before) = (turns.clone(), turns_before.clone());
                move |_| {
                    before.store(turns.load(Ordering::SeqCst), Ordering::SeqCst);
                    async { Err::<tokio::net::TcpStream, _>(io::ErrorKind::ConnectionRefused.into()) }
                }
            };
            let config = config().set("max-retries", 0).build().expect("a valid configuration");
            let store = Store::dialed_by(config, dial).expect("a store");
            let ticking = tokio::spawn(async move {
                loop {
                    sleep(Duration::from_millis(1)).await;
                    turns.fetch_add(1, Ordering::SeqCst);
                }
            });
            let bytes = vec![7; 64 << 20];
            let refused = match is_put {
                true => store.put("k", bytes).await.map(drop),
                false => store.send(Raw::put("k").body(bytes)).await.map(drop),
            };
            refused.expect_err("nobody is there");
            ticking.abort();
            let turns = turns_before.load(Ordering::SeqCst);
            assert!(turns >= 5, "{is_put}: another task had {turns} turns while 64 MiB were hashed");
        });
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

/// Waits until the clock is so far in its second.
async fn until_in_second(milliseconds: u32) {
    while now().subsec_millis() / 100 != milliseconds / 100 {
        sleep(Duration::from_millis(5)).await;
    }
}

/// The second in `x-amz-date`, of the minute.
fn signed_second(rig: &Rig) -> u64 {
    let seen = rig.requests().pop().expect("a request");
    let date = seen.header("x-amz-date").expect("it is signed");
    date[13..15].parse().expect("seconds")
}

/// A second begins while the call waits for its place; it is in that second that the request is signed.
#[apply(in_every_runtime)]
async fn t8c_a_request_is_signed_once_it_has_its_place() {
    covers(&["T8c"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(200_000));
    let store = rig.open(config().set("max-connections", 1));
    let held = store.get("k").await.expect("it takes the only place");
    until_in_second(800).await;
    let waiting = tokio::spawn(async move { store.head("k").await });
    until_in_second(0).await;
    let second = now().as_secs() % 60;
    drop(held);
    waiting.await.expect("no panic").expect("its turn");
    assert_eq!(signed_second(&rig), second);
}

/// The same while the connection is made.
#[apply(in_every_runtime)]
async fn t8c_a_request_is_signed_once_it_has_its_connection() {
    covers(&["T8c"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    rig.network.next(Plan { delay: Duration::from_millis(300), ..Plan::default() });
    until_in_second(800).await;
    let began = now().as_secs();
    read(&rig.store(), "k").await.expect("it is there");
    assert_eq!(signed_second(&rig), (began + 1) % 60);
}

/// And while the source is opened: a reader that is read first takes what time it takes.
#[apply(in_every_runtime)]
async fn t8c_a_request_is_signed_once_its_reader_was_read() {
    covers(&["T8c"]);
    let rig = Rig::new();
    until_in_second(800).await;
    let began = now().as_secs();
    let (mut near, far) = tokio::io::duplex(100);
    tokio::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        tokio::io::AsyncWriteExt::write_all(&mut near, b"hello").await.expect("it is read");
    });
    rig.store().put("k", Payload::reader(far.take(5), 5)).await.expect("stored");
    assert_eq!(signed_second(&rig), (began + 1) % 60);
}
