//! One core for the client and another for the server, so that the scheduler's choices are no part of the figures.

use std::env;
use std::fs;
use std::process::Command;

/// Says to a restarted process that it is pinned.
pub const PINNED: &str = "--pinned";

/// Starts this program again on one core; returns false if that cannot be done. On success there is no return.
pub fn pin_by_restart() -> bool {
    let Some(mut command) = pinned_self(Cores::last) else { return false };
    command.args(env::args_os().skip(1)).arg(PINNED);
    replace_by(command)
}

#[cfg(unix)]
fn replace_by(mut command: Command) -> bool {
    let failure = std::os::unix::process::CommandExt::exec(&mut command);
    eprintln!("bench: not pinned to a core: taskset: {failure}");
    false
}

#[cfg(not(unix))]
fn replace_by(_: Command) -> bool {
    false
}

/// Returns the command that starts this program on one of the cores; `None` if there is just one.
pub fn pinned_self(core: impl FnOnce(&Cores) -> u32) -> Option<Command> {
    let cores = Cores::allowed()?;
    let mut command = Command::new("taskset");
    command.arg("-c").arg(core(&cores).to_string()).arg(env::current_exe().ok()?);
    Some(command)
}

/// The first and the last core that may be used.
pub struct Cores(u32, u32);

impl Cores {
    /// Linux lists them as `0-3,8`.
    fn allowed() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        let mut numbers = list.trim().split([',', '-']).map_while(|number| number.parse().ok());
        let first = numbers.next()?;
        Some(Self(first, numbers.last()?))
    }

    /// The server's.
    pub fn first(&self) -> u32 {
        self.0
    }

    /// The client's.
    fn last(&self) -> u32 {
        self.1
    }
}
