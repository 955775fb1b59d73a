//! Rows: work on those of a batch, each its own, and numbers of single rows of a matrix out of its tiles.

use half::{bf16, f16};

use super::arena::split;
use super::tiles::{Bytes, Half, Q4K, Q5K, Q6K, Q40, Q80, ROWS, Single, Tile};
use super::{Error, Matrix};
use crate::local::dtype::Dtype;
use crate::local::pool::Pool;

/// Numbers that one thread works on at least: less is not worth a region.
const GRAIN: usize = 16 << 10;

/// Calls `work(row, numbers)` once for each row of `cols` numbers, from any thread.
pub fn each_row(
    pool: &Pool,
    cols: usize,
    x: &mut [f32],
    work: impl Fn(usize, &mut [f32]) + Sync,
) -> Result<(), Error> {
    if cols == 0 || !x.len().is_multiple_of(cols) {
        return Err(Error::Shape(format!("{} numbers are no rows of {cols}", x.len())));
    }
    let rows = x.len() / cols;
    let parts = x.len().div_ceil(GRAIN).min(rows).min(8 * pool.threads());
    let x = split(x);
    pool.run(parts, |part, _| {
        let range = rows * part / parts..rows * (part + 1) / parts;
        range.for_each(|row| work(row, row_of(&x, row, cols)));
    })?;
    Ok(())
}

#[expect(unsafe_code, clippy::mut_from_ref, reason = "each row is written by one part of a region")]
fn row_of<'a>(x: &'a super::arena::Writer<'_, f32>, row: usize, cols: usize) -> &'a mut [f32] {
    // SAFETY: rows do not overlap, and `each_row` asks for each once.
    unsafe { x.slice(row * cols, cols) }
}

impl Matrix {
    /// The numbers of a row, as its file's blocks define them.
    pub fn row(&self, row: usize, out: &mut [f32]) -> Result<(), Error> {
        if row >= self.rows() || out.len() != self.cols() {
            let (rows, cols, found) = (self.rows(), self.cols(), out.len());
            return Err(Error::Shape(format!("row {row} of {rows} rows of {cols} into {found} numbers")));
        }
        match self.dtype() {
            Dtype::F32 => unpack(self, row, out, |tile: &Single, lane, _| tile.0[lane]),
            Dtype::F16 => unpack(self, row, out, |tile: &Half, lane, column| wide(tile.0[column][lane])),
            Dtype::BF16 => unpack(self, row, out, |tile: &Half, lane, column| {
                bf16::from_bits(tile.0[column][lane]).to_f32()
            }),
            Dtype::Q8_0 => unpack(self, row, out, q8_0),
            Dtype::Q4_0 => unpack(self, row, out, q4_0),
            Dtype::Q4_K => unpack(self, row, out, q4_k),
            Dtype::Q5_K => unpack(self, row, out, q5_k),
            Dtype::Q6_K => unpack(self, row, out, q6_k),
        }
        Ok(())
    }
}

fn unpack<T: Tile>(matrix: &Matrix, row: usize, out: &mut [f32], number: impl Fn(&T, usize, usize) -> f32) {
    let tiles = matrix.strip::<T>(row / ROWS);
    for (tile, out) in tiles.iter().zip(out.chunks_mut(T::COLS)) {
        out.iter_mut().enumerate().for_each(|(column, out)| *out = number(tile, row % ROWS, column));
    }
}

fn wide(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

/// The byte of a column among vectors of four columns.
fn byte(vectors: &[Bytes], lane: usize, column: usize) -> u8 {
    vectors[column / 4][4 * lane + column % 4]
}

/// The nibble of a column: vectors of even numbers are in low nibbles, the next ones in high ones.
fn nibble(vectors: &[Bytes], lane: usize, column: usize) -> u8 {
    vectors[column / 8][4 * lane + column % 4] >> (4 * (column / 4 % 2)) & 15
}

fn q8_0(tile: &Q80, lane: usize, column: usize) -> f32 {
    let (block, column) = (column / 32, column % 32);
    wide(tile.d[block][lane]) * (f32::from(byte(&tile.qs[block], lane, column)) - 128.0)
}

fn q4_0(tile: &Q40, lane: usize, column: usize) -> f32 {
    let (block, column) = (column / 32, column % 32);
    wide(tile.d[block][lane]) * (f32::from(nibble(&tile.qs[block], lane, column)) - 8.0)
}

fn q4_k(tile: &Q4K, lane: usize, column: usize) -> f32 {
    let (group, column) = (column / 32, column % 32);
    let min = wide(tile.dmin[lane]) * f32::from(tile.mins[group / 2][lane][group % 2]);
    let scale = wide(tile.d[lane]) * f32::from(tile.scales[group][lane]);
    scale * f32::from(nibble(&tile.qs[group], lane, column)) - min
}

fn q5_k(tile: &Q5K, lane: usize, column: usize) -> f32 {
    let (group, column) = (column / 32, column % 32);
    let min = wide(tile.dmin[lane]) * f32::from(tile.mins[group / 2][lane][group % 2]);
    let scale = wide(tile.d[lane]) * f32::from(tile.scales[group][lane]);
    let fifth = tile.high[group][4 * lane + column % 4] >> (column / 4) & 1;
    scale * f32::from(nibble(&tile.qs[group], lane, column) | fifth << 4) - min
}

fn q6_k(tile: &Q6K, lane: usize, column: usize) -> f32 {
    let (group, column) = (column / 16, column % 16);
    let high = tile.high[group][4 * lane + column % 4] >> (2 * (column / 4)) & 3;
    let q = nibble(&tile.qs[group], lane, column) | high << 4;
    wide(tile.d[lane]) * f32::from(tile.scales[group][lane]) * (f32::from(q) - 32.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::file::{blocks, quantize::quantize};
    use crate::local::kernels::Level;

    #[test]
    fn rows_are_those_of_the_file() {
        let mut random = fastrand::Rng::with_seed(7);
        let (pool, rows, cols) = (Pool::new(2), 37, 512);
        for dtype in Dtype::ALL {
            let numbers: Vec<f32> = (0..rows * cols).map(|_| random.f32() - 0.5).collect();
            let bytes = quantize(dtype, &numbers).unwrap();
            let matrix = Matrix::pack(&pool, Level::default(), dtype, [rows, cols], &bytes).unwrap();
            let mut expected = vec![0.0; rows * cols];
            blocks::dequantize(dtype, &bytes, &mut expected).unwrap();
            let mut found = vec![0.0; cols];
            for (row, expected) in expected.chunks(cols).enumerate() {
                matrix.row(row, &mut found).unwrap();
                assert_eq!(found, expected, "{dtype} row {row}");
            }
            assert!(matrix.row(rows, &mut found).is_err() && matrix.row(0, &mut found[1..]).is_err());
        }
    }

    #[test]
    fn each_row_is_worked_on_once() {
        for (rows, cols) in [(1, 5), (700, 100), (3, 40_000)] {
            let mut x = vec![1.0; rows * cols];
            each_row(&Pool::new(3), cols, &mut x, |row, x| x.iter_mut().for_each(|x| *x += row as f32))
                .unwrap();
            assert!(x.chunks(cols).enumerate().all(|(row, x)| x.iter().all(|x| *x == row as f32 + 1.0)));
        }
        assert!(each_row(&Pool::new(1), 3, &mut [0.0; 4], |_, _| ()).is_err());
    }
}
