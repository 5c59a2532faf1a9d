//! T6: a service that is away for a while, in each of the ways in which one is, and comes back. Every call outlasts a restart of
//! ten seconds; where the service stays away, each ends in its time, and many do not storm.

use std::time::Duration;

use s3lite::{Error, ErrorKind, ListObjectsV2, Payload, Raw, Store};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::service::{Act, Service, Step, bytes};
use crate::covers;
use crate::memory::Plan;
use crate::rig::{config, read};
use crate::support::folder::Folder;

const SIZE: usize = 300_000;
const FOR_EVER: Duration = Duration::from_secs(100_000);

/// How a service is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    /// Nobody listens.
    Refuses,
    /// A load balancer takes the connection, and finds nobody.
    Closes,
    /// A gateway says so, without a code of S3's.
    Says(u16),
}

const WAYS: [Away; 5] = [Away::Refuses, Away::Closes, Away::Says(502), Away::Says(503), Away::Says(504)];

/// A service that is away for a time, from now on.
fn away(way: Away, time: Duration) -> Service {
    let began = Instant::now();
    let service = Service::new(bytes(SIZE), move |_| match way {
        _ if began.elapsed() >= time => Act::Normal,
        Away::Says(status) => {
            let page = "<html>no</html>";
            let length = page.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n");
            Act::Raw([head.as_bytes(), page.as_bytes()].concat())
        }
        _ => Act::Close,
    });
    service.network.always(move |_| match way == Away::Refuses && began.elapsed() < time {
        true => Plan::refused(),
        false => Plan::default(),
    });
    service
}

const CALLS: [&str; 8] = ["get", "put", "put a file", "put a reader", "head", "delete", "list", "raw"];

async fn call(store: &Store, what: &str) -> Result<(), Error> {
    match what {
        "get" => read(store, "k").await.map(|got| assert!(got == bytes(SIZE))),
        "put" => store.put("k", bytes(SIZE)).await.map(drop),
        "put a file" => {
            let folder = Folder::new();
            let payload = Payload::file(folder.file("f", bytes(SIZE))).await.expect("a file");
            store.put("k", payload).await.map(drop)
        }
        // It is small enough to be sent again.
        "put a reader" => store.put("k", Payload::reader(std::io::Cursor::new(bytes(1_000)), 1_000)).await.map(drop),
        "head" => store.head("k").await.map(drop),
        "delete" => store.delete("k").await.map(drop),
        "list" => store.list(ListObjectsV2::new()).next().await.map(drop),
        _ => store.send(Raw::get("k").query("tagging", "")).await.map(drop),
    }
}

