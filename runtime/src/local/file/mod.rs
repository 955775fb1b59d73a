//! Files of models: what they say is checked here before anything runs on it.
//!
//! [`blocks`] defines the storage formats number by number, [`quantize`] makes blocks for tests.

pub mod blocks;
pub mod quantize;
