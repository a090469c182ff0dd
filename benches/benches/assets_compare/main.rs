//! storm-assets against the `gltf` crate, the Khronos validator and meshoptimizer. See benches/README.md for how to run it.
//!
//! Shared models come from `STORM_TEST_DATA`; without it, only files made here are measured.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a program")]

mod decode;
mod files;
mod import;
mod load;
mod validate;

use storm_benches::Comparison;

fn main() -> std::io::Result<()> {
    let mut comparison = Comparison::from_args("assets");
    let files = files::Files::new();
    if files.shared.is_none() {
        comparison.absent("shared models", "STORM_TEST_DATA is not set");
    }
    import::run(&mut comparison, &files);
    validate::run(&mut comparison, &files)?;
    decode::run(&mut comparison, &files);
    load::run(&mut comparison, &files)?;
    comparison.finish()
}
