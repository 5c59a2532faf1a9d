//! I29: calls outside any Tokio runtime. Each gives an error that says what is missing; none panics, and nothing is left.
//! And one store in several runtimes: while one of them stands still, the others use none of its connections.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use s3lite::{Error, ErrorKind, ListObjectsV2, Object, Payload, Store};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::covers;
use crate::line::ServerEnd;
use crate::rig::{Rig, config, content, raw, read, take_request};
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

/// What one runtime keeps idle takes nothing from another: as many connections as there may be.
#[test]
fn each_runtime_keeps_as_many_connections_as_there_may_be() {
    covers(&["I29"]);
    for most in [2, 128] {
        let (first, second, rig) = (runtime(), runtime(), Rig::new());
        let store = rig.open(config().set("max-connections", most as i64));
        for _ in 0..2 {
            first.block_on(delete_at_once(&store, most));
            second.block_on(delete_at_once(&store, 2 * most));
        }
        assert_eq!((rig.network.dialed(), rig.server.open_connections()), (2 * most, 2 * most));
    }
}

async fn delete_at_once(store: &Store, calls: usize) {
    let stores = std::iter::repeat_n(store.clone(), calls);
    let calls: Vec<_> = stores.map(|store| tokio::spawn(async move { store.delete("k").await })).collect();
    for call in calls {
        call.await.expect("no panic").expect("an answer");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
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

/// What is dropped outside of a runtime that stands still is closed at that one's next turn; its place is free before.
#[test]
fn a_runtime_that_stands_still_keeps_no_place() {
    covers(&["I29"]);
    let (first, second) = (runtime(), runtime());
    let (rig, store, object) = first.block_on(async {
        let rig = Rig::new();
        rig.server.bucket().seed("k", content(300_000));
        let store = rig.open(config().set("max-connections", 1));
        rig.server.next_for("GET", Act::StallBody { after: 100_000 });
        let object = store.get("k").await.expect("the head");
        (rig, store, object)
    });
    drop(object);
    second.block_on(store.head("k")).expect("a place is free");
    assert_eq!(rig.network.dialed(), 2);
}

/// A connection whose last bytes were read elsewhere is its own runtime's as before, and so is its timer.
#[test]
fn an_object_that_was_read_elsewhere_gives_its_connection_back() {
    covers(&["I29"]);
    let go = Arc::new(Notify::new());
    let (store, network) = raw({
        let go = go.clone();
        move |stream, _| hesitate(stream, go.clone())
    });
    let first = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let object = first.block_on(store.get("k")).expect("the head");
    // Its clock is not paused: the other runtime takes time.
    let second = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bytes = second.block_on(async {
        let mut bytes = pin!(object.bytes());
        assert!(poll_fn(|cx| Poll::Ready(bytes.as_mut().poll(cx).is_pending())).await, "it is waited for");
        go.notify_one();
        bytes.await
    });
    assert_eq!(bytes.expect("the rest"), "hello");
    drop(second);
    go.notify_one();
    assert_eq!(first.block_on(read(&store, "k")).expect("the object"), b"hello");
    assert_eq!(network.dialed(), 1);
}

/// Sends the head of an answer, and the rest once it is told to.
async fn hesitate(mut stream: ServerEnd, go: Arc<Notify>) {
    while take_request(&mut stream).await {
        let head = b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n";
        stream.write_all(head).await.expect("the head");
        go.notified().await;
        stream.write_all(b"hello").await.expect("the rest");
    }
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
