//! What all callers of a store may spend on retries together. Success and time refill it, but never beyond its size: a
//! long time of good service does not pay for a storm on a failing one.

use std::time::Duration;

use s3lite::Store;
use tokio::time::advance;

use crate::rig::{Rig, config, refusal};

/// What a retry after a 500 takes of the quota, whose size is one retry for each connection.
const COST: usize = 14;
const CONNECTIONS: usize = 200;
const CAPACITY: usize = COST * CONNECTIONS;
const CALLS: usize = 400;

/// How many retries a store makes for many calls that fail at the same moment.
async fn retries(rig: &Rig, store: &Store) -> usize {
    let before = rig.requests().len();
    rig.server.always(refusal("500 Internal Server Error", "InternalError"));
    let calls: Vec<_> = (0..CALLS)
        .map(|_| store.clone())
        .map(|store| tokio::spawn(async move { store.delete("k").await.expect_err("it fails") }))
        .collect();
    for call in calls {
        assert!(call.await.expect("no panic").attempts() <= 2);
    }
    rig.server.script().clear();
    rig.requests().len() - before - CALLS
}

fn store() -> (Rig, Store) {
    let rig = Rig::new();
    let store = rig.open(config().set("max-retries", 1).set("max-connections", CONNECTIONS as i64));
    (rig, store)
}

/// Each success at the first try adds a little.
#[tokio::test(start_paused = true)]
async fn successes_do_not_add_up_beyond_the_quota() {
    let (rig, store) = store();
    for _ in 0..1_000 {
        store.delete("k").await.expect("there is nothing to delete");
    }
    assert_eq!(retries(&rig, &store).await, CAPACITY / COST);
    for _ in 0..2 * COST {
        store.delete("k").await.expect("there is nothing to delete");
    }
    assert!((2..=4).contains(&retries(&rig, &store).await), "what the successes gave, and what was left over");
}

/// Time alone refills it, whether little or very much has passed. In fourteen years its units would not fit into 32 bits.
#[tokio::test(start_paused = true)]
async fn time_fills_the_quota_and_no_more() {
    let (rig, store) = store();
    for seconds in [0, 3_600, 429_496_730] {
        advance(Duration::from_secs(seconds)).await;
        assert_eq!(retries(&rig, &store).await, CAPACITY / COST, "after {seconds} s");
    }
}
