//! `cargo fuzz run memory_address` in `tests/`: any text as the address of a PostgreSQL server, or as the password of
//! one. The first byte picks which, and how it is written.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::address(*choice, &String::from_utf8_lossy(bytes));
    }
});
