//! The dialect language: [`ast`] is its tree, [`parse`] reads it.

pub mod ast;
pub mod parse;
mod scalar;
pub mod words;
