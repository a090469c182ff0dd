//! storm-render against Bevy's renderer, and extraction against copying memory. See benches/README.md for how to run it.
//!
//! Frames are measured in processes of their own, one a subject and size, in turn: two renderers in one process would share
//! threads and the driver.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "a program")]

#[cfg(feature = "bevy")]
mod bevy_frames;
mod extract;
mod frames;
mod passes;
mod start;
mod storm_frames;
mod threads;
mod world;

use storm_benches::Comparison;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(frames::CHILD) => frames::child(&arguments[1..]),
        Some(start::CHILD) => start::child(&arguments[1..]),
        _ => {
            let mut comparison = Comparison::from_args("render");
            extract::run(&mut comparison);
            frames::run(&mut comparison)?;
            start::run(&mut comparison)?;
            passes::run(&mut comparison)?;
            comparison.finish()
        }
    }
}
