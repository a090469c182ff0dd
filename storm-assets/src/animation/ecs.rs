//! Players in a world: components, and the system that moves them on and writes what they come to.

use std::sync::Arc;

use storm_ecs::{
    Component, Entity, Mut, QueryState, World,
    scene::{Camera, DirectionalLight, PointLight, Projection, SpotLight, Transform, Visibility},
};

use super::{
    player::Player,
    pointer::{CameraField, LightField, PointerTarget},
    pose::Pose,
    rig::{Channel, Property, Rig},
};
use crate::{LiveMaterial, MorphWeights};

/// Which entity a channel of a rig drives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// The entity that has what is driven: `Transform`, [`MorphWeights`], `Visibility`, [`LiveMaterial`], a camera or a light.
    pub entity: Entity,
    /// The number of the channel in [`Rig::channels`].
    pub channel: usize,
}

/// Plays the clips of a rig on entities. [`Animation`] does the playing.
#[derive(Component, Clone, Debug)]
#[component(name = "storm.assets.Animator")]
pub struct Animator {
    /// What plays.
    pub player: Player,
    rig: Arc<Rig>,
    /// By entity.
    bindings: Arc<[Binding]>,
    pose: Pose,
    /// What of the player the pose was made of.
    made_of: Vec<u64>,
}

impl Animator {
    /// An animator that plays nothing yet. Bindings to channels that there are not are left out.
    #[must_use]
    pub fn new(rig: Arc<Rig>, mut bindings: Vec<Binding>) -> Self {
        bindings.retain(|binding| binding.channel < rig.channels().len());
        bindings.sort_unstable();
        Self {
            player: Player::new(),
            pose: Pose::new(&rig),
            rig,
            bindings: bindings.into(),
            made_of: Vec::new(),
        }
    }

    /// What its clips drive.
    #[must_use]
    pub fn rig(&self) -> &Arc<Rig> {
        &self.rig
    }

    /// What it last came to.
    #[must_use]
    pub fn pose(&self) -> &Pose {
        &self.pose
    }

    /// Moves on; gives whether there is anything to write.
    fn step(&mut self, seconds: f64) -> bool {
        self.player.advance(&self.rig, seconds);
        if self.player.describe(&mut self.made_of) {
            return false;
        }
        self.player.evaluate(&self.rig, &mut self.pose);
        true
    }
}

/// What an animator came to, while it is written.
#[derive(Debug)]
struct Made {
    animator: Entity,
    rig: Arc<Rig>,
    bindings: Arc<[Binding]>,
    pose: Pose,
}

/// Moves all [`Animator`]s on and writes what they come to. Keep one for each world and [`run`](Self::run) it once a frame, before propagation.
///
/// ```
/// use std::sync::Arc;
/// use storm_assets::{Clip, Interpolation, Track, TrackValues, animation::{Animation, Animator, Binding, Rig}};
/// use storm_ecs::{World, scene::Transform};
///
/// let clip = Clip {
///     tracks: vec![Track {
///         node: 0,
///         interpolation: Interpolation::Linear,
///         times: vec![0.0, 1.0],
///         values: TrackValues::Translation(vec![[0.0; 3], [2.0, 0.0, 0.0]]),
///     }],
///     ..Clip::default()
/// };
/// let rig = Arc::new(Rig::new(vec![Arc::new(clip)], &mut |_| Some(vec![0.0; 3])));
/// let mut world = World::new();
/// let cart = world.spawn(Transform::IDENTITY);
/// let mut animator = Animator::new(rig, vec![Binding { entity: cart, channel: 0 }]);
/// animator.player.play(0, 0);
/// world.spawn(animator);
///
/// Animation::new().run(&mut world, 0.25);
/// assert_eq!(world.get::<Transform>(cart).unwrap().translation, [0.5, 0.0, 0.0]);
/// ```
#[derive(Debug, Default)]
pub struct Animation {
    states: Option<(u16, States)>,
    made: Vec<Made>,
}

