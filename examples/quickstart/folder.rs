//! A folder for one run.

use std::io;
use std::path::{Path, PathBuf};

/// A folder that its owner alone can look into, removed with all it holds when it is dropped.
pub struct WorkFolder(PathBuf);

impl WorkFolder {
    pub fn create() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("s3lite-quickstart-{}", std::process::id()));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} could not be removed: {error}", self.0.display());
        }
    }
}
