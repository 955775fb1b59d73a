//! The inputs of a product: rows of f32, quantised once and shared by all products that read them.
//!
//! Weights in blocks of 32 meet bytes with a scale for 32 columns, weights in blocks of 256 meet bytes with a scale for
//! 256, and floats meet floats. Scales are f32. Rows lie in panels, of up to twelve rows beside each other, as kernels
//! read them.

use super::arena::{Plain, Writer, split};
use super::level::{Level, leveled};
use super::math;
use super::{Error, Matrix};
use crate::local::dtype::Dtype;
use crate::local::pool::Pool;

/// The largest panel that so many rows fill.
fn largest(rows: usize) -> usize {
    match rows {
        12.. => 12,
        8.. => 8,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// Which forms of the inputs are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds {
    /// As they are: for F32, F16 and BF16.
    pub floats: bool,
    /// In blocks of 32: for Q8_0 and Q4_0.
    pub blocks: bool,
    /// In blocks of 256: for Q4_K, Q5_K and Q6_K.
    pub large_blocks: bool,
}

impl Kinds {
    /// What weights of this format meet.
    pub const fn of(dtype: Dtype) -> Self {
        let floats = matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16);
        let blocks = matches!(dtype, Dtype::Q8_0 | Dtype::Q4_0);
        Self { floats, blocks, large_blocks: !floats && !blocks }
    }

    /// What all of these matrices need.
    pub fn all<'a>(matrices: impl IntoIterator<Item = &'a Matrix>) -> Self {
        matrices.into_iter().fold(Self::default(), |all, matrix| all.and(Self::of(matrix.dtype())))
    }

    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self {
            floats: self.floats || other.floats,
            blocks: self.blocks || other.blocks,
            large_blocks: self.large_blocks || other.large_blocks,
        }
    }

    pub(super) const fn has(self, other: Self) -> bool {
        (self.floats || !other.floats)
            && (self.blocks || !other.blocks)
            && (self.large_blocks || !other.large_blocks)
    }
}

/// Rows of inputs. Kept and filled again, it allocates only when it grows.
#[derive(Debug, Default)]
pub struct Activations {
    rows: usize,
    cols: usize,
    kinds: Kinds,
    floats: Vec<f32>,
    blocks: Quantised,
    large: Quantised,
    scratch: Vec<f32>,
}

/// Four columns of a row.
pub(super) type Four = [i8; 4];

#[derive(Debug, Default)]
struct Quantised {
    qs: Vec<Four>,
    scales: Vec<f32>,
    /// −128 times the sum of 32 columns, or −32 times the sum of 16: where sums of products with unsigned weights start.
    starts: Vec<i32>,
    /// Sums of 32 columns in pairs, of large blocks.
    sums: Vec<[i16; 2]>,
}

/// Rows beside each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Panel {
    pub first: usize,
    pub rows: usize,
}

/// The panels of a batch: as many of the largest as fit, then of the next.
pub(super) fn panels(rows: usize) -> impl Iterator<Item = Panel> {
    let size = move |first: usize| largest(rows - first);
    let first = (rows > 0).then(|| Panel { first: 0, rows: size(0) });
    std::iter::successors(first, move |panel| {
        let first = panel.first + panel.rows;
        (first < rows).then(|| Panel { first, rows: size(first) })
    })
}

/// `MR` rows of floats, column by column.
pub(super) type Floats<'a, const MR: usize> = &'a [[f32; MR]];

/// `MR` rows in blocks of 32.
#[derive(Clone, Copy)]
pub(super) struct Blocks<'a, const MR: usize> {
    pub qs: &'a [[[Four; MR]; 8]],
    pub scales: &'a [[f32; MR]],
    pub starts: &'a [[i32; MR]],
}

