//! Numeric work over many numbers, compiled for the instruction sets of the machine. Nothing here knows of models.

pub mod sample;
