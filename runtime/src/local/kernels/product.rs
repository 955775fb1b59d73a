//! Products of weights with a batch of inputs, over a pool.
//!
//! A product is cut by strips of rows, never along columns: each output is one sum, in one order, whatever the batch
//! and the threads. One row of inputs is a stream through all weights; many rows go over a few strips at a time, which
//! stay in the cache.

use super::activations::{Floats, Kinds, Panel, panels};
use super::arena::{Writer, split};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::tiles::{Half, Halves, Q4K, Q5K, Q6K, Q40, Q80, ROWS, Single};
use super::{Activations, Error, Level, Matrix, scalar};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::local::dtype::Dtype;
use crate::local::pool::Pool;

/// Strips that stay in the cache while a batch goes over them.
const STRIPS: usize = 8;
/// Batches up to this one are streams: weights are read once.
const FEW: usize = 12;

/// The products of a batch with one matrix: `out` gets a row of [`Matrix::rows`] for each row of inputs.
pub fn matmul(pool: &Pool, matrix: &Matrix, inputs: &Activations, out: &mut [f32]) -> Result<(), Error> {
    matmul_many(pool, inputs, [(matrix, out)])
}

/// The products of a batch with several matrices, as one region of the pool.
pub fn matmul_many<const N: usize>(
    pool: &Pool,
    inputs: &Activations,
    products: [(&Matrix, &mut [f32]); N],
) -> Result<(), Error> {
    for (matrix, out) in &products {
        check(matrix, inputs, out.len())?;
    }
    let products = products.map(|(matrix, out)| Product { matrix, inputs, out: split(out) });
    Ok(pool.run_each(&products, Product::parts, Product::part)?)
}

fn check(matrix: &Matrix, inputs: &Activations, out: usize) -> Result<(), Error> {
    let (rows, cols) = (inputs.rows(), inputs.cols());
    if cols != matrix.cols() {
        return Err(Error::Shape(format!("{cols} inputs for a matrix of {}", matrix.cols())));
    }
    if rows.checked_mul(matrix.rows()) != Some(out) {
        return Err(Error::Shape(format!("{out} outputs for {rows} rows of {}", matrix.rows())));
    }
    if !inputs.kinds().has(Kinds::of(matrix.dtype())) {
        return Err(Error::Shape(format!("the inputs are not quantised for {:?}", matrix.dtype())));
    }
    Ok(())
}

struct Product<'a> {
    matrix: &'a Matrix,
    inputs: &'a Activations,
    out: Writer<'a, f32>,
}

/// What a kernel leaves: for each row of inputs, 16 outputs of each strip.
pub(super) type Results<const MR: usize, const NT: usize> = [[[f32; ROWS]; NT]; MR];

