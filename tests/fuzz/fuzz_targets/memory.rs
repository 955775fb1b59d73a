//! `cargo fuzz run memory` in `tests/`: any bytes as a file of memories. The first byte picks the format: JSONL, CSV, a dump
//! of mem0, a dump of Graphiti; its highest bit says that what is accepted is stored and lived with.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((choice, bytes)) = bytes.split_first() {
        typewright_tests::memory::fuzz::files(*choice, bytes);
    }
});
