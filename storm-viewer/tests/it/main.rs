//! What the viewer promises, seen from outside.

mod docs;
mod models;
