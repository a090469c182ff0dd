//! What plays: clips with a time and a weight, in layers.

use std::sync::Arc;

use super::{
    pose::Pose,
    rig::{Channel, Rig},
    sample::{dot, normalize},
};

/// What happens at the end of a clip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// It holds its last value; played backwards, its first.
    Once,
    /// It begins again.
    #[default]
    Loop,
    /// It goes back, and begins again there.
    PingPong,
}

/// What an additive layer adds the difference from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Reference {
    /// The values at rest.
    #[default]
    Rest,
    /// The clip itself at this time, seconds.
    Time(f32),
}

/// How a layer meets what is below it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Blend {
    /// It takes its place, by weight.
    #[default]
    Override,
    /// Its difference from a reference is added, by weight.
    Additive(Reference),
}

/// How much a layer counts for each node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mask {
    /// A weight a node of the source, 0 to 1; nodes past the end count `others`.
    pub nodes: Vec<f32>,
    /// For other nodes, and for what belongs to no node.
    pub others: f32,
}

impl Mask {
    /// These nodes and nothing else.
    #[must_use]
    pub fn of(nodes: impl IntoIterator<Item = usize>) -> Self {
        let mut mask = Self::default();
        for node in nodes {
            if mask.nodes.len() <= node {
                mask.nodes.resize(node + 1, 0.0);
            }
            mask.nodes[node] = 1.0;
        }
        mask
    }

    fn at(&self, channel: &Channel) -> f32 {
        let node = channel.property.node().map(|node| node as usize);
        let weight = node.and_then(|node| self.nodes.get(node).copied());
        weight.unwrap_or(self.others)
    }
}

/// Plays that are blended with one another, and how the result meets the layers before.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// How much it counts, 0 to 1.
    pub weight: f32,
    /// How it meets what is below.
    pub blend: Blend,
    /// Where it counts; `None` is everywhere.
    pub mask: Option<Arc<Mask>>,
}

