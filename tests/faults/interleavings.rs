//! T1: what a task of hyper's does beside its callers, in every order: the orders are searched, seed by seed.
//!
//! Several callers share one to three connections to a server that is faultless. So each gets its own answer, no call waits for
//! a clock, no connection is opened beyond `max-connections`, and all places are free at the end. `S3LITE_FAULTS_SEED` repeats
//! a run, `S3LITE_FAULTS_SECONDS` lengthens it.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use s3lite::{Error, ErrorKind, ListObjectsV2, Raw, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::chance::Random;
use crate::covers;
use crate::random::from_environment;
use crate::rig::config;
use crate::turns::{Interrupted, Open, Turns};

/// How long the search takes in the suite, and how many seeds it is at least.
const TIME: Duration = Duration::from_secs(2);
const SEEDS: u64 = 500;

/// All that callers and server have in common.
struct Run {
    turns: Arc<Turns>,
    open: Arc<Open>,
    store: Store,
    connections: usize,
    numbers: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Run {
    fn new(seed: u64) -> Arc<Self> {
        let (turns, open) = (Turns::new(seed), Arc::<Open>::default());
        let connections = 1 + turns.below(3) as usize;
        let config = config().set("max-connections", connections as i64).set("max-retries", 0);
        // What is not signed takes half of the time.
        let config = config.set("access-key", "").set("secret-key", "").set("anonymous", true);
        let together = watch::Sender::new(0);
        let dial = {
            let (turns, open) = (turns.clone(), open.clone());
            move |_| {
                let (client, server) = duplex(1 << 10);
                tokio::spawn(serve(server, turns.clone(), together.clone(), connections));
                let client = Interrupted::new(client, turns.clone(), open.clone());
                let turns = turns.clone();
                async move {
                    turns.rest(2).await;
                    Ok(client)
                }
            }
        };
        let store = config.build().and_then(|config| Store::dialed_by(config, dial)).expect("a store");
        let (numbers, failures) = Default::default();
        Arc::new(Self { turns, open, store, connections, numbers, failures })
    }

    fn note(&self, call: &str, failure: &str) {
        self.failures.lock().expect("nobody panics in here").push(format!("{call}: {failure}"));
    }
}

/// Answers requests, each with its own number, in one piece or in two.
async fn serve(mut stream: DuplexStream, turns: Arc<Turns>, together: watch::Sender<usize>, connections: usize) {
    while let Some((method, target)) = request(&mut stream).await {
        if target.contains("/together-") {
            together.send_modify(|count| *count += 1);
            let _ = together.subscribe().wait_for(|count| *count >= connections).await;
        }
        turns.rest(3).await;
        let answer = answer(&method, &target);
        let (first, rest) = answer.split_at(turns.below(answer.len() as u64 + 1) as usize);
        if stream.write_all(first).await.is_err() {
            return;
        }
        turns.rest(3).await;
        if stream.write_all(rest).await.is_err() {
            return;
        }
    }
}

/// Reads a request; returns its method and target.
async fn request(stream: &mut DuplexStream) -> Option<(String, String)> {
    let mut read = Vec::new();
    let mut end = None;
    // One request at a time: what comes is its own.
    while end.is_none_or(|end| read.len() < end) {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        end = end.or_else(|| end_of(&read));
    }
    let head = String::from_utf8_lossy(&read).to_ascii_lowercase();
    let mut words = head.split(' ').map(str::to_owned);
    Some((words.next()?, words.next()?))
}

/// How long a request is, once its head is there.
fn end_of(read: &[u8]) -> Option<usize> {
    let end = read.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&read[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    Some(end + length.map_or(0, |length| length.parse().expect("a length")))
}

/// The answer to a request whose target ends in `kind-number`.
fn answer(method: &str, target: &str) -> Vec<u8> {
    let number = target.rsplit(['-', '=']).next().unwrap_or_default();
    let kind = target.rsplit('/').next().and_then(|name| name.split('-').next()).unwrap_or_default();
    let marks = format!("x-amz-request-id: {number}\r\nx-amz-version-id: {number}\r\nETag: \"{number}\"\r\n");
    let framed = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\n{marks}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    };
    let chunked = |status: &str, body: &str| {
        let halves = body.as_bytes().chunks(body.len().div_ceil(2)).map(String::from_utf8_lossy);
        let chunks: String = halves.map(|half| format!("{:x}\r\n{half}\r\n", half.len())).collect();
        format!("HTTP/1.1 {status}\r\n{marks}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into_bytes()
    };
    let refusal = format!("<Error><Code>NoSuchKey</Code><Message>{number}</Message></Error>");
    let listing = format!(
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>{number}</Key><Size>1</Size></Contents></ListBucketResult>"
    );
    match (method, kind) {
        ("head", _) => format!("HTTP/1.1 200 OK\r\n{marks}Content-Length: 7\r\n\r\n").into_bytes(),
        ("delete", _) => format!("HTTP/1.1 204 No Content\r\n{marks}\r\n").into_bytes(),
        _ if target.contains("list-type") => framed("200 OK", &listing),
        (_, "refused") => framed("404 Not Found", &refusal),
        (_, "refusedchunked") => chunked("404 Not Found", &refusal),
        ("put", _) | (_, "empty") => framed("200 OK", ""),
        (_, "chunked") => chunked("200 OK", number),
        (_, "large") => framed("200 OK", &large(number)),
        (_, "largechunked") => chunked("200 OK", &large(number)),
        _ => framed("200 OK", number),
    }
}

/// More than fits into a connection at once.
fn large(number: &str) -> String {
    number.repeat(1_500)
}

/// A caller: one to four calls, some of which are given up.
async fn caller(run: Arc<Run>, mut random: Random) {
    for _ in 0..=random.below(4) {
        let kind = KINDS[random.below(KINDS.len() as u64) as usize];
        let number = run.numbers.fetch_add(1, Ordering::SeqCst).to_string();
        let patience = if random.below(5) == 0 { random.below(8) } else { u64::MAX };
        match polled(call(&run.store, kind, &number), patience).await {
            Some(Err(error)) => run.note(kind, &error.to_string()),
            Some(Ok(answer)) if answer != number => run.note(kind, &format!("{number} was answered by {answer:.20}")),
            // A call that is given up gives its place back once its socket is closed.
            Some(Ok(_)) | None => {}
        }
    }
}

const KINDS: [&str; 15] = [
    "get",
    "get",
    "chunked",
    "empty",
    "large",
    "largechunked",
    "half",
    "dropped",
    "refused",
    "refusedchunked",
    "put",
    "putrefused",
    "delete",
    "list",
    "raw",
];

/// Makes a call; returns the number that was answered.
async fn call(store: &Store, kind: &str, number: &str) -> Result<String, Error> {
    let key = |kind: &str| format!("{kind}-{number}");
    match kind {
        "put" => Ok(store.put(key("put"), "hello").await?.version_id.unwrap_or_default()),
        "putrefused" => refused(store.put(key("refused"), "hello").await),
        "delete" => Ok(store.delete(key("delete")).await?.version_id.unwrap_or_default()),
        "refused" | "refusedchunked" => refused(store.get(key(kind)).await),
        "list" => {
            let mut pages = store.list(ListObjectsV2::new().prefix(number));
            Ok(pages.next_object().await?.map(|object| object.key).unwrap_or_default())
        }
        "raw" => {
            let answer = store.send(Raw::get(key("raw")).query("tagging", number)).await?;
            Ok(String::from_utf8_lossy(&answer.body).into_owned())
        }
        "half" | "dropped" => {
            let mut object = store.get(key("large")).await?;
            if kind == "half" {
                object.chunk().await?;
            }
            Ok(object.meta().version_id().unwrap_or_default().to_owned())
        }
        _ => {
            let object = store.get(key(kind)).await?;
            let version = object.meta().version_id().unwrap_or_default().to_owned();
            let bytes = object.bytes().await?;
            let expected = match kind {
                "empty" => String::new(),
                "large" | "largechunked" => large(number),
                _ => number.to_owned(),
            };
            Ok(if bytes == expected { version } else { format!("{bytes:?}") })
        }
    }
}

/// The number in a refusal, which is what a call must come to.
fn refused<T>(result: Result<T, Error>) -> Result<String, Error> {
    match result {
        Ok(_) => Ok("a success".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(error.request_id().unwrap_or_default().to_owned()),
        Err(error) => Err(error),
    }
}

/// Polls a call so often, then drops it; `None` if it has not come to its end before.
async fn polled<T>(call: impl Future<Output = T>, times: u64) -> Option<T> {
    let (mut call, mut left) = (Box::pin(call), times);
    let ended = std::future::poll_fn(move |cx| {
        let Some(next) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = next;
        call.as_mut().poll(cx).map(Some)
    });
    ended.await
}

/// As many calls at once as there are places; the server answers none before it has all of them.
async fn all_at_once(run: &Arc<Run>) {
    for _ in 0..run.connections {
        let run = run.clone();
        run.turns.clone().add(async move {
            let number = run.numbers.fetch_add(1, Ordering::SeqCst);
            if let Err(error) = run.store.head(format!("together-{number}")).await {
                run.note("a place is missing", &error.to_string());
            }
        });
    }
    run.turns.run().await;
}

/// One run; returns how many calls there were, or what was wrong.
async fn run(seed: u64) -> Result<u64, String> {
    let (run, started) = (Run::new(seed), Instant::now());
    for number in 0..2 + run.turns.below(5) {
        run.turns.add(caller(run.clone(), Random::new(seed * 100 + number)));
    }
    run.turns.run().await;
    all_at_once(&run).await;
    let failures = std::mem::take(&mut *run.failures.lock().expect("nobody panics in here"));
    if let Some(first) = failures.first() {
        return Err(format!("{first} ({} failures)", failures.len()));
    }
    if started.elapsed() > Duration::ZERO {
        return Err(format!("somebody waited {:?} for a clock, nobody had to", started.elapsed()));
    }
    let (most, allowed) = (run.open.most(), run.connections);
    if most > allowed {
        return Err(format!("{most} connections were open at once, of {allowed}"));
    }
    Ok(run.numbers.load(Ordering::SeqCst))
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// What it finds at once: seed 4, the body is polled once more after its last bytes, when the connection was given back; seed 1, the
/// place is given back before the connection; seed 1, the connection is given back at the head of an answer with a body.
#[test]
fn t1_in_every_order_each_call_has_its_answer() {
    covers(&["T1"]);
    let first = from_environment("S3LITE_FAULTS_SEED");
    let limit = from_environment("S3LITE_FAULTS_SECONDS").map_or(TIME, Duration::from_secs);
    let (began, start) = (std::time::Instant::now(), first.unwrap_or(1));
    let (mut seed, mut calls) = (start, 0);
    while seed < start + SEEDS || began.elapsed() < limit {
        match paused().block_on(run(seed)) {
            Ok(count) => calls += count,
            Err(problem) => panic!("seed {seed}: {problem}"),
        }
        seed += 1;
    }
    println!("{} seeds, {calls} calls in {:.1} s", seed - start, began.elapsed().as_secs_f64());
}
