//! Trees, bushes and tufts of grass, thicker in some places than in others.

use std::f32::consts::TAU;

use glam::{Mat4, Quat, Vec2, Vec3};
use storm_assets::{Handle, Mesh};

use super::{
    Stage, Transform,
    geometry::Shape,
    layout::{Plan, WIND},
    materials::Paint,
    noise::{Rng, fractal, mix, smoothstep},
    terrain::Ground,
};

struct Tree {
    wood: Handle<Mesh>,
    crown: Handle<Mesh>,
}

struct Parts {
    pines: Vec<Tree>,
    broad: Vec<Tree>,
    bushes: Vec<Handle<Mesh>>,
    tufts: Vec<Handle<Mesh>>,
}

/// A card with its foot at the origin, along +Y, facing +Z; the picture stands upright on it.
fn card(
    shape: &mut Shape,
    at: Mat4,
    half_width: f32,
    height: f32,
    color: f32,
    normal: impl Fn(Vec3) -> Vec3,
) {
    let first = shape.positions.len() as u32;
    for (x, y, uv) in [
        (-1.0, 0.0, (0.0, 1.0)),
        (1.0, 0.0, (1.0, 1.0)),
        (1.0, 1.0, (1.0, 0.0)),
        (-1.0, 1.0, (0.0, 0.0)),
    ] {
        let p = at.transform_point3(Vec3::new(x * half_width, y * height, 0.0));
        shape.vertex(p, normal(p), uv.into(), [color, color, color, 1.0]);
    }
    shape.indices.extend([0, 1, 2, 0, 2, 3].map(|k| first + k));
}

/// A dark body within a crown, so that gaps between leaves are not holes.
fn core(profile: &[(f32, f32)]) -> Shape {
    let mut shape = Shape::default();
    shape.lathe(profile, 9, 1.5);
    shape.tint(|_, _| Vec3::new(0.22, 0.30, 0.16));
    shape
}

fn pine(stage: &mut Stage, rng: &mut Rng, index: usize) -> Tree {
    let height = 8.5 + 1.2 * index as f32;
    let mut wood = Shape::default();
    wood.lathe(
        &[
            (0.30, -0.6),
            (0.20, 0.4),
            (0.15, height * 0.5),
            (0.03, height * 0.96),
        ],
        8,
        1.2,
    );
    wood.shade(|p, _| 0.45 + 0.55 * smoothstep(0.0, 0.8, p.y) * smoothstep(3.0, 1.2, p.y));
    let widest = 2.1;
    wood.append(
        &core(&[
            (0.1, 1.9),
            (widest * 0.42, 2.2),
            (widest * 0.22, height * 0.6),
            (0.0, height * 0.92),
        ]),
        Mat4::IDENTITY,
    );
    let mut crown = Shape::default();
    let tiers = 12;
    for tier in 0..tiers {
        let t = tier as f32 / (tiers - 1) as f32;
        let y = mix(1.5, height * 0.95, t.powf(0.9));
        let reach = widest * (1.0 - t).powf(0.8) + 0.35;
        let boughs = 6 - (3.0 * t) as i32;
        for k in 0..boughs {
            if rng.chance(0.08) {
                continue;
            }
            let angle =
                (k as f32 + 0.5 * (tier % 2) as f32) / boughs as f32 * TAU + rng.range(-0.3, 0.3);
            let length = reach * rng.range(0.8, 1.15);
            let droop = mix(1.85, 1.0, t) + rng.range(-0.1, 0.1);
            for roll in [0.6_f32, -0.6] {
                let at = Mat4::from_translation(Vec3::Y * (y + 0.2))
                    * Mat4::from_rotation_y(angle)
                    * Mat4::from_rotation_x(droop)
                    * Mat4::from_rotation_y(roll);
                let shade = rng.range(0.75, 1.0) * mix(0.62, 1.0, t);
                card(&mut crown, at, length * 0.46, length * 1.1, shade, |p| {
                    (Vec3::new(p.x, 0.0, p.z).normalize_or(Vec3::Y) + Vec3::Y * 0.7).normalize()
                });
            }
        }
    }
    // Darker near the trunk.
    crown.shade(|p, _| {
        0.45 + 0.55
            * smoothstep(
                0.1,
                1.2,
                Vec2::new(p.x, p.z).length() + 0.6 * smoothstep(height * 0.6, height, p.y),
            )
    });
    crown.both_sides();
    Tree {
        wood: stage.mesh(&format!("pine wood {index}"), wood),
        crown: stage.mesh(&format!("pine needles {index}"), crown),
    }
}

