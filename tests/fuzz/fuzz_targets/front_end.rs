//! `cargo fuzz run front_end` in `tests/`: any bytes as a provider or dialect file.

#![no_main]

#[path = "../../tests/it/fuzz/front_end.rs"]
mod front_end;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| front_end::front_end(bytes));
