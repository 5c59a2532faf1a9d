//! The main job, end to end: a store section in a TOML file, and a file goes into a bucket and comes back.
//!
//! ```text
//! cargo run --release --example quickstart                        a file of 256 MiB, a server inside this process
//! cargo run --release --example quickstart -- FILE                your file
//! cargo run --release --example quickstart -- --store TOML NAME   your store, [store.NAME] of that file
//! ```

mod arguments;
#[path = "../../tests/support/embedded.rs"]
mod embedded;
mod fetch;
mod progress;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use s3lite::{GetObject, ListObjectsV2, Store};

use arguments::Arguments;
use embedded::EmbeddedServer;
use progress::{Rate, peak_memory, sha256_of, watch};

type Outcome<T> = Result<T, Box<dyn Error>>;

const BUCKET: &str = "quickstart";
const ACCESS_KEY: &str = "minioadmin";
const SECRET_KEY: &str = "minioadmin";
const DEFAULT_SIZE: u64 = 256 << 20;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(usage) => {
            eprintln!("{usage}");
            std::process::exit(2);
        }
    };
    let folder = WorkFolder::create()?;
    let file = match &arguments.file {
        Some(path) => path.clone(),
        None => progress::make_file(&folder.0.join("quickstart.bin"), DEFAULT_SIZE)?,
    };
    // The server lives until the end of this function.
    let (_server, toml, name) = match &arguments.store {
        Some((toml, name)) => (None, toml.clone(), name.clone()),
        None => {
            let (server, toml) = start_server(&folder.0).await?;
            (Some(server), toml, "s3".to_owned())
        }
    };
    run(&Store::open(&toml, &name)?, &file, &folder.0).await?;
    refuse_wrong_secret(&toml, &name).await?;
    println!("peak memory   {}", peak_memory());
    Ok(())
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
    let size = std::fs::metadata(file)?.len();
    let key = format!("quickstart-{}.bin", std::process::id());
    let before = sha256_of(file)?;

    let started = Rate::start(size);
    let payload = s3lite::Payload::file(file).await?;
    let stored = watch("put", size, store.put(&key, payload)).await?;
    println!("put           {started}, ETag {}", stored.etag);

    let result = read_back(store, &key, size, &before, folder).await;
    store.delete(&key).await?;
    println!("delete        {key}");
    result
}

async fn read_back(store: &Store, key: &str, size: u64, before: &str, folder: &Path) -> Outcome<()> {
    let copy = folder.join("copy.bin");
    let started = Rate::start(size);
    progress::download(store.get(key).await?, &copy, size).await?;
    println!("get           {started}");
    let after = sha256_of(&copy)?;
    if before != after {
        return Err(format!("the file came back changed: {before} went in, {after} came out").into());
    }
    println!("compare       SHA-256 {before} both ways");

    let middle = size / 2;
    let part = store.get(GetObject::new(key).range(middle..middle + size.min(10) / 2)).await?.bytes().await?;
    println!("range         {} bytes from {middle} on: {}", part.len(), hex::encode(&part));

    let mut pages = store.list(ListObjectsV2::new().prefix("quickstart-"));
    while let Some(object) = pages.next_object().await? {
        println!("list          {} ({} bytes)", object.key, object.size);
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
async fn refuse_wrong_secret(toml: &Path, name: &str) -> Outcome<()> {
    let text = std::fs::read_to_string(toml)?;
    let Some(start) = text.find("secret-key") else {
        println!("wrong secret  not tried: the store file has no secret-key");
        return Ok(());
    };
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let wrong = format!("{}secret-key = \"not-the-secret\"{}", &text[..start], &text[end..]);
    let folder = WorkFolder::create()?;
    let file = folder.0.join("wrong.toml");
    std::fs::write(&file, wrong)?;
    match Store::open(&file, name)?.put("quickstart-wrong", "x").await {
        Err(error) if error.is_access_denied() => println!("wrong secret  refused: {error}"),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("a wrong secret was accepted".into()),
    }
    Ok(())
}

/// A folder for one run, removed at its end.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn create() -> Outcome<Self> {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("s3lite-quickstart-{}-{number}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}