#[derive(Debug)]
struct States {
    animators: QueryState<(Entity, &'static mut Animator)>,
    transforms: QueryState<Mut<'static, Transform>>,
    weights: QueryState<Mut<'static, MorphWeights>>,
}

impl Animation {
    /// For a world that the first [`run`](Self::run) names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves all players on by `seconds` (0 shows what was changed by hand) and writes what differs. A player that is as it was writes nothing, so that what is
    /// moved by hand stays; one that plays writes all that its clips drive.
    ///
    /// With the feature `rayon`, poses are made on all cores; what comes of it is the same. Cost: O(properties of the rigs that play), and a look at each animator.
    pub fn run(&mut self, world: &mut World, seconds: f64) {
        let tag = world.tag();
        if !matches!(&self.states, Some((known, _)) if *known == tag) {
            let states = States {
                animators: QueryState::new(world),
                transforms: QueryState::new(world),
                weights: QueryState::new(world),
            };
            self.states = Some((tag, states));
        }
        let Some((_, states)) = &mut self.states else {
            return;
        };
        self.made.clear();
        step_all(states.animators.query_mut(world), seconds, &mut self.made);
        let mut transforms = states.transforms.query_mut(world);
        for made in &self.made {
            for of_entity in made.bindings.chunk_by(|a, b| a.entity == b.entity) {
                if made.channel(&of_entity[0]).property <= Property::Scale(u32::MAX)
                    && let Some(mut transform) = transforms.get_mut(of_entity[0].entity)
                {
                    let mut next = *transform;
                    for binding in of_entity {
                        made.place(binding, &mut next);
                    }
                    if *transform != next {
                        *transform = next;
                    }
                }
            }
        }
        let mut weights = states.weights.query_mut(world);
        for made in &self.made {
            for binding in &*made.bindings {
                if let Some((first, values)) = made.weights(binding)
                    && let Some(mut weights) = weights.get_mut(binding.entity)
                {
                    let needed = first + values.len();
                    if weights.0.get(first..needed) != Some(values) {
                        if weights.0.len() < needed {
                            weights.0.resize(needed, 0.0);
                        }
                        weights.0[first..needed].copy_from_slice(values);
                    }
                }
            }
        }
        for made in &self.made {
            for binding in &*made.bindings {
                if let Property::Pointer(target) = made.channel(binding).property {
                    let values = made.values(binding);
                    write_pointer(world, binding.entity, target, values);
                }
            }
        }
        // The room that poses take goes back to who needs it next.
        for made in self.made.drain(..) {
            if let Some(animator) = world.get_mut::<Animator>(made.animator) {
                animator.pose = made.pose;
            }
        }
    }
}

fn step_all(
    animators: storm_ecs::Query<'_, (Entity, &'static mut Animator)>,
    seconds: f64,
    made: &mut Vec<Made>,
) {
    let mut take = |(entity, animator): (Entity, &mut Animator)| {
        made.push(Made {
            animator: entity,
            rig: Arc::clone(&animator.rig),
            bindings: Arc::clone(&animator.bindings),
            pose: std::mem::take(&mut animator.pose),
        });
    };
    #[cfg(feature = "rayon")]
    {
        use rayon::prelude::*;
        let mut all: Vec<_> = animators.into_iter().map(|item| (item, false)).collect();
        all.par_iter_mut()
            .with_min_len(16)
            .for_each(|((_, animator), changed)| *changed = animator.step(seconds));
        for (item, changed) in all {
            if changed {
                take(item);
            }
        }
    }
    #[cfg(not(feature = "rayon"))]
    for (entity, animator) in animators {
        if animator.step(seconds) {
            take((entity, animator));
        }
    }
}

impl Made {
    fn channel(&self, binding: &Binding) -> &Channel {
        &self.rig.channels()[binding.channel]
    }

    fn values(&self, binding: &Binding) -> &[f32] {
        &self.pose.values()[self.channel(binding).range()]
    }

