//! The templates of everything that is text, as constants.
//!
//! A crate of its own, so that the compiler finds them wherever it was installed: a published package holds no files
//! of a neighbouring folder, and links in the tree do not survive every checkout. The tree mirrors the output tree:
//! `crate/` is a provider's crate, `umbrella/` the crate over all of them, `readme/` the table in this repository's
//! README. Nothing but text lives here.

/// Every template: its path in this folder, and its text.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("crate/Cargo.toml.j2", include_str!("crate/Cargo.toml.j2")),
    ("crate/README.md.j2", include_str!("crate/README.md.j2")),
    ("crate/src/lib.md.j2", include_str!("crate/src/lib.md.j2")),
    ("readme/providers.md.j2", include_str!("readme/providers.md.j2")),
    ("umbrella/Cargo.toml.j2", include_str!("umbrella/Cargo.toml.j2")),
    ("umbrella/README.md.j2", include_str!("umbrella/README.md.j2")),
    ("umbrella/examples/chat.rs.j2", include_str!("umbrella/examples/chat.rs.j2")),
    ("umbrella/examples/memory.rs.j2", include_str!("umbrella/examples/memory.rs.j2")),
    ("umbrella/src/lib.md.j2", include_str!("umbrella/src/lib.md.j2")),
];
