//! Tests that draw. They need a Vulkan driver and the validation layer, and fail where there is none: `./storm test`
//! installs both.

mod behaviour;
mod brdf;
mod capture;
mod cluster_shade;
mod clusters;
mod culling;
mod deform;
mod device;
mod extensions;
#[cfg(feature = "ecs")]
mod extract;
mod gallery;
mod golden;
mod harness;
mod layers;
mod light;
mod misuse;
mod post;
#[cfg(feature = "hot-reload")]
mod reload;
mod scenes;
mod shaders;
mod sky;
mod slots;
mod surface;
mod temporal;
#[cfg(feature = "text")]
mod text;
mod tools;
mod transmission;
mod ui;
mod uploads;
