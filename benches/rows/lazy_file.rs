//! A large file that is written when it is first wanted, and removed at the end.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

pub const PIECE: usize = 256 << 10;

pub struct LazyFile {
    path: PathBuf,
    length: u64,
}

impl LazyFile {
    pub fn new(length: u64) -> Self {
        Self { path: env::temp_dir().join(format!("s3lite-bench-{}", std::process::id())), length }
    }

    pub fn written(&self) -> io::Result<&PathBuf> {
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
