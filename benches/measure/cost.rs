//! What a piece of work costs this process: CPU time, wall time, allocations.

use std::fs;
use std::io;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use super::allocations::counted;
use crate::Result;

/// Linux tells user time in hundredths of a second, whatever its own clock is.
pub const TICK: Duration = Duration::from_millis(10);

/// The cost of one sample.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub cpu: Duration,
    /// The part of `cpu` outside the kernel, in whole ticks.
    pub user: Duration,
    pub wall: Duration,
    pub allocations: u64,
    pub allocated_bytes: u64,
}

impl Cost {
    /// What this process has cost since it was started; its wall time only its parent can tell.
    pub fn since_start() -> Result<Self> {
        let (allocations, allocated_bytes) = counted();
        Ok(Self { cpu: cpu_time()?, user: user_time()?, wall: Duration::ZERO, allocations, allocated_bytes })
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            user: self.user.saturating_sub(earlier.user),
            wall: self.wall,
            allocations: self.allocations - earlier.allocations,
            allocated_bytes: self.allocated_bytes - earlier.allocated_bytes,
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.cpu += other.cpu;
        self.user += other.user;
        self.wall += other.wall;
        self.allocations += other.allocations;
        self.allocated_bytes += other.allocated_bytes;
    }
}

/// Measures from its start to its stop.
pub struct Meter {
    before: Cost,
    started: Instant,
}

impl Meter {
    pub fn start() -> Result<Self> {
        Ok(Self { before: Cost::since_start()?, started: Instant::now() })
    }

    pub fn stop(self) -> Result<Cost> {
        let wall = self.started.elapsed();
        Ok(Cost { wall, ..Cost::since_start()? }.since(self.before))
    }
}

/// User and system time of all threads, also of those that have ended, in nanoseconds as the kernel's scheduler counts them.
///
/// The sum over `/proc/self/task` would shrink when a thread ends, which those for blocking work do after 10 s without any.
fn cpu_time() -> Result<Duration> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock is a constant, and `time` lives through the call that fills it.
    match unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) } {
        0 => Ok(Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?)),
        _ => Err(format!("CPU time is not known here: {}", io::Error::last_os_error()).into()),
    }
}

/// User time of the process. The name of its program, in brackets, may hold anything; the figures stand behind it.
fn user_time() -> Result<Duration> {
    let text =
        fs::read_to_string("/proc/self/stat").map_err(|error| format!("user time is read as on Linux: {error}"))?;
    let behind_name = text.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_ascii_whitespace().nth(11).and_then(|ticks| ticks.parse::<u32>().ok());
    Ok(TICK * ticks.ok_or("stat has no user time")?)
}
