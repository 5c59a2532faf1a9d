//! What the command line asks for.

use std::env;
use std::path::PathBuf;

use crate::Result;
use crate::child::CHILD;
use crate::measure::PINNED;
use crate::server::NULL_SERVER;

const USAGE: &str = "cargo bench -- [--quick] [--check[=stable]] [--unpinned] [FILTER]";

/// What this process is.
pub enum Mode {
    /// `cargo test` only sees that this compiles.
    Nothing,
    Measure,
    NullServer(PathBuf),
    Child(Vec<String>),
}

/// Which bounds are held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Check {
    None,
    All,
    /// Those that a busy machine does not disturb.
    Stable,
}

pub struct Arguments {
    pub mode: Mode,
    pub check: Check,
    pub quick: bool,
    pub may_pin: bool,
    pub pinned: bool,
    pub filter: Option<String>,
}

impl Arguments {
    /// `cargo bench` passes `--bench`, `cargo test --benches` does not.
    pub fn read() -> Result<Self> {
        let (mut quick, mut may_pin, mut pinned, mut filter) = (false, true, false, None);
        let (mut mode, mut check, mut test) = (Mode::Nothing, Check::None, false);
        let mut arguments = env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => mode = Mode::Measure,
                "--test" => test = true,
                "--quick" => quick = true,
                "--check" => check = Check::All,
                "--check=stable" => check = Check::Stable,
                "--unpinned" => may_pin = false,
                PINNED => pinned = true,
                NULL_SERVER => mode = Mode::NullServer(arguments.next().ok_or("the server writes a file")?.into()),
                CHILD => mode = Mode::Child(arguments.by_ref().collect()),
                flag if flag.starts_with('-') => return Err(format!("{flag} is unknown: {USAGE}").into()),
                _ => filter = Some(argument),
            }
        }
        let mode = if test { Mode::Nothing } else { mode };
        Ok(Self { mode, check, quick, may_pin, pinned, filter })
    }
}
