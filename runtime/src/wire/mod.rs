//! What generated encoders and decoders stand on. Not a public interface: generated crates name the version they were made for.

pub mod v1;
