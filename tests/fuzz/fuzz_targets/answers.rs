//! `cargo fuzz run answers` in `tests/`: any bytes as an answer of a provider. The first byte picks the wire.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::fuzz::answers(*choice, bytes);
    }
});
