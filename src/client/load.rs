//! Reads what a store is opened from: its file, the shared credentials files, the environment, the clock, chance. The only place
//! that does; what it all means is decided in the core.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::config::{Reference, StoreConfig, decode};
use crate::credentials::{Credentials, Found, resolve};
use crate::error::{Error, Result};

/// A configuration has kilobytes; what is larger is another file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads a store's section of a TOML file.
pub(super) fn config(path: &Path, store: &str) -> Result<StoreConfig> {
    let text = text(path).map_err(|error| Error::config(format!("cannot be read: {error}")))?;
    StoreConfig::from_toml(&text, store, &mut look_up)
}

/// Finds a configuration's credentials; `None` means that requests go out unsigned.
pub(super) fn credentials(config: &StoreConfig) -> Result<Option<Credentials>> {
    let environment = |name: &str| std::env::var(name).ok();
    let read = |path: &str| match text(Path::new(path)) {
        Ok(text) => Ok(Some(text.to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    };
    resolve(config.credentials(), &Found { environment: &environment, read: &read })
}

/// Reads certificates in PEM, among which may stand any text.
#[cfg(feature = "tls")]
pub(super) fn certificates(path: &str) -> io::Result<Vec<u8>> {
    bytes(Path::new(path))
}

/// The time.
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// A number from 0 to 1 that differs from call to call and from process to process; for nothing secret.
pub(super) fn jitter() -> f64 {
    random() as f64 / u64::MAX as f64
}

/// 128 bits as 32 hexadecimal digits, unlike those of any other write.
pub(super) fn id() -> String {
    format!("{:016x}{:016x}", random(), random())
}

/// The standard library seeds its hash maps from the system, and differently for each.
fn random() -> u64 {
    RandomState::new().hash_one(SystemTime::now())
}

fn look_up(reference: Reference<'_>) -> std::result::Result<String, String> {
    match reference {
        Reference::Env(name) => std::env::var(name).map_err(|_| format!("the environment variable {name} is not set")),
        Reference::File(path) => text(Path::new(path))
            .map(|text| text.to_string())
            .map_err(|error| format!("{path} cannot be read: {error}")),
    }
}

fn text(path: &Path) -> io::Result<Zeroizing<String>> {
    decode(bytes(path)?).map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))
}

/// Reads up to the limit, whatever the file says of its size: pipes and devices say that they are empty.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more bytes, and 1 MiB is the limit"));
    }
    Ok(bytes)
}
