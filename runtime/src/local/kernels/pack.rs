//! From blocks of a file to tiles. Works on words of four columns, so that a gigabyte takes a fraction of a second.

use super::Error;
use super::arena::{Arena, Writer};
use super::tiles::{Bytes, Half, Q4K, Q5K, Q6K, Q40, Q80, ROWS, Single, Tile};
use crate::local::dtype::Dtype;
use crate::local::pool::Pool;

/// How a tile takes over what one row of the file has for it.
trait Take: Tile {
    /// Bytes of a row for a whole tile.
    const BYTES: usize;

    /// `bytes` may be fewer than [`BYTES`](Self::BYTES) at the end of a row.
    fn take(&mut self, row: usize, bytes: &[u8]);
}

/// All strips of a matrix, as tiles of what `dtype` says.
pub(super) fn pack(pool: &Pool, dtype: Dtype, shape: [usize; 2], bytes: &[u8]) -> Result<Arena, Error> {
    match dtype {
        Dtype::F32 => strips::<Single>(pool, shape, bytes),
        Dtype::F16 | Dtype::BF16 => strips::<Half>(pool, shape, bytes),
        Dtype::Q8_0 => strips::<Q80>(pool, shape, bytes),
        Dtype::Q4_0 => strips::<Q40>(pool, shape, bytes),
        Dtype::Q4_K => strips::<Q4K>(pool, shape, bytes),
        Dtype::Q5_K => strips::<Q5K>(pool, shape, bytes),
        Dtype::Q6_K => strips::<Q6K>(pool, shape, bytes),
    }
}

fn strips<T: Take>(pool: &Pool, [rows, cols]: [usize; 2], bytes: &[u8]) -> Result<Arena, Error> {
    let (strips, tiles) = (rows.div_ceil(ROWS), cols.div_ceil(T::COLS));
    let row_bytes = bytes.len() / rows.max(1);
    let mut arena = Arena::new::<T>(strips.checked_mul(tiles).ok_or(Error::Memory(usize::MAX))?)?;
    let writer = arena.writer::<T>();
    pool.run(strips, |strip, _| {
        let first = strip * ROWS;
        let rows = &bytes[first * row_bytes..rows.min(first + ROWS) * row_bytes];
        // Tile by tile, not row by row: what is written stays in the cache until all rows are in.
        for (index, tile) in strip_of(&writer, strip, tiles).iter_mut().enumerate() {
            for (row, bytes) in rows.chunks_exact(row_bytes).enumerate() {
                let from = index * T::BYTES;
                tile.take(row, &bytes[from..row_bytes.min(from + T::BYTES)]);
            }
        }
    })?;
    Ok(arena)
}

#[expect(unsafe_code, clippy::mut_from_ref, reason = "each strip is written by one part of a region")]
fn strip_of<'a, T: Tile>(writer: &'a Writer<'_, T>, strip: usize, tiles: usize) -> &'a mut [T] {
    // SAFETY: strips do not overlap, and `strips` asks for each once.
    unsafe { writer.slice(strip * tiles, tiles) }
}

/// The low nibbles of four bytes.
const LOW: u32 = 0x0f0f_0f0f;

fn word(bytes: &[u8], index: usize) -> u32 {
    u32::from_le_bytes([bytes[4 * index], bytes[4 * index + 1], bytes[4 * index + 2], bytes[4 * index + 3]])
}

