//! The numeric work of a transformer on a processor: products with quantised weights, norms, rotations, attention.
//!
//! The way through: [`Matrix`] packs the blocks of a file into tiles; [`Activations`] takes the inputs of a batch,
//! quantised once for all products that share them; [`matmul`] multiplies, over a [`Pool`](super::pool::Pool).
//! [`math`] has what works on rows of f32, [`sample`] on logits, [`attention`] the rest. Everything has a scalar form, and all
//! [levels](Level) give the same bits: also one row alone, or among many, on any number of threads.
//!
//! Not here: tensors, shapes beyond rows and columns, memory of models. That is what forward passes are made of.

mod activations;
mod arena;
pub mod attention;
#[cfg(test)]
mod attention_tests;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod level;
pub mod math;
mod matrix;
mod number;
mod pack;
mod product;
mod rows;
pub mod sample;
mod scalar;
#[cfg(test)]
mod tests;
mod tiles;

pub use activations::{Activations, Kinds};
pub use level::Level;
pub use matrix::Matrix;
pub use product::{matmul, matmul_many};
pub use rows::each_row;

/// Why numeric work was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Rows and columns that do not fit each other, or the bytes given.
    #[error("{0}")]
    Shape(String),
    /// The system gave no memory.
    #[error("no memory for {0} bytes")]
    Memory(usize),
    /// A part of the work panicked: a mistake in this crate.
    #[error(transparent)]
    Panicked(#[from] super::pool::Panicked),
}
