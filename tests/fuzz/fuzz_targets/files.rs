//! `cargo fuzz run files` in `tests/`: any bytes as the weights of a model.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    typewright_tests::fuzz::files(bytes);
});
