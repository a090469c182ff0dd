//! What the clips of a source drive, and the values at rest.

use std::{collections::BTreeMap, sync::Arc};

use super::{pointer::PointerTarget, sample::Curve};
use crate::{Clip, TrackValues};

/// Something that a clip drives. Nodes are indices of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Property {
    /// Of a node: three numbers, metres.
    Translation(u32),
    /// Of a node: a quaternion, XYZW.
    Rotation(u32),
    /// Of a node: three factors.
    Scale(u32),
    /// Of a node: a number a morph target.
    Weights(u32),
    /// Anything else.
    Pointer(PointerTarget),
}

impl Property {
    /// The node that it belongs to, if to any.
    #[must_use]
    pub fn node(self) -> Option<u32> {
        match self {
            Self::Translation(node)
            | Self::Rotation(node)
            | Self::Scale(node)
            | Self::Weights(node)
            | Self::Pointer(
                PointerTarget::NodeVisible(node) | PointerTarget::NodeWeight(node, _),
            ) => Some(node),
            Self::Pointer(_) => None,
        }
    }

    fn is_rotation(self) -> bool {
        matches!(self, Self::Rotation(_))
    }

    /// Whether it is on or off: its values are taken as 0 and 1.
    fn is_switch(self) -> bool {
        matches!(self, Self::Pointer(PointerTarget::NodeVisible(_)))
    }
}

/// A property and its range in the values of a pose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// What it is.
    pub property: Property,
    /// The first of its numbers.
    pub start: usize,
    /// How many there are.
    pub width: usize,
    pub(super) rotation: bool,
    pub(super) switch: bool,
}

impl Channel {
    /// Its range in [`Pose::values`](super::Pose::values).
    #[must_use]
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.width
    }
}

/// Which list of a clip a track is in.
#[derive(Clone, Copy, Debug)]
enum In {
    Tracks(usize),
    Pointers(usize),
}

#[derive(Clone, Debug)]
pub(super) struct BoundClip {
    clip: Arc<Clip>,
    /// Channel and place of each track that can be sampled.
    tracks: Vec<(u32, In)>,
    pub(super) duration: f32,
}

impl BoundClip {
    pub(super) fn len(&self) -> usize {
        self.tracks.len()
    }

    /// Channels and curves, in the order of cursors.
    pub(super) fn curves(&self) -> impl Iterator<Item = (usize, Curve<'_>)> {
        self.tracks
            .iter()
            .map(|&(channel, place)| (channel as usize, curve(&self.clip, place)))
    }
}

fn curve(clip: &Clip, place: In) -> Curve<'_> {
    match place {
        In::Tracks(index) => {
            let track = &clip.tracks[index];
            let (width, values) = match &track.values {
                TrackValues::Translation(values) | TrackValues::Scale(values) => {
                    (3, values.as_flattened())
                }
                TrackValues::Rotation(values) => (4, values.as_flattened()),
                TrackValues::Weights { targets, values } => (*targets, &values[..]),
            };
            Curve {
                interpolation: track.interpolation,
                rotation: matches!(track.values, TrackValues::Rotation(_)),
                width,
                times: &track.times,
                values,
            }
        }
        In::Pointers(index) => {
            let track = &clip.pointers[index];
            Curve {
                interpolation: track.interpolation,
                rotation: false,
                width: track.width,
                times: &track.times,
                values: &track.values,
            }
        }
    }
}

/// What the clips of a source drive: made once, shared by all that play them.
#[derive(Clone, Debug, Default)]
pub struct Rig {
    channels: Vec<Channel>,
    rest: Vec<f32>,
    clips: Vec<BoundClip>,
    ignored: Vec<String>,
}

