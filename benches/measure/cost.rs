//! What a piece of work costs this process: CPU time, wall time, allocations.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;

static COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, which counts what it is asked for. Growing in place counts like a new allocation.
pub struct Allocations;

impl Allocations {
    fn count(size: usize) {
        COUNT.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(size as u64, Ordering::Relaxed);
    }
}

// SAFETY: every call goes on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Allocations {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller keeps the promises of `alloc`, which are the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size());
        // SAFETY: the caller keeps the promises of `alloc_zeroed`, which are the same here.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size);
        // SAFETY: the block came from `System`, and the caller keeps the promises of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `System` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}

/// The cost of one sample.
#[derive(Clone, Copy)]
pub struct Cost {
    pub cpu: Duration,
    pub wall: Duration,
    pub allocations: u64,
    pub allocated_bytes: u64,
}

/// Measures from its start to its stop.
pub struct Meter {
    started: Instant,
    cpu: Duration,
    allocations: u64,
    allocated_bytes: u64,
}

impl Meter {
    pub fn start() -> Result<Self> {
        let cpu = cpu_time()?;
        let (allocations, allocated_bytes) = (COUNT.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        Ok(Self { started: Instant::now(), cpu, allocations, allocated_bytes })
    }

    pub fn stop(self) -> Result<Cost> {
        let wall = self.started.elapsed();
        let (allocations, allocated_bytes) = (COUNT.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
        Ok(Cost {
            cpu: cpu_time()?.saturating_sub(self.cpu),
            wall,
            allocations: allocations - self.allocations,
            allocated_bytes: allocated_bytes - self.allocated_bytes,
        })
    }
}

/// User and system time of all threads, in nanoseconds as the kernel's scheduler counts them.
///
/// A thread that ended is no longer counted. Threads for blocking work live for 10 s without work, longer than a sample.
fn cpu_time() -> Result<Duration> {
    // The scheduler brings a running thread's time up to date when it yields.
    thread::yield_now();
    let tasks = fs::read_dir("/proc/self/task").map_err(|error| format!("CPU time is read as on Linux: {error}"))?;
    let mut nanoseconds = 0;
    for task in tasks {
        // A thread may end between the listing and the reading.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
        let on_cpu = text.split_ascii_whitespace().next().unwrap_or_default();
        nanoseconds += on_cpu.parse::<u64>().map_err(|_| format!("schedstat begins with no number: {text}"))?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}