/// By chance the waits differ, so each is tried often.
async fn outlast(way: Away, time: Duration) {
    for what in CALLS {
        for _ in 0..5 {
            let (service, started) = (away(way, time), Instant::now());
            let result = call(&service.store(), what).await;
            let elapsed = started.elapsed();
            result.unwrap_or_else(|error| panic!("{what}, {way:?} for {time:?}, after {elapsed:?}: {error}"));
            assert!(elapsed >= time && elapsed < Duration::from_secs(31), "{what}, {way:?}: {elapsed:?}");
            assert!(!what.starts_with("put") || what == "put a reader" || service.stored() == 1, "{what}, {way:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn t6_a_restart_is_outlasted_by_every_call() {
    covers(&["T6"]);
    for way in WAYS {
        for seconds in [2, 10] {
            outlast(way, Duration::from_secs(seconds)).await;
        }
    }
}

/// A store that has connections already: those that are idle are as dead as the service.
#[tokio::test(start_paused = true)]
async fn t6_a_restart_is_outlasted_by_a_store_in_use() {
    covers(&["T6"]);
    for what in CALLS {
        let mut restarts = Instant::now() + FOR_EVER;
        let service = Service::sound(bytes(SIZE));
        let store = service.store();
        for round in 0..3 {
            call(&store, what).await.unwrap_or_else(|error| panic!("{what}, {round}: {error}"));
            restarts = Instant::now();
            service.network.always(move |_| match restarts.elapsed() < Duration::from_secs(10) {
                true => Plan::refused(),
                false => Plan::default(),
            });
            // Longer than a connection is kept.
            sleep(Duration::from_millis(9_000 + 1_000 * round)).await;
        }
        assert!(restarts.elapsed() < FOR_EVER);
    }
}

/// The download breaks with the service, and goes on with it.
#[tokio::test(start_paused = true)]
async fn t6_a_restart_is_outlasted_by_downloads_under_way() {
    covers(&["T6"]);
    for way in WAYS {
        for (seconds, given, _) in (0..5).flat_map(|round| [(2, 0, round), (10, 0, round), (10, 100_000, round)]) {
            let began = Instant::now();
            let time = Duration::from_secs(seconds);
            let service = Service::new(bytes(SIZE), move |asked| match way {
                _ if asked.number == 1 => Act::Body(vec![Step::Give(given), Step::Close]),
                _ if began.elapsed() >= time => Act::Normal,
                Away::Says(status) => {
                    Act::Raw(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes())
                }
                _ => Act::Close,
            });
            service.network.always(move |number| match way == Away::Refuses && number > 1 && began.elapsed() < time {
                true => Plan::refused(),
                false => Plan::default(),
            });
            let got = read(&service.store(), "k").await;
            let got = got.unwrap_or_else(|error| panic!("{way:?} for {time:?}, {given}: {error}"));
            assert!(got == bytes(SIZE) && began.elapsed() >= time, "{way:?}");
        }
    }
}

/// Where it does not come back, a call ends in its time.
#[tokio::test(start_paused = true)]
async fn t6_a_service_that_is_down_is_given_up_in_time() {
    covers(&["T6"]);
    for way in WAYS {
        for (timeout, seconds) in [("30s", 30), ("5s", 5), ("100ms", 0)] {
            for what in CALLS {
                let (service, started) = (away(way, FOR_EVER), Instant::now());
                let error = call(&service.open(config().set("retry-timeout", timeout)), what).await.expect_err(what);
                // Three retries there are in any case; what may be throttling is asked again more slowly.
                let most = Duration::from_secs(seconds + if way == Away::Says(503) { 8 } else { 1 });
                assert!(started.elapsed() <= most, "{what}, {way:?}, {timeout}: {:?}", started.elapsed());
                assert!(error.attempts() <= 20, "{what}, {way:?}, {timeout}: {error}");
                assert!(way != Away::Refuses || error.kind() == ErrorKind::Connect, "{error}");
            }
        }
    }
}

/// Without retries, nothing is waited for.
#[tokio::test(start_paused = true)]
async fn t6_without_retries_a_service_that_is_down_is_given_up_at_once() {
    covers(&["T6"]);
    for way in WAYS {
        let (service, started) = (away(way, FOR_EVER), Instant::now());
        let error = call(&service.open(config().set("max-retries", 0)), "head").await.expect_err("down");
        assert_eq!((error.attempts(), started.elapsed().as_secs()), (1, 0), "{way:?}: {error}");
    }
}

/// The keys for the waits mean what they say.
#[tokio::test(start_paused = true)]
async fn t6_the_waits_are_those_of_the_configuration() {
    covers(&["T6"]);
    let attempts = async |base: &str, longest: &str| {
        let service = away(Away::Refuses, FOR_EVER);
        let config = config().set("retry-base-delay", base).set("retry-max-delay", longest);
        call(&service.open(config), "head").await.expect_err("down").attempts()
    };
    // Full jitter: half of the longest wait on average.
    assert!((30..=200).contains(&attempts("100ms", "500ms").await));
    assert!((3..=12).contains(&attempts("5s", "20s").await));
}

/// Many callers of a service that is down, or back after ten seconds. 503 is not among these ways: it may mean throttling.
#[tokio::test(start_paused = true)]
async fn t6_many_callers_do_not_storm() {
    covers(&["T6"]);
    for way in [Away::Refuses, Away::Closes, Away::Says(502), Away::Says(504)] {
        for time in [Duration::from_secs(10), FOR_EVER] {
            let service = away(way, time);
            let (store, started) = (service.store(), Instant::now());
            let calls: JoinSet<_> =
                (0..200).map(|_| store.clone()).map(|store| async move { store.head("k").await.map(drop) }).collect();
            let results = calls.join_all().await;
            let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
            let (count, first) = (failed.len(), failed.first());
            assert_eq!(count, if time == FOR_EVER { 200 } else { 0 }, "{way:?} for {time:?}: {first:?}");
            assert!(started.elapsed() <= Duration::from_secs(62), "{way:?}: {:?}", started.elapsed());
            let attempts = service.network.dialed().max(service.requests());
            assert!(attempts <= 200 * 15, "{way:?} for {time:?}: {attempts} attempts by 200 callers");
        }
    }
}
