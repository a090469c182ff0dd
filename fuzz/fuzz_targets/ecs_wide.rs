//! storm-ecs with everything in it against maps: the fuzzer's bytes choose the operations.
//!
//! How it works:
//! 1. The model is the one of storm-ecs's tests (`storm-ecs/tests/it/wide_model.rs`); each choice it makes takes one byte.
//! 2. Some values panic when they are dropped or cloned, and say so; such panics are caught by the model and pass the fuzzer's hook by. Any
//!    other panic is a finding.
#![no_main]

#[path = "../../storm-ecs/tests/it/support.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod support;
#[path = "../../storm-ecs/tests/it/wide_model.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod wide_model;

use std::panic;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let abort = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let text = info.payload().downcast_ref::<String>();
            if text.is_none_or(|text| !text.contains(wide_model::PLANNED)) {
                abort(info);
            }
        }));
    });
    wide_model::run(&mut support::Random::Bytes(data), usize::MAX, 50);
});
