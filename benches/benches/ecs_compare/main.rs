//! storm-ecs against its peers and against plain vectors. See benches/README.md for how to run it.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a program")]

mod access;
mod components;
mod iterate;
mod snapshot;
mod structure;
mod systems;

use storm_benches::Comparison;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::io::Result<()> {
    let mut comparison = Comparison::from_args("ecs");
    structure::run(&mut comparison);
    iterate::run(&mut comparison);
    access::run(&mut comparison);
    systems::run(&mut comparison);
    snapshot::run(&mut comparison);
    comparison.finish()
}
