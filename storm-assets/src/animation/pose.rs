//! What a player came to: the values of all properties of a rig.

use super::rig::{Property, Rig};

/// The values of a rig's properties, and room to blend them in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pose {
    pub(super) values: Vec<f32>,
    /// Of a layer: means, and the sum of weights of each channel.
    pub(super) means: Vec<f32>,
    pub(super) weights: Vec<f32>,
    /// A value, and the one that it is compared with.
    pub(super) sample: Vec<f32>,
    pub(super) reference: Vec<f32>,
}

impl Pose {
    /// The rig at rest.
    #[must_use]
    pub fn new(rig: &Rig) -> Self {
        let mut pose = Self::default();
        pose.fit(rig);
        pose
    }

    /// Sets everything to rest, and makes room where there is too little.
    pub(super) fn fit(&mut self, rig: &Rig) {
        let widest = rig.channels().iter().map(|c| c.width).max().unwrap_or(0);
        self.values.clear();
        self.values.extend_from_slice(rig.rest());
        self.means.resize(rig.rest().len(), 0.0);
        self.weights.resize(rig.channels().len(), 0.0);
        self.sample.resize(widest, 0.0);
        self.reference.resize(widest, 0.0);
    }

    /// All values: [`Channel::range`](super::Channel::range) says which are whose.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The numbers of one property, if a clip drives it. Cost: O(log channels).
    #[must_use]
    pub fn get(&self, rig: &Rig, property: Property) -> Option<&[f32]> {
        self.values.get(rig.channel(property)?.range())
    }
}
