//! Tokens, envelopes and cookies: no panic, and nothing that was not signed is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| storm_net::fuzzing::credentials(data));
