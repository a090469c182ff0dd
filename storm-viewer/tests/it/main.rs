//! What the viewer promises, seen from outside: what it writes, what it says and how it exits. Drawing needs a Vulkan
//! driver; `./storm test` installs one.

mod animation;
mod attributes;
mod bench;
mod capture;
mod conformance;
mod convert;
mod docs;
mod generator;
mod harness;
mod info;
mod machine;
mod models;
mod panel;
mod render;
mod usage;
mod validate;
mod variants;
#[cfg(feature = "window")]
mod window;