fn two_words(bytes: &[u8; Q6K::BYTES], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// Puts four columns of `row` into a vector.
fn put(vector: &mut Bytes, row: usize, word: u32) {
    vector[4 * row..4 * row + 4].copy_from_slice(&word.to_le_bytes());
}

/// Scale and minimum of the eight groups, from 12 bytes of six bits each.
fn scales_and_mins(packed: &[u8]) -> ([u8; 8], [u8; 8]) {
    let (mut scales, mut mins) = ([0; 8], [0; 8]);
    for group in 0..4 {
        let (a, b, c) = (packed[group], packed[group + 4], packed[group + 8]);
        (scales[group], mins[group]) = (a & 63, b & 63);
        (scales[group + 4], mins[group + 4]) = (c & 15 | a >> 6 << 4, c >> 4 | b >> 6 << 4);
    }
    (scales, mins)
}

/// What `Q4_K` and `Q5_K` have in common: nibbles of 256 columns.
fn take_nibbles(into: &mut [[Bytes; 4]; 8], row: usize, nibbles: &[u8; 128]) {
    for ([first, second], bytes) in into.as_chunks_mut().0.iter_mut().zip(nibbles.as_chunks::<32>().0) {
        for (vector, (first, second)) in first.iter_mut().zip(second).enumerate() {
            let (even, odd) = (word(bytes, 2 * vector), word(bytes, 2 * vector + 1));
            put(first, row, even & LOW | (odd & LOW) << 4);
            put(second, row, even >> 4 & LOW | odd & !LOW);
        }
    }
}

fn take_scales(scales: &mut [[u8; ROWS]; 8], mins: &mut [[[u8; 2]; ROWS]; 4], row: usize, packed: &[u8]) {
    let (s, m) = scales_and_mins(packed);
    (0..8).for_each(|group| scales[group][row] = s[group]);
    (0..8).for_each(|group| mins[group / 2][row][group % 2] = m[group]);
}

impl Take for Q4K {
    const BYTES: usize = 144;

    fn take(&mut self, row: usize, bytes: &[u8]) {
        let Some((head, nibbles)) = bytes.split_last_chunk::<128>() else { return };
        (self.d[row], self.dmin[row]) = (half(head, 0), half(head, 2));
        take_scales(&mut self.scales, &mut self.mins, row, &head[4..16]);
        take_nibbles(&mut self.qs, row, nibbles);
    }
}

impl Take for Q5K {
    const BYTES: usize = 176;

    fn take(&mut self, row: usize, bytes: &[u8]) {
        let Some((head, nibbles)) = bytes.split_last_chunk::<128>() else { return };
        (self.d[row], self.dmin[row]) = (half(head, 0), half(head, 2));
        take_scales(&mut self.scales, &mut self.mins, row, &head[4..16]);
        take_nibbles(&mut self.qs, row, nibbles);
        // Bit `group` of byte `column` is the fifth bit of that column of the group.
        let high = turned(std::array::from_fn(|index| word(&head[16..48], index)));
        self.high.iter_mut().zip(high).for_each(|(into, high)| put(into, row, high));
    }
}

/// Bit `a` of each byte of word `b` becomes bit `b` of word `a`.
fn turned(mut words: [u32; 8]) -> [u32; 8] {
    for (distance, mask) in [(4, LOW), (2, 0x3333_3333), (1, 0x5555_5555)] {
        for first in (0..8).filter(|first| first & distance == 0) {
            let second = first + distance;
            let differing = (words[first] >> distance ^ words[second]) & mask;
            words[second] ^= differing;
            words[first] ^= differing << distance;
        }
    }
    words
}

impl Take for Q6K {
    const BYTES: usize = 210;

    fn take(&mut self, row: usize, bytes: &[u8]) {
        let Ok(bytes) = <&[u8; Self::BYTES]>::try_from(bytes) else { return };
        self.d[row] = half(bytes, 208);
        (0..16).for_each(|group| self.scales[group][row] = bytes[192 + group].cast_signed());
        for group in 0..16 {
            let (part, quarter, start) = (group / 8, group / 2 % 4, 16 * (group % 2));
            // Two words at a time: the second moves into the bits that the first leaves free.
            let nibbles = |pair: usize| {
                let both = two_words(bytes, 64 * part + 32 * (quarter % 2) + start + 8 * pair);
                let both = both >> (4 * (quarter / 2)) & 0x0f0f_0f0f_0f0f_0f0f;
                (both | both >> 28) as u32
            };
            let bits = |pair: usize| {
                let both = two_words(bytes, 128 + 32 * part + start + 8 * pair) >> (2 * quarter);
                let both = both & 0x0303_0303_0303_0303;
                (both | both >> 30) as u32
            };
            put(&mut self.qs[group][0], row, nibbles(0));
            put(&mut self.qs[group][1], row, nibbles(1));
            put(&mut self.high[group], row, bits(0) | bits(1) << 4);
        }
    }
}

impl Take for Q80 {
    const BYTES: usize = 68;

    fn take(&mut self, row: usize, bytes: &[u8]) {
        for (block, bytes) in bytes.as_chunks::<34>().0.iter().enumerate() {
            self.d[block][row] = half(bytes, 0);
            let vectors = self.qs[block].iter_mut().enumerate();
            vectors.for_each(|(vector, into)| put(into, row, word(&bytes[2..], vector) ^ 0x8080_8080));
        }
    }
}

impl Take for Q40 {
    const BYTES: usize = 36;

    fn take(&mut self, row: usize, bytes: &[u8]) {
        for (block, bytes) in bytes.as_chunks::<18>().0.iter().enumerate() {
            self.d[block][row] = half(bytes, 0);
            let words: [u32; 4] = std::array::from_fn(|index| word(&bytes[2..], index));
            for pair in 0..2 {
                let (even, odd) = (words[2 * pair], words[2 * pair + 1]);
                put(&mut self.qs[block][pair], row, even & LOW | (odd & LOW) << 4);
                put(&mut self.qs[block][pair + 2], row, even >> 4 & LOW | odd & !LOW);
            }
        }
    }
}

impl Take for Half {
    const BYTES: usize = 4;

    fn take(&mut self, row: usize, bytes: &[u8]) {
        for (column, bytes) in bytes.as_chunks::<2>().0.iter().enumerate() {
            self.0[column][row] = u16::from_le_bytes(*bytes);
        }
    }
}

impl Take for Single {
    const BYTES: usize = 4;

    fn take(&mut self, row: usize, bytes: &[u8]) {
        bytes.as_chunks::<4>().0.iter().for_each(|bytes| self.0[row] = f32::from_le_bytes(*bytes));
    }
}
