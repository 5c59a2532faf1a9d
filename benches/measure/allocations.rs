//! The system's allocator, which counts what it is asked for.
//!
//! Each thread counts in a slot of its own, without a locked instruction: two of these at every allocation would be a part
//! of the figures, and a larger one for the client that allocates more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// More threads than a run has: a client's one, and those for blocking work.
const SLOTS: usize = 64;

static SLOT: [Slot; SLOTS] = [const { Slot { count: AtomicU64::new(0), bytes: AtomicU64::new(0) } }; SLOTS];
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

/// What one thread asked for; only that thread writes. A slot keeps its counts when its thread ends.
#[repr(align(64))]
struct Slot {
    count: AtomicU64,
    bytes: AtomicU64,
}

impl Slot {
    fn mine() -> &'static Self {
        MINE.with(|mine| {
            let slot = mine.get().unwrap_or_else(|| &SLOT[NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS]);
            mine.set(Some(slot));
            slot
        })
    }

    fn add(&self, size: usize) {
        self.count.store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.bytes.store(self.bytes.load(Ordering::Relaxed) + size as u64, Ordering::Relaxed);
    }
}

/// Returns how often all threads asked, and for how many bytes.
pub fn counted() -> (u64, u64) {
    let load = |figure: fn(&Slot) -> &AtomicU64| SLOT.iter().map(|slot| figure(slot).load(Ordering::Relaxed)).sum();
    (load(|slot| &slot.count), load(|slot| &slot.bytes))
}

/// The allocator. Growing in place counts like a new allocation.
pub struct Allocations;

// SAFETY: every call goes on to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Allocations {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Slot::mine().add(layout.size());
        // SAFETY: the caller keeps the promises of `alloc`, which are the same here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Slot::mine().add(layout.size());
        // SAFETY: the caller keeps the promises of `alloc_zeroed`, which are the same here.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Slot::mine().add(size);
        // SAFETY: the block came from `System`, and the caller keeps the promises of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `System` with this layout.
        unsafe { System.dealloc(block, layout) }
    }
}
