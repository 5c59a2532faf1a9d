//! Reads what a store is opened from: its file, the shared credentials files, the environment, the clock, chance. The only place
//! that does; what it all means is decided in the core.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use zeroize::Zeroizing;

use crate::config::{Reference, StoreConfig};
use crate::credentials::{Credentials, Found, resolve};
use crate::error::{Error, Result};

/// A configuration has kilobytes; what is larger is another file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads a store's section of a TOML file.
pub(super) fn config(path: &Path, store: &str) -> Result<StoreConfig> {
    let shown = path.display();
    let text = text(path).map_err(|error| Error::config(format!("{shown} cannot be read: {error}")))?;
    // The file's text holds the secrets once more.
    let text = Zeroizing::new(text);
    StoreConfig::from_toml(&text, store, &mut look_up).map_err(|error| Error::config(format!("{shown}: {error}")))
}

/// Finds a configuration's credentials; `None` means that requests go out unsigned.
pub(super) fn credentials(config: &StoreConfig) -> Result<Option<Credentials>> {
    let environment = |name: &str| std::env::var(name).ok();
    let read = |path: &str| match text(Path::new(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    };
    resolve(config.credentials(), &Found { environment: &environment, read: &read })
}

/// Reads certificates in PEM.
#[cfg(feature = "tls")]
pub(super) fn certificates(path: &str) -> Result<String> {
    text(Path::new(path)).map_err(|error| Error::config(format!("tls.ca-file: {path} cannot be read: {error}")))
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
        Reference::File(path) => text(Path::new(path)).map_err(|error| format!("{path} cannot be read: {error}")),
    }
}

fn text(path: &Path) -> io::Result<String> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has {size} bytes, and 1 MiB is the limit"),
        ));
    }
    fs::read_to_string(path)
}
