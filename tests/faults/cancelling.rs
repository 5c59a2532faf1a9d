//! R11 to R14, R16, R19, R24, I27, I29: callers that give up, wait long, panic or go away.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, Payload, Store};
use tokio::io::{AsyncRead, ReadBuf};

use crate::covers;
use crate::memory::{Plan, Way};
use crate::rig::{Rig, config, content, everywhere, polled, read};
use crate::support::strict::Act;

#[tokio::test(start_paused = true)]
async fn a_call_may_be_dropped_at_every_await() {
    covers(&["R11", "R12"]);
    for number in 0..5 {
        let rig = Rig::new();
        rig.server.bucket().seed("k", content(20_000));
        let small = Way { buffer: 200, ..Way::default() };
        rig.network.always(move |_| Plan { up: small, down: small, ..Plan::default() });
        let store = rig.open(config().set("max-connections", 2).set("expect-continue", "1KiB"));
        let mut times = 0;
        loop {
            let ended = match number {
                0 => polled(store.put("p", content(5_000)), times).await,
                1 => polled(read(&store, "k"), times).await,
                2 => polled(store.head("k"), times).await,
                3 => polled(store.delete("gone"), times).await,
                _ => polled(store.list(s3lite::ListObjectsV2::new()).next(), times).await,
            };
            // What is given up does not stand in the way of the next.
            assert!(read(&store, GetObject::new("k").range(0..5)).await.expect("it is there") == content(5));
            times += 1;
            if ended || times > 400 {
                break;
            }
        }
        assert!(times > 2, "{number}: {times} polls");
        let stored = rig.server.bucket().content("p");
        assert!(stored.is_none_or(|bytes| bytes == content(5_000)), "whole or not at all");
        rig.assert_sound(store).await;
    }
}

/// The rest of an answer that nobody reads is not read: its connection closes.
#[apply(everywhere)]
async fn an_object_that_is_dropped_costs_its_connection_alone() {
    covers(&["R13", "R24"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(8 << 20));
    let store = rig.open(config().set("max-connections", 1));
    for _ in 0..10 {
        let mut object = store.get("k").await.expect("it is there");
        object.chunk().await.expect("some bytes");
    }
    rig.assert_sound(store).await;
    let store = rig.store();
    store.head("k").await.expect("it is there");
    assert_eq!(rig.server.open_connections(), 1, "kept for the next call");
    drop(store);
    rig.assert_no_connection_left().await;
}

/// A reader that comes back after an hour, when the server has long given up, goes on where it was.
#[tokio::test(start_paused = true)]
async fn a_slow_reader_goes_on_after_an_hour() {
    covers(&["R15", "R16"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(2 << 20));
    let store = rig.store();
    rig.server.next_for("GET", Act::ResetBody { after: 500_000 });
    let mut object = store.get("k").await.expect("it is there");
    let mut bytes = object.chunk().await.expect("some bytes").expect("some bytes").to_vec();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    while let Some(more) = object.chunk().await.expect("it goes on") {
        bytes.extend_from_slice(&more);
    }
    assert!(bytes == content(2 << 20));
    drop(object);
    rig.assert_sound(store).await;
}

struct Panics;

impl AsyncRead for Panics {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        panic!("the caller's reader has a bug")
    }
}

#[apply(everywhere)]
async fn a_panic_in_a_reader_is_its_own_calls_affair() {
    covers(&["R19"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-connections", 1));
    let putting = tokio::spawn({
        let store = store.clone();
        async move { store.put("k", Payload::reader(Panics, 5)).await.map(drop) }
    });
    let put = tokio::time::timeout(Duration::from_secs(300), putting).await.expect("it does not hang");
    assert!(!matches!(put, Ok(Ok(()))), "nothing was stored");
    assert!(rig.server.bucket().content("k").is_none());
    store.put("k", "hello").await.expect("the others go on");
    rig.assert_sound(store).await;
}

/// More callers than connections wait for their turn.
#[tokio::test(start_paused = true)]
async fn many_callers_share_few_connections() {
    covers(&["I27", "R21"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let store = rig.open(config().set("max-connections", 10));
    let callers: Vec<_> = (0..2_000).map(|_| tokio::spawn(get(store.clone()))).collect();
    for caller in callers {
        caller.await.expect("the caller").expect("its turn comes");
    }
    assert!(rig.server.connections() <= 10, "{}", rig.server.connections());
    rig.assert_sound(store).await;
}

async fn get(store: Store) -> Result<Vec<u8>, s3lite::Error> {
    read(&store, "k").await
}

/// Where every connection is taken for good, the wait for one ends.
#[tokio::test(start_paused = true)]
async fn the_wait_for_a_connection_is_bounded() {
    covers(&["I27"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(8 << 20));
    let store = rig.open(config().set("max-connections", 1).set("max-retries", 0));
    let held = store.get("k").await.expect("it takes the only one");
    let error = store.get("k").await.expect_err("none is free");
    assert!(error.kind() == ErrorKind::Timeout(s3lite::Phase::Queue) && error.is_unsent(), "{error}");
    drop(held);
    rig.assert_sound(store).await;
}

/// Its connections end with the runtime; on another one it makes new ones.
#[test]
fn a_runtime_may_end_under_a_transfer() {
    covers(&["R14", "I29"]);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let (first, second) = (runtime().expect("a runtime"), runtime().expect("a runtime"));
    let (rig, store) = first.block_on(async {
        let rig = Rig::new();
        rig.server.bucket().seed("k", content(8 << 20));
        let store = rig.store();
        read(&store, "k").await.expect("it is there");
        let busy = store.clone();
        tokio::spawn(async move { busy.put("p", content(8 << 20)).await.map(drop) });
        let mut object = store.get("k").await.expect("it is there");
        object.chunk().await.expect("some bytes");
        std::mem::forget(object);
        (rig, store)
    });
    drop(first);
    second.block_on(async {
        let read = read(&store, GetObject::new("k").range(0..5)).await;
        assert!(read.expect("over a new connection") == content(5));
    });
    drop((store, rig));
}
