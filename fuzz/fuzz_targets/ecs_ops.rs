//! storm-ecs against a `BTreeMap` world: the fuzzer's bytes choose the operations.
//!
//! How it works:
//! 1. The model is the one of storm-ecs's tests (`storm-ecs/tests/it/model.rs`); each choice it makes takes one byte.
//! 2. It compares entities, components, joins, change ticks, removals and drop counts now and then, and at the end.
//! 3. Whatever the bytes, nothing may diverge or panic.
#![no_main]

#[path = "../../storm-ecs/tests/it/model.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod model;
#[path = "../../storm-ecs/tests/it/support.rs"]
#[allow(dead_code, reason = "shared with the tests")]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    model::run(&mut support::Random::Bytes(data), usize::MAX, false, 50);
});