impl Product<'_> {
    /// Parts are pairs of strips, or runs of strips.
    fn parts(&self) -> usize {
        let strips = self.matrix.strips();
        if self.inputs.rows() <= FEW { strips.div_ceil(2) } else { strips.div_ceil(STRIPS) }
    }

    fn part(&self, part: usize) {
        let strips = self.matrix.strips();
        if self.inputs.rows() > FEW {
            let run = part * STRIPS..strips.min((part + 1) * STRIPS);
            return panels(self.inputs.rows()).for_each(|panel| {
                let pairs = run.clone().step_by(2);
                pairs.for_each(|strip| self.pair(panel, strip, (strip + 1 < run.end).then_some(strip + 1)));
            });
        }
        // Two streams: one through the first half, one through the second.
        let half = strips.div_ceil(2);
        let second = (half + part < strips).then_some(half + part);
        panels(self.inputs.rows()).for_each(|panel| self.pair(panel, part, second));
    }

    fn pair(&self, panel: Panel, first: usize, second: Option<usize>) {
        // Sums of bytes need twice the registers.
        let floats = Kinds::of(self.matrix.dtype()).floats;
        match panel.rows {
            12 if floats => self.together::<12>(panel, first, second),
            12 => self.apart::<12>(panel, first, second),
            8 if floats => self.together::<8>(panel, first, second),
            8 => self.apart::<8>(panel, first, second),
            4 => self.together::<4>(panel, first, second),
            2 => self.together::<2>(panel, first, second),
            _ => self.together::<1>(panel, first, second),
        }
    }

    fn apart<const MR: usize>(&self, panel: Panel, first: usize, second: Option<usize>) {
        self.strips::<MR, 1>(panel, [first]);
        second.into_iter().for_each(|second| self.strips::<MR, 1>(panel, [second]));
    }

    fn together<const MR: usize>(&self, panel: Panel, first: usize, second: Option<usize>) {
        match second {
            Some(second) => self.strips::<MR, 2>(panel, [first, second]),
            None => self.strips::<MR, 1>(panel, [first]),
        }
    }

    fn strips<const MR: usize, const NT: usize>(&self, panel: Panel, strips: [usize; NT]) {
        let mut results = [[[0.0; ROWS]; NT]; MR];
        self.kernel(panel, strips, &mut results);
        for (row, results) in results.iter().enumerate() {
            for (strip, results) in strips.iter().zip(results) {
                let len = ROWS.min(self.matrix.rows() - strip * ROWS);
                let from = (panel.first + row) * self.matrix.rows() + strip * ROWS;
                self.put(from, &results[..len]);
            }
        }
    }

    #[expect(unsafe_code, reason = "parts write disjoint outputs")]
    fn put(&self, from: usize, results: &[f32]) {
        // SAFETY: each part has strips of its own, so that no two threads write the same columns of outputs, and the
        // slice is dropped here.
        unsafe { self.out.slice(from, results.len()) }.copy_from_slice(results);
    }

    /// Chooses the kernel of a format and a level.
    #[cfg_attr(
        any(target_arch = "x86_64", target_arch = "aarch64"),
        expect(unsafe_code, reason = "calls what was compiled for a level")
    )]
    fn kernel<const MR: usize, const NT: usize>(
        &self,
        panel: Panel,
        strips: [usize; NT],
        out: &mut Results<MR, NT>,
    ) {
        let (matrix, inputs) = (self.matrix, self.inputs);
        macro_rules! run {
            ($tile:ty, $kernel:ident, $inputs:expr) => {{
                let weights = strips.map(|strip| matrix.strip::<$tile>(strip));
                match matrix.level() {
                    // SAFETY: `Matrix::level` says that this processor has the instructions.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx512Vnni => unsafe { avx512::$kernel(weights, $inputs, out) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Level::Avx2 => unsafe { avx2::$kernel(weights, $inputs, out) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "aarch64")]
                    Level::Neon => unsafe { neon::$kernel(weights, $inputs, out) },
                    _ => scalar::$kernel(weights, $inputs, out),
                }
            }};
        }
        match matrix.dtype() {
            Dtype::F32 => single(
                matrix.level(),
                strips.map(|strip| matrix.columns::<Single, _>(strip)),
                inputs.floats(panel),
                out,
            ),
            Dtype::F16 => half::<MR, NT, false>(
                matrix.level(),
                strips.map(|strip| matrix.columns::<Half, _>(strip)),
                inputs.floats(panel),
                out,
            ),
            Dtype::BF16 => half::<MR, NT, true>(
                matrix.level(),
                strips.map(|strip| matrix.columns::<Half, _>(strip)),
                inputs.floats(panel),
                out,
            ),
            Dtype::Q8_0 => run!(Q80, q8_0, inputs.blocks(panel)),
            Dtype::Q4_0 => run!(Q40, q4_0, inputs.blocks(panel)),
            Dtype::Q4_K => run!(Q4K, q4_k, inputs.large_blocks(panel)),
            Dtype::Q5_K => run!(Q5K, q5_k, inputs.large_blocks(panel)),
            Dtype::Q6_K => run!(Q6K, q6_k, inputs.large_blocks(panel)),
        }
    }
}

macro_rules! of_floats {
    ($(#[$doc:meta])* $name:ident<$($flag:ident)?>($column:ty)) => {
        $(#[$doc])*
        #[cfg_attr(
            any(target_arch = "x86_64", target_arch = "aarch64"),
            expect(unsafe_code, reason = "calls what was compiled for a level")
        )]
        pub(super) fn $name<const MR: usize, const NT: usize $(, const $flag: bool)?>(
            level: Level,
            columns: [&[$column]; NT],
            inputs: Floats<'_, MR>,
            out: &mut Results<MR, NT>,
        ) {
            match level.usable() {
                // SAFETY: `usable` says that this processor has the instructions.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512Vnni => unsafe { avx512::$name::<MR, NT $(, $flag)?>(columns, inputs, out) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { avx2::$name::<MR, NT $(, $flag)?>(columns, inputs, out) },
                // SAFETY: as above.
                #[cfg(target_arch = "aarch64")]
                Level::Neon => unsafe { neon::$name::<MR, NT $(, $flag)?>(columns, inputs, out) },
                _ => scalar::$name::<MR, NT $(, $flag)?>(columns, inputs, out),
            }
        }
    };
}

of_floats! {
    /// Columns of f16, or of bf16 with `BRAIN`.
    half<BRAIN>(Halves)
}
of_floats! {
    /// Columns of f32.
    single<>([f32; ROWS])
}
