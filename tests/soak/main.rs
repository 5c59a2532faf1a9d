//! Small calls, each so often that what goes wrong once in ten thousand times is seen.
//!
//! They are awaited in `block_on` of a runtime with two workers, as under `#[tokio::main]`: hyper's task runs beside its caller
//! there. `S3LITE_SOAK_CALLS` says how often; `.ci/run` says 20,000, and runs this on one core, too.

mod server;
#[path = "../support/threads.rs"]
mod threads;

use std::process::ExitCode;
use std::time::Instant;

use s3lite::{ListObjectsV2, Raw, Result, Store, StoreConfig};
use tokio::runtime::Builder;

/// How often each call is made unless the environment says so.
const CALLS: u32 = 500;

const KINDS: [&str; 11] = [
    "get",
    "get chunked",
    "get empty",
    "get refused",
    "put",
    "put empty",
    "put answered with a body",
    "head",
    "delete",
    "list",
    "raw",
];

fn main() -> ExitCode {
    let calls = std::env::var("S3LITE_SOAK_CALLS").map_or(CALLS, |text| text.parse().expect("a number of calls"));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let store = store(server::start());
    let failed = KINDS.iter().filter(|kind| !runtime.block_on(soak(&store, kind, calls))).count();
    println!("{} passed, {failed} failed", KINDS.len() - failed);
    ExitCode::from(u8::from(failed > 0))
}

fn store(port: u16) -> Store {
    let config = StoreConfig::builder()
        .set("endpoint", format!("http://127.0.0.1:{port}"))
        .set("region", "us-east-1")
        .set("bucket", "bucket")
        .set("access-key", "access")
        .set("secret-key", "secret")
        // What fails once is to be seen.
        .set("max-retries", 0);
    config.build().and_then(Store::new).expect("a valid configuration")
}

/// Makes a call so often; false, and the first reason printed, if it ever failed.
async fn soak(store: &Store, kind: &str, calls: u32) -> bool {
    let (started, mut failures) = (Instant::now(), Vec::new());
    for _ in 0..calls {
        failures.extend(call(store, kind).await.err());
    }
    let micros = started.elapsed().as_micros() / u128::from(calls.max(1));
    println!("{kind}: {calls} calls, {micros} us each, {} failed", failures.len());
    if let Some(first) = failures.first() {
        println!("    {first}");
    }
    failures.is_empty()
}

async fn call(store: &Store, kind: &str) -> Result<()> {
    match kind {
        "get" => read(store, "k", server::OBJECT).await,
        "get chunked" => read(store, "chunked", server::OBJECT).await,
        "get empty" => read(store, "empty", "").await,
        "get refused" => refused(read(store, "refused", "").await),
        "put" => store.put("k", server::OBJECT).await.map(drop),
        "put empty" => store.put("k", "").await.map(drop),
        "put answered with a body" => store.put("with-body", server::OBJECT).await.map(drop),
        "head" => store.head("k").await.map(drop),
        "delete" => store.delete("k").await.map(drop),
        "list" => list(store).await,
        "raw" => store.send(Raw::get("k").query("tagging", "")).await.map(drop),
        _ => unreachable!("{kind} is none of KINDS"),
    }
}

async fn read(store: &Store, key: &str, expected: &str) -> Result<()> {
    let bytes = store.get(key).await?.bytes().await?;
    assert_eq!(bytes, expected, "{key}");
    Ok(())
}

async fn list(store: &Store) -> Result<()> {
    let mut pages = store.list(ListObjectsV2::new());
    while pages.next_object().await?.is_some() {}
    Ok(())
}

/// A missing object is what the refused call must say.
fn refused(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => panic!("the refusal was taken for an object"),
    }
}
