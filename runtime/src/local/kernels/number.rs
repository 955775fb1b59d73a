//! What keys and values are stored as: how a block of them lies in memory, and the two products with it.
//!
//! Keys lie in strips of 16 positions, number by number; values in strips of 16 numbers, position by position: as the
//! products read them. Eight bits have scales behind them, one for each 32 numbers of a key or a value.

use std::cell::RefCell;

use half::f16;

use super::attention::{BLOCK, Heads};
use super::level::{Level, leveled};
use super::product::{Results, half as halves, single};
use super::tiles::ROWS;

/// Numbers that share a scale.
const GROUP: usize = 32;
/// A scale: f16, as two numbers of eight bits.
const SCALE: usize = 2;

/// What a cache holds: f16 (as bits), eight bits with scales, or f32 where memory is no matter.
pub trait Number: Copy + Default + Send + Sync + 'static {
    /// Numbers of a block, for one head of keys.
    fn block_len(heads: &Heads) -> usize {
        BLOCK * (heads.key_dim + heads.value_dim)
    }

    /// Puts a key and a value into place `slot` of a block.
    fn put(block: &mut [Self], heads: &Heads, slot: usize, key: &[f32], value: &[f32]);

    /// Products of keys: of the 16 positions of a strip.
    #[doc(hidden)]
    fn scores<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        inputs: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    );

    /// Sums of values, weighed: of the 16 numbers of a strip, over as many positions as there are weights.
    #[doc(hidden)]
    fn sums<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        weights: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    );
}

/// A strip of a block.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Strip<'a, T> {
    pub(super) level: Level,
    pub(super) block: &'a [T],
    pub(super) strip: usize,
}

impl<'a, T> Strip<'a, T> {
    fn keys(self, heads: &Heads) -> &'a [[T; ROWS]] {
        let len = heads.key_dim * ROWS;
        self.block[self.strip * len..][..len].as_chunks().0
    }

    fn values(self, heads: &Heads) -> &'a [[T; ROWS]] {
        let len = BLOCK * ROWS;
        self.block[BLOCK * heads.key_dim + self.strip * len..][..len].as_chunks().0
    }
}

/// Writes a key and a value where the products read them.
fn put<T: Copy>(
    block: &mut [T],
    heads: &Heads,
    slot: usize,
    key: impl Iterator<Item = T>,
    value: impl Iterator<Item = T>,
) {
    let (keys, values) = block.split_at_mut(BLOCK * heads.key_dim);
    let strip = &mut keys[slot / ROWS * heads.key_dim * ROWS..][..heads.key_dim * ROWS];
    strip.chunks_exact_mut(ROWS).zip(key).for_each(|(into, x)| into[slot % ROWS] = x);
    for (at, x) in value.enumerate() {
        values[(at / ROWS * BLOCK + slot) * ROWS + at % ROWS] = x;
    }
}

impl Number for f32 {
    fn put(block: &mut [Self], heads: &Heads, slot: usize, key: &[f32], value: &[f32]) {
        put(block, heads, slot, key.iter().copied(), value.iter().copied());
    }

    fn scores<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        inputs: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    ) {
        single(of.level, [of.keys(heads)], inputs, out);
    }

    fn sums<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        weights: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    ) {
        single(of.level, [&of.values(heads)[..weights.len()]], weights, out);
    }
}

/// To the nearest that there is; the largest for more.
fn to_f16(x: f32) -> f16 {
    f16::from_f32(x.clamp(-65504.0, 65504.0))
}

impl Number for u16 {
    fn put(block: &mut [Self], heads: &Heads, slot: usize, key: &[f32], value: &[f32]) {
        let bits = |x: &f32| to_f16(*x).to_bits();
        put(block, heads, slot, key.iter().map(bits), value.iter().map(bits));
    }

    fn scores<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        inputs: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    ) {
        halves::<MR, 1, false>(of.level, [of.keys(heads)], inputs, out);
    }

    fn sums<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        weights: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    ) {
        halves::<MR, 1, false>(of.level, [&of.values(heads)[..weights.len()]], weights, out);
    }
}

thread_local! {
    /// A strip as f32.
    static WIDE: RefCell<Vec<[f32; ROWS]>> = const { RefCell::new(Vec::new()) };
}

