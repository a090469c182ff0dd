//! Tests that draw. They need a Vulkan driver and the validation layer, and fail where there is none: `./storm test`
//! installs both.

mod golden;
mod harness;
mod scenes;
mod shaders;
