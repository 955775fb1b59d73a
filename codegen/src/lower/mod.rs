//! From the tree of a dialect to the IR, type-checking on the way.
pub mod decode;
pub mod encode;