/// Where the scales of keys begin, and those of values.
fn scales(heads: &Heads) -> [usize; 2] {
    let keys = BLOCK * (heads.key_dim + heads.value_dim);
    [keys, keys + BLOCK * heads.key_dim.div_ceil(GROUP) * SCALE]
}

/// The scale of a group at a place, of those that begin at `start`.
fn scale(block: &[i8], start: usize, group: usize, slot: usize) -> f32 {
    let at = start + (group * BLOCK + slot) * SCALE;
    f16::from_le_bytes([block[at].cast_unsigned(), block[at + 1].cast_unsigned()]).to_f32()
}

/// The scale of numbers, so that the largest is 127. What is no number stays none.
fn scale_of(numbers: &[f32]) -> f16 {
    let most = numbers.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let scale = if numbers.iter().any(|x| x.is_nan()) { f32::NAN } else { most / 127.0 };
    to_f16(scale)
}

/// Numbers as multiples of their scales, which are written behind the block.
fn put_scaled<'a>(
    block: &mut [i8],
    start: usize,
    slot: usize,
    numbers: &'a [f32],
) -> impl Iterator<Item = i8> + use<'a> {
    for (group, numbers) in numbers.chunks(GROUP).enumerate() {
        let at = start + (group * BLOCK + slot) * SCALE;
        let bytes = scale_of(numbers).to_le_bytes();
        (block[at], block[at + 1]) = (bytes[0].cast_signed(), bytes[1].cast_signed());
    }
    numbers.chunks(GROUP).flat_map(|numbers| {
        let scale = scale_of(numbers).to_f32();
        let factor = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        numbers.iter().map(move |x| (x * factor).round_ties_even() as i8)
    })
}

impl Number for i8 {
    fn block_len(heads: &Heads) -> usize {
        let groups = heads.key_dim.div_ceil(GROUP) + heads.value_dim.div_ceil(GROUP);
        BLOCK * (heads.key_dim + heads.value_dim + SCALE * groups)
    }

    fn put(block: &mut [Self], heads: &Heads, slot: usize, key: &[f32], value: &[f32]) {
        let [keys, values] = scales(heads);
        let key = put_scaled(block, keys, slot, key);
        let value = put_scaled(block, values, slot, value);
        put(block, heads, slot, key, value);
    }

    fn scores<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        inputs: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    ) {
        let ([start, _], first) = (scales(heads), of.strip * ROWS);
        WIDE.with_borrow_mut(|wide| {
            wide.resize(wide.len().max(heads.key_dim), [0.0; ROWS]);
            let wide = &mut wide[..heads.key_dim];
            for (group, (keys, wide)) in of.keys(heads).chunks(GROUP).zip(wide.chunks_mut(GROUP)).enumerate()
            {
                let scales = std::array::from_fn(|at| scale(of.block, start, group, first + at));
                widen(of.level, keys, &scales, wide);
            }
            single(of.level, [wide], inputs, out);
        });
    }

    fn sums<const MR: usize>(
        of: Strip<'_, Self>,
        heads: &Heads,
        weights: &[[f32; MR]],
        out: &mut Results<MR, 1>,
    ) {
        let ([_, start], group) = (scales(heads), of.strip * ROWS / GROUP);
        WIDE.with_borrow_mut(|wide| {
            wide.resize(wide.len().max(BLOCK), [0.0; ROWS]);
            let wide = &mut wide[..weights.len()];
            for (slot, (values, wide)) in of.values(heads).iter().zip(wide.iter_mut()).enumerate() {
                let scale = scale(of.block, start, group, slot);
                *wide = values.map(|x| f32::from(x) * scale);
            }
            single(of.level, [wide], weights, out);
        });
    }
}

leveled! {
    /// Rows of 16 numbers, each with the scale of its place.
    fn widen(numbers: &[[i8; ROWS]], scales: &[f32; ROWS], out: &mut [[f32; ROWS]]) {
        for (numbers, out) in numbers.iter().zip(out) {
            out.iter_mut().zip(numbers.iter().zip(scales)).for_each(|(out, (x, scale))| *out = f32::from(*x) * scale);
        }
    }
}
