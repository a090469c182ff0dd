//! How pictures come to a window: which mode, and how many images. Pure, so that every surface can be tried without one.

use ash::vk;

/// When a window shows a picture that is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresentMode {
    /// With the screen, each in its turn: no tearing, and the renderer waits. Every device has it.
    #[default]
    Fifo,
    /// With the screen, the newest: no tearing, and pictures in between are dropped. Otherwise [`PresentMode::Fifo`].
    Mailbox,
    /// At once: the picture may tear. Otherwise [`PresentMode::Mailbox`], which waits as little, or else
    /// [`PresentMode::Fifo`].
    Immediate,
}

impl PresentMode {
    /// The first of what is wanted, and what takes its place, that a surface has.
    pub(crate) fn among(self, offered: &[vk::PresentModeKHR]) -> Self {
        let rules: &[Self] = match self {
            Self::Fifo => &[],
            // What was not to tear does not.
            Self::Mailbox => &[Self::Mailbox],
            Self::Immediate => &[Self::Immediate, Self::Mailbox],
        };
        let has = |mode: &&Self| offered.contains(&mode.raw());
        // The one mode that every surface has.
        rules.iter().find(has).copied().unwrap_or(Self::Fifo)
    }

    pub(crate) fn raw(self) -> vk::PresentModeKHR {
        match self {
            Self::Fifo => vk::PresentModeKHR::FIFO,
            Self::Mailbox => vk::PresentModeKHR::MAILBOX,
            Self::Immediate => vk::PresentModeKHR::IMMEDIATE,
        }
    }

    /// How many images to ask for, of a surface that wants at least `min` and has at most `max` (0: as many as one likes).
    pub(crate) fn images(self, min: u32, max: u32) -> u32 {
        // One is shown, the rest are drawn to: one more than the least never waits for the window system. Mailbox drops
        // pictures only where there is one to wait in the box beside the one that is drawn.
        let wanted = match self {
            Self::Mailbox => (min + 1).max(3),
            Self::Fifo | Self::Immediate => min + 1,
        };
        if max == 0 { wanted } else { wanted.min(max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_the_place_of_a_mode_that_a_surface_lacks() {
        use PresentMode::{Fifo, Immediate, Mailbox};
        const FIFO: vk::PresentModeKHR = vk::PresentModeKHR::FIFO;
        const RELAXED: vk::PresentModeKHR = vk::PresentModeKHR::FIFO_RELAXED;
        const MAILBOX: vk::PresentModeKHR = vk::PresentModeKHR::MAILBOX;
        const IMMEDIATE: vk::PresentModeKHR = vk::PresentModeKHR::IMMEDIATE;
        let cases: [(&[_], [PresentMode; 3]); 5] = [
            // What is offered, and what becomes of fifo, mailbox and immediate.
            (&[FIFO], [Fifo, Fifo, Fifo]),
            (&[RELAXED, FIFO], [Fifo, Fifo, Fifo]),
            (&[FIFO, MAILBOX], [Fifo, Mailbox, Mailbox]),
            (&[IMMEDIATE, FIFO], [Fifo, Fifo, Immediate]),
            (&[IMMEDIATE, MAILBOX, FIFO], [Fifo, Mailbox, Immediate]),
        ];
        for (offered, expected) in cases {
            let found = [Fifo, Mailbox, Immediate].map(|mode| mode.among(offered));
            assert_eq!(found, expected, "{offered:?}");
        }
    }

    #[test]
    fn how_many_images_are_asked_for() {
        use PresentMode::{Fifo, Immediate, Mailbox};
        for (mode, min, max, expected) in [
            (Fifo, 1, 0, 2),
            (Fifo, 2, 0, 3),
            (Fifo, 3, 3, 3),
            (Immediate, 2, 8, 3),
            (Mailbox, 1, 0, 3),
            (Mailbox, 3, 8, 4),
            (Mailbox, 2, 2, 2),
        ] {
            assert_eq!(
                mode.images(min, max),
                expected,
                "{mode:?} of {min} to {max}"
            );
        }
    }
}
