//! `cargo fuzz run memory_database` in `tests/`: any bytes as the file of a store, or as changes of one. The first byte
//! picks which.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::database(*choice, bytes);
    }
});
