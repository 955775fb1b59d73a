//! What tests of memory compare stores with, and the random histories that they are put through.
//!
//! [`history`] draws batches and questions, [`step`] what is done, [`oracle`] knows what comes of it, [`search`] what is
//! found. [`provider`] makes models up. [`replica`] follows the log of a store. [`trace`] records what a program writes, and [`disk`] takes the
//! power away from it.

pub mod concepts;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod disk;
pub mod fuzz;
pub mod history;
pub mod oracle;
pub mod provider;
pub mod questions;
pub mod recalled;
pub mod replica;
pub mod search;
pub mod sentences;
#[cfg(all(feature = "postgres", unix))]
pub mod server;
pub mod step;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod trace;
pub mod writers;
