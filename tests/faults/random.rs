//! Operations of all kinds by several tasks at once, through faults at random points, against a model of the bucket.
//!
//! At the end every acknowledged write is there byte for byte, every failed one is absent or complete, what was read was
//! whole, listings tell the truth, and nothing stays open. `S3LITE_FAULTS_SEED` repeats a run, `S3LITE_FAULTS_SECONDS`
//! lengthens it.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use macro_rules_attribute::apply;
use s3lite::{Error, GetObject, ListObjectsV2, Payload, PutObject, Store};
use tokio::time::Instant;

use crate::chance::Random;
use crate::covers;
use crate::memory::{Plan, over_sockets};
use crate::model::{Own, Shared, assert_honest, value, writer_of};
use crate::rig::{Rig, config};
use crate::support::runtimes::in_every_runtime;
use crate::support::strict::Act;

const TASKS: u64 = 8;
const SHARED_KEYS: u64 = 6;

/// By which clock a run goes.
#[derive(Clone, Copy)]
enum Clock {
    /// A wait costs nothing.
    Paused,
    /// Over real sockets, with faults that break at once.
    Real,
}

impl Clock {
    /// Of each task.
    fn operations(self) -> u64 {
        match self {
            Self::Paused => 150,
            Self::Real => 25,
        }
    }

    fn plan(self, random: &mut Random) -> Plan {
        match self {
            Self::Paused => random.plan(),
            Self::Real => random.plan_at_once(),
        }
    }

    fn act(self, random: &mut Random) -> Option<Act> {
        match self {
            Self::Paused => random.act(),
            Self::Real => random.act_at_once(),
        }
    }
}

/// What the tasks of a run have in common.
struct Run {
    clock: Clock,
    rig: Rig,
    store: Store,
    shared: [Mutex<Shared>; SHARED_KEYS as usize],
    /// A sum of what was done, for the report.
    done: Mutex<(u64, u64)>,
}

impl Run {
    fn new(seed: u64, clock: Clock) -> Arc<Self> {
        let rig = Rig::new();
        let mut random = Random::new(seed);
        rig.network.always(move |_| clock.plan(&mut random));
        let store = rig.open(config().set("max-connections", 5).set("expect-continue", "64KiB"));
        Arc::new(Self { clock, rig, store, shared: Default::default(), done: Mutex::default() })
    }

    /// Counts an operation, and demands that it failed for a reason that there was.
    fn note<T>(&self, result: &Result<T, Error>) {
        let mut done = self.done.lock().expect("no task fails while it counts");
        done.0 += 1;
        if let Err(error) = result {
            done.1 += 1;
            drop(done);
            if !error.is_not_found() && !error.is_precondition_failed() {
                assert_honest(error);
            }
        }
    }
}

async fn task(run: Arc<Run>, number: u64, seed: u64) {
    let (mut random, mut own) = (Random::new(seed * 1000 + number), Own::default());
    for step in 0..run.clock.operations() {
        if let Some(act) = run.clock.act(&mut random) {
            run.rig.server.next(act);
        }
        let id = number * 1_000_000 + step;
        let key = format!("t{number}/{}", random.below(7));
        match random.below(12) {
            0..=2 => put(&run, &mut own, &mut random, (&key, id)).await,
            3 => delete(&run, &mut own, &key).await,
            4..=6 => get(&run, &mut own, &key).await,
            7 => head(&run, &mut own, &key).await,
            8 => list(&run, &mut own, number).await,
            9 => part(&run, &mut random, &mut own, &key).await,
            10 => create(&run, &mut random, id).await,
            _ => read_shared(&run, &mut random).await,
        }
    }
    check_own(&run, &own);
}

async fn put(run: &Run, own: &mut Own, random: &mut Random, (key, id): (&str, u64)) {
    let bytes = value(id, random.length());
    let payload = match random.below(4) {
        0 => Payload::reader(io::Cursor::new(bytes.clone()), bytes.len() as u64),
        _ => Payload::bytes(bytes),
    };
    let result = run.store.put(key, payload).await;
    run.note(&result);
    own.of(key).wrote(Some(id), &result);
}

async fn delete(run: &Run, own: &mut Own, key: &str) {
    let result = run.store.delete(key).await;
    run.note(&result);
    own.of(key).wrote(None, &result);
}

async fn get(run: &Run, own: &mut Own, key: &str) {
    let result = crate::rig::read(&run.store, key).await;
    run.note(&result);
    match result {
        Ok(bytes) => own.of(key).assert_may_hold(Some(writer_of(&bytes)), key),
        Err(error) if error.is_not_found() => own.of(key).assert_may_hold(None, key),
        Err(_) => {}
    }
}

async fn head(run: &Run, own: &mut Own, key: &str) {
    let result = run.store.head(key).await;
    run.note(&result);
    if result.is_err_and(|error| error.is_not_found()) {
        own.of(key).assert_may_hold(None, key);
    }
}

/// A range is that part of one of the values that may be there.
async fn part(run: &Run, random: &mut Random, own: &mut Own, key: &str) {
    let start = random.below(2_000);
    let end = start + 1 + random.below(20_000);
    let result = crate::rig::read(&run.store, GetObject::new(key).range(start..end)).await;
    run.note(&result);
    let Ok(bytes) = result else { return };
    let bucket = run.rig.server.bucket();
    let whole = bucket.content(key).expect("its only writer waits for its reading");
    let end = whole.len().min(end as usize);
    assert!(whole.get(start as usize..end).is_some_and(|part| part == bytes), "{key}: another range");
    own.of(key).assert_may_hold(Some(writer_of(&whole)), key);
}

