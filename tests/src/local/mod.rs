//! Files of models as tests make them, small, from seeds, of every format; and how far answers are from others.

pub mod divergence;
pub mod gguf;
pub mod safetensors;
