//! The slim runtime that generated Typewright clients link.
//!
//! It holds what all providers share: the canonical vocabulary ([`chat`], [`embed`], [`model`]), the client that
//! sends requests and reads answers ([`client`]), and what generated wire code stands on (`wire`). It knows no
//! provider: hosts, keys, models and wire formats come from generated crates as constant data.

#[cfg(target_family = "wasm")]
compile_error!(
    "typewright-runtime does not support WebAssembly: its transport needs sockets, threads and clocks, and the `fetch` \
     of a host has neither our TLS nor timeouts. Build for a native target."
);

pub mod auth;
pub mod chat;
#[cfg(not(target_family = "wasm"))]
pub mod client;
pub mod embed;
pub mod error;
pub mod guide;
#[cfg(not(target_family = "wasm"))]
pub mod http;
pub mod json;
#[cfg(feature = "candle")]
pub mod local;
#[cfg(feature = "memory")]
pub mod memory;
pub mod model;
pub mod models;
pub mod price;
#[cfg(any(feature = "candle", feature = "memory"))]
mod random;
pub mod secret;
#[cfg(feature = "memory")]
pub mod simd;
#[doc(hidden)]
pub mod wire;

pub use error::{Error, ErrorKind, Result};
