//! Connections are bounded, used again, and given back whatever becomes of a request.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, GetObject, Object, ObjectReader, Pages, Payload, Store};

use crate::support::runtimes::in_every_runtime;
use crate::support::strict::Act;
use crate::{config, open, server, store};

#[apply(in_every_runtime)]
async fn max_connections_holds() {
    let server = server().await;
    server.bucket().seed("k", vec![1; 10_000]);
    let store = open(config(&server).set("max-connections", 2));
    let tasks: Vec<_> = (0..40)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(
                async move { store.get("k").await.expect("it is there").bytes().await.expect("its bytes").len() },
            )
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("the task"), 10_000);
    }
    assert!(server.connections() <= 2, "{} connections", server.connections());
}

/// A permit belongs to an object until it is read or dropped.
#[apply(in_every_runtime)]
async fn an_object_that_is_dropped_gives_its_connection_back() {
    let server = server().await;
    server.bucket().seed("k", vec![1; 4 << 20]);
    let store = open(config(&server).set("max-connections", 1));
    for _ in 0..20 {
        let mut object = store.get("k").await.expect("it is there");
        object.chunk().await.expect("some bytes");
    }
    for _ in 0..20 {
        let get = store.get("k");
        let _ = tokio::time::timeout(Duration::ZERO, get).await;
    }
    assert_eq!(
        store.get(GetObject::new("k").range(0..5)).await.expect("it is there").bytes().await.expect("5").len(),
        5
    );
    // The server takes its time to notice what was closed.
    while server.open_connections() > 1 {
        tokio::task::yield_now().await;
    }
}

#[apply(in_every_runtime)]
async fn small_refusals_do_not_cost_a_connection() {
    let server = server().await;
    let store = store(&server);
    for _ in 0..20 {
        assert!(store.get("absent").await.expect_err("it is not there").is_not_found());
        assert!(store.head("absent").await.expect_err("it is not there").is_not_found());
    }
    assert_eq!(server.connections(), 1);
}

/// A runtime is needed to send anything; without one the error says so.
#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let store = open(
        s3lite::StoreConfig::builder()
            .set("endpoint", "http://127.0.0.1:9")
            .set("region", "x")
            .set("bucket", "bucket")
            .set("anonymous", true),
    );
    let get = pin!(store.get("k"));
    match get.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => {
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.to_string().contains("Tokio runtime"), "{error}");
        }
        _ => panic!("it cannot have been sent"),
    }
}

#[apply(in_every_runtime)]
async fn a_stalled_server_does_not_hold_up_others() {
    let server = server().await;
    server.bucket().seed("k", "x");
    let store = store(&server);
    server.next(Act::Stall);
    let stalled = tokio::spawn({
        let store = store.clone();
        async move { store.get("k").await.map(|_| ()) }
    });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.get("k").await.expect("another connection").bytes().await.expect("its bytes"), "x");
    stalled.abort();
}

/// Everything can be moved to another thread, and shared where that makes sense.
#[test]
fn futures_and_types_are_send() {
    fn send<T: Send>(_: &T) {}
    fn both<T: Send + Sync>() {}
    both::<Store>();
    both::<s3lite::Error>();
    both::<Pages>();
    fn of_type<T: Send>() {}
    of_type::<Payload>();
    of_type::<Object>();
    of_type::<ObjectReader>();
    let check = |store: Store| async move {
        let object = store.get("k").await?;
        store.put("k", Payload::reader(object.into_reader(), 1)).await?;
        store.get("k").await?.write_to_file("x").await?;
        store.list(s3lite::ListObjectsV2::new()).next_object().await?;
        store.delete("k").await
    };
    let config =
        s3lite::StoreConfig::builder().set("region", "eu-central-1").set("bucket", "bucket").set("anonymous", true);
    send(&check(open(config.set("endpoint", "http://127.0.0.1:9"))));
}
