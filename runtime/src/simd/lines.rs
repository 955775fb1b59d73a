//! Numbers in lines of 64 bytes: as long as the lines of a cache, and aligned as they are.

/// Floats.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Floats([f32; 16]);

/// Bytes that stand for numbers 128 smaller.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Unsigned([u8; 64]);

/// Bytes of either sign.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Signed([i8; 64]);

/// A line of numbers.
pub(crate) trait Line: Copy {
    /// What its numbers are.
    type Number: Copy;
    /// All of its numbers.
    type Numbers;
    /// How many.
    const NUMBERS: usize = 64 / size_of::<Self::Number>();
    /// A line that counts nothing.
    const NOTHING: Self;
}

impl Line for Floats {
    type Number = f32;
    type Numbers = [f32; 16];
    const NOTHING: Self = Self([0.0; 16]);
}

impl Line for Unsigned {
    type Number = u8;
    type Numbers = [u8; 64];
    const NOTHING: Self = Self([128; 64]);
}

impl Line for Signed {
    type Number = i8;
    type Numbers = [i8; 64];
    const NOTHING: Self = Self([0; 64]);
}

/// Lines without what they promise of their place.
#[expect(unsafe_code, reason = "a view of the same bytes as another type")]
pub(super) fn plain<L: Line>(lines: &[L]) -> &[L::Numbers] {
    const { assert!(size_of::<L>() == size_of::<L::Numbers>() && align_of::<L::Numbers>() <= 64) };
    // SAFETY: a line is its numbers, no less and no more, and is aligned more strictly than they are.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len()) }
}

/// The numbers of lines.
#[expect(unsafe_code, reason = "a view of the same bytes as another type")]
pub(crate) fn numbers<L: Line>(lines: &[L]) -> &[L::Number] {
    const { assert!(size_of::<L>() == L::NUMBERS * size_of::<L::Number>()) };
    // SAFETY: a line is an array of its numbers, no less and no more, and is aligned more strictly than they are.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * L::NUMBERS) }
}

/// The numbers of lines, to be changed.
#[expect(unsafe_code, reason = "a view of the same bytes as another type")]
pub(crate) fn numbers_mut<L: Line>(lines: &mut [L]) -> &mut [L::Number] {
    const { assert!(size_of::<L>() == L::NUMBERS * size_of::<L::Number>()) };
    // SAFETY: as above; any bits are valid numbers of these types.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * L::NUMBERS) }
}

/// A vector as lines, filled up with what counts nothing.
pub(crate) fn of<L: Line>(vector: &[L::Number]) -> Vec<L> {
    let mut lines = vec![L::NOTHING; vector.len().div_ceil(L::NUMBERS)];
    numbers_mut(&mut lines)[..vector.len()].copy_from_slice(vector);
    lines
}