fn crown(rng: &mut Rng, middle: Vec3, half: Vec3, cards: usize, size: f32) -> Shape {
    let mut shape = Shape::default();
    for _ in 0..cards {
        let out = Vec3::new(
            rng.range(-1.0, 1.0),
            rng.range(-0.8, 1.0),
            rng.range(-1.0, 1.0),
        )
        .normalize_or(Vec3::Y);
        let reach = rng.range(0.55, 1.0);
        let lump = 1.0 + 0.18 * (out.x * 5.0 + out.y * 4.0).sin();
        let p = middle + out * half * reach * lump;
        let spin = Quat::from_rotation_arc(Vec3::Z, (out + Vec3::Y * 0.3).normalize())
            * Quat::from_rotation_x(rng.range(-0.8, 0.8))
            * Quat::from_rotation_z(rng.range(0.0, TAU));
        let wide = size * rng.range(0.75, 1.2);
        let at = Mat4::from_rotation_translation(spin, p) * Mat4::from_translation(Vec3::Y * -wide);
        let shade = rng.range(0.8, 1.0);
        card(&mut shape, at, wide, 2.0 * wide, shade, |q| {
            ((q - middle) / half + Vec3::Y * 0.25).normalize_or(Vec3::Y)
        });
    }
    shape.shade(|p, _| {
        let q = (p - middle) / half;
        (0.42 + 0.58 * smoothstep(0.3, 1.05, q.length()))
            * (0.66 + 0.34 * smoothstep(-0.9, 0.5, q.y))
    });
    shape.both_sides();
    shape
}

fn broadleaf(stage: &mut Stage, rng: &mut Rng, index: usize) -> Tree {
    let (middle, half) = (
        Vec3::new(0.25, 4.0, 0.0),
        Vec3::new(2.3, 1.9 + 0.25 * index as f32, 2.1),
    );
    let mut wood = Shape::default();
    wood.lathe(
        &[
            (0.42, -0.6),
            (0.28, 0.3),
            (0.22, 1.2),
            (0.17, 2.6),
            (0.10, 3.6),
        ],
        9,
        1.2,
    );
    for _ in 0..5 {
        let a = rng.range(0.0, TAU);
        let from = Vec3::new(0.0, rng.range(1.6, 2.6), 0.0);
        wood.rod(
            from,
            from + Vec3::new(a.sin() * 1.2, 1.3, a.cos() * 1.2),
            (0.11, 0.05),
            6,
            1.2,
        );
    }
    wood.shade(|p, _| 0.45 + 0.55 * smoothstep(0.0, 0.8, p.y) * smoothstep(4.0, 1.8, p.y));
    let mut body = core(&[
        (0.1, -0.62),
        (0.52, -0.35),
        (0.66, 0.0),
        (0.5, 0.4),
        (0.0, 0.62),
    ]);
    body.bend(|p| middle + p * half);
    wood.append(&body, Mat4::IDENTITY);
    let crown = crown(rng, middle, half, 84, 0.62);
    Tree {
        wood: stage.mesh(&format!("tree wood {index}"), wood),
        crown: stage.mesh(&format!("tree leaves {index}"), crown),
    }
}

fn make_parts(stage: &mut Stage, rng: &mut Rng) -> Parts {
    let pines = (0..3).map(|i| pine(stage, rng, i)).collect();
    let broad = (0..3).map(|i| broadleaf(stage, rng, i)).collect();
    let bushes = (0..2)
        .map(|i| {
            let shape = crown(rng, Vec3::Y * 0.35, Vec3::new(0.95, 0.62, 0.85), 30, 0.36);
            stage.mesh(&format!("bush {i}"), shape)
        })
        .collect();
    let tufts = (0..2)
        .map(|i| {
            let mut shape = Shape::default();
            for _ in 0..5 {
                let at = Mat4::from_translation(Vec3::new(
                    rng.range(-0.3, 0.3),
                    -0.06,
                    rng.range(-0.3, 0.3),
                )) * Mat4::from_rotation_y(rng.range(0.0, TAU))
                    * Mat4::from_rotation_x(rng.range(-0.2, 0.3));
                card(
                    &mut shape,
                    at,
                    rng.range(0.3, 0.45),
                    rng.range(0.4, 0.7),
                    1.0,
                    |_| Vec3::new(0.0, 1.0, 0.15).normalize(),
                );
            }
            shape.shade(|p, _| 0.55 + 0.45 * smoothstep(0.0, 0.35, p.y));
            shape.both_sides();
            stage.mesh(&format!("tuft {i}"), shape)
        })
        .collect();
    Parts {
        pines,
        broad,
        bushes,
        tufts,
    }
}

