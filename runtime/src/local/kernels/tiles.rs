//! How weights lie in memory: strips of 16 rows, cut into tiles; four neighbouring columns of a row in each 32-bit lane,
//! as the dot products of bytes want them. As wide as the file's blocks, but for alignment.
//!
//! A run of 64 bytes is "a vector": byte `4·row + j` belongs to column `4·v + j` of vector `v` of its tile.

use super::arena::Plain;

/// Rows of a strip.
pub(super) const ROWS: usize = 16;

/// 64 bytes: 16 rows of four columns.
pub(super) type Bytes = [u8; 64];
/// A number for each row, as f16.
pub(super) type Halves = [u16; ROWS];

/// A piece of a strip, with all that belongs to `COLS` columns.
///
/// # Safety
/// As [`Plain`].
#[expect(unsafe_code, reason = "memory is read as this type")]
pub(super) unsafe trait Tile: Plain {
    /// Columns of a tile.
    const COLS: usize;
}

/// 256 columns of [`Q4_K`](crate::local::dtype::Dtype::Q4_K). Vector `2·v` is in low nibbles, `2·v + 1` in high ones.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Q4K {
    pub qs: [[Bytes; 4]; 8],
    pub scales: [[u8; ROWS]; 8],
    /// Minima of two neighbouring groups beside each other.
    pub mins: [[[u8; 2]; ROWS]; 4],
    pub d: Halves,
    pub dmin: Halves,
}

/// As [`Q4K`], with a vector of fifth bits a group: bit `v` belongs to vector `v` of the group.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Q5K {
    pub qs: [[Bytes; 4]; 8],
    pub high: [Bytes; 8],
    pub scales: [[u8; ROWS]; 8],
    pub mins: [[[u8; 2]; ROWS]; 4],
    pub d: Halves,
    pub dmin: Halves,
}

/// 256 columns in 16 groups of four vectors: low nibbles as in [`Q4K`], two high bits of the four in one vector.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Q6K {
    pub qs: [[Bytes; 2]; 16],
    pub high: [Bytes; 16],
    pub scales: [[i8; ROWS]; 16],
    pub d: Halves,
    pub unused: Halves,
}

/// Two blocks of 32 columns. Bytes are 128 more than the weights.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Q80 {
    pub qs: [[Bytes; 8]; 2],
    pub d: [Halves; 2],
}

/// Two blocks of 32 columns. Nibbles are 8 more than the weights.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Q40 {
    pub qs: [[Bytes; 4]; 2],
    pub d: [Halves; 2],
}

/// Two columns of f16 or bf16. Kernels read them one by one.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Half(pub [Halves; 2]);

/// One column of f32.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Single(pub [f32; ROWS]);

macro_rules! tile {
    ($($name:ty, $bytes:literal, $cols:literal;)*) => {$(
        const _: () = assert!(size_of::<$name>() == $bytes, "no padding");
        // SAFETY: arrays of numbers without padding, by the assertion; aligned to 64.
        #[expect(unsafe_code, reason = "plain numbers")]
        unsafe impl Plain for $name {}
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "plain numbers")]
        unsafe impl Tile for $name {
            const COLS: usize = $cols;
        }
    )*};
}

tile! {
    Q4K, 2368, 256;
    Q5K, 2880, 256;
    Q6K, 3392, 256;
    Q80, 1088, 64;
    Q40, 576, 64;
    Half, 64, 2;
    Single, 64, 1;
}

// SAFETY: arrays of numbers.
#[expect(unsafe_code, reason = "plain numbers")]
unsafe impl Plain for Halves {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "plain numbers")]
unsafe impl Plain for [f32; ROWS] {}
