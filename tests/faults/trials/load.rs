//! T2, T3, T3a, T8d: many callers of one store at once. Copies through it finish at any number, one event that breaks everything
//! is not the end of anything, and no connection is made beyond those that are allowed.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{Error, Payload, Store};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::service::{Act, Service, Step, bytes};
use crate::covers;
use crate::memory::over_sockets;
use crate::rig::{Rig, config, everywhere, read, refusal};
use crate::support::runtimes;

const MIB: usize = 1 << 20;
const CONNECTIONS: usize = 128;
/// As many of them as may be objects.
const OBJECTS: usize = 96;

/// Runs so many calls at once; returns those that failed.
async fn at_once<F>(count: usize, call: impl Fn(usize) -> F) -> Vec<Error>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let calls: JoinSet<_> = (0..count).map(call).collect();
    calls.join_all().await.into_iter().filter_map(Result::err).collect()
}

fn assert_none(failed: &[Error], what: &str) {
    if let Some(first) = failed.first() {
        panic!("{what}: {} failed, the first: {first}", failed.len());
    }
}

/// Puts an object's reader into the same store.
async fn copy(store: Store, number: usize) -> Result<(), Error> {
    let object = store.get("k").await?;
    let length = object.remaining().expect("its length");
    store.put(format!("copy-{number}"), Payload::reader(object.into_reader(), length)).await.map(drop)
}

async fn copies(service: &Service, tasks: usize, limit: usize) {
    let store = service.open(config().set("max-connections", limit as i64));
    let (started, before) = (Instant::now(), service.stored());
    let failed = at_once(tasks, |number| copy(store.clone(), number)).await;
    assert_none(&failed, &format!("{tasks} copies over {limit}"));
    assert_eq!(service.stored() - before, tasks, "each is whole");
    assert!(started.elapsed() < Duration::from_secs(30), "{tasks} over {limit}: {:?}", started.elapsed());
}

#[apply(everywhere)]
async fn t2_a_few_copies_over_a_few_connections_finish() {
    covers(&["T2"]);
    for (tasks, limit) in [(4, 4), (3, 2), (8, 4), (16, 5)] {
        let service = Service::sound(bytes(MIB));
        copies(&service, tasks, limit).await;
    }
}

#[tokio::test(start_paused = true)]
async fn t2_many_copies_finish() {
    covers(&["T2"]);
    for tasks in [CONNECTIONS, 300] {
        let service = Service::sound(bytes(MIB));
        copies(&service, tasks, CONNECTIONS).await;
    }
}

/// As the service counts them.
#[apply(everywhere)]
async fn t2_copies_keep_to_their_connections() {
    covers(&["T2"]);
    for (tasks, limit) in [(4, 4), (16, 5), (20, 2)] {
        let service = Service::sound(bytes(MIB / 2));
        copies(&service, tasks, limit).await;
        let most = service.most_connections();
        assert!(most <= limit, "{tasks} copies: {most} connections were open at once, of {limit}");
    }
}

/// All that are being read break in their middle in the same moment.
#[tokio::test(start_paused = true)]
async fn t2_copies_go_on_where_all_their_downloads_break() {
    covers(&["T2"]);
    for (tasks, limit, objects) in [(4, 4, 3), (CONNECTIONS, CONNECTIONS, OBJECTS), (300, CONNECTIONS, OBJECTS)] {
        let service = Service::new(bytes(MIB), move |asked| match asked.is_get() && asked.left == MIB {
            true => Act::Body(vec![Step::Give(MIB / 2), Step::CloseTogether(objects)]),
            false => Act::Normal,
        });
        copies(&service, tasks, limit).await;
    }
}

/// Reads the object and compares it.
async fn reads(store: Store, expected: Vec<u8>) -> Result<(), Error> {
    read(&store, "k").await.map(|bytes| assert!(bytes == expected, "other bytes"))
}

const OBJECT: usize = 300_000;

/// A load balancer is restarted: whatever is on its way breaks; the service is well again at once. So often in a row.
async fn broken_downloads(times: usize, between: usize) {
    let service = Service::new(bytes(OBJECT), move |asked| {
        let broken_before = (OBJECT - asked.left) / between.max(1);
        match asked.is_get() && broken_before < times && asked.number <= times * OBJECTS {
            true => Act::Body(vec![Step::Give(between), Step::CloseTogether((broken_before + 1) * OBJECTS)]),
            false => Act::Normal,
        }
    });
    let store = service.store();
    let failed = at_once(100, |_| reads(store.clone(), bytes(OBJECT))).await;
    assert_none(&failed, &format!("downloads broken {times} times behind {between} bytes"));
}