/// `MR` rows in blocks of 256.
#[derive(Clone, Copy)]
pub(super) struct LargeBlocks<'a, const MR: usize> {
    pub qs: &'a [[[Four; MR]; 64]],
    pub scales: &'a [[f32; MR]],
    pub starts: &'a [[[i32; MR]; 16]],
    pub sums: &'a [[[[i16; 2]; MR]; 4]],
}

impl Activations {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many numbers a row has.
    pub fn cols(&self) -> usize {
        self.cols
    }

    pub(super) fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// Takes over rows of `cols` numbers.
    pub fn fill(
        &mut self,
        pool: &Pool,
        level: Level,
        kinds: Kinds,
        cols: usize,
        x: &[f32],
    ) -> Result<(), Error> {
        let rows = rows_of(x, cols)?;
        let make = |row: usize, into: &mut [f32]| into.copy_from_slice(&x[row * cols..][..cols]);
        self.fill_with(pool, level, kinds, [rows, cols], make)
    }

    /// Takes over rows, divided by their root mean square and multiplied by `weight`.
    pub fn fill_rms_norm(
        &mut self,
        pool: &Pool,
        level: Level,
        kinds: Kinds,
        x: &[f32],
        weight: &[f32],
        eps: f32,
    ) -> Result<(), Error> {
        let cols = weight.len();
        let rows = rows_of(x, cols)?;
        let make =
            |row: usize, into: &mut [f32]| math::rms_norm(level, &x[row * cols..][..cols], weight, eps, into);
        self.fill_with(pool, level, kinds, [rows, cols], make)
    }

    /// Takes over `silu(gate) · up`.
    pub fn fill_silu_mul(
        &mut self,
        pool: &Pool,
        level: Level,
        kinds: Kinds,
        cols: usize,
        [gate, up]: [&[f32]; 2],
    ) -> Result<(), Error> {
        let rows = rows_of(gate, cols)?;
        if gate.len() != up.len() {
            return Err(Error::Shape(format!("{} gates for {} numbers", gate.len(), up.len())));
        }
        let make = |row: usize, into: &mut [f32]| {
            let range = row * cols..(row + 1) * cols;
            math::silu_mul(level, &gate[range.clone()], &up[range], into);
        };
        self.fill_with(pool, level, kinds, [rows, cols], make)
    }

    /// Takes over rows that `make(row, into)` writes. It is called once for each row, from any thread.
    pub fn fill_with(
        &mut self,
        pool: &Pool,
        level: Level,
        kinds: Kinds,
        [rows, cols]: [usize; 2],
        make: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Result<(), Error> {
        let wrong =
            kinds.blocks && !cols.is_multiple_of(32) || kinds.large_blocks && !cols.is_multiple_of(256);
        if wrong {
            return Err(Error::Shape(format!("{cols} columns are no whole number of blocks")));
        }
        self.resize(pool.threads(), kinds, [rows, cols]);
        let Self { floats, blocks, large, scratch, .. } = self;
        let (blocks, large) = (QuantisedOut::new(blocks), QuantisedOut::new(large));
        let out = Out { kinds, cols, floats: split(floats), blocks, large };
        let scratch = split(scratch);
        let all: usize = panels(rows).count();
        pool.run(all, |part, thread| {
            let Some(panel) = panels(rows).nth(part) else { return };
            let row = slice(&scratch, thread * cols, cols);
            (0..panel.rows).for_each(|index| {
                make(panel.first + index, row);
                out.put(level, panel, index, row);
            });
        })?;
        Ok(())
    }

    fn resize(&mut self, threads: usize, kinds: Kinds, [rows, cols]: [usize; 2]) {
        (self.rows, self.cols, self.kinds) = (rows, cols, kinds);
        let count = |wanted: bool| if wanted { rows * cols } else { 0 };
        self.scratch.resize(threads * cols, 0.0);
        self.floats.resize(count(kinds.floats), 0.0);
        self.blocks.resize(count(kinds.blocks), 32, 32);
        self.large.resize(count(kinds.large_blocks), 256, 16);
        self.large.sums.resize(count(kinds.large_blocks) / 64, [0; 2]);
    }

    pub(super) fn floats<const MR: usize>(&self, panel: Panel) -> Floats<'_, MR> {
        self.floats[panel.first * self.cols..][..MR * self.cols].as_chunks().0
    }

