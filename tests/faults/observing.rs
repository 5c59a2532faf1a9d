//! R11, seen by an observer: each attempt that started ends, once, also where its call is dropped. A counter of attempts under
//! way would never come back to zero otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{Attempt, AttemptEnd, ErrorKind, ListObjectsV2, Observer, Store};
use tokio::time::timeout;

use crate::covers;
use crate::memory::{Plan, Way};
use crate::rig::{Rig, config, content, everywhere, polled, read};
use crate::support::strict::Act;

/// How an attempt ended.
#[derive(Clone, Debug)]
struct End {
    status: Option<u16>,
    error: Option<ErrorKind>,
    elapsed: Duration,
}

/// The attempts of one operation with one number, those of later calls on top.
#[derive(Default)]
struct Told {
    started: usize,
    ends: Vec<End>,
}

type Attempts = BTreeMap<(&'static str, u32), Told>;

/// Counts starts and keeps ends.
#[derive(Default)]
struct Log(Mutex<Attempts>);

impl Log {
    fn with(&self, attempt: &Attempt<'_>, change: impl FnOnce(&mut Told)) {
        let mut log = self.0.lock().expect("nobody panics here");
        change(log.entry((attempt.operation, attempt.number)).or_default());
    }

    fn ends(&self) -> Vec<End> {
        let log = self.0.lock().expect("nobody panics here");
        log.values().flat_map(|told| told.ends.clone()).collect()
    }

    fn assert_all_ended(&self, what: &str) {
        for ((operation, number), Told { started, ends }) in &*self.0.lock().expect("nobody panics here") {
            assert_eq!(*started, ends.len(), "{what}: {operation}, attempt {number}: {ends:?}");
        }
    }
}

impl Observer for Log {
    fn attempt_started(&self, attempt: &Attempt<'_>) {
        self.with(attempt, |told| told.started += 1);
    }

    fn attempt_ended(&self, attempt: &Attempt<'_>, end: &AttemptEnd<'_>) {
        let status = end.status.map(|status| status.as_u16());
        let end = End { status, error: end.error.map(s3lite::Error::kind), elapsed: end.elapsed };
        self.with(attempt, |told| told.ends.push(end));
    }
}

fn observed(rig: &Rig) -> (Store, Arc<Log>) {
    let log = Arc::new(Log::default());
    let store = rig.open(config().set("max-connections", 2).set("expect-continue", "1KiB"));
    (store.observed_by(log.clone()), log)
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_dropped_has_ended() {
    covers(&["R11"]);
    let rig = Rig::new();
    rig.server.always(Act::Stall);
    let (store, log) = observed(&rig);
    timeout(Duration::from_secs(3), store.get("k")).await.expect_err("it stalls");
    let ends = log.ends();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!((ends[0].status, ends[0].elapsed.as_secs()), (None, 3), "{ends:?}");
    log.assert_all_ended("one call");
    rig.assert_sound(store).await;
}

/// An attempt that failed has ended already: a call that is dropped while it waits for the next ends nothing twice.
#[tokio::test(start_paused = true)]
async fn a_wait_between_attempts_is_no_attempt() {
    covers(&["R11"]);
    let rig = Rig::new();
    rig.server.always(crate::rig::reply("503 Slow Down", "Retry-After: 20\r\n", ""));
    let (store, log) = observed(&rig);
    timeout(Duration::from_secs(5), store.head("k")).await.expect_err("it waits");
    let ends = log.ends();
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!((ends[0].status, ends[0].error), (Some(503), Some(ErrorKind::Throttled)), "{ends:?}");
    log.assert_all_ended("one wait");
    rig.assert_sound(store).await;
}

#[apply(everywhere)]
async fn every_attempt_ends_once_wherever_its_call_is_dropped() {
    covers(&["R11"]);
    for number in 0..5 {
        let rig = Rig::new();
        rig.server.bucket().seed("k", content(2_000));
        let small = Way { buffer: 200, ..Way::default() };
        rig.network.always(move |_| Plan { up: small, down: small, ..Plan::default() });
        let (store, log) = observed(&rig);
        for times in 0..200 {
            let ended = match number {
                0 => polled(store.put("p", content(3_000)), times).await,
                1 => polled(read(&store, "k"), times).await,
                2 => polled(store.head("k"), times).await,
                3 => polled(store.delete("gone"), times).await,
                _ => polled(store.list(ListObjectsV2::new()).next(), times).await,
            };
            log.assert_all_ended(&format!("{number}, dropped after {times} polls"));
            if ended {
                break;
            }
        }
        assert!(!log.ends().is_empty(), "{number}: nothing was told");
        rig.assert_sound(store).await;
    }
}

/// What is not dropped is told as ever: a failure with its error, a success with its status.
#[apply(everywhere)]
async fn attempts_that_come_to_their_end_say_how() {
    covers(&["R11"]);
    let rig = Rig::new();
    rig.server.bucket().seed("k", "hello");
    let (store, log) = observed(&rig);
    rig.server.next(Act::CloseBeforeReply);
    store.head("k").await.expect("the second try");
    let told: Vec<_> = log.ends().iter().map(|end| (end.status, end.error)).collect();
    assert_eq!(told, [(None, Some(ErrorKind::Interrupted)), (Some(200), None)]);
    rig.assert_sound(store).await;
}
