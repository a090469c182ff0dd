//! Animation clips: keyframed properties of nodes.

/// How values between two keyframes come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Interpolation {
    /// The value of the keyframe before.
    Step,
    /// A straight line; for rotations along the shorter arc (slerp).
    #[default]
    Linear,
    /// A cubic Hermite spline; each keyframe holds its in-tangent, its value and its out-tangent, in this order.
    CubicSpline,
}

impl Interpolation {
    /// Values stored for each keyframe.
    #[must_use]
    pub const fn values_per_key(self) -> usize {
        match self {
            Self::Step | Self::Linear => 1,
            Self::CubicSpline => 3,
        }
    }
}

/// The values of a track: [`Interpolation::values_per_key`] for each key.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TrackValues {
    /// Metres.
    Translation(Vec<[f32; 3]>),
    /// Unit quaternions, XYZW; tangents of splines are not unit.
    Rotation(Vec<[f32; 4]>),
    /// Factors.
    Scale(Vec<[f32; 3]>),
    /// Morph weights: `targets` numbers a value, one value after the other.
    Weights {
        /// Morph targets of the node's mesh.
        targets: usize,
        /// `targets × values` numbers.
        values: Vec<f32>,
    },
}

impl TrackValues {
    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Translation(values) | Self::Scale(values) => values.len(),
            Self::Rotation(values) => values.len(),
            Self::Weights { targets, values } => values.len() / (*targets).max(1),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One property of one node over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// The node, as an index of the source.
    pub node: u32,
    /// How values between keys come about.
    pub interpolation: Interpolation,
    /// When each key is, seconds, rising strictly, from 0 on.
    pub times: Vec<f32>,
    /// What each key says.
    pub values: TrackValues,
}

/// What the pointer of a [`PointerTrack`] leads to, as an index of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PointerObject {
    /// A node.
    Node(u32),
    /// A material.
    Material(u32),
    /// A group of primitives.
    Mesh(u32),
    /// A camera.
    Camera(u32),
    /// A light.
    Light(u32),
    /// Something else.
    Other,
}

/// A property that is named by its JSON pointer, over time (KHR_animation_pointer).
///
/// The places of nodes and their morph weights are in [`Clip::tracks`], however the source names them.
#[derive(Clone, Debug, PartialEq)]
pub struct PointerTrack {
    /// The pointer (RFC 6901), such as `/materials/0/pbrMetallicRoughness/baseColorFactor`.
    pub pointer: String,
    /// What it leads to; the rest of the pointer names the property.
    pub object: PointerObject,
    /// How values between keys come about. Rotations of textures are plain angles.
    pub interpolation: Interpolation,
    /// When each key is, seconds, rising strictly, from 0 on.
    pub times: Vec<f32>,
    /// Numbers a value: 1, or as many as the property has.
    pub width: usize,
    /// `width` × [`Interpolation::values_per_key`] numbers for each key. Booleans are 0 and anything else.
    pub values: Vec<f32>,
}

/// Tracks that play together (glTF 2.0 §3.11). Before its first and after its last key a track holds that key's value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clip {
    /// For people; need not be unique.
    pub name: String,
    /// One property of one node each; no two drive the same property of the same node.
    pub tracks: Vec<Track>,
    /// All other properties, each once.
    pub pointers: Vec<PointerTrack>,
}

impl Clip {
    /// The time of the last key, seconds; 0 without tracks. Cost: one look at each track.
    #[must_use]
    pub fn duration(&self) -> f32 {
        let nodes = self.tracks.iter().map(|track| &track.times);
        let others = self.pointers.iter().map(|track| &track.times);
        nodes
            .chain(others)
            .filter_map(|times| times.last())
            .fold(0.0, |longest, time| longest.max(*time))
    }
}
