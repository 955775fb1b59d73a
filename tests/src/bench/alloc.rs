//! Counts allocations of a thread. The one place of these tests with `unsafe`: an allocator cannot do without. The
//! command line takes this file as its own, for `gen --timings`.
//!
//! Only a program that makes [`Counting`] its global allocator is counted; elsewhere [`allocations`] stays zero.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counted.
pub struct Counting;

#[expect(
    unsafe_code,
    reason = "the trait is unsafe; every call is handed on to the system's allocator as it came"
)]
// SAFETY: the contract of each function is the caller's, and the system's allocator has the same.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn count(size: usize) {
    // A thread that is ending has no counter any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + size as u64));
}

/// How often this thread has asked for memory, growing counted as asking.
pub fn allocations() -> u64 {
    COUNT.with(Cell::get)
}

/// How many bytes this thread has asked for, whether it gave them back or not.
#[allow(dead_code, reason = "the command line asks only how often")]
pub fn requested() -> u64 {
    BYTES.with(Cell::get)
}
