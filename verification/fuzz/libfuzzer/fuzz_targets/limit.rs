#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| keyward_fuzzing::limit(data));