impl Default for Layer {
    /// Takes the place of everything below.
    fn default() -> Self {
        Self {
            weight: 1.0,
            blend: Blend::Override,
            mask: None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Fade {
    from: f32,
    to: f32,
    seconds: f32,
    elapsed: f32,
    /// Whether the play goes when it is done.
    ends: bool,
}

/// A clip that plays.
#[derive(Clone, Debug, PartialEq)]
pub struct Play {
    clip: usize,
    layer: usize,
    /// Seconds from the start of the clip; past the end for the way back of [`Repeat::PingPong`].
    phase: f64,
    /// Times as fast as it was made; negative plays backwards.
    pub speed: f32,
    /// How much it counts beside others of its layer, from 0.
    pub weight: f32,
    /// What happens at its end.
    pub repeat: Repeat,
    fade: Option<Fade>,
    cursors: Vec<u32>,
}

impl Play {
    /// The number of its clip.
    #[must_use]
    pub fn clip(&self) -> usize {
        self.clip
    }

    /// The number of its layer.
    #[must_use]
    pub fn layer(&self) -> usize {
        self.layer
    }

    /// Where it is in its clip, seconds from the start: what is sampled.
    #[must_use]
    pub fn time(&self, rig: &Rig) -> f32 {
        let duration = f64::from(rig.duration(self.clip));
        let phase = if self.phase > duration && self.repeat == Repeat::PingPong {
            2.0 * duration - self.phase
        } else {
            self.phase
        };
        phase.clamp(0.0, duration) as f32
    }

    /// Moves it to a time: seconds from the start of the clip, repeated as it repeats.
    pub fn seek(&mut self, rig: &Rig, seconds: f64) {
        self.phase = if seconds.is_finite() { seconds } else { 0.0 };
        self.wrap(rig);
    }

    /// Whether it stands at its end, or its start where it plays backwards, and stays there.
    #[must_use]
    pub fn is_finished(&self, rig: &Rig) -> bool {
        let duration = f64::from(rig.duration(self.clip));
        self.repeat == Repeat::Once
            && if self.speed < 0.0 {
                self.phase <= 0.0
            } else {
                self.phase >= duration
            }
    }

    fn wrap(&mut self, rig: &Rig) {
        let duration = f64::from(rig.duration(self.clip));
        self.phase = if duration <= 0.0 {
            0.0
        } else {
            match self.repeat {
                Repeat::Once => self.phase.clamp(0.0, duration),
                Repeat::Loop => self.phase.rem_euclid(duration),
                Repeat::PingPong => self.phase.rem_euclid(2.0 * duration),
            }
        };
    }

    fn fade(&mut self, to: f32, seconds: f32, ends: bool) {
        let seconds = seconds.max(0.0);
        self.fade = Some(Fade {
            from: self.weight,
            to,
            seconds,
            elapsed: 0.0,
            ends,
        });
    }

    /// Moves a fade on; gives whether the play goes on.
    fn fade_by(&mut self, seconds: f32) -> bool {
        let Some(fade) = &mut self.fade else {
            return true;
        };
        fade.elapsed += seconds;
        if fade.elapsed < fade.seconds {
            let part = fade.elapsed / fade.seconds;
            self.weight = fade.from + (fade.to - fade.from) * part;
            return true;
        }
        self.weight = fade.to;
        let goes_on = !fade.ends;
        self.fade = None;
        goes_on
    }
}

/// What plays, and how it is put together. The same calls give the same poses, to the last bit, whatever played before.
#[derive(Clone, Debug, PartialEq)]
pub struct Player {
    /// From the first, which meets the values at rest, to the last.
    pub layers: Vec<Layer>,
    /// Multiplies the speed of all plays.
    pub speed: f32,
    /// Whether time stands still.
    pub is_paused: bool,
    /// By layer and clip, each pair once.
    plays: Vec<Play>,
}

impl Default for Player {
    fn default() -> Self {
        Self::new()
    }
}

impl Player {
    /// One layer, in which nothing plays.
    #[must_use]
    pub fn new() -> Self {
        Self {
            layers: vec![Layer::default()],
            speed: 1.0,
            is_paused: false,
            plays: Vec::new(),
        }
    }

    /// What plays, by layer and clip.
    #[must_use]
    pub fn plays(&self) -> &[Play] {
        &self.plays
    }

    /// The same, to be changed.
    pub fn plays_mut(&mut self) -> &mut [Play] {
        &mut self.plays
    }

    /// A clip of a layer, if it plays.
    pub fn get_mut(&mut self, layer: usize, clip: usize) -> Option<&mut Play> {
        let index = self.find(layer, clip).ok()?;
        Some(&mut self.plays[index])
    }

    fn find(&self, layer: usize, clip: usize) -> Result<usize, usize> {
        self.plays
            .binary_search_by_key(&(layer, clip), |play| (play.layer, play.clip))
    }

    /// Plays a clip in a layer from its start, over and over, with weight 1, beside what plays there. One that plays already starts again. Layers and
    /// clips that there are not play nothing.
    pub fn play(&mut self, layer: usize, clip: usize) -> &mut Play {
        let play = Play {
            clip,
            layer,
            phase: 0.0,
            speed: 1.0,
            weight: 1.0,
            repeat: Repeat::Loop,
            fade: None,
            cursors: Vec::new(),
        };
        let index = match self.find(layer, clip) {
            Ok(index) => {
                let cursors = std::mem::take(&mut self.plays[index].cursors);
                self.plays[index] = Play { cursors, ..play };
                index
            }
            Err(index) => {
                self.plays.insert(index, play);
                index
            }
        };
        &mut self.plays[index]
    }

    /// Stops a clip of a layer.
    pub fn stop(&mut self, layer: usize, clip: usize) {
        if let Ok(index) = self.find(layer, clip) {
            self.plays.remove(index);
        }
    }

    /// Stops everything: the pose is that of rest.
    pub fn stop_all(&mut self) {
        self.plays.clear();
    }

    /// Has a clip take the place of what plays in its layer, within so many seconds: its weight goes to 1, that of others to 0, in straight
    /// lines, and they stop then. One that plays already goes on from where it is.
    pub fn cross_fade(&mut self, layer: usize, clip: usize, seconds: f32) -> &mut Play {
        for play in &mut self.plays {
            if play.layer == layer && play.clip != clip {
                play.fade(0.0, seconds, true);
            }
        }
        let index = match self.find(layer, clip) {
            Ok(index) => index,
            Err(index) => {
                self.play(layer, clip).weight = 0.0;
                index
            }
        };
        self.plays[index].fade(1.0, seconds, false);
        self.plays.retain_mut(|play| play.fade_by(0.0));
        // Others may have gone; the one that fades in stays.
        let index = self.find(layer, clip).unwrap_or_else(|index| index);
        &mut self.plays[index]
    }

    /// Moves all plays on by so many seconds, and fades with them. Does not allocate. Cost: O(plays).
    pub fn advance(&mut self, rig: &Rig, seconds: f64) {
        if self.is_paused || !seconds.is_finite() {
            return;
        }
        let speed = f64::from(self.speed);
        self.plays.retain_mut(|play| {
            let step = seconds * speed * f64::from(play.speed);
            if step.is_finite() {
                play.phase += step;
            }
            play.wrap(rig);
            play.fade_by(seconds as f32)
        });
    }

    /// Writes all that a pose depends on to `numbers`; gives whether that is what was there.
    #[cfg(feature = "ecs")]
    pub(super) fn describe(&self, numbers: &mut Vec<u64>) -> bool {
        let mut at = 0;
        let mut same = true;
        let mut put = |number: u64| {
            match numbers.get_mut(at) {
                Some(place) => {
                    same &= *place == number;
                    *place = number;
                }
                None => {
                    same = false;
                    numbers.push(number);
                }
            }
            at += 1;
        };
        // Nothing that plays is as nothing ever played: such a player writes nothing.
        if !self.plays.is_empty() {
            for layer in &self.layers {
                put(u64::from(layer.weight.to_bits()));
                put(layer
                    .mask
                    .as_ref()
                    .map_or(0, |mask| Arc::as_ptr(mask) as u64));
                let (kind, time) = match layer.blend {
                    Blend::Override => (0, 0.0),
                    Blend::Additive(Reference::Rest) => (1, 0.0),
                    Blend::Additive(Reference::Time(time)) => (2, time),
                };
                put(kind << 32 | u64::from(time.to_bits()));
            }
            for play in &self.plays {
                put(play.layer as u64);
                put(play.clip as u64);
                put(play.phase.to_bits());
                put(u64::from(play.weight.to_bits()) << 8 | play.repeat as u64);
            }
        }
        same &= numbers.len() == at;
        numbers.truncate(at);
        same
    }

    /// Writes what plays to `pose`. Does not allocate once each clip has played and the pose was of this rig. Cost: O(properties) a layer that plays, and
    /// O(tracks) a play.
    pub fn evaluate(&mut self, rig: &Rig, pose: &mut Pose) {
        pose.fit(rig);
        for (number, layer) in self.layers.iter().enumerate() {
            let start = self.plays.partition_point(|play| play.layer < number);
            let end = self.plays.partition_point(|play| play.layer <= number);
            let plays = &mut self.plays[start..end];
            if plays.is_empty() || layer.weight.is_nan() || layer.weight <= 0.0 {
                continue;
            }
            match layer.blend {
                Blend::Override => replace(rig, layer, plays, pose),
                Blend::Additive(reference) => add(rig, layer, plays, reference, pose),
            }
        }
    }
}

/// Samples a play: gives each channel, its weight in the layer, and leaves its value in `sample`.
fn each(
    rig: &Rig,
    layer: &Layer,
    play: &mut Play,
    sample: &mut [f32],
    mut with: impl FnMut(usize, &Channel, f32, &[f32]),
) {
    let Some(clip) = rig.bound(play.clip) else {
        return;
    };
    if play.weight.is_nan() || play.weight <= 0.0 {
        return;
    }
    let time = play.time(rig);
    play.cursors.resize(clip.len(), 0);
    for ((index, curve), cursor) in clip.curves().zip(&mut play.cursors) {
        let channel = &rig.channels()[index];
        let weight = play.weight * layer.mask.as_ref().map_or(1.0, |mask| mask.at(channel));
        if weight.is_nan() || weight <= 0.0 {
            continue;
        }
        let value = &mut sample[..channel.width];
        curve.sample(time, cursor, value);
        if channel.switch {
            value.iter_mut().for_each(|v| *v = f32::from(*v != 0.0));
        }
        with(index, channel, weight, value);
    }
}

/// The mean of the plays takes the place of what is below.
fn replace(rig: &Rig, layer: &Layer, plays: &mut [Play], pose: &mut Pose) {
    let Pose {
        values,
        means,
        weights,
        sample,
        ..
    } = pose;
    weights.fill(0.0);
    for play in plays {
        each(rig, layer, play, sample, |index, channel, weight, value| {
            let mean = &mut means[channel.range()];
            if weights[index] == 0.0 {
                mean.copy_from_slice(value);
            } else {
                let part = weight / (weights[index] + weight);
                mix(mean, value, part, channel.rotation);
            }
            weights[index] += weight;
        });
    }
    for (channel, &weight) in rig.channels().iter().zip(&*weights) {
        if weight == 0.0 {
            continue;
        }
        let (value, mean) = (&mut values[channel.range()], &means[channel.range()]);
        let part = weight.min(1.0) * layer.weight.min(1.0);
        if part >= 1.0 {
            value.copy_from_slice(mean);
        } else {
            mix(value, mean, part, channel.rotation);
        }
        // A single play gives what it samples; a mean of rotations is shorter than its parts.
        if channel.rotation && (dot(value, value) - 1.0).abs() > 1e-6 {
            normalize(value);
        }
    }
}

/// Moves `a` towards `b`; quaternions by the shorter way, without making them unit.
fn mix(a: &mut [f32], b: &[f32], part: f32, rotation: bool) {
    let sign = if rotation && dot(a, b) < 0.0 {
        -1.0
    } else {
        1.0
    };
    for (a, b) in a.iter_mut().zip(b) {
        *a = (1.0 - part) * *a + part * sign * b;
    }
}

/// The differences of the plays from a reference are added to what is below.
fn add(rig: &Rig, layer: &Layer, plays: &mut [Play], reference: Reference, pose: &mut Pose) {
    let Pose {
        values,
        sample,
        reference: room,
        ..
    } = pose;
    for play in plays {
        let bound = rig.bound(play.clip);
        let mut curves = bound.into_iter().flat_map(|clip| clip.curves()).peekable();
        each(rig, layer, play, sample, |index, channel, weight, value| {
            let base = &mut room[..channel.width];
            match reference {
                Reference::Rest => base.copy_from_slice(&rig.rest()[channel.range()]),
                Reference::Time(time) => {
                    // Channels that were passed over are passed over here.
                    while curves.next_if(|(other, _)| *other != index).is_some() {}
                    let Some((_, curve)) = curves.next() else {
                        return;
                    };
                    let mut nowhere = u32::MAX;
                    curve.sample(time, &mut nowhere, base);
                }
            }
            let weight = weight * layer.weight.min(1.0);
            let below = &mut values[channel.range()];
            if channel.rotation {
                turn(below, base, value, weight);
            } else if matches!(channel.property, super::Property::Scale(_)) {
                for ((below, base), value) in below.iter_mut().zip(&*base).zip(value) {
                    // What is nothing cannot be a factor of anything.
                    let factor = if *base == 0.0 { 1.0 } else { value / base };
                    *below *= 1.0 + weight * (factor - 1.0);
                }
            } else {
                for ((below, base), value) in below.iter_mut().zip(&*base).zip(value) {
                    *below += weight * (value - base);
                }
            }
        });
    }
}

/// Turns `below`, in its own space, by `weight` of what turns `base` into `value`.
fn turn(below: &mut [f32], base: &[f32], value: &[f32], weight: f32) {
    let quat = |q: &[f32]| glam::Quat::from_xyzw(q[0], q[1], q[2], q[3]);
    let difference = (quat(base).conjugate() * quat(value)).to_array();
    let mut part = [0.0, 0.0, 0.0, 1.0];
    mix(&mut part, &difference, weight.min(1.0), true);
    normalize(&mut part);
    below.copy_from_slice(&(quat(below) * quat(&part)).normalize().to_array());
}
