//! One piece of zeroed memory for the tiles of a matrix: aligned to 2 MiB, with huge pages where the system has them.
//!
//! Fewer, larger pages are worth a tenth of the bandwidth of a matrix–vector product.

use std::marker::PhantomData;

use memmap2::{MmapMut, MmapOptions};

use super::Error;

/// What huge pages are multiples of.
const HUGE: usize = 2 << 20;

/// Plain numbers in any order of bits: zeroed memory is a value.
///
/// # Safety
/// Each pattern of bits must be a value, without padding, and the alignment must divide 64.
#[expect(unsafe_code, reason = "memory is read as this type")]
pub(super) unsafe trait Plain: Copy + Send + Sync + 'static {}

// SAFETY: each pattern of bits is a byte.
#[expect(unsafe_code, reason = "see above")]
unsafe impl Plain for u8 {}

/// `len` values, zero at first.
#[derive(Debug)]
pub(super) struct Arena {
    map: MmapMut,
    start: usize,
    bytes: usize,
}

/// Parts of an arena that threads write, each its own.
pub(super) struct Writer<'a, T> {
    start: *mut T,
    len: usize,
    arena: PhantomData<&'a mut Arena>,
}

// SAFETY: the pointer stands for the exclusive borrow of an arena of `T: Send`, and `slice` asks that no two threads
// hold the same part.
#[expect(unsafe_code, reason = "threads write parts of one arena")]
unsafe impl<T: Plain> Sync for Writer<'_, T> {}

impl Arena {
    pub(super) fn new<T: Plain>(len: usize) -> Result<Self, Error> {
        let bytes = len.checked_mul(size_of::<T>()).filter(|bytes| *bytes < isize::MAX as usize - 2 * HUGE);
        let bytes = bytes.ok_or(Error::Memory(usize::MAX))?;
        let slack = if bytes >= HUGE { HUGE } else { 64 };
        let map =
            MmapOptions::new().len(bytes.max(1) + slack).map_anon().map_err(|_| Error::Memory(bytes))?;
        let start = map.as_ptr().align_offset(slack);
        // A wish: without it pages are small. The end that fills no huge page is left out, for it would take a whole one.
        #[cfg(target_os = "linux")]
        let _ = map.advise_range(memmap2::Advice::HugePage, start, bytes / HUGE * HUGE);
        Ok(Self { map, start, bytes })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of it, as the type that it was made for.
    #[expect(unsafe_code, reason = "bytes are read as plain numbers")]
    pub(super) fn values<T: Plain>(&self) -> &[T] {
        let bytes = &self.map[self.start..self.start + self.bytes];
        // SAFETY: `Plain` promises that any bytes are values. `align_to` cares for alignment and length.
        unsafe { bytes.align_to::<T>().1 }
    }

    pub(super) fn writer<T: Plain>(&mut self) -> Writer<'_, T> {
        let bytes = &mut self.map[self.start..self.start + self.bytes];
        let start = bytes.as_mut_ptr().cast::<T>();
        debug_assert!(start.is_aligned(), "arenas are aligned to 64 bytes at least");
        Writer { start, len: self.bytes / size_of::<T>(), arena: PhantomData }
    }
}

impl<T> Writer<'_, T> {
    /// `len` values from `from` on.
    ///
    /// # Safety
    /// No two slices that live at one time may overlap.
    #[expect(unsafe_code, clippy::mut_from_ref, reason = "threads write parts of one arena")]
    pub(super) unsafe fn slice(&self, from: usize, len: usize) -> &mut [T] {
        assert!(from <= self.len && len <= self.len - from, "a slice ends inside of its arena");
        // SAFETY: inside the arena by the assertion, zeroed or written as `T` before, and not shared by the contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(from), len) }
    }
}

/// Disjoint parts of a slice that threads write.
pub(super) fn split<T: Plain>(slice: &mut [T]) -> Writer<'_, T> {
    Writer { start: slice.as_mut_ptr(), len: slice.len(), arena: PhantomData }
}

// SAFETY: each pattern of bits is a number.
#[expect(unsafe_code, reason = "see above")]
unsafe impl Plain for f32 {}
