//! Boulders along the shore, rip-rap at the breakwater and stacks in the sea.

use std::f32::consts::TAU;

use glam::{Quat, Vec2, Vec3};
use storm_assets::{Handle, Mesh};

use super::{
    Stage, Transform,
    geometry::{Shape, icosphere},
    layout::{MOLE, Plan, QUAY},
    materials::Paint,
    noise::{Rng, fractal, smoothstep},
    terrain::Ground,
};

/// A rock before it has a shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rock {
    /// Its middle.
    pub(super) center: Vec3,
    /// Half its size along each axis.
    pub(super) half: Vec3,
    stack: bool,
}

/// Chooses where rocks lie: the sea breaks on those that stand in it.
pub(super) fn choose(plan: &Plan, ground: &Ground) -> Vec<Rock> {
    let mut rng = Rng::new(plan.seed, 7);
    let mut rocks = Vec::new();
    // Stacks before the headland and the western point: place, radius, height.
    for (x, z, radius, height) in [
        (79.0, 33.0, 3.6, 13.0),
        (87.0, 24.0, 2.6, 8.0),
        (72.0, 42.0, 2.0, 4.2),
        (-97.0, 12.0, 3.4, 10.0),
        (-91.0, 20.0, 2.2, 4.6),
        (-104.0, 4.0, 2.7, 6.5),
        (-71.0, 33.0, 2.3, 2.2),
        (-66.0, 38.0, 1.6, 1.5),
        (-76.0, 27.0, 2.0, 3.0),
        (-74.0, 38.5, 1.1, 0.8),
        (-56.6, 44.6, 2.7, 2.5),
        (-53.4, 46.4, 1.6, 1.3),
        (-59.6, 43.4, 2.2, 1.7),
        (-50.9, 46.0, 1.0, 0.8),
    ] {
        rocks.push(Rock {
            // A third of a stack is under water, half of a low rock.
            center: Vec3::new(
                x,
                if height > 3.5 {
                    0.30 * height - 1.2
                } else {
                    0.1 * height - 0.2
                },
                z,
            ),
            half: Vec3::new(
                radius,
                if height > 3.5 {
                    0.5 * height + 2.8
                } else {
                    0.8 * height + 0.3
                },
                radius * 0.85,
            ),
            stack: height > 3.5,
        });
    }
    // Along the outer side of the breakwater.
    for leg in 0..2 {
        let (a, b) = (MOLE[leg], MOLE[leg + 1]);
        let along = (b - a).normalize();
        let out = Vec2::new(-along.y, along.x);
        for i in 0..30 {
            let p = a.lerp(b, i as f32 / 30.0)
                + out * rng.range(2.4, 5.2)
                + along * rng.range(-0.5, 0.5);
            let size = rng.range(0.6, 1.35);
            let low = rng.range(-0.55, 0.2);
            rocks.push(boulder(&mut rng, Vec3::new(p.x, low, p.y), size));
        }
    }
    for i in 0..9 {
        let a = i as f32 * 0.42 + 0.2;
        let p = MOLE[2] + Vec2::new(a.cos(), a.sin()) * rng.range(3.3, 5.0);
        let size = rng.range(0.6, 1.2);
        let low = rng.range(-0.6, 0.2);
        rocks.push(boulder(&mut rng, Vec3::new(p.x, low, p.y), size));
    }
    // Along the coast, thick under cliffs.
    let mut tries = 0;
    while rocks.len() < 440 && tries < 30_000 {
        tries += 1;
        let p = Vec2::new(rng.range(-125.0, 100.0), rng.range(-185.0, 55.0));
        let height = ground.height(p);
        let quay = p.x > QUAY.0 - 2.0 && p.x < QUAY.1 + 2.0 && p.y > -14.0;
        if quay || !(-2.6..1.6).contains(&height) {
            continue;
        }
        let inland = plan.inland(p);
        let cliff = ground.height(p + towards_land(ground, p) * 8.0) > 5.0;
        let sandy = fractal(p / 20.0, 2, plan.seed ^ 0x81) < 0.5;
        if (inland > 4.0 || !cliff) && (sandy || rng.chance(0.7)) {
            continue;
        }
        let size = rng.range(0.4, 1.0) * rng.range(0.6, 1.2) * if cliff { 2.2 } else { 1.0 };
        rocks.push(boulder(
            &mut rng,
            Vec3::new(p.x, height + 0.15 * size, p.y),
            size,
        ));
    }
    // Outcrops on the hills.
    let mut outcrops = 0;
    tries = 0;
    while outcrops < 90 && tries < 8_000 {
        tries += 1;
        let p = Vec2::new(rng.range(-110.0, 80.0), rng.range(-175.0, 20.0));
        let height = ground.height(p);
        // On a cliff they would hang.
        if ground.normal(p).y < 0.66 {
            continue;
        }
        if height < 7.0 || plan.building_distance(p) < 3.0 || plan.street_distance(p) < 2.0 {
            continue;
        }
        if fractal(p / 14.0, 3, plan.seed ^ 0x82) < 0.5 && ground.normal(p).y > 0.8 {
            continue;
        }
        let size = rng.range(0.5, 1.9);
        rocks.push(boulder(
            &mut rng,
            Vec3::new(p.x, height - 0.2 * size, p.y),
            size,
        ));
        outcrops += 1;
    }
    rocks
}

