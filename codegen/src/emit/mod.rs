//! The back end: IR in, files out. Nothing here touches the disk.
//!
//! One module a generated file: [`client`] is `src/lib.rs` ([`local`] where models run in the process), [`models`] and [`options`] are theirs, [`package`] puts a
//! provider's crate together and [`umbrella`] the crate over all of them. Structure is built with `quote` and becomes
//! text in [`rust`], long lists of values are written as text with [`layout`]; prose and manifests come from [`templates`], which see the values of [`view`].

pub mod client;
pub mod decode;
pub mod docs;
pub mod encode;
pub mod layout;
pub mod literal;
pub mod local;
pub mod models;
pub mod options;
pub mod output;
pub mod package;
pub mod rust;
pub mod templates;
pub mod umbrella;
pub mod view;
pub mod wire;

#[cfg(test)]
pub(crate) mod sample;

pub(crate) use crate::vocabulary::camel;
