//! Tests that draw. They need a Vulkan driver and the validation layer, and fail where there is none: `./storm test`
//! installs both.

mod behaviour;
#[cfg(feature = "ecs")]
mod extract;
mod golden;
mod harness;
mod misuse;
mod scenes;
mod shaders;
mod uploads;
