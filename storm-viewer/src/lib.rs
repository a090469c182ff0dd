//! What the viewer shows when it is given no file.
#![forbid(unsafe_code)]

pub mod demo;