    pub(super) fn blocks<const MR: usize>(&self, panel: Panel) -> Blocks<'_, MR> {
        let (qs, scales, starts) = self.blocks.panel(panel, self.cols, 32, 32);
        Blocks {
            qs: qs.as_chunks().0.as_chunks().0,
            scales: scales.as_chunks().0,
            starts: starts.as_chunks().0,
        }
    }

    pub(super) fn large_blocks<const MR: usize>(&self, panel: Panel) -> LargeBlocks<'_, MR> {
        let (qs, scales, starts) = self.large.panel(panel, self.cols, 256, 16);
        let sums = &self.large.sums[panel.first * self.cols / 64..][..MR * self.cols / 64];
        LargeBlocks {
            qs: qs.as_chunks().0.as_chunks().0,
            scales: scales.as_chunks().0,
            starts: starts.as_chunks().0.as_chunks().0,
            sums: sums.as_chunks().0.as_chunks().0,
        }
    }
}

impl Quantised {
    fn resize(&mut self, count: usize, block: usize, start: usize) {
        self.qs.resize(count / 4, [0; 4]);
        self.scales.resize(count / block, 0.0);
        self.starts.resize(count / start, 0);
    }

    fn panel(&self, panel: Panel, cols: usize, block: usize, start: usize) -> (&[Four], &[f32], &[i32]) {
        let (from, len) = (panel.first * cols, panel.rows * cols);
        let qs = &self.qs[from / 4..][..len / 4];
        (qs, &self.scales[from / block..][..len / block], &self.starts[from / start..][..len / start])
    }
}

fn rows_of(x: &[f32], cols: usize) -> Result<usize, Error> {
    match x.len().checked_div(cols) {
        Some(rows) if rows * cols == x.len() => Ok(rows),
        _ => Err(Error::Shape(format!("{} numbers are no rows of {cols}", x.len()))),
    }
}

// SAFETY: each pattern of bits is a value, of all three.
#[expect(unsafe_code, reason = "plain numbers")]
unsafe impl Plain for Four {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "plain numbers")]
unsafe impl Plain for i32 {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "plain numbers")]
unsafe impl Plain for [i16; 2] {}

/// Where threads put quantised rows.
struct Out<'a> {
    kinds: Kinds,
    cols: usize,
    floats: Writer<'a, f32>,
    blocks: QuantisedOut<'a>,
    large: QuantisedOut<'a>,
}

struct QuantisedOut<'a> {
    qs: Writer<'a, Four>,
    scales: Writer<'a, f32>,
    starts: Writer<'a, i32>,
    sums: Writer<'a, [i16; 2]>,
}

/// A part that only the thread that asks writes at this time.
#[expect(unsafe_code, clippy::mut_from_ref, reason = "threads write disjoint parts")]
fn slice<'a, T: Plain>(writer: &'a Writer<'_, T>, from: usize, len: usize) -> &'a mut [T] {
    // SAFETY: all callers are parts of the region in `fill_with`. They ask for what belongs to their panel, or for the
    // scratch of their thread, and drop it before they ask again.
    unsafe { writer.slice(from, len) }
}

impl<'a> QuantisedOut<'a> {
    fn new(into: &'a mut Quantised) -> Self {
        let Quantised { qs, scales, starts, sums } = into;
        Self { qs: split(qs), scales: split(scales), starts: split(starts), sums: split(sums) }
    }
}

