//! Guides: how to write the two YAML formats.

#[doc = include_str!("../docs/dialects.md")]
pub mod dialects {}

#[doc = include_str!("../docs/providers.md")]
pub mod providers {}
