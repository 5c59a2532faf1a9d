//! One transfer, and the most memory it took.

use std::pin::Pin;
use std::task::{Context, Poll};

use s3lite::{Payload, Store, StoreConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

pub const SIZE: u64 = 1 << 30;

/// What is measured.
pub const KINDS: [&str; 7] = [
    "1 GiB put from a file",
    "1 GiB put from a reader",
    "1 GiB put from a socket",
    "1 GiB get to a file",
    "1 GiB get as a reader",
    "1 GiB get to a socket",
    DROPS,
];

/// Each chunk is signed whole, however small the pieces it comes in.
const DROPS: &str = "1 MiB put 40 bytes at a time";

/// Runs a transfer and prints this process's peak in KiB.
pub fn run(kind: &str, port: u16) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(transfer(kind, port));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    // Elsewhere than on Linux the transfer is all that is tested.
    println!("{}", peak.map_or("0", |peak| peak.trim().trim_end_matches(" kB")));
}

async fn transfer(kind: &str, port: u16) {
    let store = store(port);
    let path = std::env::temp_dir().join(format!("s3lite-memory-{}", std::process::id()));
    match kind {
        "1 GiB put from a file" => {
            std::fs::File::create(&path).and_then(|file| file.set_len(SIZE)).expect("a sparse file");
            let payload = Payload::file(&path).await.expect("a file");
            store.put("k", payload).await.expect("it is stored");
        }
        "1 GiB put from a reader" => put(&store, tokio::io::repeat(0).take(SIZE)).await,
        "1 GiB put from a socket" => put(&store, socket(port, b"SOURCE\n").await.take(SIZE)).await,
        "1 GiB get to a file" => {
            let object = store.get("k").await.expect("it is there");
            assert_eq!(object.write_to_file(&path).await.expect("it is written"), SIZE);
        }
        "1 GiB get as a reader" => {
            let mut reader = store.get("k").await.expect("it is there").into_reader();
            assert_eq!(tokio::io::copy(&mut reader, &mut tokio::io::sink()).await.expect("its bytes"), SIZE);
        }
        DROPS => {
            let payload = Payload::reader(Drops.take(1 << 20), 1 << 20);
            store.put("k", payload).await.expect("it is stored");
        }
        _ => {
            let mut socket = socket(port, b"SINK\n").await;
            let object = store.get("k").await.expect("it is there");
            assert_eq!(object.copy_to(&mut socket).await.expect("it is taken"), SIZE);
        }
    }
    let _ = std::fs::remove_file(path);
}

/// A source without end that gives 40 bytes at a time.
struct Drops;

impl AsyncRead for Drops {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        into.put_slice(&[0; 40][..into.remaining().min(40)]);
        Poll::Ready(Ok(()))
    }
}

async fn put(store: &Store, reader: impl tokio::io::AsyncRead + Send + Unpin + 'static) {
    store.put("k", Payload::reader(reader, SIZE)).await.expect("it is stored");
}

async fn socket(port: u16, greeting: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    socket.write_all(greeting).await.expect("it is taken");
    socket
}

fn store(port: u16) -> Store {
    let config = StoreConfig::builder()
        .set("endpoint", format!("http://127.0.0.1:{port}"))
        .set("region", "us-east-1")
        .set("bucket", "memory")
        .set("access-key", "access")
        .set("secret-key", "secret");
    config.build().and_then(Store::new).expect("a valid configuration")
}