async fn list(run: &Run, own: &mut Own, number: u64) {
    let mut pages = run.store.list(ListObjectsV2::new().prefix(format!("t{number}/")).max_keys(3));
    let mut listed = BTreeSet::new();
    let result = loop {
        match pages.next_object().await {
            Ok(Some(object)) => drop(listed.insert(object.key)),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    run.note(&result);
    if result.is_ok() {
        own.assert_lists(&listed);
    }
}

/// Many want to create the same object; who is told so is the one.
async fn create(run: &Run, random: &mut Random, id: u64) {
    let number = random.below(SHARED_KEYS);
    let (key, bytes) = (format!("shared/{number}"), value(id, random.length()));
    // The even ones are created once, the odd ones written by whoever comes.
    let put = PutObject::new(key);
    let result = run.store.put(if number.is_multiple_of(2) { put.if_none_match("*") } else { put }, bytes).await;
    run.note(&result);
    run.shared[number as usize].lock().expect("nobody fails in here").wrote(id, &result);
}

async fn read_shared(run: &Run, random: &mut Random) {
    let key = format!("shared/{}", random.below(SHARED_KEYS));
    let result = crate::rig::read(&run.store, &key).await;
    run.note(&result);
    if let Ok(bytes) = result {
        writer_of(&bytes);
    }
}

fn check_own(run: &Run, own: &Own) {
    let bucket = run.rig.server.bucket();
    for (key, possible) in &own.0 {
        possible.assert_may_hold(bucket.content(key).map(|bytes| writer_of(&bytes)), key);
    }
}

fn check_shared(run: &Run) {
    for (number, shared) in run.shared.iter().enumerate() {
        let (key, shared) = (format!("shared/{number}"), shared.lock().expect("no task failed"));
        let found = run.rig.server.bucket().content(&key).map(|bytes| writer_of(&bytes));
        shared.assert_may_hold(found, &key);
        if number.is_multiple_of(2) {
            assert!(shared.acknowledged.len() <= 1, "{key} was created twice: {:?}", shared.acknowledged);
            assert!(shared.acknowledged.iter().all(|id| Some(*id) == found), "{key}: the creator's object is gone");
        }
    }
}

/// One run; returns how many operations there were, how many failed, and how many requests came.
async fn run(seed: u64, clock: Clock) -> (u64, u64, usize) {
    let run = Run::new(seed, clock);
    let tasks: Vec<_> = (0..TASKS).map(|number| tokio::spawn(task(run.clone(), number, seed))).collect();
    for task in tasks {
        task.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    check_shared(&run);
    let done = *run.done.lock().expect("no task failed");
    let requests = run.rig.requests().len();
    run.rig.assert_manners();
    let Run { rig, store, .. } = Arc::into_inner(run).expect("every task has ended");
    rig.assert_sound(store).await;
    (done.0, done.1, requests)
}

/// What a seed leads to: every event of the network, without the times that chance decides.
fn events(seed: u64) -> Vec<String> {
    paused().block_on(async {
        let rig = Rig::new();
        let (mut plans, mut random) = (Random::new(seed), Random::new(seed + 1));
        rig.network.always(move |_| plans.plan());
        let store = rig.open(config().set("max-retries", 0));
        for id in 0..400 {
            if let Some(act) = random.act() {
                rig.server.next(act);
            }
            let (key, length) = (format!("{}", random.below(5)), random.length());
            let put = store.put(&key, value(id, length)).await.map(drop);
            let got = crate::rig::read(&store, &key).await.map(|bytes| writer_of(&bytes));
            let kinds = (put.map_err(|error| error.kind()), got.map_err(|error| error.kind()));
            rig.network.note(format!("{id}: {kinds:?}"));
        }
        rig.network.events()
    })
}

#[test]
fn a_seed_leads_to_the_same_events_again() {
    let first = events(7);
    assert!(first == events(7), "the same seed, other events");
    assert!(first != events(8), "another seed, the same events");
    assert!(first.iter().filter(|event| event.contains("after")).count() > 10, "hardly a fault: {first:?}");
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime")
}

pub fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// The same over real sockets, in every kind of runtime: on several threads the ends of bodies and connections meet their callers in
/// any order.
#[apply(in_every_runtime)]
async fn the_bucket_holds_it_in_every_runtime() {
    covers(&["T1"]);
    let seed = from_environment("S3LITE_FAULTS_SEED").unwrap_or(1);
    let (operations, failed, requests) = over_sockets(run(seed, Clock::Real)).await;
    println!("{operations} operations, {failed} failed, {requests} requests");
    assert!(failed < operations / 2 && requests as u64 > operations, "{failed} of {operations}, {requests} requests");
}

#[test]
fn the_bucket_holds_what_was_acknowledged() {
    let first = from_environment("S3LITE_FAULTS_SEED").unwrap_or(1);
    let limit = from_environment("S3LITE_FAULTS_SECONDS").map(Duration::from_secs);
    let (began, mut seed) = (std::time::Instant::now(), first);
    let (mut operations, mut failed, mut requests, mut simulated) = (0, 0, 0, Duration::ZERO);
    while seed < first + 2 || limit.is_some_and(|limit| began.elapsed() < limit) {
        println!("seed {seed}");
        let (done, took) = paused().block_on(async {
            let started = Instant::now();
            (run(seed, Clock::Paused).await, started.elapsed())
        });
        (operations, failed, requests) = (operations + done.0, failed + done.1, requests + done.2);
        (simulated, seed) = (simulated + took, seed + 1);
    }
    let (simulated, wall) = (simulated.as_secs(), began.elapsed().as_secs_f64());
    println!("{operations} operations, {failed} failed, {requests} requests, {simulated} s simulated in {wall:.1} s");
}
