//! Files of models as tests make them: small, from seeds, of every format.

pub mod gguf;
pub mod safetensors;