    fn place(&self, binding: &Binding, transform: &mut Transform) {
        let values = self.values(binding);
        match self.channel(binding).property {
            Property::Translation(_) => transform.translation.copy_from_slice(values),
            Property::Rotation(_) => transform.rotation.copy_from_slice(values),
            Property::Scale(_) => transform.scale.copy_from_slice(values),
            _ => {}
        }
    }

    /// The morph weights that a binding gives, and the number of the first.
    fn weights(&self, binding: &Binding) -> Option<(usize, &[f32])> {
        let first = match self.channel(binding).property {
            Property::Weights(_) | Property::Pointer(PointerTarget::MeshWeights(_)) => 0,
            Property::Pointer(
                PointerTarget::NodeWeight(_, weight) | PointerTarget::MeshWeight(_, weight),
            ) => weight as usize,
            _ => return None,
        };
        Some((first, self.values(binding)))
    }
}

fn write_pointer(world: &mut World, entity: Entity, target: PointerTarget, values: &[f32]) {
    let Some(&first) = values.first() else {
        return;
    };
    match target {
        PointerTarget::NodeVisible(_) => {
            let shown = if first >= 0.5 {
                Visibility::Inherited
            } else {
                Visibility::Hidden
            };
            if world
                .get::<Visibility>(entity)
                .is_some_and(|found| *found != shown)
                && let Some(visibility) = world.get_mut(entity)
            {
                *visibility = shown;
            }
        }
        PointerTarget::Material(_, field) => change(world, entity, |live: &mut LiveMaterial| {
            if let Some(numbers) = field.of(&mut live.material)
                && numbers.len() == values.len()
            {
                numbers.copy_from_slice(values);
            }
        }),
        PointerTarget::Camera(_, field) => change(world, entity, |camera: &mut Camera| {
            write_camera(&mut camera.projection, field, first);
        }),
        PointerTarget::Light(_, field) => {
            let color = |color: &mut [f32; 3]| {
                if let Ok(values) = values.try_into() {
                    *color = values;
                }
            };
            change(world, entity, |light: &mut DirectionalLight| match field {
                LightField::Color => color(&mut light.color),
                LightField::Intensity => light.illuminance = first,
                _ => {}
            });
            change(world, entity, |light: &mut PointLight| match field {
                LightField::Color => color(&mut light.color),
                LightField::Intensity => light.intensity = first,
                LightField::Range => light.range = Some(first),
                _ => {}
            });
            change(world, entity, |light: &mut SpotLight| match field {
                LightField::Color => color(&mut light.color),
                LightField::Intensity => light.intensity = first,
                LightField::Range => light.range = Some(first),
                LightField::InnerCone => light.inner_angle = first,
                LightField::OuterCone => light.outer_angle = first,
            });
        }
        _ => {}
    }
}

/// Changes a component that is there, and marks it as changed only where it is.
fn change<T: Component + Clone + PartialEq>(
    world: &mut World,
    entity: Entity,
    with: impl FnOnce(&mut T),
) {
    let Some(before) = world.get::<T>(entity) else {
        return;
    };
    let mut after = before.clone();
    with(&mut after);
    if *before != after
        && let Some(place) = world.get_mut::<T>(entity)
    {
        *place = after;
    }
}

fn write_camera(projection: &mut Projection, field: CameraField, value: f32) {
    match (projection, field) {
        (Projection::Perspective { yfov, .. }, CameraField::Yfov) => *yfov = value,
        (Projection::Perspective { aspect, .. }, CameraField::Aspect) => *aspect = Some(value),
        (
            Projection::Perspective { znear, .. } | Projection::Orthographic { znear, .. },
            CameraField::Near,
        ) => *znear = value,
        (Projection::Perspective { zfar, .. }, CameraField::Far) => *zfar = Some(value),
        (Projection::Orthographic { zfar, .. }, CameraField::Far) => *zfar = value,
        (Projection::Orthographic { xmag, .. }, CameraField::Xmag) => *xmag = value,
        (Projection::Orthographic { ymag, .. }, CameraField::Ymag) => *ymag = value,
        _ => {}
    }
}
