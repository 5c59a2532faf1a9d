//! A file that appears whole or not at all: written beside its place, renamed into it at the end.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::load;
use super::runtime::blocking;
use crate::error::{Error, ErrorKind, Result};

/// How many names are tried; each is random, so a second one is hardly ever needed.
const MAX_NAMES: u32 = 8;

/// A file being written under another name; removed again unless it is finished.
pub(super) struct PartFile {
    file: File,
    part: Part,
    target: PathBuf,
}

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
        let (file, part, target) =
            blocking(move || open_part(&target).map(|(file, part)| (file, part, target))).await?;
        Ok(Self { file: File::from_std(file), part, target })
    }

    pub async fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(|error| sink(&self.target, error))
    }

    /// Makes sure that the bytes are on the disk, then gives the file its name.
    pub async fn finish(mut self) -> Result<()> {
        let synced = async {
            self.file.flush().await?;
            self.file.sync_all().await
        };
        synced.await.map_err(|error| sink(&self.target, error))?;
        let Self { part, target, .. } = self;
        blocking(move || rename(part, &target)).await
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

fn open_part(target: &Path) -> Result<(fs::File, Part)> {
    if target.file_name().is_none() || target.is_dir() {
        return Err(Error::new(ErrorKind::Sink, format!("{} is a directory, not a file", target.display())));
    }
    let mut attempt = 0;
    loop {
        let path = target.with_file_name(format!(".s3lite-{}.part", load::id()));
        match open_new(&path) {
            Ok(file) => return Ok((file, Part(Some(path)))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < MAX_NAMES => attempt += 1,
            Err(error) => return Err(sink(&path, error)),
        }
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
