#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tower_keep::response_cache::fuzz::cache_control(data));
