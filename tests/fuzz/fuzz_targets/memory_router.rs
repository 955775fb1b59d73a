//! `cargo fuzz run memory_router` in `tests/`: any text as what a router has saved. The first byte picks how the router is
//! to behave.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::router(*choice, &String::from_utf8_lossy(bytes));
    }
});
