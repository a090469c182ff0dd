//! The program from outside: what it writes, what it says and how it exits. Rendering needs a Vulkan driver; `./storm
//! test` installs one.

mod harness;
mod info;
mod machine;
mod render;
mod usage;
#[cfg(feature = "window")]
mod window;
