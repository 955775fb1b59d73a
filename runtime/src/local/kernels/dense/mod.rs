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
use super::product::Results;
use super::tiles::{Half, Halves, ROWS, Single};
use super::{Activations, Error, Kinds, Level, Matrix, each_row, math, matmul};
use crate::local::dtype::Dtype;
use crate::local::pool::Pool;

pub use attention::{Span, attend_all};

/// Rows that go over a pair of strips together: as many as stay in the cache.
const BLOCK: usize = 192;

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
    let products = products.map(|(dense, out)| {
        let rows = x.len() / dense.matrix.cols();
        Product { dense, x, rows, out: split(out) }
    });
    let all = products.iter().map(Product::pairs).sum();
    pool.run(all, |mut part, _| {
        for product in &products {
            if part < product.pairs() {
                return product.pair(part);
            }
            part -= product.pairs();
        }
    })?;
    Ok(())
}

struct Product<'a> {
    dense: Dense<'a>,
    x: &'a [f32],
    rows: usize,
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
    fn pairs(&self) -> usize {
        self.dense.matrix.strips().div_ceil(2)
    }

    /// All rows over two strips. While they do, the next two strips are asked for.
    fn pair(&self, pair: usize) {
        let strips = self.dense.matrix.strips();
        let (first, second) = (2 * pair, 2 * pair + 1);
        for start in (0..self.rows).step_by(BLOCK) {
            let rows = BLOCK.min(self.rows - start);
            for (at, panel) in panels(rows).enumerate() {
                let ahead = Some(first + 2 + at).filter(|ahead| at < 2 && start == 0 && *ahead < strips);
                let panel = Panel { first: start + panel.first, rows: panel.rows };
                if second < strips {
                    self.panel(panel, [first, second], ahead);
                } else {
                    self.panel(panel, [first], None);
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
        let mut results = [[[0.0; ROWS]; NT]; MR];
        self.kernel(first, strips, ahead, &mut results);
        let matrix = self.dense.matrix;
        let mut bias = [[0.0; ROWS]; NT];
        for (strip, into) in strips.iter().zip(&mut bias) {
            let all = self.dense.bias.unwrap_or_default();
            into.iter_mut().zip(all.iter().skip(strip * ROWS)).for_each(|(into, bias)| *into = *bias);
        }
        finish_all(matrix.level(), self.dense.finish, bias.as_flattened(), results.as_flattened_mut());
        let from = strips[0] * ROWS;
        let len = (NT * ROWS).min(matrix.rows() - from);
        for (row, results) in results.iter().enumerate() {
            self.put((first + row) * matrix.rows() + from, &results.as_flattened()[..len]);
        }
    }

    #[expect(unsafe_code, reason = "parts write disjoint outputs")]
    fn put(&self, from: usize, results: &[f32]) {
        // SAFETY: each part has strips of its own, so that no two threads write the same columns of outputs, and the
        // slice is dropped here.
        unsafe { self.out.slice(from, results.len()) }.copy_from_slice(results);
    }

    fn kernel<const MR: usize, const NT: usize>(
        &self,
        first: usize,
        strips: [usize; NT],
        ahead: Option<usize>,
        out: &mut Results<MR, NT>,
    ) {
        let (matrix, cols) = (self.dense.matrix, self.dense.matrix.cols());
        let inputs = Inputs { x: &self.x[first * cols..], stride: cols, cols };
        macro_rules! run {
            ($kernel:ident, $tile:ty, $column:ty) => {{
                let columns = strips.map(|strip| matrix.columns::<$tile, $column>(strip));
                let ahead = ahead.map(|strip| matrix.columns::<$tile, $column>(strip)).unwrap_or_default();
                $kernel(matrix.level(), columns, inputs, ahead, out)
            }};
        }
        match matrix.dtype() {
            Dtype::F16 => run!(halves, Half, Halves),
            Dtype::BF16 => run!(brains, Half, Halves),
            _ => run!(singles, Single, [f32; ROWS]),
        }
    }
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
            out: &mut Results<MR, NT>,
        ) {
            match level.usable() {
                // SAFETY: `usable` says that this processor has the instructions.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512Vnni => unsafe { x86::avx512::$name(columns, inputs.rows(), ahead, out) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { x86::avx2::$name(columns, inputs.rows(), ahead, out) },
                _ => scalar::$name(columns, inputs.rows(), ahead, out),
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
        match finish {
            Finish::Plain => (),
            Finish::Silu => x.iter_mut().for_each(|x| *x *= math::sigmoid(*x)),
            Finish::Gelu => x.iter_mut().for_each(|x| *x = math::gelu_by_erf(*x)),
            Finish::GeluTanh => x.iter_mut().for_each(|x| *x = math::gelu_by_tanh(*x)),
            Finish::Relu => x.iter_mut().for_each(|x| *x = x.max(0.0)),
        }
    }

    /// Adds the bias of the strips to all of them, then as `finish`.
    fn finish_all(finish: Finish, bias: &[f32], results: &mut [[f32; ROWS]]) {
        let bias = bias.as_chunks::<ROWS>().0;
        for results in results.chunks_exact_mut(bias.len()) {
            for (results, bias) in results.iter_mut().zip(bias) {
                results.iter_mut().zip(bias).for_each(|(result, bias)| *result += bias);
            }
        }
        match finish {
            Finish::Plain => (),
            Finish::Silu => each(results, |x| x * math::sigmoid(x)),
            Finish::Gelu => each(results, math::gelu_by_erf),
            Finish::GeluTanh => each(results, math::gelu_by_tanh),
            Finish::Relu => each(results, |x| x.max(0.0)),
        }
    }
}

#[inline(always)]
fn each(x: &mut [[f32; ROWS]], of: impl Fn(f32) -> f32) {
    x.iter_mut().for_each(|x| x.iter_mut().for_each(|x| *x = of(*x)));
}

#[cfg(test)]
mod tests;
