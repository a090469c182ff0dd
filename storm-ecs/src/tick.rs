//! The change tick: a world's clock for "what was written since".

/// A moment in a world's history of writes.
///
/// [`World::change_tick`](crate::World::change_tick) returns the open tick and closes it: every later write carries a
/// later tick. A reader keeps that value and asks next time for what is newer.
///
/// **Wrap rule.** Ticks are compared plainly. When the counter nears `u32::MAX` the world rebases: all stored ticks become
/// "old" and the counter starts again. A reader's tick that lies ahead of the counter then reads as [`ChangeTick::NEVER`], so the
/// reader sees everything once. A reader has to read at least once between two rebases (about 4.3 billion closings).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeTick(pub(crate) u32);

impl ChangeTick {
    /// Before every write: a reader that holds it sees everything.
    pub const NEVER: Self = Self(0);

    /// The tick as a number, for storing.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The tick from a number that [`get`](Self::get) gave.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }
}
