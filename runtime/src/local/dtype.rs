//! How the numbers of a tensor are stored. Block formats are those of GGML (`ggml-quants.h`), little endian.

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
        if len % self.block_len() != 0 {
            return None;
        }
        (len / self.block_len()).checked_mul(self.block_bytes())
    }
}
