//! The town as a world: entities with parents, and what moves among them.

use std::f32::consts::TAU;

use glam::{Quat, Vec3};
use storm_assets::{MaterialHandle, MeshHandle};
use storm_ecs::{
    Component, Entity, World,
    scene::{ChildOf, Name, PointLight, SpotLight, Transform},
};
use storm_render::Light;

use crate::{content::Content, town};

/// How something moves about the place where it was put. Times are seconds, angles radians, lengths metres.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "storm.demo.Motion")]
enum Motion {
    /// Afloat: up and down, and rolling.
    Afloat {
        rest: Vec3,
        facing: Quat,
        phase: f32,
    },
    /// On the wing, in a circle around a point.
    Circling {
        center: Vec3,
        facing: Quat,
        radius: f32,
        period: f32,
        phase: f32,
    },
    /// Turning about +Y.
    Turning { facing: Quat, period: f32 },
}

/// Seconds of one turn of the lighthouse.
const BEAM_PERIOD: f32 = 12.0;

/// The scene of a seed.
pub(crate) fn build(seed: u64) -> Content {
    // The generator takes 32 bits: fold the rest in, so that every bit of the seed counts.
    let town = town::build((seed ^ (seed >> 32)) as u32);
    let mut world = World::new();
    let mut entities: Vec<Entity> = Vec::with_capacity(town.entities.len());
    for (index, placed) in town.entities.iter().enumerate() {
        let transform = transform(&placed.transform);
        let entity = world.spawn((transform, Name::new(&placed.name)));
        if let Some(parent) = placed.parent {
            insert(&mut world, entity, ChildOf(entities[parent]));
        }
        if let (Some(mesh), Some(material)) = (placed.mesh, placed.material) {
            insert(
                &mut world,
                entity,
                (MeshHandle(mesh), MaterialHandle(material)),
            );
        }
        if let Some(motion) = motion(&placed.name, &placed.transform, index) {
            insert(&mut world, entity, motion);
        }
        entities.push(entity);
    }
    for light in &town.lights {
        spawn_light(&mut world, light);
    }
    let mut content = Content::new("demo", town.library, world);
    content.sky = town.sky;
    content.first = Some(town.view);
    content.animate = Some(Box::new(animate));
    content
}

/// Adds to an entity that was spawned a moment ago.
fn insert(world: &mut World, entity: Entity, bundle: impl storm_ecs::Bundle) {
    world.insert(entity, bundle).expect("it is alive");
}

fn transform(placed: &town::Transform) -> Transform {
    Transform::from_parts(placed.translation, placed.rotation, placed.scale)
}

/// How things of this name move. `index` sets them apart.
fn motion(name: &str, at: &town::Transform, index: usize) -> Option<Motion> {
    // The golden angle spreads phases evenly, however many there are.
    let phase = (index as f32 * 2.399_963).rem_euclid(TAU);
    match name {
        "boat" | "buoy" => Some(Motion::Afloat {
            rest: at.translation,
            facing: at.rotation,
            phase,
        }),
        "gull" => {
            let radius = 6.0 + 3.0 * phase;
            let ahead = Vec3::new(phase.cos(), 0.0, phase.sin());
            Some(Motion::Circling {
                center: at.translation - ahead * radius,
                facing: at.rotation,
                radius,
                period: 9.0 + 2.0 * phase,
                phase,
            })
        }
        "beam" => Some(Motion::Turning {
            facing: at.rotation,
            period: BEAM_PERIOD,
        }),
        _ => None,
    }
}

/// Puts everything that moves where it is after this many seconds. At 0 all is where it was put.
fn animate(world: &mut World, seconds: f64) {
    let turn = |period: f32| (seconds / f64::from(period)).fract() as f32 * TAU;
    for (transform, motion) in world.query_mut::<(&mut Transform, &Motion)>().into_iter() {
        match *motion {
            Motion::Afloat {
                rest,
                facing,
                phase,
            } => {
                let heave = (turn(5.3) + phase).sin() - phase.sin();
                let roll = (turn(3.7) + phase).sin() - phase.sin();
                transform.translation = (rest + Vec3::Y * 0.18 * heave).into();
                transform.rotation = (facing * Quat::from_rotation_z(0.045 * roll)).into();
            }
            Motion::Circling {
                center,
                facing,
                radius,
                period,
                phase,
            } => {
                let angle = phase + turn(period);
                let out = Vec3::new(angle.cos(), 0.0, angle.sin());
                transform.translation = (center + out * radius).into();
                // From +X to +Z is against a turn about +Y.
                transform.rotation = (Quat::from_rotation_y(-turn(period)) * facing).into();
            }
            Motion::Turning { facing, period } => {
                transform.rotation = (Quat::from_rotation_y(turn(period)) * facing).into();
            }
        }
    }
}

fn spawn_light(world: &mut World, light: &Light) {
    let color = light.color.to_array();
    let range = Some(light.range);
    let at = light.translation;
    match light.spot {
        None => {
            let place = Transform::from_translation(at.into());
            world.spawn((
                place,
                PointLight {
                    color,
                    intensity: 1.0,
                    range,
                },
            ));
        }
        Some(spot) => {
            let facing = Quat::from_rotation_arc(Vec3::NEG_Z, spot.direction.normalize());
            let place = Transform::from_parts(at, facing, Vec3::ONE);
            let light = SpotLight {
                color,
                intensity: 1.0,
                range,
                inner_angle: spot.inner,
                outer_angle: spot.outer,
            };
            let motion = Motion::Turning {
                facing,
                period: BEAM_PERIOD,
            };
            world.spawn((place, light, motion));
        }
    }
}

#[cfg(test)]
mod tests {
    use storm_ecs::scene::GlobalTransform;

    use super::*;

    #[test]
    fn the_world_holds_the_whole_town() {
        let (content, town) = (build(7), town::build(7));
        let world = content.world();
        let drawn = town.entities.iter().filter(|e| e.mesh.is_some()).count();
        assert_eq!(
            world.query::<(&MeshHandle, &GlobalTransform)>().count(),
            drawn
        );
        let children = town.entities.iter().filter(|e| e.parent.is_some()).count();
        assert_eq!(world.query::<&ChildOf>().count(), children);
        let lights = world.query::<&PointLight>().count() + world.query::<&SpotLight>().count();
        assert_eq!(lights, town.lights.len());
        for expected in ["Afloat", "Circling", "Turning"] {
            let moves = |motion: &Motion| format!("{motion:?}").starts_with(expected);
            assert!(world.query::<&Motion>().iter().any(moves), "{expected}");
        }
    }

    #[test]
    fn at_second_0_everything_is_where_it_was_put() {
        let mut content = build(7);
        let places = |content: &Content| -> Vec<Transform> {
            content
                .world()
                .query::<&Transform>()
                .iter()
                .copied()
                .collect()
        };
        let before = places(&content);
        content.advance(0.0);
        for (a, b) in before.iter().zip(places(&content)) {
            let apart = Vec3::from(a.translation).distance(b.translation.into());
            assert!(apart < 1e-3, "{a:?} became {b:?}");
            assert!(
                Quat::from_array(a.rotation)
                    .dot(Quat::from_array(b.rotation))
                    .abs()
                    > 0.99999
            );
        }
        content.advance(1.0);
        let moved = before
            .iter()
            .zip(places(&content))
            .filter(|(a, b)| *a != b)
            .count();
        assert!((20..500).contains(&moved), "{moved} things moved");
    }
}
