//! Products with many rows at once, as encoders have them: inputs are read where they lie, row by row, and what comes
//! out is finished (bias, activation) before it is written.
//!
//! Weights of F32, F16 and BF16 have kernels of their own here; all others go by [`Activations`] and what decoders use.
//! Each output is one sum in the order of the columns: the bits do not depend on other rows, threads or levels.

mod attention;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::activations::{Panel, panels};
use super::arena::{Writer, split};
use super::level::leveled;
use super::tiles::{Half, Halves, ROWS, Single};
use super::{Activations, Error, Kinds, Level, Matrix, each_row, math, matmul};
use crate::local::dtype::Dtype;
use crate::local::pool::Pool;

pub use attention::{Span, attend_all};

/// Rows that go over some strips together: as many as stay in the cache.
const BLOCK: usize = 192;
/// Up to how many rows all of them go over one pair of strips before the next.
const FEW: usize = 48;
/// Bytes of the strips that rows go over otherwise: what stays in the cache beside them.
const RUN: usize = 200 << 10;

/// What happens to an output after its bias was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Finish {
    /// Nothing.
    #[default]
    Plain,
    /// x / (1 + e⁻ˣ)
    Silu,
    /// By the error function.
    Gelu,
    /// As approximated by the hyperbolic tangent.
    GeluTanh,
    /// Nothing below zero.
    Relu,
}

/// A product: weights, what is added, and what happens then.
#[derive(Debug, Clone, Copy)]
pub struct Dense<'a> {
    /// The weights.
    pub matrix: &'a Matrix,
    /// A number for each output.
    pub bias: Option<&'a [f32]>,
    /// After the bias.
    pub finish: Finish,
}

