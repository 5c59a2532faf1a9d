//! R7, R8, R11: downloads to a file that are given up, at whichever moment. No part stays, and the target is there whole or
//! not at all.
//!
//! The files are real and so is the clock; the network is in memory. There is one thread for what blocks, so that a task put
//! behind all others ends when all others have.

use std::future::Future;
use std::task::{Context, Waker};

use s3lite::Store;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{spawn_blocking, yield_now};

use crate::covers;
use crate::rig::{Rig, config, content};
use crate::support::folder::Folder;
use crate::support::strict::Act;

const SIZE: usize = 60_000;
const MOMENTS: usize = 60;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().max_blocking_threads(1).build().expect("a runtime")
}

/// Lets everything that blocks come to its end, and what that calls for in turn.
async fn settle() {
    for _ in 0..4 {
        spawn_blocking(|| ()).await.expect("an idle thread");
        yield_now().await;
    }
}

/// How far the work that blocks has come when a call is dropped that waits for it.
#[derive(Clone, Copy, Debug)]
enum Work {
    Queued,
    UnderWay,
    Done,
}

const WORK: [Work; 3] = [Work::Queued, Work::UnderWay, Work::Done];

/// Every number of polls, with every state of what the last of them has begun.
fn moments() -> impl Iterator<Item = (usize, Work)> {
    (0..MOMENTS).flat_map(|times| WORK.map(|work| (times, work)))
}

/// Polls a call so often, with everything else done in between, and drops it. True if it came to its end.
async fn polled(call: impl Future, times: usize, work: Work) -> bool {
    let mut call = Box::pin(call);
    let mut poll = || call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
    for _ in 1..times {
        if poll() {
            return true;
        }
        settle().await;
    }
    let (release, held) = std::sync::mpsc::channel::<()>();
    if matches!(work, Work::Queued) {
        spawn_blocking(move || held.recv());
    }
    let ended = times > 0 && poll();
    if matches!(work, Work::Done) {
        settle().await;
    }
    drop(call);
    drop(release);
    ended
}

fn seeded() -> (Rig, Store, Folder) {
    let rig = Rig::new();
    rig.server.bucket().seed("k", content(SIZE));
    let store = rig.open(config().set("max-retries", 0));
    (rig, store, Folder::new())
}

/// Its bytes never all come, so there is never a whole file to leave.
#[test]
fn a_download_that_is_given_up_leaves_nothing() {
    covers(&["R7", "R8", "R11"]);
    runtime().block_on(async {
        let (rig, store, folder) = seeded();
        for (times, work) in moments() {
            rig.server.next_for("GET", Act::StallBody { after: SIZE / 2 });
            let object = store.get("k").await.expect("the head");
            let ended = polled(object.write_to_file(folder.path().join("target")), times, work).await;
            assert!(!ended, "{times} {work:?}: half of the bytes are not there");
            settle().await;
            assert_eq!(folder.names(), [""; 0], "{times} polls, {work:?}");
        }
    });
}

/// Given up while the file takes its place, it may have taken it: then whole.
#[test]
fn a_download_that_is_given_up_late_leaves_no_part() {
    covers(&["R8", "R11"]);
    runtime().block_on(async {
        let (_rig, store, folder) = seeded();
        let (target, mut ends) = (folder.path().join("target"), 0);
        for (times, work) in moments() {
            let object = store.get("k").await.expect("the head");
            let ended = polled(object.write_to_file(&target), times, work).await;
            settle().await;
            match std::fs::read(&target) {
                Ok(bytes) => assert!(bytes == content(SIZE), "{times} polls, {work:?}: {} bytes", bytes.len()),
                Err(error) => assert!(!ended, "{times} polls, {work:?}: it is done, but {error}"),
            }
            let _ = std::fs::remove_file(&target);
            assert_eq!(folder.names(), [""; 0], "{times} polls, {work:?}");
            ends += usize::from(ended);
        }
        let all = moments().count();
        assert!(ends > 0 && ends < all, "{ends} of {all} came to their end: the moments are badly chosen");
    });
}

/// What was there before stays, until the new file takes its place.
#[test]
fn a_download_that_is_given_up_leaves_the_target_alone() {
    covers(&["R8", "R11"]);
    runtime().block_on(async {
        let (rig, store, folder) = seeded();
        let target = folder.file("target", "before");
        for (times, work) in moments() {
            rig.server.next_for("GET", Act::StallBody { after: SIZE / 2 });
            let object = store.get("k").await.expect("the head");
            polled(object.write_to_file(&target), times, work).await;
            settle().await;
            assert_eq!(folder.names(), ["target"], "{times} polls, {work:?}");
            assert_eq!(std::fs::read(&target).expect("the target"), b"before", "{times} polls, {work:?}");
        }
    });
}
