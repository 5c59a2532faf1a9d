//! What is put: bytes, a file or a reader, with its length and whether it can be sent twice.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::client::payload::source::{Identity, Lent, OpenFile, Reader, Source, SourceError};
use crate::client::runtime::blocking::blocking;
use crate::client::runtime::rare::rare;
use crate::error::{Error, ErrorKind, Result};
use crate::sign::PayloadHash;

/// Bytes above this many are hashed off the reactor: 64 KiB take about 40 µs.
const HASH_INLINE: usize = 64 << 10;
const HASH_BUFFER: usize = 256 << 10;

/// A reader up to this length is read before it is sent: then it can be hashed, and sent again.
const READ_FIRST: u64 = 256 << 10;

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

    /// Of a request without a body.
    pub(in crate::client) fn none() -> Self {
        Self(Kind::Bytes(Bytes::new()))
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

    /// Reads a small reader whole, so that it can be hashed and sent again.
    pub(in crate::client) async fn read_if_small(&mut self) -> Result<()> {
        let Kind::Reader { reader, length } = &self.0 else { return Ok(()) };
        let length = *length;
        if length > READ_FIRST {
            return Ok(());
        }
        let Some(reader) = lock(reader).take() else { return Ok(()) };
        self.0 = Kind::Bytes(rare(read_whole(reader, length)).await?);
        Ok(())
    }

    /// Returns true if it can be sent from its beginning now: a reader of which no byte was taken still can.
    pub(in crate::client) fn is_whole(&self) -> bool {
        match &self.0 {
            Kind::Reader { reader, .. } => lock(reader).is_some(),
            _ => true,
        }
    }

    /// Reads the whole to hash it.
    pub(in crate::client) async fn hash(&self) -> Result<PayloadHash> {
        match &self.0 {
            Kind::Bytes(bytes) if bytes.len() <= HASH_INLINE => Ok(PayloadHash::of(bytes)),
            _ => rare(self.hash_apart()).await,
        }
    }

    async fn hash_apart(&self) -> Result<PayloadHash> {
        match &self.0 {
            Kind::Bytes(bytes) => hash_bytes(bytes.clone()).await,
            Kind::File { path, identity } => {
                let (path, identity) = (path.clone(), *identity);
                abandonable(move |abandoned| hash_file(&path, identity, abandoned)).await
            }
            Kind::Reader { .. } => {
                Err(Error::bad_input("a reader can be read only once, so it cannot be hashed first"))
            }
        }
    }

    /// Returns the body for one attempt, if it needs no opening.
    pub(in crate::client) fn at_hand(&self) -> Option<Source> {
        if let Kind::Bytes(bytes) = &self.0 { Some(Source::Bytes(bytes.clone())) } else { None }
    }

    /// Opens the body for one attempt.
    pub(in crate::client) async fn open(&self) -> Result<Source> {
        match &self.0 {
            Kind::Bytes(bytes) => Ok(Source::Bytes(bytes.clone())),
            Kind::File { path, identity } => {
                let (path, identity) = (path.clone(), *identity);
                let opened = path.clone();
                let file = blocking(move || open_unchanged(&opened, identity)).await?;
                if identity.length > 0 {
                    return Ok(Source::file(file));
                }
                // hyper never looks at a body of no bytes, and some files that say so have more.
                blocking(move || require_empty(&path, file)).await
            }
            Kind::Reader { reader, .. } => Ok(Source::Lent(reader.clone())),
        }
    }
}

fn lock(reader: &Lent) -> MutexGuard<'_, Option<Reader>> {
    // It is taken whole or not at all.
    reader.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads exactly as many bytes as were announced. hyper would cut what goes on after them, and never look at a body of none.