/// Products of the same rows `x`. `inputs` is kept for its memory, which only weights in blocks need.
pub fn dense<const N: usize>(
    pool: &Pool,
    inputs: &mut Activations,
    x: &[f32],
    products: [(Dense<'_>, &mut [f32]); N],
) -> Result<(), Error> {
    for (dense, out) in &products {
        check(dense, x.len(), out.len())?;
    }
    if products.iter().all(|(dense, _)| Kinds::of(dense.matrix.dtype()).floats) {
        return floats(pool, x, products);
    }
    let kinds = Kinds::all(products.iter().map(|(dense, _)| dense.matrix));
    let Some((first, _)) = products.first() else { return Ok(()) };
    inputs.fill(pool, first.matrix.level(), kinds, first.matrix.cols(), x)?;
    for (dense, out) in products {
        matmul(pool, dense.matrix, inputs, out)?;
        let (level, bias) = (dense.matrix.level(), dense.bias.unwrap_or_default());
        each_row(pool, dense.matrix.rows(), out, |_, out| {
            math::add(level, out, bias);
            finish(level, dense.finish, out);
        })?;
    }
    Ok(())
}

fn check(dense: &Dense<'_>, x: usize, out: usize) -> Result<(), Error> {
    let Dense { matrix, bias, .. } = dense;
    let rows = x / matrix.cols();
    if rows * matrix.cols() != x || rows.checked_mul(matrix.rows()) != Some(out) {
        let shape = [matrix.rows(), matrix.cols()];
        return Err(Error::Shape(format!("{x} inputs and {out} outputs for a matrix of {shape:?}")));
    }
    if bias.is_some_and(|bias| bias.len() != matrix.rows()) {
        return Err(Error::Shape(format!("not one number for each of {} outputs", matrix.rows())));
    }
    Ok(())
}

fn floats<const N: usize>(
    pool: &Pool,
    x: &[f32],
    products: [(Dense<'_>, &mut [f32]); N],
) -> Result<(), Error> {
    let threads = pool.at_hand();
    let products = products.map(|(dense, out)| {
        let rows = x.len() / dense.matrix.cols();
        // Few rows: weights are what takes time, and parts are small, so that all threads have as many.
        let pairs = dense.matrix.strips().div_ceil(2);
        let most = RUN * dense.matrix.strips() / dense.matrix.bytes().max(1) / 2;
        let run = if rows <= FEW { 1 } else { most.min(pairs / (4 * threads)).max(1) };
        Product { dense, x, rows, run, out: split(out) }
    });
    Ok(pool.run_each(&products, Product::parts, Product::part)?)
}

struct Product<'a> {
    dense: Dense<'a>,
    x: &'a [f32],
    rows: usize,
    /// Pairs of strips that stay in the cache while all rows go over them.
    run: usize,
    out: Writer<'a, f32>,
}

/// Rows of inputs: the first, how far it is from one to the next, and how many numbers of each count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) x: &'a [f32],
    pub(super) stride: usize,
    pub(super) cols: usize,
}

impl<'a> Inputs<'a> {
    /// The first number of each of `MR` rows.
    fn rows<const MR: usize>(&self) -> [&'a [f32]; MR] {
        std::array::from_fn(|row| &self.x[row * self.stride..][..self.cols])
    }
}

impl Product<'_> {
    fn parts(&self) -> usize {
        self.dense.matrix.strips().div_ceil(2 * self.run)
    }

    /// All rows over some strips. While the first rows do, the strips of the next part are asked for.
    fn part(&self, part: usize) {
        let strips = self.dense.matrix.strips();
        let (from, to) = (2 * self.run * part, strips.min(2 * self.run * (part + 1)));
        let mut ahead = to..strips.min(to + 2 * self.run);
        for start in (0..self.rows).step_by(BLOCK) {
            for panel in panels(BLOCK.min(self.rows - start)) {
                let panel = Panel { first: start + panel.first, rows: panel.rows };
                for first in (from..to).step_by(2) {
                    if first + 1 < to {
                        self.panel(panel, [first, first + 1], ahead.next());
                    } else {
                        self.panel(panel, [first], None);
                    }
                }
            }
        }
    }

    fn panel<const NT: usize>(&self, panel: Panel, strips: [usize; NT], ahead: Option<usize>) {
        match panel.rows {
            12 => self.strips::<12, NT>(panel.first, strips, ahead),
            8 => self.strips::<8, NT>(panel.first, strips, ahead),
            4 => self.strips::<4, NT>(panel.first, strips, ahead),
            2 => self.strips::<2, NT>(panel.first, strips, ahead),
            _ => self.strips::<1, NT>(panel.first, strips, ahead),
        }
    }

    fn strips<const MR: usize, const NT: usize>(
        &self,
        first: usize,
        strips: [usize; NT],
        ahead: Option<usize>,
    ) {
        let (rows, from) = (self.dense.matrix.rows(), strips[0] * ROWS);
        let len = (NT * ROWS).min(rows - from);
        let mut bias = [[0.0; ROWS]; NT];
        if let Some(all) = self.dense.bias {
            bias.as_flattened_mut()[..len].copy_from_slice(&all[from..][..len]);
        }
        let after = After { bias: bias.each_ref(), finish: self.dense.finish };
        let out = |row: usize, len: usize| self.out((first + row) * rows + from, len);
        if len == NT * ROWS {
            let mut out = std::array::from_fn(|row| out(row, len));
            return self.kernel::<MR, NT>(first, strips, ahead, after, &mut out);
        }
        // The last strip has fewer outputs than numbers.
        let mut whole = [[[0.0; ROWS]; NT]; MR];
        self.kernel::<MR, NT>(
            first,
            strips,
            ahead,
            after,
            &mut whole.each_mut().map(|row| row.as_flattened_mut()),
        );
        for (row, whole) in whole.iter().enumerate() {
            out(row, len).copy_from_slice(&whole.as_flattened()[..len]);
        }
    }

    #[expect(unsafe_code, clippy::mut_from_ref, reason = "parts write disjoint outputs")]
    fn out(&self, from: usize, len: usize) -> &mut [f32] {
        // SAFETY: each part has strips of its own, so that no two threads write the same columns of outputs; a part
        // holds slices of different rows at a time, and drops them with the kernel that writes them.
        unsafe { self.out.slice(from, len) }
    }

    fn kernel<const MR: usize, const NT: usize>(
        &self,
        first: usize,
        strips: [usize; NT],
        ahead: Option<usize>,
        after: After<'_, NT>,
        out: &mut [&mut [f32]; MR],
    ) {
        let (matrix, cols) = (self.dense.matrix, self.dense.matrix.cols());
        let inputs = Inputs { x: &self.x[first * cols..], stride: cols, cols };
        macro_rules! run {
            ($kernel:ident, $tile:ty, $column:ty) => {{
                let columns = strips.map(|strip| matrix.columns::<$tile, $column>(strip));
                let ahead = ahead.map(|strip| matrix.columns::<$tile, $column>(strip)).unwrap_or_default();
                $kernel(matrix.level(), columns, inputs, ahead, after, out)
            }};
        }
        match matrix.dtype() {
            Dtype::F16 => run!(halves, Half, Halves),
            Dtype::BF16 => run!(brains, Half, Halves),
            _ => run!(singles, Single, [f32; ROWS]),
        }
    }
}

/// What sums begin with, and what happens to them at last.
#[derive(Clone, Copy)]
pub(super) struct After<'a, const NT: usize> {
    bias: [&'a [f32; ROWS]; NT],
    finish: Finish,
}

macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident($column:ty);)*) => {$(
        $(#[$doc])*
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "calls what was compiled for a level"))]
        pub(super) fn $name<const MR: usize, const NT: usize>(
            level: Level,
            columns: [&[$column]; NT],
            inputs: Inputs<'_>,
            ahead: &[$column],
            after: After<'_, NT>,
            out: &mut [&mut [f32]; MR],
        ) {
            match level.usable() {
                // SAFETY: `usable` says that this processor has the instructions.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512Vnni => unsafe { x86::avx512::$name(columns, inputs.rows(), ahead, after, out) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { x86::avx2::$name(columns, inputs.rows(), ahead, after, out) },
                _ => scalar::$name(columns, inputs.rows(), ahead, after, out),
            }
        }
    )*};
}

kernels! {
    /// Columns of f32.
    singles([f32; ROWS]);
    /// Columns of f16.
    halves(Halves);
    /// Columns of bf16.
    brains(Halves);
}

leveled! {
    /// What happens to outputs after their bias.
    fn finish(finish: Finish, x: &mut [f32]) {
        let (whole, rest) = x.as_chunks_mut::<ROWS>();
        finish_each(finish, whole);
        finish_each(finish, rest.as_chunks_mut::<1>().0);
    }
}

#[inline(always)]
fn finish_each<const N: usize>(finish: Finish, x: &mut [[f32; N]]) {
    match finish {
        Finish::Plain => (),
        Finish::Silu => each(x, |x| x * math::sigmoid(x)),
        Finish::Gelu => each(x, math::gelu_by_erf),
        Finish::GeluTanh => each(x, math::gelu_by_tanh),
        Finish::Relu => each(x, |x| x.max(0.0)),
    }
}

#[inline(always)]
fn each<const N: usize>(x: &mut [[f32; N]], of: impl Fn(f32) -> f32) {
    x.iter_mut().for_each(|x| x.iter_mut().for_each(|x| *x = of(*x)));
}

#[cfg(test)]
mod tests;
