//! Systems: functions whose parameters say what they touch.

pub(crate) mod access;
pub(crate) mod cell;
mod function;
mod param;

pub use function::{IntoSystem, System};
pub use param::{Local, Res, ResMut, SystemParam};
