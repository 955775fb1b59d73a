//! What tests of memory compare stores with, and the random histories that they are put through.

pub mod history;
pub mod oracle;
#[cfg(all(feature = "postgres", unix))]
pub mod server;
