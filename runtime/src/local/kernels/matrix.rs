//! Weights of a product, packed once into tiles. What is multiplied with them is not known here.

use super::arena::{Arena, Plain};
use super::tiles::{ROWS, Tile};
use super::{Error, Level, pack};
use crate::local::dtype::Dtype;
use crate::local::pool::Pool;

/// A matrix of weights: as many rows as outputs, as many columns as inputs. It takes about as many bytes as in its file.
#[derive(Debug)]
pub struct Matrix {
    dtype: Dtype,
    rows: usize,
    cols: usize,
    level: Level,
    tiles: Arena,
}

impl Matrix {
    /// Packs the rows of a file, one after another in `bytes`.
    pub fn pack(
        pool: &Pool,
        level: Level,
        dtype: Dtype,
        [rows, cols]: [usize; 2],
        bytes: &[u8],
    ) -> Result<Self, Error> {
        let wanted = dtype.bytes(cols).and_then(|row| row.checked_mul(rows));
        if wanted != Some(bytes.len()) || rows == 0 || cols == 0 {
            let found = bytes.len();
            return Err(Error::Shape(format!("{rows} rows of {cols} {dtype:?} are not {found} bytes")));
        }
        Ok(Self { dtype, rows, cols, level, tiles: pack::pack(pool, dtype, [rows, cols], bytes)? })
    }

    /// The format of its weights.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// How many outputs there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many inputs there are.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        self.tiles.bytes()
    }

    /// The same weights, multiplied with other instructions.
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    pub(super) fn level(&self) -> Level {
        self.level.usable()
    }

    pub(super) fn strips(&self) -> usize {
        self.rows.div_ceil(ROWS)
    }

    /// The tiles of a strip. `T` is what [`pack`](Self::pack) made for the format.
    pub(super) fn strip<T: Tile>(&self, index: usize) -> &[T] {
        let tiles = self.cols.div_ceil(T::COLS);
        &self.tiles.values()[index * tiles..][..tiles]
    }

    /// The columns of a strip of floats, packed as tiles of `T`.
    pub(super) fn columns<T: Tile, C: Plain>(&self, index: usize) -> &[C] {
        let columns = self.cols.next_multiple_of(T::COLS);
        &self.tiles.values()[index * columns..][..self.cols]
    }
}