impl Out<'_> {
    fn put(&self, level: Level, panel: Panel, index: usize, row: &[f32]) {
        let (from, len) = (panel.first * self.cols, panel.rows * self.cols);
        if self.kinds.floats {
            let into = slice(&self.floats, from, len);
            into.chunks_exact_mut(panel.rows).zip(row).for_each(|(into, x)| into[index] = *x);
        }
        if self.kinds.blocks {
            let QuantisedOut { qs, scales, starts, .. } = &self.blocks;
            let qs = slice(qs, from / 4, len / 4);
            let (scales, starts) = (slice(scales, from / 32, len / 32), slice(starts, from / 32, len / 32));
            quantise(level, row, [panel.rows, index], qs, scales, starts);
        }
        if self.kinds.large_blocks {
            let QuantisedOut { qs, scales, starts, sums } = &self.large;
            let (qs, scales) = (slice(qs, from / 4, len / 4), slice(scales, from / 256, len / 256));
            let (starts, sums) = (slice(starts, from / 16, len / 16), slice(sums, from / 64, len / 64));
            quantise_large(level, row, [panel.rows, index], qs, scales, starts, sums);
        }
    }
}

leveled! {
    /// One row into a panel, in blocks of 32: its place is `index` of `rows`.
    fn quantise(x: &[f32], place: [usize; 2], qs: &mut [Four], scales: &mut [f32], starts: &mut [i32]) {
        let [rows, index] = place;
        for (block, x) in x.as_chunks::<32>().0.iter().enumerate() {
            let mut bytes = [0; 32];
            scales[block * rows + index] = quantise_block(x, &mut bytes);
            starts[block * rows + index] = -128 * bytes.iter().map(|q| i32::from(*q)).sum::<i32>();
            let qs = &mut qs[8 * block * rows..][..8 * rows];
            qs.chunks_exact_mut(rows).zip(bytes.as_chunks().0).for_each(|(into, four)| into[index] = *four);
        }
    }

    /// One row into a panel, in blocks of 256.
    fn quantise_large(
        x: &[f32],
        place: [usize; 2],
        qs: &mut [Four],
        scales: &mut [f32],
        starts: &mut [i32],
        sums: &mut [[i16; 2]],
    ) {
        let [rows, index] = place;
        for (block, x) in x.as_chunks::<256>().0.iter().enumerate() {
            let mut bytes = [0; 256];
            scales[block * rows + index] = quantise_block(x, &mut bytes);
            let sums16: [i32; 16] = std::array::from_fn(|group| {
                bytes[16 * group..16 * group + 16].iter().map(|q| i32::from(*q)).sum()
            });
            for (group, sum) in sums16.iter().enumerate() {
                starts[(16 * block + group) * rows + index] = -32 * sum;
            }
            for (pair, four) in sums16.as_chunks::<4>().0.iter().enumerate() {
                sums[(4 * block + pair) * rows + index] = [(four[0] + four[1]) as i16, (four[2] + four[3]) as i16];
            }
            let qs = &mut qs[64 * block * rows..][..64 * rows];
            qs.chunks_exact_mut(rows).zip(bytes.as_chunks().0).for_each(|(into, four)| into[index] = *four);
        }
    }
}

/// Bytes and their scale: the largest becomes ±127.
#[inline(always)]
fn quantise_block<const N: usize>(x: &[f32; N], bytes: &mut [i8; N]) -> f32 {
    let mut largest = [0.0f32; 16];
    for x in x.as_chunks::<16>().0 {
        for (largest, x) in largest.iter_mut().zip(x) {
            let x = x.abs();
            *largest = if x > *largest { x } else { *largest };
        }
    }
    let largest = math::folded(largest, |a, b| if b > a { b } else { a });
    let inverse = if largest > f32::MIN_POSITIVE { 127.0 / largest } else { 0.0 };
    bytes.iter_mut().zip(x).for_each(|(byte, x)| *byte = round(x * inverse) as i8);
    largest / 127.0
}

/// To the nearest, ties to even, for numbers below 2²²: adding 1.5·2²³ leaves no room for a fraction.
#[inline(always)]
fn round(x: f32) -> i32 {
    (x + 12_582_912.0).to_bits().wrapping_sub(0x4b40_0000).cast_signed()
}
