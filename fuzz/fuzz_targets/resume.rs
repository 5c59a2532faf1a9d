#![no_main]

#[path = "../../tests/properties/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::resume::check(bytes));
