//! Headers, Initials and parameters: no panic, and they come back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| storm_net::fuzzing::packets(data));
