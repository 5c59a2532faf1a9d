//! The main job, end to end: a store section in a TOML file, and a file goes into a bucket and comes back.
//!
//! ```text
//! cargo run --release --example quickstart                        a file of 256 MiB, a server inside this process
//! cargo run --release --example quickstart -- FILE                your file
//! cargo run --release --example quickstart -- --store TOML NAME   your store, [store.NAME] of that file
//! ```
//!
//! It leaves nothing behind, neither in the bucket nor on the disk, whether it succeeds, fails or is interrupted.

mod arguments;
#[path = "../../tests/support/embedded.rs"]
mod embedded;
mod fetch;
mod folder;
mod progress;
#[path = "../../tests/support/runtimes.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod runtimes;
mod wrong;

use std::error::Error;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use s3lite::{GetObject, ListObjectsV2, Store};

use arguments::{Arguments, USAGE};
use embedded::EmbeddedServer;
use folder::WorkFolder;
use progress::{Rate, peak_memory, sha256_of, watch};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const BUCKET: &str = "quickstart";
const ACCESS_KEY: &str = "minioadmin";
const SECRET_KEY: &str = "minioadmin";
const DEFAULT_SIZE: u64 = 256 << 20;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    if arguments.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut next = error.source();
            while let Some(cause) = next {
                eprintln!("  because: {cause}");
                next = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs in the kind of runtime that the environment names, or as under `#[tokio::main]`.
fn start(arguments: Arguments) -> Outcome<()> {
    let folder = WorkFolder::create()?;
    // The runtime ends with all that writes into the folder, and before the folder.
    let work = work(arguments, folder.path().to_owned());
    match std::env::var_os("S3LITE_TEST_RUNTIME").and_then(|_| runtimes::kinds().into_iter().next()) {
        Some(kind) => kind.run(work),
        None => tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work),
    }
}

async fn work(arguments: Arguments, folder: PathBuf) -> Outcome<()> {
    let file = match arguments.file {
        Some(path) => path,
        None => unless_interrupted(progress::make_file(&folder.join("quickstart.bin"), DEFAULT_SIZE)).await?,
    };
    // The server lives until the end of this function.
    let (_server, toml, name) = match arguments.store {
        Some((toml, name)) => (None, toml, name),
        None => {
            let (server, toml) = start_server(&folder).await?;
            (Some(server), toml, "s3".to_owned())
        }
    };
    let store = Store::open(&toml, &name)?;
    run(&store, &file, &folder).await?;
    refuse_wrong_secret(&store, wrong::open(&toml, &name)?).await?;
    println!("peak memory   {}", peak_memory());
    Ok(())
}

/// Ends work at the first Ctrl-C, so that what cleans up behind it still runs.
async fn unless_interrupted<T, E: Into<Box<dyn Error + Send + Sync>>>(
    work: impl Future<Output = Result<T, E>>,
) -> Outcome<T> {
    tokio::select! {
        biased;
        waited = tokio::signal::ctrl_c() => Err(waited.err().map_or_else(|| "interrupted".into(), Into::into)),
        result = work => result.map_err(Into::into),
    }
}

/// Starts a server of another make inside this process, and writes the store file that leads to it.
async fn start_server(folder: &Path) -> Outcome<(EmbeddedServer, PathBuf)> {
    let objects = folder.join("objects");
    std::fs::create_dir(&objects)?;
    let server = EmbeddedServer::start(&objects, ACCESS_KEY, SECRET_KEY, None).await?;
    server.create_bucket(BUCKET)?;
    let endpoint = server.endpoint();
    let toml = folder.join("store.toml");
    let section = format!(
        "[store.\"s3\"]\ntype = \"s3\"\nbucket = \"{BUCKET}\"\nregion = \"us-east-1\"\n\
         access-key = \"{ACCESS_KEY}\"\nsecret-key = \"{SECRET_KEY}\"\nendpoint = \"{endpoint}\"\ntimeout = \"30s\"\n"
    );
    std::fs::write(&toml, &section)?;
    println!("server        s3s-fs at {endpoint}, inside this process\nstore file    {}\n", toml.display());
    for line in section.lines() {
        println!("    {line}");
    }
    println!();
    Ok((server, toml))
}

async fn run(store: &Store, file: &Path, folder: &Path) -> Outcome<()> {
    let key = format!("quickstart-{}.bin", std::process::id());
    let result = unless_interrupted(there_and_back(store, &key, file, folder)).await;
    // What failed may have left it there all the same.
    let deleted = unless_interrupted(store.delete(&key)).await;
    result?;
    deleted?;
    println!("delete        {key}");
    Ok(())
}

async fn there_and_back(store: &Store, key: &str, file: &Path, folder: &Path) -> Outcome<()> {
    let size = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?.len();
    let before = sha256_of(file).await?;

    let started = Rate::start(size);
    let payload = s3lite::Payload::file(file).await?;
    let stored = watch("put", size, store.put(key, payload)).await?;
    println!("put           {started}, ETag {}", stored.etag);
    read_back(store, key, size, &before, folder).await
}

async fn read_back(store: &Store, key: &str, size: u64, before: &str, folder: &Path) -> Outcome<()> {
    let copy = folder.join("copy.bin");
    let started = Rate::start(size);
    progress::download(store.get(key).await?, &copy, size).await?;
    println!("get           {started}");
    let after = sha256_of(&copy).await?;
    if before != after {
        return Err(format!("the file came back changed: {before} went in, {after} came out").into());
    }
    println!("compare       SHA-256 {before} both ways");

    let middle = size / 2;
    let part = store.get(GetObject::new(key).range(middle..middle + size.min(10) / 2)).await?.bytes().await?;
    println!("range         {} bytes from {middle} on: {}", part.len(), hex::encode(&part));

    let mut pages = store.list(ListObjectsV2::new().prefix("quickstart-"));
    while let Some(object) = pages.next_object().await? {
        println!("list          {} ({} bytes)", object.key, object.size.unwrap_or_default());
    }

    let url = store.presign(&GetObject::new(key), Duration::from_secs(60))?;
    let fetched = fetch::get(store.config(), url.as_str()).await?;
    println!("presigned     {url} gave {fetched} bytes to a plain HTTP client");
    if fetched != size {
        return Err("the presigned URL gave another number of bytes".into());
    }
    Ok(())
}

/// The same store with another secret must be refused, and say so.
async fn refuse_wrong_secret(store: &Store, wrong: Option<Store>) -> Outcome<()> {
    let Some(wrong) = wrong else {
        println!("wrong secret  not tried: the store's section has no secret-key");
        return Ok(());
    };
    let key = format!("quickstart-{}-wrong", std::process::id());
    let result = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        put = wrong.put(&key, "x") => match put {
            Err(error) if error.is_access_denied() => {
                println!("wrong secret  refused: {error}");
                return Ok(());
            }
            Err(error) => Err(error.into()),
            Ok(_) => Err("a wrong secret was accepted".into()),
        },
    };
    // It may have been stored by mistake.
    unless_interrupted(store.delete(&key)).await?;
    result
}
