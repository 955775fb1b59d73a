//! `cargo fuzz run memory_answers` in `tests/`: any text as what a chat model answers. The first byte picks the question.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::answers(*choice, &String::from_utf8_lossy(bytes));
    }
});
