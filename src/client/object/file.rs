//! A file that appears whole or not at all: written beside its place, renamed into it at the end.

use std::fs;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use crate::client::load;
use crate::client::runtime::blocking::blocking;
use crate::error::{Error, ErrorKind, Result};

/// How many names are tried; each is random, so a second one is hardly ever needed.
const MAX_NAMES: u32 = 8;

/// A file being written under another name; removed again unless it is finished.
pub(in crate::client) struct PartFile {
    file: File,
    part: Part,
    target: PathBuf,
    permissions: Mode,
}

/// The permissions that a file gets once it is whole.
#[derive(Clone, Copy)]
struct Mode(Option<u32>);

/// The name of a part, which is removed when it is dropped.
struct Part(Option<PathBuf>);

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // There is nobody left to tell, and a part under its own name harms nobody.
            let _ = fs::remove_file(path);
        }
    }
}

impl PartFile {
    pub async fn create(target: &Path) -> Result<Self> {
        let target = target.to_owned();
        // File and part are one value from the start: if nobody waits for it any more, it is removed where it was made.
        blocking(move || open_part(target)).await
    }

    /// Throws away what was written.
    pub async fn begin_again(&mut self) -> Result<()> {
        let emptied = async {
            self.file.flush().await?;
            self.file.set_len(0).await?;
            self.file.seek(SeekFrom::Start(0)).await
        };
        emptied.await.map(drop).map_err(|error| sink(&self.target, error))
    }

    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(|error| sink(&self.target, error))
    }

    /// Makes sure that the bytes are on the disk, then gives the file its name.
    pub async fn finish(mut self) -> Result<()> {
        self.file.flush().await.map_err(|error| sink(&self.target, error))?;
        let Self { part, target, file, permissions } = self;
        let file = file.into_std().await;
        blocking(move || {
            let whole = permissions.give_to(&file).and_then(|()| file.sync_all());
            whole.map_err(|error| sink(&target, error))?;
            rename(part, &target)
        })
        .await
    }
}

fn rename(mut part: Part, target: &Path) -> Result<()> {
    // Opened first: what cannot be synced is not renamed either.
    let directory = Directory::of(target).map_err(|error| sink(target, error))?;
    if let Some(path) = &part.0 {
        fs::rename(path, target).map_err(|error| sink(target, error))?;
    }
    part.0 = None;
    directory.sync().map_err(|error| sink(target, error))
}

/// Finds out first whatever would fail at the end: after a download of hours that is too late.
fn open_part(target: PathBuf) -> Result<PartFile> {
    let permissions = check_target(&target)?;
    Directory::of(&target).map_err(|error| sink(&target, error))?;
    let mut attempt = 0;
    loop {
        let path = target.with_file_name(format!(".s3lite-{}.part", load::id()));
        match open_new(&path) {
            Ok(file) => {
                return Ok(PartFile { file: File::from_std(file), part: Part(Some(path)), target, permissions });
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < MAX_NAMES => attempt += 1,
            Err(error) => return Err(sink(&target, error)),
        }
    }
}

/// Demands a target that a file can take the place of: what is neither a file nor a link would be gone. Returns the permissions
/// that the file is to have.
fn check_target(target: &Path) -> Result<Mode> {
    let refuse = |what| Err(Error::new(ErrorKind::Sink, format!("{} is {what}", target.display())));
    if target.file_name().is_none() {
        return refuse("a directory, not a file");
    }
    match fs::symlink_metadata(target) {
        Ok(found) if found.is_file() => Ok(Mode::of_replaced(&found)),
        Ok(found) if found.is_symlink() && !target.is_dir() => {
            Ok(fs::metadata(target).map_or(Mode(None), |found| Mode::of_replaced(&found)))
        }
        Ok(found) if found.is_dir() || found.is_symlink() => refuse("a directory, not a file"),
        Ok(_) => refuse("a pipe, a device or a socket, which a file would replace; write to it with copy_to"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Mode(None)),
        Err(error) => Err(sink(target, error)),
    }
}

#[cfg(unix)]
impl Mode {
    /// Those of the file that is replaced, but for the bits that would run somebody's bytes as somebody else (setuid, setgid).
    fn of_replaced(found: &fs::Metadata) -> Self {
        Self(Some(std::os::unix::fs::MetadataExt::mode(found) & 0o777))
    }

    fn give_to(self, file: &fs::File) -> io::Result<()> {
        let mode = self.0.unwrap_or(0o666 & !umask());
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
    }
}

/// The process's umask, as Linux tells it; reading it by setting it would race with other threads. Elsewhere a strict one.
#[cfg(unix)]
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    value.and_then(|value| u32::from_str_radix(value.trim(), 8).ok()).unwrap_or(0o077)
}

#[cfg(not(unix))]
impl Mode {
    fn of_replaced(_: &fs::Metadata) -> Self {
        Self(None)
    }

    fn give_to(self, _: &fs::File) -> io::Result<()> {
        Ok(())
    }
}

/// The directory of a file. A new name lasts only once it is on the disk (POSIX leaves it open, Linux demands it).
struct Directory {
    #[cfg(unix)]
    directory: fs::File,
}

#[cfg(unix)]
impl Directory {
    fn of(file: &Path) -> io::Result<Self> {
        let path = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { directory: fs::File::open(path)? })
    }

    fn sync(&self) -> io::Result<()> {
        self.directory.sync_all()
    }
}

#[cfg(not(unix))]
impl Directory {
    fn of(_: &Path) -> io::Result<Self> {
        Ok(Self {})
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Readable by nobody else until it is whole: it may replace a file that others must not read.
fn open_new(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn sink(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Sink, format!("{} cannot be written: {error}", path.display())).with_source(error)
}
