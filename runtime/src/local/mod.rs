//! Local inference: a model from files, on this machine, behind the vocabulary of `chat` and `embed`.
//!
//! The way through: [`mod@file`] maps weights and checks them; a tokenizer and a chat template turn a request into
//! tokens; an architecture is data, and one forward pass runs all of them; a sampler picks the next token. [`chat`] puts
//! that together for one conversation at a time, [`serve`] for many. Nothing here downloads: that is `http::download`.

pub mod arch;
pub mod chat;
#[cfg(feature = "constrain")]
pub mod constrain;
mod decoder;
pub mod dtype;
pub mod engine;
mod error;
pub mod file;
pub mod kernels;
pub mod map;
pub mod memory;
pub mod model;
pub mod parse;
pub mod pool;
pub mod sample;
pub mod serve;
pub mod template;
pub mod tokens;

pub use decoder::Device;
pub use error::Error;