fn towards_land(ground: &Ground, p: Vec2) -> Vec2 {
    let n = ground.normal(p);
    -Vec2::new(n.x, n.z).normalize_or(Vec2::NEG_Y)
}

fn boulder(rng: &mut Rng, center: Vec3, size: f32) -> Rock {
    Rock {
        center,
        half: size
            * Vec3::new(
                rng.range(0.8, 1.25),
                rng.range(0.6, 0.95),
                rng.range(0.8, 1.25),
            ),
        stack: false,
    }
}

/// A ball cut by planes: facets as rock breaks.
fn cut(rng: &mut Rng, subdivisions: u32, planes: usize, depth: (f32, f32), upright: f32) -> Shape {
    let (mut points, faces) = icosphere(subdivisions);
    for p in &mut points {
        *p *= 1.06;
    }
    for _ in 0..planes {
        let n = Vec3::new(
            rng.range(-1.0, 1.0),
            rng.range(-1.0, 1.0) * upright,
            rng.range(-1.0, 1.0),
        )
        .normalize_or(Vec3::X);
        let d = rng.range(depth.0, depth.1);
        for p in &mut points {
            let over = p.dot(n) - d;
            if over > 0.0 {
                *p -= n * (over * 0.94);
            }
        }
    }
    if upright < 1.0 {
        // Stacks: beds stand out and fall back, and the top is narrower than the foot.
        for p in &mut points {
            let around = Vec2::new(p.x, p.z).normalize_or(Vec2::X) * 1.7;
            let bed = fractal(Vec2::new(p.y * 9.0, around.x * 0.3), 3, 5) - 0.5;
            let lump = fractal(around + Vec2::splat(p.y * 2.2), 4, 9) - 0.5;
            let wide = (1.0 + 0.45 * bed + 0.7 * lump) * (1.0 - 0.28 * p.y);
            *p *= Vec3::new(wide, 1.0 + 0.25 * lump, wide);
        }
    }
    let mut shape = Shape::default();
    for face in faces {
        let [a, b, c] = face.map(|i| points[i as usize]);
        let n = (b - a)
            .cross(c - a)
            .try_normalize()
            .unwrap_or(a.normalize());
        let m = n.abs();
        let first = shape.positions.len() as u32;
        for p in [a, b, c] {
            let uv = if m.y > m.x && m.y > m.z {
                Vec2::new(p.x, p.z)
            } else if m.x > m.z {
                Vec2::new(p.z, -p.y)
            } else {
                Vec2::new(p.x, -p.y)
            };
            // Rounded a little: half the facet's normal, half the ball's.
            let normal = (n * 0.75 + p.normalize_or(n) * 0.25).normalize();
            shape.vertex(p, normal, uv * 0.42, [1.0; 4]);
        }
        shape.indices.extend([first, first + 1, first + 2]);
    }
    shape.shade(|p, n| (0.52 + 0.48 * smoothstep(-0.6, 0.35, p.y)) * (0.85 + 0.15 * n.y));
    shape
}

/// Adds them.
pub(super) fn place(stage: &mut Stage, rocks: &[Rock]) {
    let mut rng = Rng::new(stage.seed, 8);
    let mut make = |stage: &mut Stage,
                    name: &str,
                    count: usize,
                    subdivisions: u32,
                    planes: usize,
                    depth,
                    upright|
     -> Vec<Handle<Mesh>> {
        (0..count)
            .map(|i| {
                let shape = cut(&mut rng, subdivisions, planes, depth, upright);
                stage.mesh(&format!("{name} {i}"), shape)
            })
            .collect()
    };
    let small = make(stage, "stone", 4, 2, 10, (0.50, 0.92), 1.0);
    let large = make(stage, "boulder", 4, 3, 13, (0.50, 0.94), 1.0);
    let stacks = make(stage, "sea stack", 3, 4, 34, (0.58, 0.98), 0.35);
    let mut rng = Rng::new(stage.seed, 18);
    let group = stage.group("rocks", None, Transform::IDENTITY);
    for rock in rocks {
        let meshes = if rock.stack {
            &stacks
        } else if rock.half.max_element() > 1.25 {
            &large
        } else {
            &small
        };
        let tilt = if rock.stack { 0.06 } else { 0.5 };
        let turn = Quat::from_rotation_y(rng.range(0.0, TAU));
        let lean = Quat::from_rotation_x(rng.range(-tilt, tilt));
        let at = Transform::at(rock.center)
            .rotated(lean * turn)
            .stretched(rock.half);
        let mesh = meshes[rng.below(meshes.len())];
        let paint = if rock.center.y < 1.0 {
            Paint::Boulder
        } else {
            Paint::Rock
        };
        stage.place("rock", Some(group), at, mesh, paint);
    }
}