async fn read_whole(mut reader: Reader, length: u64) -> Result<Bytes> {
    let mut bytes = Vec::with_capacity(length as usize);
    let mut counted = (&mut reader).take(length + 1);
    let read = counted.read_to_end(&mut bytes).await;
    read.map_err(|error| source_error(SourceError::Failed(error)))?;
    match bytes.len() as u64 {
        read if read < length => Err(source_error(SourceError::Shorter { announced: length, read })),
        read if read > length => Err(source_error(SourceError::Longer { announced: length })),
        _ => Ok(bytes.into()),
    }
}

/// Hashes bytes, off the reactor if there are many.
pub(in crate::client) async fn hash_bytes(bytes: Bytes) -> Result<PayloadHash> {
    if bytes.len() <= HASH_INLINE {
        return Ok(PayloadHash::of(&bytes));
    }
    abandonable(move |abandoned| {
        let mut hash = Sha256::new();
        for piece in bytes.chunks(HASH_BUFFER) {
            abandoned.check()?;
            hash.update(piece);
        }
        Ok(PayloadHash::Sha256(hash.finalize().into()))
    })
    .await
}

/// Whether anybody still waits for work off the reactor. A runtime that ends waits for such work: it must end soon, too.
#[derive(Clone, Default)]
struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(source_error(SourceError::GivenUp)) } else { Ok(()) }
    }
}

/// Says so when the future that waits is dropped.
struct Abandoning(Abandoned);

impl Drop for Abandoning {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs work off the reactor that looks between its pieces whether anybody still waits for it.
async fn abandonable<T: Send + 'static>(work: impl FnOnce(&Abandoned) -> Result<T> + Send + 'static) -> Result<T> {
    let abandoned = Abandoned::default();
    let _abandoning = Abandoning(abandoned.clone());
    blocking(move || work(&abandoned)).await
}

fn open(path: &Path) -> Result<OpenFile> {
    // Asked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(|error| unreadable(path, error))?.is_file() {
        let problem = format!("{} is not a regular file; put it as a reader", path.display());
        return Err(Error::new(ErrorKind::Source, problem));
    }
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let identity = Identity::of(&file).map_err(|error| unreadable(path, error))?;
    Ok(OpenFile { file, identity })
}

fn require_empty(path: &Path, mut open: OpenFile) -> Result<Source> {
    match open.file.read(&mut [0]).map_err(|error| unreadable(path, error))? {
        0 => Ok(Source::Bytes(Bytes::new())),
        _ => Err(of_other_length(path, SourceError::Longer { announced: 0 })),
    }
}

fn open_unchanged(path: &Path, identity: Identity) -> Result<OpenFile> {
    let open = open(path)?;
    if open.identity == identity {
        return Ok(open);
    }
    Err(Error::new(ErrorKind::Source, format!("{} was changed while it was put", path.display())))
}

/// Hashes a file, which must have as many bytes as it says: some of `/proc` say 0 and have more.
fn hash_file(path: &Path, identity: Identity, abandoned: &Abandoned) -> Result<PayloadHash> {
    let mut file = open_unchanged(path, identity)?.file;
    let (mut hash, mut buffer, mut read) = (Sha256::new(), vec![0; HASH_BUFFER], 0);
    loop {
        abandoned.check()?;
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                read += count as u64;
                hash.update(&buffer[..count]);
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(path, error)),
        }
        if read > identity.length {
            return Err(of_other_length(path, SourceError::Longer { announced: identity.length }));
        }
    }
    if read < identity.length {
        return Err(of_other_length(path, SourceError::Shorter { announced: identity.length, read }));
    }
    Ok(PayloadHash::Sha256(hash.finalize().into()))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let problem = format!("{} cannot be read: {error}", path.display());
    Error::new(ErrorKind::Source, problem).with_source(error)
}

fn of_other_length(path: &Path, error: SourceError) -> Error {
    Error::new(ErrorKind::Source, format!("{}: {error}; nothing was sent", path.display()))
}

fn source_error(error: SourceError) -> Error {
    Error::new(ErrorKind::Source, format!("{error}; nothing was sent")).with_source(error)
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