impl Rig {
    /// The rig of some clips. `rest` gives the numbers that a property has without animation, or `None` where there is no such property.
    ///
    /// Left out, and listed by [`Rig::ignored`]: pointers that this crate does not know, tracks of properties that `rest` does not know or that have another
    /// number of numbers, and tracks that cannot be sampled (no keys, times that do not rise, too few values). Cost: O(keys).
    #[must_use]
    pub fn new(clips: Vec<Arc<Clip>>, rest: &mut dyn FnMut(Property) -> Option<Vec<f32>>) -> Self {
        let mut known: BTreeMap<Property, Option<Vec<f32>>> = BTreeMap::new();
        let mut ignored = Vec::new();
        let mut found = Vec::new();
        for clip in &clips {
            let tracks = clip.tracks.iter().enumerate().map(|(index, track)| {
                let node = track.node;
                let property = match track.values {
                    TrackValues::Translation(_) => Property::Translation(node),
                    TrackValues::Rotation(_) => Property::Rotation(node),
                    TrackValues::Scale(_) => Property::Scale(node),
                    TrackValues::Weights { .. } => Property::Weights(node),
                };
                (Some(property), In::Tracks(index))
            });
            let pointers = clip.pointers.iter().enumerate().map(|(index, track)| {
                let target = PointerTarget::parse(&track.pointer, track.object);
                (target.map(Property::Pointer), In::Pointers(index))
            });
            let mut of_clip = Vec::new();
            for (property, place) in tracks.chain(pointers) {
                let curve = curve(clip, place);
                let fits = property.filter(|property| {
                    let at_rest = known
                        .entry(*property)
                        .or_insert_with(|| rest(*property).filter(|numbers| !numbers.is_empty()));
                    curve.is_sound()
                        && at_rest
                            .as_ref()
                            .is_some_and(|numbers| numbers.len() == curve.width)
                });
                match (fits, place) {
                    (Some(property), _) => of_clip.push((property, place)),
                    (None, In::Pointers(index)) => {
                        ignored.push(clip.pointers[index].pointer.clone())
                    }
                    (None, In::Tracks(index)) => {
                        ignored.push(format!("a track of node {}", clip.tracks[index].node));
                    }
                }
            }
            found.push(of_clip);
        }
        ignored.sort_unstable();
        ignored.dedup();
        // What no track that can be sampled drives has no channel.
        let driven: std::collections::BTreeSet<Property> = found
            .iter()
            .flatten()
            .map(|(property, _)| *property)
            .collect();
        let (mut channels, mut values) = (Vec::new(), Vec::new());
        for property in driven {
            let numbers = known.remove(&property).flatten().unwrap_or_default();
            channels.push(Channel {
                property,
                start: values.len(),
                width: numbers.len(),
                rotation: property.is_rotation(),
                switch: property.is_switch(),
            });
            values.extend(numbers);
        }
        let channel = |property: &Property| {
            channels
                .binary_search_by_key(property, |channel: &Channel| channel.property)
                .map_or(0, |index| index as u32)
        };
        let clips = clips
            .into_iter()
            .zip(found)
            .map(|(clip, tracks)| BoundClip {
                tracks: tracks
                    .iter()
                    .map(|(property, place)| (channel(property), *place))
                    .collect(),
                duration: clip.duration(),
                clip,
            })
            .collect();
        Self {
            channels,
            rest: values,
            clips,
            ignored,
        }
    }

    /// What is driven, in the order of [`Property`].
    #[must_use]
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The channel of a property, if a clip drives it. Cost: O(log channels).
    #[must_use]
    pub fn channel(&self, property: Property) -> Option<&Channel> {
        let found = self
            .channels
            .binary_search_by_key(&property, |channel| channel.property);
        found.ok().map(|index| &self.channels[index])
    }

    /// The values at rest.
    #[must_use]
    pub fn rest(&self) -> &[f32] {
        &self.rest
    }

    /// How many clips there are.
    #[must_use]
    pub fn clip_count(&self) -> usize {
        self.clips.len()
    }

    /// A clip by its number.
    #[must_use]
    pub fn clip(&self, clip: usize) -> Option<&Arc<Clip>> {
        self.clips.get(clip).map(|bound| &bound.clip)
    }

    /// How long a clip is, seconds; 0 where there is no such clip.
    #[must_use]
    pub fn duration(&self, clip: usize) -> f32 {
        self.clips.get(clip).map_or(0.0, |bound| bound.duration)
    }

    /// Pointers and tracks that were left out, for people.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    pub(super) fn bound(&self, clip: usize) -> Option<&BoundClip> {
        self.clips.get(clip)
    }
}
