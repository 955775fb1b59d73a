//! How the numbers of a tensor are stored. Block formats are those of GGML (`ggml-quants.h`), little endian.

use std::fmt;

/// A storage format. A row of a tensor is a whole number of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types, reason = "the names that everybody writes")]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// 16-bit floats (IEEE 754 half).
    F16,
    /// 16-bit floats with the exponent of 32-bit ones.
    BF16,
    /// 32 signed bytes and an f16 scale.
    Q8_0,
    /// 32 nibbles, less 8, and an f16 scale.
    Q4_0,
    /// 256 nibbles in 8 groups; 6-bit scales and minima under two f16.
    Q4_K,
    /// As [`Q4_K`](Self::Q4_K), with a fifth bit a number.
    Q5_K,
    /// 256 numbers of 6 bits in 16 groups with 8-bit scales under one f16.
    Q6_K,
}

impl Dtype {
    /// All formats.
    pub const ALL: [Self; 8] =
        [Self::F32, Self::F16, Self::BF16, Self::Q8_0, Self::Q4_0, Self::Q4_K, Self::Q5_K, Self::Q6_K];

    /// The format that GGML gives this number.
    pub const fn from_ggml(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::F32),
            1 => Some(Self::F16),
            2 => Some(Self::Q4_0),
            8 => Some(Self::Q8_0),
            12 => Some(Self::Q4_K),
            13 => Some(Self::Q5_K),
            14 => Some(Self::Q6_K),
            30 => Some(Self::BF16),
            _ => None,
        }
    }

    /// The number that GGML gives it.
    pub const fn to_ggml(self) -> u32 {
        match self {
            Self::F32 => 0,
            Self::F16 => 1,
            Self::Q4_0 => 2,
            Self::Q8_0 => 8,
            Self::Q4_K => 12,
            Self::Q5_K => 13,
            Self::Q6_K => 14,
            Self::BF16 => 30,
        }
    }

    /// Its name, as GGML and safetensors write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::Q8_0 => "Q8_0",
            Self::Q4_0 => "Q4_0",
            Self::Q4_K => "Q4_K",
            Self::Q5_K => "Q5_K",
            Self::Q6_K => "Q6_K",
        }
    }

    /// How many numbers a block holds.
    pub const fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q8_0 | Self::Q4_0 => 32,
            Self::Q4_K | Self::Q5_K | Self::Q6_K => 256,
        }
    }

    /// How many bytes a block takes.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }

    /// The bytes of `len` numbers. `None` if they are no whole number of blocks, or too many to count.
    pub const fn bytes(self, len: usize) -> Option<usize> {
        if !len.is_multiple_of(self.block_len()) {
            return None;
        }
        (len / self.block_len()).checked_mul(self.block_bytes())
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
