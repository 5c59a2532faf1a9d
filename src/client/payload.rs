//! What is put: bytes, a file or a reader, with its length and whether it can be sent twice.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::rare::rare;
use super::runtime::blocking;
use super::source::{Identity, Lent, OpenFile, Reader, Source, SourceError};
use crate::error::{Error, ErrorKind, Result};
use crate::sign::PayloadHash;

/// Bytes above this many are hashed off the reactor: 64 KiB take about 40 µs.
const HASH_INLINE: usize = 64 << 10;
const HASH_BUFFER: usize = 256 << 10;

/// What is put into an object.
///
/// Bytes and files can be sent again after a failure; a reader is sent once.
pub struct Payload(Kind);

enum Kind {
    Bytes(Bytes),
    File { path: PathBuf, identity: Identity },
    Reader { reader: Lent, length: u64 },
}

impl Payload {
    /// Takes bytes. `&str`, `String`, `Vec<u8>` and `Bytes` convert by themselves.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Bytes(bytes.into()))
    }

    /// Takes a file, which is read when it is sent. It must not change until then.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Source`] if it cannot be read or is no regular file.
    pub async fn file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let (path, identity) = blocking(move || Ok((path.clone(), open(&path)?.identity))).await?;
        Ok(Self(Kind::File { path, identity }))
    }

    /// Takes a reader of known length. It is read to its end while it is sent, and only once.
    ///
    /// A reader that ends early or goes on after `length` bytes makes the put fail, and nothing is stored. A reader that
    /// does not end by itself, a socket for example, needs [`take`](tokio::io::AsyncReadExt::take).
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, length: u64) -> Self {
        let reader: Reader = Box::new(reader);
        Self(Kind::Reader { reader: Arc::new(Mutex::new(Some(reader))), length })
    }

    /// Returns the length in bytes.
    pub fn length(&self) -> u64 {
        match &self.0 {
            Kind::Bytes(bytes) => bytes.len() as u64,
            Kind::File { identity, .. } => identity.length,
            Kind::Reader { length, .. } => *length,
        }
    }

    /// Returns true if it can be read more than once.
    pub fn is_replayable(&self) -> bool {
        !matches!(self.0, Kind::Reader { .. })
    }

    /// Returns true if it can be sent from its beginning now: a reader of which no byte was taken still can.
    pub(super) fn is_whole(&self) -> bool {
        match &self.0 {
            // One of length 0 was read to its end before anything was sent.
            Kind::Reader { reader, length } => *length == 0 || lock(reader).is_some(),
            _ => true,
        }
    }

    /// Reads the whole to hash it.
    pub(super) async fn hash(&self) -> Result<PayloadHash> {
        match &self.0 {
            Kind::Bytes(bytes) if bytes.len() <= HASH_INLINE => Ok(PayloadHash::of(bytes)),
            _ => rare(self.hash_apart()).await,
        }
    }

    async fn hash_apart(&self) -> Result<PayloadHash> {
        match &self.0 {
            Kind::Bytes(bytes) => {
                let bytes = bytes.clone();
                blocking(move || Ok(PayloadHash::of(&bytes))).await
            }
            Kind::File { path, identity } => {
                let (path, identity) = (path.clone(), *identity);
                blocking(move || hash_file(&path, identity)).await
            }
            Kind::Reader { .. } => {
                Err(Error::bad_input("a reader can be read only once, so it cannot be hashed first"))
            }
        }
    }

    /// Returns the body for one attempt, if it needs no opening.
    pub(super) fn at_hand(&self) -> Option<Source> {
        if let Kind::Bytes(bytes) = &self.0 { Some(Source::Bytes(bytes.clone())) } else { None }
    }

    /// Opens the body for one attempt.
    pub(super) async fn open(&self) -> Result<Source> {
        match &self.0 {
            Kind::Bytes(bytes) => Ok(Source::Bytes(bytes.clone())),
            Kind::File { path, identity } => {
                let (path, identity) = (path.clone(), *identity);
                let file = blocking(move || open_unchanged(&path, identity)).await?;
                Ok(if identity.length == 0 { Source::Bytes(Bytes::new()) } else { Source::file(file) })
            }
            Kind::Reader { reader, length: 0 } => {
                let Some(reader) = lock(reader).take() else { return Ok(Source::Bytes(Bytes::new())) };
                demand_end(reader).await
            }
            Kind::Reader { reader, .. } => Ok(Source::Lent(reader.clone())),
        }
    }
}

fn lock(reader: &Lent) -> MutexGuard<'_, Option<Reader>> {
    // It is taken whole or not at all.
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

/// hyper never looks at a body whose length is 0; so the end of an empty reader is looked for here.
async fn demand_end(mut reader: Reader) -> Result<Source> {
    match reader.read(&mut [0]).await {
        Ok(0) => Ok(Source::Bytes(Bytes::new())),
        Ok(_) => Err(source_error(SourceError::Longer { announced: 0 }.to_string())),
        Err(error) => Err(source_error(format!("the source failed: {error}")).with_source(error)),
    }
}

fn open(path: &Path) -> Result<OpenFile> {
    let failed =
        |error: std::io::Error| source_error(format!("{} cannot be read: {error}", path.display())).with_source(error);
    // Asked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(source_error(format!("{} is not a regular file; put it as a reader", path.display())));
    }
    let file = File::open(path).map_err(failed)?;
    let identity = Identity::of(&file).map_err(failed)?;
    Ok(OpenFile { file, identity })
}

fn open_unchanged(path: &Path, identity: Identity) -> Result<OpenFile> {
    let open = open(path)?;
    if open.identity == identity {
        return Ok(open);
    }
    Err(source_error(format!("{} was changed while it was put", path.display())))
}

fn hash_file(path: &Path, identity: Identity) -> Result<PayloadHash> {
    let mut file = open_unchanged(path, identity)?.file;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; HASH_BUFFER]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(PayloadHash::Sha256(hash.finalize().into())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(source_error(format!("{} cannot be read: {error}", path.display())).with_source(error));
            }
        }
    }
}

fn source_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Source, message)
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self::bytes(text.to_owned())
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        Self::bytes(text)
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self::bytes(bytes.to_vec())
    }
}

impl From<Bytes> for Payload {
    fn from(bytes: Bytes) -> Self {
        Self::bytes(bytes)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Bytes(_) => "Bytes",
            Kind::File { .. } => "File",
            Kind::Reader { .. } => "Reader",
        };
        f.debug_struct(kind).field("length", &self.length()).finish_non_exhaustive()
    }
}
