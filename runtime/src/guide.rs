//! Guides for users of generated clients.

#[doc = include_str!("../docs/moving.md")]
pub mod moving {}
