//! Numbers out of storage formats, one at a time: the definition that faster forms are compared with. Nothing here is
//! fast; the kernels have packed forms of their own.
//!
//! Layouts, all little endian, as GGML defines them (`ggml-common.h`, `ggml-quants.c`). `d` and `dmin` are f16.
//!
//! | format | bytes | a block in file order | number |
//! |---|---|---|---|
//! | `Q8_0` | 34 | `d`, 32 × i8 | `d · q` |
//! | `Q4_0` | 18 | `d`, 16 bytes: low nibbles are numbers 0–15, high ones 16–31 | `d · (q − 8)` |
//! | `Q4_K` | 144 | `d`, `dmin`, 12 bytes of scales, 128 bytes of nibbles | `d · sc · q − dmin · m` |
//! | `Q5_K` | 176 | `d`, `dmin`, 12 bytes of scales, 32 bytes of fifth bits, 128 bytes of nibbles | the same |
//! | `Q6_K` | 210 | 128 bytes of low nibbles, 64 bytes of high pairs, 16 × i8 scales, `d` | `d · sc · (q − 32)` |
//!
//! - `Q4_K`, `Q5_K`: 8 groups of 32. Groups 2j and 2j + 1 share nibble bytes 32j to 32j + 31: low nibbles are the even
//!   group, high ones the odd group. Byte l of the fifth bits holds bit g for number l of group g.
//! - Their 12 bytes of scales hold a 6-bit scale and a 6-bit minimum for each group: see [`scale_and_min`].
//! - `Q6_K`: two halves of 128 numbers. In a half, with l from 0 to 31, numbers l, l + 32, l + 64, l + 96 take the low
//!   nibble of bytes l and l + 32, then their high nibbles, and bits 0–1, 2–3, 4–5, 6–7 of high byte l. A scale is for
//!   16 numbers.

use half::{bf16, f16};

use crate::local::dtype::Dtype;

/// Bytes and numbers that do not belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes of {dtype} are not {numbers} numbers")]
pub struct BadLength {
    /// The format.
    pub dtype: Dtype,
    /// How many bytes there are.
    pub bytes: usize,
    /// How many numbers there are.
    pub numbers: usize,
}

/// Writes all numbers of `bytes` into `out`.
///
/// # Errors
/// When `bytes` are not exactly the blocks of `out.len()` numbers; nothing is written then.
pub fn dequantize(dtype: Dtype, bytes: &[u8], out: &mut [f32]) -> Result<(), BadLength> {
    if dtype.bytes(out.len()) != Some(bytes.len()) {
        return Err(BadLength { dtype, bytes: bytes.len(), numbers: out.len() });
    }
    match dtype {
        Dtype::F32 => {
            each(bytes, out, |block: &[u8; 4], out: &mut [f32; 1]| out[0] = f32::from_le_bytes(*block))
        }
        Dtype::F16 => {
            each(bytes, out, |block, out: &mut [f32; 1]| out[0] = f16::from_le_bytes(*block).to_f32())
        }
        Dtype::BF16 => {
            each(bytes, out, |block, out: &mut [f32; 1]| out[0] = bf16::from_le_bytes(*block).to_f32())
        }
        Dtype::Q8_0 => each(bytes, out, q8_0),
        Dtype::Q4_0 => each(bytes, out, q4_0),
        Dtype::Q4_K => each(bytes, out, q4_k),
        Dtype::Q5_K => each(bytes, out, q5_k),
        Dtype::Q6_K => each(bytes, out, q6_k),
    }
    Ok(())
}

/// The scale and the minimum of group `group` (0 to 7) out of the 12 bytes of a `Q4_K` or `Q5_K` block.
///
/// Groups 0–3: the low 6 bits of bytes `group` and `group + 4`. Groups 4–7: low and high nibble of byte `group + 4`,
/// with the top 2 bits of bytes `group − 4` and `group` above them.
pub fn scale_and_min(scales: &[u8; 12], group: usize) -> (u8, u8) {
    if group < 4 {
        return (scales[group] & 63, scales[group + 4] & 63);
    }
    let low = scales[group + 4];
    ((low & 15) | ((scales[group - 4] >> 6) << 4), (low >> 4) | ((scales[group] >> 6) << 4))
}

fn each<const B: usize, const N: usize>(
    bytes: &[u8],
    out: &mut [f32],
    block: impl Fn(&[u8; B], &mut [f32; N]),
) {
    let (blocks, _) = bytes.as_chunks::<B>();
    let (outs, _) = out.as_chunks_mut::<N>();
    blocks.iter().zip(outs).for_each(|(bytes, out)| block(bytes, out));
}

fn half_at(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

fn q8_0(block: &[u8; 34], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    out.iter_mut().zip(&block[2..]).for_each(|(out, q)| *out = d * f32::from(q.cast_signed()));
}

fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let d = half_at(block, 0);
    for (l, q) in block[2..].iter().enumerate() {
        out[l] = d * (f32::from(q & 15) - 8.0);
        out[l + 16] = d * (f32::from(q >> 4) - 8.0);
    }
}

fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    let (scales, qs) = (groups(block), &block[16..]);
    for (group, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (d, min) = scales[group];
        for (l, out) in out.iter_mut().enumerate() {
            *out = d * f32::from(nibble(qs, group, l)) - min;
        }
    }
}

fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    let (scales, fifth, qs) = (groups(block), &block[16..48], &block[48..]);
    for (group, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (d, min) = scales[group];
        for (l, out) in out.iter_mut().enumerate() {
            let q = nibble(qs, group, l) | ((fifth[l] >> group) & 1) << 4;
            *out = d * f32::from(q) - min;
        }
    }
}

fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let d = half_at(block, 208);
    for (at, out) in out.iter_mut().enumerate() {
        let (half, quarter, l) = (at / 128, at % 128 / 32, at % 32);
        let low = block[64 * half + 32 * (quarter % 2) + l] >> (4 * (quarter / 2)) & 15;
        let high = block[128 + 32 * half + l] >> (2 * quarter) & 3;
        let scale = block[192 + at / 16].cast_signed();
        *out = d * f32::from(scale) * (f32::from(low | high << 4) - 32.0);
    }
}

/// Scale and minimum of each group, multiplied out.
fn groups(block: &[u8]) -> [(f32, f32); 8] {
    let (d, dmin) = (half_at(block, 0), half_at(block, 2));
    let mut scales = [0; 12];
    scales.copy_from_slice(&block[4..16]);
    std::array::from_fn(|group| {
        let (scale, min) = scale_and_min(&scales, group);
        (d * f32::from(scale), dmin * f32::from(min))
    })
}

fn nibble(qs: &[u8], group: usize, l: usize) -> u8 {
    qs[32 * (group / 2) + l] >> (4 * (group % 2)) & 15
}

#[cfg(test)]
mod tests;
