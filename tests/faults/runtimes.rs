//! I29: calls outside any Tokio runtime. Each gives an error that says what is missing; none panics, and nothing is left.
//! And one store in several runtimes: while one of them stands still, the others wait for none of it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use s3lite::{Error, ErrorKind, ListObjectsV2, Object, Payload, Store};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

use crate::covers;
use crate::rig::{Rig, content, read};
use crate::support::folder::Folder;
use crate::support::strict::Act;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

/// Polls once where there is no runtime; without one there is nothing to wait for.
fn outside<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nobody would ever wake it"),
    }
}

fn assert_wants_a_runtime(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("Tokio runtime"), "{error}");
}

/// A store, and objects that were opened inside a runtime, each with more bytes to come.
fn opened<const N: usize>(runtime: &Runtime) -> (Rig, Store, [Object; N]) {
    runtime.block_on(async {
        let rig = Rig::new();
        rig.server.bucket().seed("k", content(300_000));
        let store = rig.store();
        let mut objects = Vec::new();
        for _ in 0..N {
            rig.server.next_for("GET", Act::StallBody { after: 100_000 });
            let mut object = store.get("k").await.expect("the head");
            object.chunk().await.expect("some bytes");
            objects.push(object);
        }
        (rig, store, objects.try_into().expect("as many as were asked for"))
    })
}

#[test]
fn a_file_is_not_opened_outside_a_runtime() {
    covers(&["I29"]);
    let folder = Folder::new();
    let path = folder.file("f", "hello");
    assert_wants_a_runtime(&outside(Payload::file(&path)).expect_err("no runtime"));
    let payload = runtime().block_on(Payload::file(&path)).expect("inside there is one");
    assert_eq!(payload.length(), 5);
}

#[test]
fn no_bytes_come_outside_a_runtime() {
    covers(&["I29"]);
    let runtime = runtime();
    let (_rig, _store, [mut read, whole, copied]) = opened(&runtime);
    assert_wants_a_runtime(&outside(read.chunk()).expect_err("no runtime"));
    assert_wants_a_runtime(&outside(whole.bytes()).expect_err("no runtime"));
    assert_wants_a_runtime(&outside(copied.copy_to(&mut Vec::new())).expect_err("no runtime"));
}

#[test]
fn no_file_is_written_outside_a_runtime() {
    covers(&["I29", "R7"]);
    let (runtime, folder) = (runtime(), Folder::new());
    let (_rig, _store, [object]) = opened(&runtime);
    let error = outside(object.write_to_file(folder.path().join("target"))).expect_err("no runtime");
    assert_wants_a_runtime(&error);
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn no_reader_reads_outside_a_runtime() {
    covers(&["I29"]);
    let runtime = runtime();
    let (_rig, _store, [object]) = opened(&runtime);
    let (mut reader, mut buffer) = (object.into_reader(), [0; 10]);
    let mut out = ReadBuf::new(&mut buffer);
    match Pin::new(&mut reader).poll_read(&mut Context::from_waker(Waker::noop()), &mut out) {
        Poll::Ready(Err(error)) => {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
            assert_wants_a_runtime(inner.expect("the error of the crate"));
        }
        other => panic!("not what it must say: {other:?}"),
    }
}

#[test]
fn no_call_is_made_outside_a_runtime() {
    covers(&["I29"]);
    let runtime = runtime();
    let (rig, store, []) = opened(&runtime);
    let mut pages = store.list(ListObjectsV2::new());
    for error in [
        outside(store.put("k", "x")).err(),
        outside(store.put("k", content(1 << 20))).err(),
        outside(store.get("k")).err(),
        outside(store.head("k")).err(),
        outside(store.delete("k")).err(),
        outside(pages.next()).err(),
        outside(pages.next_object()).err(),
    ] {
        assert_wants_a_runtime(&error.expect("no runtime"));
    }
    assert!(rig.requests().is_empty(), "nothing is sent");
    let page = runtime.block_on(pages.next()).expect("inside there is one");
    assert_eq!(page.expect("the first page").contents.len(), 1);
}

/// A connection moves no byte while its runtime stands still, so each has its own.
#[test]
fn a_runtime_uses_no_connection_of_another() {
    covers(&["I29"]);
    let runtimes = [runtime(), runtime()];
    let (rig, store, []) = opened(&runtimes[0]);
    for (call, runtime) in [&runtimes[0], &runtimes[1], &runtimes[1], &runtimes[0]].into_iter().enumerate() {
        runtime.block_on(async {
            let (started, read) = (Instant::now(), timeout(Duration::from_secs(3600), read(&store, "k")));
            let bytes = read.await.expect("it does not hang").expect("the object");
            assert_eq!(bytes, content(300_000), "{call}");
            assert_eq!(started.elapsed(), Duration::ZERO, "{call}");
        });
    }
    assert_eq!(rig.network.dialed(), 2);
}

/// What is idle for too long is closed by its own runtime, and by no other.
#[test]
fn a_runtime_closes_its_own_idle_connections() {
    covers(&["I29"]);
    let (first, second) = (runtime(), runtime());
    let (rig, store, []) = opened(&first);
    first.block_on(read(&store, "k")).expect("the object");
    second.block_on(read(&store, "k")).expect("the object");
    let pass = || async { tokio::time::sleep(Duration::from_secs(30)).await };
    second.block_on(pass());
    assert_eq!(rig.server.open_connections(), 1);
    first.block_on(read(&store, "k")).expect("the object");
    assert_eq!(rig.network.dialed(), 2, "no time has passed there");
    first.block_on(pass());
    assert_eq!(rig.server.open_connections(), 0);
}

/// The connection's own timer stands still with it.
#[test]
fn an_object_of_a_runtime_that_stands_still_is_read_in_another() {
    covers(&["I29"]);
    let (first, second) = (runtime(), runtime());
    let (rig, _store, [object]) = opened(&first);
    let read = second.block_on(async { timeout(Duration::from_secs(3600), object.bytes()).await });
    let bytes = read.expect("it does not hang").expect("the rest comes over another connection");
    assert!(bytes.len() >= 200_000 && content(300_000).ends_with(&bytes), "{}", bytes.len());
    assert_eq!(rig.network.dialed(), 2);
}

/// What is left of a runtime that has ended is used by nobody.
#[test]
fn a_store_outlives_a_runtime() {
    covers(&["I29"]);
    let (first, second) = (runtime(), runtime());
    let (rig, store, [object]) = opened(&first);
    assert_eq!(first.block_on(read(&store, "k")).expect("the object"), content(300_000));
    drop(first);
    let rest = second.block_on(object.bytes()).expect("the rest comes over another connection");
    assert!(rest.len() >= 200_000 && content(300_000).ends_with(&rest), "{}", rest.len());
    assert_eq!(second.block_on(read(&store, "k")).expect("the object"), content(300_000));
    assert_eq!(rig.network.dialed(), 3);
}
