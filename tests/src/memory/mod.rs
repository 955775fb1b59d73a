//! What tests of memory compare stores with, and the random histories that they are put through.

pub mod fuzz;
pub mod history;
pub mod oracle;
