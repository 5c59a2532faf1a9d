//! Services that fail or throttle for a while: not stormed, not given up for good, and asked again when they say so.

use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{ErrorKind, ListObjectsV2, Phase, Store};
use tokio::time::Instant;

use crate::covers;
use crate::memory::Plan;
use crate::rig::{Rig, config, content, everywhere, read, refusal, reply};
use crate::support::strict::Act;

/// What the quota of a store allows: 500 at first, 5 for a retry of a throttled request, and 10 more each second.
const RETRIES: usize = 500 / 5;
const RETRIES_PER_SECOND: usize = 10 / 5;

#[apply(everywhere)]
async fn a_storm_stays_within_the_quota() {
    covers(&["S6"]);
    let rig = Rig::new();
    rig.server.always(refusal("503 Slow Down", "SlowDown"));
    let (store, started) = (rig.open(config().set("max-connections", 200)), Instant::now());
    let callers: Vec<_> = (0..200).map(|_| tokio::spawn(get(store.clone()))).collect();
    for caller in callers {
        assert_eq!(caller.await.expect("the caller").expect_err("throttled").kind(), ErrorKind::Throttled);
    }
    let most = 200 + RETRIES + RETRIES_PER_SECOND * (started.elapsed().as_secs() as usize + 1);
    let requests = rig.requests().len();
    assert!((200 + RETRIES..=most).contains(&requests), "{requests} requests, {most} at most");
    rig.assert_sound(store).await;
}

async fn get(store: Store) -> Result<Vec<u8>, s3lite::Error> {
    read(&store, "k").await
}

