//! Files, hashes, and a line that shows how far things are.

use std::fmt;
use std::fs::File;
use std::future::Future;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use s3lite::Object;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::task::yield_now;
use tokio::time::interval;

const MIB: f64 = 1_048_576.0;
const BUFFER: usize = 1 << 20;
const SHOWN_EVERY: Duration = Duration::from_millis(100);

/// Bytes and the time they take.
pub struct Rate {
    bytes: u64,
    started: Instant,
}

impl Rate {
    pub fn start(bytes: u64) -> Self {
        Self { bytes, started: Instant::now() }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mib, seconds) = (self.bytes as f64 / MIB, self.started.elapsed().as_secs_f64());
        write!(f, "{mib:.1} MiB in {seconds:.2} s ({:.0} MiB/s)", mib / seconds.max(1e-9))
    }
}

/// Waits for an upload and shows meanwhile that it goes on.
pub async fn watch<T>(what: &str, size: u64, work: impl Future<Output = T>) -> T {
    let (mut work, mut clock, started) = (pin!(work), interval(SHOWN_EVERY), Instant::now());
    loop {
        tokio::select! {
            result = &mut work => {
                clear();
                return result;
            }
            _ = clock.tick() => {
                show(&format!("{what}: {:.0} MiB under way for {:.1} s", size as f64 / MIB, started.elapsed().as_secs_f64()));
            }
        }
    }
}

/// Streams an object to a file and shows how far it is.
pub async fn download(object: Object, path: &Path, size: u64) -> super::Outcome<()> {
    let mut reader = object.into_reader();
    let mut file = BufWriter::new(File::create(path)?);
    let (mut buffer, mut done, mut shown) = (vec![0; BUFFER], 0u64, Instant::now());
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        file.write_all(&buffer[..count])?;
        done += count as u64;
        if shown.elapsed() >= SHOWN_EVERY {
            show(&format!("get: {:.0} of {:.0} MiB", done as f64 / MIB, size as f64 / MIB));
            shown = Instant::now();
        }
    }
    clear();
    Ok(file.flush()?)
}

/// A line that the next one replaces; only where somebody watches.
fn show(line: &str) {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K{line}");
    }
}

fn clear() {
    show("");
}

/// Makes a file of bytes that do not repeat. It can be interrupted between its pieces.
pub async fn make_file(path: &Path, size: u64) -> io::Result<PathBuf> {
    let mut file = File::create(path)?;
    let (mut state, mut piece) = (0x9e37_79b9_7f4a_7c15u64, Vec::with_capacity(BUFFER));
    for _ in 0..size / BUFFER as u64 {
        piece.clear();
        while piece.len() < BUFFER {
            // xorshift64: fast, and no two blocks are alike.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            piece.extend_from_slice(&state.to_le_bytes());
        }
        file.write_all(&piece)?;
        yield_now().await;
    }
    Ok(path.to_owned())
}

/// Hashes a file. It can be interrupted between its pieces.
pub async fn sha256_of(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
        yield_now().await;
    }
}

/// The most memory this process ever had, server included.
pub fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim);
    peak.map_or_else(|| "not known on this system".to_owned(), |peak| format!("{peak} (client and server together)"))
}
