//! Readers that ask, give up and ask again: time goes on between their calls, and giving up costs no retry.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use s3lite::{Error, ErrorKind, Object, Phase, Store};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};

use crate::covers;
use crate::rig::{Rig, config, content, take_request};
use crate::support::strict::Act;

const SIZE: usize = 100_000;
const REACHED: usize = 40_000;

/// A download that stops where the act says so.
async fn download(act: Act, retries: i64) -> (Rig, Object) {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    rig.server.next_for("GET", act);
    let object = rig.open(config().set("max-retries", retries)).get("k").await.expect("the head");
    (rig, object)
}

/// Calls `chunk` again and again, each call dropped after this time, until a call comes to its end.
async fn impatient(object: &mut Object, patience: Duration) -> Result<Option<Bytes>, Error> {
    for _ in 0..200 {
        if let Ok(result) = timeout(patience, object.chunk()).await {
            return result;
        }
    }
    panic!("no call of two hundred came to its end");
}

async fn read_to(object: &mut Object, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        bytes.extend_from_slice(&object.chunk().await.expect("it is there").expect("more bytes"));
    }
    bytes
}

async fn rest(object: &mut Object, mut bytes: Vec<u8>, patience: Duration) -> Vec<u8> {
    while let Some(more) = impatient(object, patience).await.expect("it goes on") {
        bytes.extend_from_slice(&more);
    }
    bytes
}

/// Silence is counted from the last byte, not from the last call.
#[tokio::test(start_paused = true)]
async fn a_stall_is_found_across_calls_that_were_dropped() {
    covers(&["N18", "R12"]);
    let (_rig, mut object) = download(Act::StallBody { after: REACHED }, 0).await;
    read_to(&mut object, REACHED).await;
    let started = Instant::now();
    let error = impatient(&mut object, Duration::from_secs(1)).await.expect_err("it stands still");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Body), "{error}");
    assert!((19..23).contains(&started.elapsed().as_secs()), "idle-timeout is 20 s: {:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_gone_on_from_across_calls_that_were_dropped() {
    covers(&["N18", "R12"]);
    let (rig, mut object) = download(Act::StallBody { after: REACHED }, 3).await;
    let bytes = read_to(&mut object, REACHED).await;
    let started = Instant::now();
    assert!(rest(&mut object, bytes, Duration::from_secs(1)).await == content(SIZE));
    assert!((19..23).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert_eq!(rig.requests().len(), 2, "one break, one more request");
}

/// A reader that is away for a while, and does not ask, is no stall of the service: its bytes are there when it comes back.
#[tokio::test(start_paused = true)]
async fn a_reader_that_does_not_ask_is_no_stall() {
    covers(&["R15"]);
    let (rig, mut object) = download(Act::Normal, 0).await;
    let bytes = read_to(&mut object, 1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(rest(&mut object, bytes, Duration::from_secs(1)).await == content(SIZE));
    assert_eq!(rig.requests().len(), 1);
}

/// Polls a call once, then drops it; true if it came to its end.
fn polled_once(call: impl Future) -> bool {
    pin!(call).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// A broken download, waiting to go on: with the clock standing still, the wait does not end.
async fn broken_and_waiting() -> (Rig, Object, Vec<u8>) {
    let (rig, mut object) = download(Act::CutBody { after: REACHED }, 3).await;
    let bytes = read_to(&mut object, REACHED).await;
    // The end of the connection is on its way: it takes turns of the other tasks, and no time.
    for _ in 0..200 {
        assert!(!polled_once(object.chunk()), "it waits before it asks again");
        tokio::task::yield_now().await;
    }
    (rig, object, bytes)
}

#[tokio::test(start_paused = true)]
async fn giving_up_a_wait_costs_no_retry() {
    covers(&["R11", "R12"]);
    let (rig, mut object, bytes) = broken_and_waiting().await;
    for _ in 0..20 {
        assert!(!polled_once(object.chunk()), "it still waits");
    }
    assert!(rest(&mut object, bytes, Duration::from_secs(60)).await == content(SIZE));
    assert_eq!(rig.requests().len(), 2, "one break, one more request");
}

/// The wait before the first retry is 100 ms at most, however often it is looked at.
#[tokio::test(start_paused = true)]
async fn a_wait_goes_on_across_calls_that_were_dropped() {
    covers(&["R12"]);
    for _ in 0..10 {
        let (rig, mut object, mut bytes) = broken_and_waiting().await;
        let started = Instant::now();
        let more = impatient(&mut object, Duration::from_millis(10)).await.expect("it goes on").expect("more bytes");
        assert!(started.elapsed() < Duration::from_millis(150), "{:?}", started.elapsed());
        bytes.extend_from_slice(&more);
        assert!(rest(&mut object, bytes, Duration::from_secs(60)).await == content(SIZE));
        drop(rig);
    }
}

/// A thread that was busy comes back late to bytes that are there: they have a turn to be seen before a stall is told.
#[tokio::test(start_paused = true)]
async fn what_came_while_nobody_looked_is_seen_before_a_stall_is_told() {
    covers(&["R15", "R16"]);
    let (client, mut server) = tokio::io::duplex(4096);
    let client = Arc::new(Mutex::new(Some(client)));
    let dial = move |_| std::future::ready(Ok(client.lock().expect("nobody panics here").take().expect("one")));
    let config = config().set("max-retries", 0).build().expect("a valid configuration");
    let store = Store::dialed_by(config, dial).expect("a store");
    let (object, ()) = tokio::join!(store.get("k"), async {
        assert!(take_request(&mut server).await);
        server.write_all(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n").await.expect("the head");
    });
    let mut object = object.expect("the head");
    assert!(!polled_once(object.chunk()), "it waits from now on");
    tokio::time::advance(Duration::from_secs(25)).await;
    // Written, and no other task has had a turn since.
    server.write_all(b"hello").await.expect("the rest");
    assert_eq!(object.chunk().await.expect("it is there").as_deref(), Some(&b"hello"[..]));
}