/// An hour of outage empties the quota; when it is over, everything works at once, retries included.
#[tokio::test(start_paused = true)]
async fn an_outage_is_over_when_it_is_over() {
    covers(&["S6"]);
    let rig = Rig::new();
    let store = rig.store();
    rig.server.bucket().seed("k", "hello");
    rig.network.always(|_| Plan::refused());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3600) {
        let callers: Vec<_> = (0..20).map(|_| tokio::spawn(get(store.clone()))).collect();
        for caller in callers {
            assert_eq!(caller.await.expect("the caller").expect_err("refused").kind(), ErrorKind::Connect);
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let attempts_per_second = rig.network.dialed() / began.elapsed().as_secs() as usize;
    assert!(attempts_per_second <= 8, "{attempts_per_second} attempts a second for 20 callers");
    rig.network.always(|_| Plan::default());
    assert_eq!(get(store.clone()).await.expect("at once"), b"hello");
    tokio::time::sleep(Duration::from_secs(60)).await;
    for _ in 0..3 {
        rig.server.next(Act::CloseBeforeReply);
    }
    assert_eq!(get(store.clone()).await.expect("with its retries"), b"hello");
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn throttling_is_waited_out() {
    covers(&["S6"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    for code in ["SlowDown", "ServiceUnavailable", "RequestLimitExceeded"] {
        for _ in 0..3 {
            rig.server.next(refusal("503 Service Unavailable", code));
        }
        let (store, started) = (rig.store(), Instant::now());
        read(&store, "k").await.expect("the fourth try");
        // Full jitter: from nothing to 1, 2 and 4 s.
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    }
}

/// How long a service may make a caller wait; a year and nonsense are bounded.
#[tokio::test(start_paused = true)]
async fn what_the_service_asks_for_is_kept_within_bounds() {
    covers(&["H34"]);
    let date = "Date: Fri, 24 May 2013 00:00:00 GMT\r\n";
    for (asked, seconds) in [
        ("Retry-After: 5\r\n", 5..=6),
        ("Retry-After: 120\r\n", 30..=31),
        ("Retry-After: 1000000000\r\n", 30..=31),
        ("Retry-After: 99999999999999999999999\r\n", 0..=1),
        ("Retry-After: -1\r\n", 0..=1),
        ("Retry-After: soon\r\n", 0..=1),
        ("Retry-After: Fri, 24 May 2013 00:00:10 GMT\r\n", 10..=11),
        ("Retry-After: Fri, 24 May 9999 00:00:10 GMT\r\n", 30..=31),
        ("Retry-After: Fri, 24 May 2012 00:00:10 GMT\r\n", 0..=1),
        ("x-amz-retry-after: 7000\r\n", 7..=8),
    ] {
        let rig = Rig::new();
        rig.server.bucket().seed("k", "hello");
        rig.server.next(reply("503 Slow Down", &format!("{date}{asked}"), ""));
        let (store, started) = (rig.store(), Instant::now());
        read(&store, "k").await.unwrap_or_else(|error| panic!("{asked}: {error}"));
        assert!(seconds.contains(&started.elapsed().as_secs()), "{asked}: {:?}", started.elapsed());
    }
}

#[apply(everywhere)]
async fn without_retries_there_is_one_attempt() {
    covers(&["I17"]);
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 0));
    rig.server.always(refusal("503 Slow Down", "SlowDown"));
    let error = store.put("k", "x").await.expect_err("throttled");
    assert_eq!((error.kind(), error.attempts(), rig.requests().len()), (ErrorKind::Throttled, 1, 1), "{error}");
    rig.assert_sound(store).await;
    for (key, number) in [("max-retries", -1), ("max-retries", 1_000_000_000), ("max-connections", 0)] {
        let error = config().set(key, number).build().expect_err("out of bounds");
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(key), "{error}");
    }
}

/// Every status and code that passes is tried again, with its body from the beginning; every other is final.
#[tokio::test(start_paused = true)]
async fn each_refusal_is_retried_or_final() {
    covers(&["H31", "H32", "S7", "S8", "S12", "S23", "S48"]);
    let kinds = [
        ("400", "RequestTimeout", ErrorKind::Timeout(Phase::Server), true),
        ("408", "", ErrorKind::Timeout(Phase::Server), true),
        ("409", "OperationAborted", ErrorKind::Conflict, true),
        ("425", "", ErrorKind::Other, true),
        ("429", "", ErrorKind::Throttled, true),
        ("499", "", ErrorKind::Other, true),
        ("500", "InternalError", ErrorKind::Server, true),
        ("502", "", ErrorKind::Server, true),
        ("503", "", ErrorKind::Throttled, true),
        ("504", "", ErrorKind::Server, true),
        ("509", "", ErrorKind::Throttled, true),
        ("520", "", ErrorKind::Server, true),
        ("529", "", ErrorKind::Server, true),
        ("400", "BadDigest", ErrorKind::Integrity, true),
        ("400", "XAmzContentSHA256Mismatch", ErrorKind::Integrity, true),
        ("400", "IncompleteBody", ErrorKind::Integrity, true),
        ("403", "AccessDenied", ErrorKind::AccessDenied, false),
        ("403", "InvalidAccessKeyId", ErrorKind::AccessDenied, false),
        ("403", "SignatureDoesNotMatch", ErrorKind::AccessDenied, false),
        ("403", "AllAccessDisabled", ErrorKind::AccessDenied, false),
        ("403", "InvalidObjectState", ErrorKind::Other, false),
        ("404", "NoSuchBucket", ErrorKind::NoSuchBucket, false),
        ("405", "MethodNotAllowed", ErrorKind::Unsupported, false),
        ("411", "MissingContentLength", ErrorKind::Unsupported, false),
        ("412", "PreconditionFailed", ErrorKind::Precondition, false),
        ("413", "EntityTooLarge", ErrorKind::Other, false),
        ("501", "NotImplemented", ErrorKind::Unsupported, false),
    ];
    for (status, code, kind, passes) in kinds {
        let rig = Rig::new();
        rig.server.next_for("PUT", refusal(&format!("{status} X"), code));
        let store = rig.store();
        let stored = store.put("k", content(100_000)).await;
        match stored {
            Ok(_) => assert!(passes, "{status} {code}"),
            Err(error) => assert!(!passes && error.kind() == kind, "{status} {code}: {:?} {error}", error.kind()),
        }
        assert_eq!(rig.requests().len(), 1 + usize::from(passes), "{status} {code}");
        let whole = content(100_000);
        assert_eq!(rig.server.bucket().content("k").is_some_and(|bytes| bytes == whole), passes, "{status} {code}");
        rig.server.always(refusal(&format!("{status} X"), code));
        let error = rig.open(config().set("max-retries", 0)).put("k", "x").await.expect_err(code);
        assert_eq!(error.kind(), kind, "{status} {code}: {error}");
        assert!(code.is_empty() || error.code() == Some(code), "{error}");
        rig.assert_sound(store).await;
    }
}

/// A second finding of damage is meant.
#[apply(everywhere)]
async fn damage_that_is_found_twice_is_reported() {
    covers(&["S23"]);
    let rig = Rig::new();
    rig.server.always(refusal("400 Bad Request", "BadDigest"));
    let store = rig.store();
    let error = store.put("k", "x").await.expect_err("damaged");
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, 2), "{error}");
    rig.assert_sound(store).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_wins_over_everything() {
    covers(&["S6"]);
    let rig = Rig::new();
    rig.server.always(reply("503 Slow Down", "Retry-After: 20\r\n", ""));
    let (store, started) = (rig.open(config().set("operation-timeout", "15s")), Instant::now());
    let error = store.list(ListObjectsV2::new()).next().await.expect_err("no time for it");
    assert_eq!(error.kind(), ErrorKind::Throttled, "{error}");
    assert!(started.elapsed() <= Duration::from_secs(15), "{:?}", started.elapsed());
    rig.server.script().clear();
    rig.server.always(Act::Stall);
    let error = store.get("k").await.expect_err("no time for it");
    assert_eq!(error.kind(), ErrorKind::Timeout(Phase::Operation), "{error}");
    rig.assert_sound(store).await;
}
