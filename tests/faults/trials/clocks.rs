//! T17: a proxy's clock that is wrong, where the service's and this host's are right. What such a Date teaches is refused by the
//! service, and forgotten; a clock of this host's that is wrong is still corrected.

use std::time::Duration;

use s3lite::{ListObjectsV2, Payload};

use crate::covers;
use crate::rig::{Rig, config, content, read};
use crate::support::strict::Act;
use crate::support::strict::clock::{http_date, system_seconds};

/// How far off a clock may be, in seconds: below what the service allows, above, by a day, by years.
const OFF: [i64; 10] = [600, -600, 1200, -1200, 7200, -7200, 86_400, -86_400, 400_000_000, -400_000_000];

/// Every answer passes a proxy that writes its own Date.
fn behind_a_wrong_clock(rig: &Rig, off: i64) {
    rig.server.always(Act::mutate(move |answer| answer.set_header("Date", http_date(system_seconds() + off))));
}

#[tokio::test(start_paused = true)]
async fn t17_a_proxys_clock_is_not_the_services() {
    covers(&["T17"]);
    for off in OFF {
        for retries in [0, 3] {
            let rig = Rig::new();
            rig.server.bucket().seed("k", "hello");
            behind_a_wrong_clock(&rig, off);
            let store = rig.open(config().set("max-retries", retries));
            for number in 0..6 {
                let bytes = read(&store, "k").await.unwrap_or_else(|error| panic!("{off}, {number}: {error}"));
                assert_eq!(bytes, b"hello");
                store.put("p", "x").await.unwrap_or_else(|error| panic!("{off}, {number}: {error}"));
                store.head("k").await.unwrap_or_else(|error| panic!("{off}, {number}: {error}"));
                store.list(ListObjectsV2::new()).next().await.unwrap_or_else(|error| panic!("{off}: {error}"));
                store.delete("gone").await.unwrap_or_else(|error| panic!("{off}, {number}: {error}"));
                // Each second has something new to tell.
                tokio::time::sleep(Duration::from_millis(1100)).await;
            }
            let refused = rig.requests().iter().filter(|seen| seen.refusal.is_some()).count();
            assert!(refused <= 6, "{off}: {refused} of {} refused", rig.requests().len());
            rig.assert_sound(store).await;
        }
    }
}

/// Nor are errors of a proxy's own a clock: what was learned from one costs no later call.
#[tokio::test(start_paused = true)]
async fn t17_a_gateways_error_teaches_no_clock() {
    covers(&["T17"]);
    for off in OFF {
        for status in ["502 Bad Gateway", "503 Service Unavailable", "404 Not Found", "403 Forbidden"] {
            let rig = Rig::new();
            rig.server.bucket().seed("k", "hello");
            let store = rig.store();
            let date = format!("Date: {}\r\n", http_date(system_seconds() + off));
            rig.server.next(crate::rig::reply(status, &date, "<html>sorry</html>"));
            let _ = store.get("k").await;
            for _ in 0..3 {
                assert_eq!(read(&store, "k").await.unwrap_or_else(|error| panic!("{off} {status}: {error}")), b"hello");
            }
            rig.assert_sound(store).await;
        }
    }
}

/// What can be sent once is not spent on a clock that nobody has confirmed.
#[tokio::test(start_paused = true)]
async fn t17_a_reader_is_not_spent_on_a_proxys_clock() {
    covers(&["T17"]);
    for off in [7200, -7200] {
        let rig = Rig::new();
        rig.server.bucket().seed("k", "hello");
        behind_a_wrong_clock(&rig, off);
        let store = rig.store();
        read(&store, "k").await.expect("the first call");
        for number in 0..3 {
            let reader = Payload::reader(std::io::Cursor::new(content(300_000)), 300_000);
            let stored = store.put("r", reader).await;
            assert!(stored.is_ok(), "{off}, {number}: {stored:?}");
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        rig.assert_sound(store).await;
    }
}

/// This host's own clock is wrong: one refusal, then the service's time, for as long as it is right.
#[tokio::test(start_paused = true)]
async fn t17_a_wrong_clock_is_still_corrected() {
    covers(&["T17"]);
    for off in [1200, -1200, 7200, -7200, 86_400, -86_400] {
        let rig = Rig::new();
        rig.server.bucket().seed("k", "hello");
        rig.server.set_clock_offset(off);
        let store = rig.open(config().set("max-retries", 0));
        for _ in 0..4 {
            assert_eq!(read(&store, "k").await.unwrap_or_else(|error| panic!("{off}: {error}")), b"hello");
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
        assert_eq!(rig.requests().len(), 5, "{off}: one refusal");
        rig.server.set_clock_offset(0);
        for _ in 0..3 {
            assert_eq!(read(&store, "k").await.unwrap_or_else(|error| panic!("{off}: {error}")), b"hello");
        }
        rig.assert_sound(store).await;
    }
}

/// The corrected clock is kept when a proxy's Date comes in between: the service refused the local one.
#[tokio::test(start_paused = true)]
async fn t17_a_corrected_clock_outlives_a_wrong_date() {
    covers(&["T17"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    rig.server.set_clock_offset(7200);
    let store = rig.store();
    assert_eq!(read(&store, "k").await.expect("corrected"), b"hello");
    for off in [-7200, 40_000, 0] {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        rig.server.next(Act::mutate(move |answer| answer.set_header("Date", http_date(system_seconds() + off))));
        for _ in 0..3 {
            assert_eq!(read(&store, "k").await.unwrap_or_else(|error| panic!("{off}: {error}")), b"hello");
        }
    }
    rig.assert_sound(store).await;
}
