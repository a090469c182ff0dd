//! What lines the streets: walls of dry stone, fences, lanterns, benches.

use glam::{Vec2, Vec3};

use super::{
    Stage, Transform,
    geometry::Shape,
    layout::Plan,
    materials::Paint,
    noise::{Rng, smoothstep},
    terrain::Ground,
};

/// Adds all of it.
pub(super) fn place(stage: &mut Stage, plan: &Plan, ground: &Ground) {
    let mut rng = Rng::new(stage.seed, 11);
    let group = stage.group("roadside", None, Transform::IDENTITY);
    let walls: Vec<_> = (0..2)
        .map(|i| {
            let shape = dry_stone(&mut rng);
            stage.mesh(&format!("dry stone wall {i}"), shape)
        })
        .collect();
    let fence = stage.mesh("fence", fence());
    let (post, lamp) = lantern();
    let (post, lamp) = (
        stage.mesh("street lantern post", post),
        stage.mesh("street lantern", lamp),
    );
    let mut lights = 0;
    for (index, street) in plan.streets.iter().enumerate().skip(1) {
        for i in 0..street.points.len() - 1 {
            let direction = street.direction(i);
            let yaw = (-direction.y).atan2(direction.x);
            for side in [1.0_f32, -1.0] {
                let out = Vec2::new(direction.y, -direction.x) * side;
                let p = street.points[i] + out * (street.half_width + 0.75);
                let clear = plan.building_distance(p);
                let elsewhere = plan
                    .streets
                    .iter()
                    .enumerate()
                    .filter(|(k, _)| *k != index)
                    .map(|(_, s)| s.nearest(p).0.sqrt() - s.half_width)
                    .fold(f32::INFINITY, f32::min);
                if clear < 1.5 || elsewhere < 1.2 {
                    continue;
                }
                // Level along its length, so that it follows the slope.
                let (a, b) = (p - direction, p + direction);
                let rise = ground.height(b) - ground.height(a);
                let at = Transform::at(ground.on(p))
                    .turned(yaw)
                    .rotated(glam::Quat::from_rotation_z((0.5 * rise).atan()));
                if street.cobbled {
                    if clear < 9.0 {
                        let mesh = walls[rng.below(2)];
                        stage.place("dry stone wall", Some(group), at, mesh, Paint::Stone);
                    }
                } else if side > 0.0 || rng.chance(0.2) {
                    stage.place("fence", Some(group), at, fence, Paint::Timber);
                }
            }
            if street.cobbled && i % 8 == 4 {
                let out = Vec2::new(direction.y, -direction.x);
                let p = street.points[i] + out * (street.half_width + 0.1);
                let at = Transform::at(ground.on(p));
                let pole = stage.place("street lantern post", Some(group), at, post, Paint::Iron);
                stage.place(
                    "street lantern",
                    Some(pole),
                    Transform::IDENTITY,
                    lamp,
                    Paint::Lantern,
                );
                if index == 1 && i % 16 == 4 && lights < 3 {
                    lights += 1;
                    stage.light(
                        ground.on(p) + Vec3::Y * 3.2,
                        Vec3::new(34.0, 18.5, 7.0),
                        18.0,
                        None,
                    );
                }
            }
        }
    }
}

/// Two metres of stones laid without mortar.
fn dry_stone(rng: &mut Rng) -> Shape {
    let mut shape = Shape::default();
    shape.cuboid_cut(
        Vec3::new(-1.0, -0.8, -0.22),
        Vec3::new(1.0, 0.72, 0.22),
        4,
        2.2,
    );
    let mut x = -1.0;
    while x < 0.98 {
        let wide = rng.range(0.16, 0.3).min(1.0 - x).max(0.04);
        let tall = rng.range(0.8, 0.92);
        shape.cuboid(
            Vec3::new(x + 0.01, 0.7, -0.24),
            Vec3::new(x + wide - 0.01, tall, 0.24),
            2.2,
        );
        x += wide;
    }
    shape.shade(|p, _| 0.5 + 0.5 * smoothstep(0.0, 0.6, p.y));
    shape
}

/// Two metres of posts and rails.
fn fence() -> Shape {
    let mut shape = Shape::default();
    shape.bar(
        Vec3::new(-0.9, -0.4, 0.0),
        Vec3::new(-0.9, 1.05, 0.0),
        0.11,
        0.8,
    );
    for y in [0.45, 0.85] {
        shape.bar(
            Vec3::new(-1.05, y, 0.03),
            Vec3::new(1.05, y, 0.03),
            0.07,
            0.8,
        );
    }
    shape
}

fn lantern() -> (Shape, Shape) {
    let mut post = Shape::default();
    post.lathe(
        &[
            (0.13, -0.2),
            (0.12, 0.3),
            (0.055, 0.4),
            (0.045, 2.8),
            (0.09, 2.86),
            (0.0, 2.86),
        ],
        8,
        1.0,
    );
    post.lathe(
        &[(0.15, 3.24), (0.22, 3.24), (0.08, 3.42), (0.0, 3.5)],
        8,
        1.0,
    );
    let mut lamp = Shape::default();
    lamp.lathe(
        &[(0.0, 2.86), (0.10, 2.87), (0.14, 3.24), (0.0, 3.24)],
        6,
        1.0,
    );
    (post, lamp)
}
