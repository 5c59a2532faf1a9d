//! What the command line says.

use std::path::PathBuf;

/// How it is called.
pub const USAGE: &str = "usage: quickstart [FILE] [--store TOML NAME]
  FILE               the file to put and get back; without one, 256 MiB are made
  --store TOML NAME  use the store [store.NAME] of that file; without it, a server inside this process
  --help             this text

S3LITE_TEST_RUNTIME names the kind of runtime to run in: current-block_on, multi2-spawn and their like.";

/// The file to use and the store to use it with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub file: Option<PathBuf>,
    pub store: Option<(PathBuf, String)>,
    /// The usage is asked for, and nothing else.
    pub help: bool,
}

impl Arguments {
    /// Reads the arguments, or says how they are to be.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--help" | "-h" => return Ok(Self { help: true, ..Self::default() }),
                "--store" => match (arguments.next(), arguments.next()) {
                    (Some(toml), Some(name)) => read.store = Some((toml.into(), name)),
                    _ => return Err(format!("--store needs a file and a name\n{USAGE}")),
                },
                flag if flag.starts_with('-') => return Err(format!("there is no {flag}\n{USAGE}")),
                file if read.file.is_none() => read.file = Some(file.into()),
                _ => return Err(format!("there is one file at most\n{USAGE}")),
            }
        }
        Ok(read)
    }
}
