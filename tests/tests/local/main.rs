//! What local inference promises, on tiny models made from seeds. Its own binary: it links what no slim client does.

mod constrained;
