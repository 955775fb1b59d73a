//! `cargo fuzz run memory_graph` in `tests/`: any bytes as the file of a graph beside a store, or as changes of one. The
//! first byte picks which, and whether its digest is made right.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::graph(*choice, bytes);
    }
});
