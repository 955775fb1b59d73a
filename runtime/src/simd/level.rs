//! Which instructions to use, found at run time, once.

use std::sync::OnceLock;

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every processor has.
    Scalar,
    /// 64-bit ARM with NEON.
    Neon,
    /// x86 with AVX2, FMA and POPCNT.
    Avx2,
    /// x86 with AVX-512 (F, BW, VL) and its products of bytes (VNNI).
    Avx512Vnni,
}

impl Level {
    /// The best that this processor has.
    pub fn detect() -> Self {
        static FOUND: OnceLock<Level> = OnceLock::new();
        *FOUND.get_or_init(find)
    }

    /// All that this processor has, the plainest first.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512Vnni].into_iter().filter(|level| level.is_here())
    }

    /// This level, or the best that there is if this processor lacks it.
    pub(super) fn usable(self) -> Self {
        if self.is_here() { self } else { Self::detect() }
    }

    fn is_here(self) -> bool {
        let family = (self == Self::Neon) == cfg!(target_arch = "aarch64");
        self == Self::Scalar || self <= Self::detect() && family
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::detect()
    }
}

#[cfg(target_arch = "x86_64")]
fn find() -> Level {
    macro_rules! has {
        ($($feature:tt)*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
    }
    if !has!("avx2" "fma" "popcnt") {
        return Level::Scalar;
    }
    if has!("avx512f" "avx512bw" "avx512vl" "avx512vnni") { Level::Avx512Vnni } else { Level::Avx2 }
}

#[cfg(target_arch = "aarch64")]
fn find() -> Level {
    if std::arch::is_aarch64_feature_detected!("neon") { Level::Neon } else { Level::Scalar }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn find() -> Level {
    Level::Scalar
}
