//! What tests of memory compare stores with, and the random histories that they are put through.

pub mod concepts;
pub mod history;
pub mod oracle;
pub mod questions;
pub mod recalled;
