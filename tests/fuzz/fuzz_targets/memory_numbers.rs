//! `cargo fuzz run memory_numbers` in `tests/`: any numbers as what models say: scores, relevance, vectors. The first byte
//! picks which.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::numbers(*choice, bytes);
    }
});
