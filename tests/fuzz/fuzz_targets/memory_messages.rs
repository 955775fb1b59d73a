//! `cargo fuzz run memory_messages` in `tests/`: any bytes as memories where a conversation has its messages. The first
//! byte picks their places; each memory ends with a zero, and begins with a byte that says what it is.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::messages(*choice, bytes);
    }
});
