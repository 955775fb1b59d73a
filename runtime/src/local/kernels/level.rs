//! Which instructions to use, found at run time.

use std::sync::OnceLock;

/// A set of instructions. Each of them computes the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every processor has.
    Scalar,
    /// 64-bit ARM with NEON, which is nearly all of them.
    Neon,
    /// x86 with AVX2, FMA and F16C.
    Avx2,
    /// x86 with AVX-512 (F, BW, DQ, VL) and its dot products of bytes (VNNI).
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

    /// This level, or the best that there is if this processor lacks it. Whoever calls a function of a level asks
    /// here first.
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
    if !has!("avx2" "fma" "f16c") {
        return Level::Scalar;
    }
    if has!("avx512f" "avx512bw" "avx512dq" "avx512vl" "avx512vnni") {
        Level::Avx512Vnni
    } else {
        Level::Avx2
    }
}

#[cfg(target_arch = "aarch64")]
fn find() -> Level {
    if std::arch::is_aarch64_feature_detected!("neon") { Level::Neon } else { Level::Scalar }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn find() -> Level {
    Level::Scalar
}

/// Defines a function once and compiles it for each level: the body is plain Rust that the compiler turns into
/// vectors. The first argument is the level. What each processor has, as NEON, the plain form has too.
macro_rules! leveled {
    ($($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$doc])*
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "calls what was compiled for a level"))]
        #[allow(clippy::too_many_arguments, reason = "plain functions over slices")]
        $vis fn $name(level: $crate::local::kernels::Level, $($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "plain functions over slices")]
            fn plain($($arg: $ty),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments, reason = "plain functions over slices")]
            fn avx2($($arg: $ty),*) $(-> $ret)? {
                plain($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
            #[allow(clippy::too_many_arguments, reason = "plain functions over slices")]
            fn avx512($($arg: $ty),*) $(-> $ret)? {
                plain($($arg),*)
            }
            match level.usable() {
                // SAFETY: `usable` says that this processor has the instructions.
                #[cfg(target_arch = "x86_64")]
                $crate::local::kernels::Level::Avx512Vnni => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::local::kernels::Level::Avx2 => unsafe { avx2($($arg),*) },
                _ => plain($($arg),*),
            }
        }
    )*};
}
pub(super) use leveled;
