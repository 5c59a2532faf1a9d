//! One large object, out and in.
//!
//! Over plain http a store signs a reader chunk by chunk, and a file by the hash of its content, for which it is read
//! twice. `sha-256` is one pass over the same bytes: what signing them costs at least. An anonymous store signs nothing;
//! its line is what the streaming itself costs.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use http::Method;
use s3lite::{Payload, Store};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt, repeat};
use tokio::runtime::Runtime;

use crate::Result;
use crate::clients::raw_hyper::{RawHyper, SendBody};
use crate::clients::store;
use crate::measure::{BASELINE, Line, Suite, Unit, Work};

const OBJECT: &str = "stream";
const ANONYMOUS: &str = "s3lite anonymous";
const PIECE: usize = 256 << 10;

pub fn measure(suite: &mut Suite) -> Result<()> {
    let length = suite.extent().stream_bytes;
    let unit = Unit::milliseconds_per_gibibyte(length);
    suite.measure("put-1g-reader", unit, put_reader_lines(suite, length))?;
    suite.measure("put-1g-file", unit, put_file_lines(suite, length))?;
    suite.measure("get-1g", unit, get_lines(suite, length))
}

fn put_reader_lines(suite: &Suite, length: u64) -> [Line; 4] {
    [
        put_raw(suite, move || Ok(SendBody::reader(source(length), length))),
        put_store(suite, ANONYMOUS, store::open_anonymous, move |_| Ok(Payload::reader(source(length), length))),
        put_store(suite, "s3lite", store::open, move |_| Ok(Payload::reader(source(length), length))),
        hash_line(length),
    ]
}

fn put_file_lines(suite: &Suite, length: u64) -> [Line; 3] {
    let file = Rc::new(LazyFile::new(length));
    let payload = |file: Rc<LazyFile>| {
        move |runtime: &Runtime| Ok(runtime.block_on(Payload::file(file.written()?))?) as Result<Payload>
    };
    let raw = file.clone();
    [
        put_raw(suite, move || Ok(SendBody::file(File::open(raw.written()?)?, length))),
        put_store(suite, ANONYMOUS, store::open_anonymous, payload(file.clone())),
        put_store(suite, "s3lite", store::open, payload(file)),
    ]
}

fn get_lines(suite: &Suite, length: u64) -> [Line; 2] {
    let server = suite.server();
    let raw = Line::new(BASELINE, move |runtime| {
        let mut client = runtime.block_on(RawHyper::connect(server))?;
        let uri: http::Uri = format!("/bucket/size/{length}").parse()?;
        Ok(Box::new(move |runtime: &Runtime| {
            let read = runtime.block_on(client.exchange(Method::GET, uri.clone(), SendBody::empty()))?;
            expect_length(read, length)
        }) as Work)
    });
    let store = Line::new("s3lite", move |_| {
        let store = store::open(server)?;
        Ok(Box::new(move |runtime: &Runtime| expect_length(runtime.block_on(read(&store, length))?, length)) as Work)
    });
    [raw, store]
}

fn put_raw(suite: &Suite, mut body: impl FnMut() -> Result<SendBody> + 'static) -> Line {
    let server = suite.server();
    Line::new(BASELINE, move |runtime| {
        let mut client = runtime.block_on(RawHyper::connect(server))?;
        let uri = http::Uri::from_static("/bucket/stream");
        Ok(Box::new(move |runtime| {
            runtime.block_on(client.exchange(Method::PUT, uri.clone(), body()?))?;
            Ok(())
        }))
    })
}

fn put_store(
    suite: &Suite,
    name: &'static str,
    open: fn(std::net::SocketAddr) -> Result<Store>,
    mut payload: impl FnMut(&Runtime) -> Result<Payload> + 'static,
) -> Line {
    let server = suite.server();
    Line::new(name, move |_| {
        let store = open(server)?;
        Ok(Box::new(move |runtime| {
            let payload = payload(runtime)?;
            runtime.block_on(store.put(OBJECT, payload))?;
            Ok(())
        }))
    })
}

fn hash_line(length: u64) -> Line {
    Line::new("sha-256 alone", move |_| {
        let piece = vec![b'x'; PIECE];
        Ok(Box::new(move |_| {
            let mut hash = Sha256::new();
            (0..length / PIECE as u64).for_each(|_| hash.update(&piece));
            std::hint::black_box(hash.finalize());
            Ok(())
        }))
    })
}

async fn read(store: &Store, length: u64) -> Result<u64> {
    let mut object = store.get(format!("size/{length}")).await?;
    let mut read = 0;
    while let Some(bytes) = object.chunk().await? {
        read += bytes.len() as u64;
    }
    Ok(read)
}

/// A source that costs next to nothing: its bytes are set, not copied.
fn source(length: u64) -> impl AsyncRead + Send + Unpin + 'static {
    repeat(b'x').take(length)
}

fn expect_length(read: u64, length: u64) -> Result<()> {
    if read == length { Ok(()) } else { Err(format!("{read} of {length} bytes came").into()) }
}

/// A file that is written when it is first wanted, and removed at the end.
struct LazyFile {
    path: PathBuf,
    length: u64,
}

impl LazyFile {
    fn new(length: u64) -> Self {
        Self { path: env::temp_dir().join(format!("s3lite-bench-{}", std::process::id())), length }
    }

    fn written(&self) -> io::Result<&PathBuf> {
        if !self.path.exists() {
            let mut file = File::create(&self.path)?;
            let piece = vec![b'x'; PIECE];
            (0..self.length / PIECE as u64).try_for_each(|_| file.write_all(&piece))?;
        }
        Ok(&self.path)
    }
}

impl Drop for LazyFile {
    fn drop(&mut self) {
        // It may never have been written.
        let _ = fs::remove_file(&self.path);
    }
}
