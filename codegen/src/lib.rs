//! The Typewright provider compiler: one YAML file in, one small typed Rust client crate out.
//!
//! The way through the house is one corridor; every stage takes what the previous one made:
//!
//! 1. [`source`] reads files and keeps a span for every node.
//! 2. [`schema`] holds the types of the YAML formats and validates documents against them.
//! 3. [`resolve`] merges a provider's `wire:` into its dialect and expands models.
//! 4. [`dialect`] reads the mapping language into a tree; [`vocabulary`] is what its slots may name.
//! 5. [`lower`] type-checks the tree and builds the [`ir`].
//! 6. [`emit`] turns the IR into files.
//! 7. [`mod@write`] compares them with the disk and writes what differs.
//!
//! [`compiler`] is the whole of it, and all that a build script needs; [`scaffold`] writes a first provider file and
//! [`explain`] leads a generated line back to what made it. [`diff`] says what changed between two states of the
//! provider files, and what that means for users; [`cost`] counts what was generated; [`mutate`] makes wires that are
//! wrong on purpose, so that tests can be tested.
//!
//! [`guide`] tells how to write dialects and providers.
//!
//! `cache` stands beside the corridor: what it remembers lets stages be skipped, and deleting it changes nothing but time.
//!
//! Problems of every stage are [`diagnostic::Diagnostic`]s with a code of [`codes`].

mod cache;
pub mod codes;
pub mod compiler;
pub mod cost;
pub mod diagnostic;
pub mod dialect;
pub mod diff;
pub mod emit;
pub mod explain;
pub mod fingerprint;
pub mod guide;
pub mod ir;
pub mod lower;
pub mod mutate;
pub mod names;
pub mod resolve;
pub mod scaffold;
pub mod schema;
pub mod source;
pub mod timings;
pub mod vocabulary;
pub mod write;
