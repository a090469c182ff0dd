//! The scene that all subjects draw: boxes on a grid around the camera, which sees about a tenth of them.

/// Pixels of the picture.
pub(crate) const SIZE: (u32, u32) = (640, 360);
/// Pixels where a GPU's passes are timed.
pub(crate) const FULL_HD: (u32, u32) = (1920, 1080);
/// Metres between boxes, which are one metre wide.
const SPACING: f32 = 6.0;

/// How many move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Still,
    /// Every tenth: they lie scattered among those that do not.
    Tenth,
    All,
}

impl Motion {
    pub(crate) const EACH: [Self; 3] = [Self::Still, Self::Tenth, Self::All];

    pub(crate) fn moves(self, index: usize) -> bool {
        match self {
            Self::Still => false,
            Self::Tenth => index.is_multiple_of(10),
            Self::All => true,
        }
    }
}

/// Where box `index` of `count` is.
pub(crate) fn place(index: usize, count: usize) -> [f32; 3] {
    let side = (count as f64).cbrt().ceil() as usize;
    let half = side as f32 * 0.5;
    [index % side, index / side % side, index / (side * side)]
        .map(|step| (step as f32 - half + 0.5) * SPACING)
}

/// How far a box that moves rises in a frame, metres.
pub(crate) fn rise(frame: u32) -> f32 {
    (frame as f32 * 0.1).cos() * 0.1
}

/// Radians of the vertical field of view; the camera is in the middle and looks along -Z.
pub(crate) const YFOV: f32 = std::f32::consts::FRAC_PI_4;

/// A box: half of its width, metres.
pub(crate) const HALF: f32 = 0.5;