#[tokio::test(start_paused = true)]
async fn t3_downloads_that_break_at_once_go_on() {
    covers(&["T3"]);
    for (times, between) in [(1, 0), (1, 1), (1, OBJECT / 3), (2, OBJECT / 3), (2, 1)] {
        broken_downloads(times, between).await;
    }
}

#[apply(everywhere)]
async fn t3_puts_and_small_calls_that_break_at_once_are_sent_again() {
    covers(&["T3"]);
    for times in [1, 2] {
        let service = Service::new(bytes(10_000), move |asked| match asked.number <= times * 100 {
            true => Act::CloseTogether(asked.number.div_ceil(100) * 100),
            false => Act::Normal,
        });
        let store = service.store();
        let failed = at_once(100, |number| {
            let store = store.clone();
            async move { store.put(format!("{number}"), bytes(10_000)).await.map(drop) }
        });
        assert_none(&failed.await, &format!("puts broken {times} times"));
        assert_eq!(service.stored(), 100);
    }
}

/// Who is not tried again because others failed too much is told so.
#[apply(everywhere)]
async fn t3_a_quota_that_is_spent_is_named() {
    covers(&["T3"]);
    let rig = Rig::new();
    rig.server.always(refusal("500 Internal Server Error", "InternalError"));
    let store = rig.open(config().set("max-connections", 1));
    let mut errors = Vec::new();
    for _ in 0..20 {
        errors.push(store.head("k").await.expect_err("it fails"));
    }
    let named = |error: &&Error| error.to_string().contains("quota");
    assert!(errors.first().filter(named).is_none(), "there was enough for the first: {}", errors[0]);
    let last = errors.last().expect("the last one");
    assert!(named(&last) && last.attempts() == 1, "{last}");
}

#[apply(everywhere)]
async fn t3a_puts_that_all_fail_once_are_sent_again() {
    covers(&["T3a"]);
    let failure = b"HTTP/1.1 500 X\r\nContent-Length: 41\r\n\r\n<Error><Code>InternalError</Code></Error>\n";
    let service = Service::new(bytes(1_000), |asked| match asked.number <= CONNECTIONS {
        true => Act::Raw(failure.to_vec()),
        false => Act::Normal,
    });
    let store = service.open(config().set("retry-base-delay", "1ms"));
    let failed = at_once(CONNECTIONS, |number| {
        let store = store.clone();
        async move { store.put(format!("{number}"), bytes(1_000)).await.map(drop) }
    });
    assert_none(&failed.await, "puts that fail once");
    assert_eq!(service.stored(), CONNECTIONS);
}

/// Each is cut every twenty seconds, and each time new bytes have come.
#[tokio::test(start_paused = true)]
async fn t3a_readers_that_are_cut_again_and_again_arrive() {
    covers(&["T3a"]);
    let piece = 25_000;
    let service = Service::new(bytes(20 * 4 * piece), move |_| {
        let pieces = (0..4).flat_map(|_| [Step::Wait(Duration::from_secs(5)), Step::Give(piece)]);
        Act::Body(pieces.chain([Step::Close]).collect())
    });
    let store = service.store();
    let failed = at_once(64, |_| reads(store.clone(), bytes(20 * 4 * piece))).await;
    assert_none(&failed, "slow readers");
}

/// Small objects by many tasks. Each connection is used by one after the other.
async fn small_objects(tasks: usize, requests: usize) {
    let service = Service::sound(bytes(4096));
    let store = service.store();
    let failed = at_once(tasks, |number| {
        let (store, calls) = (store.clone(), requests / tasks + usize::from(number < requests % tasks));
        async move {
            for _ in 0..calls {
                reads(store.clone(), bytes(4096)).await?;
            }
            Ok(())
        }
    });
    assert_none(&failed.await, &format!("{tasks} tasks"));
    assert_eq!(service.requests(), requests);
    let opened = service.network.dialed();
    assert!(opened <= CONNECTIONS, "{tasks} tasks: {opened} connections were opened, {CONNECTIONS} are allowed");
}

#[tokio::test(start_paused = true)]
async fn t8d_many_tasks_open_no_connection_twice() {
    covers(&["T8d"]);
    for tasks in [64, 256, 1_000] {
        small_objects(tasks, 4_000).await;
    }
}

#[test]
fn t8d_many_tasks_open_no_socket_twice() {
    covers(&["T8d"]);
    runtimes::run(|| {
        over_sockets(async {
            for tasks in [256, 1_000] {
                small_objects(tasks, 1_000).await;
            }
        })
    });
}