/// Leaning with the wind, turned any way, its foot a little under the ground.
fn rooted(rng: &mut Rng, ground: &Ground, p: Vec2, lean: f32, scale: f32) -> Transform {
    let axis = Vec3::new(WIND.y, 0.0, -WIND.x);
    let tilt = Quat::from_axis_angle(axis, -lean * rng.range(0.5, 1.4));
    let turn = Quat::from_rotation_y(rng.range(0.0, TAU));
    Transform::at(ground.on(p) - Vec3::Y * 0.05)
        .rotated(tilt * turn)
        .scaled(scale)
}

/// Adds them all.
pub(super) fn place(stage: &mut Stage, plan: &Plan, ground: &Ground) {
    let mut rng = Rng::new(stage.seed, 10);
    let parts = make_parts(stage, &mut rng);
    let group = stage.group("plants", None, Transform::IDENTITY);
    let mut trunks: Vec<Vec2> = Vec::new();
    let mut tries = 0;
    while trunks.len() < 330 && tries < 20_000 {
        tries += 1;
        let p = Vec2::new(rng.range(-115.0, 80.0), rng.range(-170.0, 10.0));
        let height = ground.height(p);
        let clear = plan.building_distance(p);
        if !(3.2..44.0).contains(&height)
            || ground.normal(p).y < 0.72
            || clear < 2.4
            || plan.street_distance(p) < 1.4
            || trunks.iter().any(|q| q.distance_squared(p) < 5.0)
        {
            continue;
        }
        // Woods behind the town, single trees in gardens, few on the headland.
        let wood = smoothstep(0.44, 0.60, fractal(p / 24.0, 3, plan.seed ^ 0x91));
        let behind = smoothstep(-56.0, -72.0, p.y).max(smoothstep(-48.0, -62.0, p.x));
        let garden = smoothstep(14.0, 4.0, clear) * 0.55;
        let east = smoothstep(36.0, 46.0, p.x);
        if !rng.chance((wood * behind).max(garden) * (1.0 - 0.93 * east)) {
            continue;
        }
        trunks.push(p);
        let pine = rng.chance(mix(0.25, 0.82, smoothstep(8.0, 26.0, height)));
        let scale = rng.range(0.65, 1.1) * if clear < 9.0 { 0.8 } else { 1.0 };
        let (trees, lean) = if pine {
            (&parts.pines, 0.07)
        } else {
            (&parts.broad, 0.13)
        };
        let tree = &trees[rng.below(trees.len())];
        let paint = if pine {
            Paint::Needles(rng.below(2) as u8)
        } else {
            Paint::Leaves(rng.below(3) as u8)
        };
        let at = rooted(&mut rng, ground, p, lean, scale);
        let trunk = stage.place("tree", Some(group), at, tree.wood, Paint::Bark);
        stage.place("crown", Some(trunk), Transform::IDENTITY, tree.crown, paint);
    }
    scatter(
        stage,
        &mut rng,
        plan,
        ground,
        group,
        260,
        &parts.bushes,
        "bush",
    );
    scatter(
        stage,
        &mut rng,
        plan,
        ground,
        group,
        620,
        &parts.tufts,
        "tuft",
    );
}

#[expect(clippy::too_many_arguments, reason = "one loop for two kinds of plant")]
fn scatter(
    stage: &mut Stage,
    rng: &mut Rng,
    plan: &Plan,
    ground: &Ground,
    group: usize,
    count: usize,
    meshes: &[Handle<Mesh>],
    name: &str,
) {
    let bush = name == "bush";
    let (mut placed, mut tries) = (0, 0);
    while placed < count && tries < 20_000 {
        tries += 1;
        let p = Vec2::new(rng.range(-100.0, 80.0), rng.range(-120.0, 30.0));
        let height = ground.height(p);
        let clear = plan.building_distance(p);
        let street = plan.street_distance(p);
        if !(2.4..36.0).contains(&height) || ground.normal(p).y < 0.7 || clear < 0.7 || street < 0.6
        {
            continue;
        }
        let patch = fractal(p / 10.0, 3, plan.seed ^ 0x92);
        let edge = smoothstep(5.0, 1.0, clear.min(street)).max(smoothstep(40.0, 50.0, p.x) * 0.6);
        if !rng.chance(smoothstep(0.42, 0.6, patch).max(edge) * 0.8) {
            continue;
        }
        placed += 1;
        let scale = if bush {
            rng.range(0.6, 1.3)
        } else {
            rng.range(0.8, 1.5)
        };
        let at = rooted(rng, ground, p, 0.15, scale);
        let mesh = meshes[rng.below(meshes.len())];
        let paint = if bush {
            Paint::Leaves(rng.below(3) as u8)
        } else {
            Paint::Tuft
        };
        stage.place(name, Some(group), at, mesh, paint);
    }
}
