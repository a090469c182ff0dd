//! The frame decoder: no panic, and what decodes encodes to something that decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| storm_net::fuzzing::frames(data));
