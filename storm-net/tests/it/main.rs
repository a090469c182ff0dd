//! Integration tests of storm-net, in virtual time. A failure names its seed.

mod admission;
mod allocation;
mod attack;
mod capacity;
mod lanes;
mod model;
mod path;
mod sessions;
mod support;
