//! Fishing boats, moored and at sea.

use glam::{Mat4, Quat, Vec2, Vec3};
use storm_assets::{Handle, Mesh};

use super::{
    Stage, Transform,
    geometry::Shape,
    materials::{CLOTHS, HULLS, Paint},
    noise::{Rng, mix, smoothstep},
};

struct Parts {
    hull: Handle<Mesh>,
    rail: Handle<Mesh>,
    deck: Handle<Mesh>,
    cabin: Handle<Mesh>,
    cabin_roof: Handle<Mesh>,
    cabin_glass: Handle<Mesh>,
    mast: Handle<Mesh>,
    rig: Handle<Mesh>,
    sail: Handle<Mesh>,
    gear: Handle<Mesh>,
    lamp: Handle<Mesh>,
    skiff: Handle<Mesh>,
    skiff_inside: Handle<Mesh>,
}

/// The hull at `t` (0 stern to 1 stem) and `s` (0 keel to 1 rail), starboard half: 8.4 m long, stem towards +Z.
fn hull_point(t: f32, s: f32) -> Vec3 {
    let sheer = 0.95 + 0.75 * (t - 0.35).max(0.0).powi(2) * 2.4 + 0.25 * (0.35 - t).max(0.0);
    let beam =
        1.35 * (1.0 - ((t - 0.42) / 0.58).abs().powf(2.3)).max(0.0) * smoothstep(-0.9, 0.35, t);
    let keel = -0.75 + 0.9 * smoothstep(0.8, 1.0, t) * (1.0 - s);
    let flare = s.powf(mix(0.42, 0.85, smoothstep(0.4, 1.0, t)));
    let rake = 0.55 * s * smoothstep(0.7, 1.0, t) - 0.25 * s * smoothstep(0.2, 0.0, t);
    Vec3::new(beam * flare, mix(keel, sheer, s), -4.2 + 8.0 * t + rake)
}

fn hull() -> Shape {
    let (along, up) = (22_u32, 8_u32);
    let mut shape = Shape::default();
    for side in [1.0_f32, -1.0] {
        let first = shape.positions.len() as u32;
        for i in 0..=along {
            for j in 0..=up {
                let (t, s) = (i as f32 / along as f32, j as f32 / up as f32);
                let at = |t: f32, s: f32| {
                    hull_point(t.clamp(0.0, 1.0), s.clamp(0.0, 1.0)) * Vec3::new(side, 1.0, 1.0)
                };
                let p = at(t, s);
                let dt = at(t + 0.02, s) - at(t - 0.02, s);
                let ds = at(t, s + 0.04) - at(t, s - 0.04);
                let n = (ds.cross(dt) * side).normalize_or(Vec3::X * side);
                // White above, bottom paint below the water line.
                let water = smoothstep(0.12, 0.2, p.y);
                let [r, g, b] = Vec3::new(0.30, 0.18, 0.15)
                    .lerp(Vec3::ONE, water)
                    .to_array();
                shape.vertex(p, n, Vec2::new(p.y * 1.1, p.z * 0.5), [r, g, b, 1.0]);
            }
        }
        for i in 0..along {
            for j in 0..up {
                let v = first + i * (up + 1) + j;
                let quad = [v, v + 1, v + up + 2, v, v + up + 2, v + up + 1];
                if side > 0.0 {
                    shape.indices.extend(quad);
                } else {
                    shape
                        .indices
                        .extend([quad[0], quad[2], quad[1], quad[3], quad[5], quad[4]]);
                }
            }
        }
    }
    // The transom.
    for j in 0..up {
        let (a, b) = (
            hull_point(0.0, j as f32 / up as f32),
            hull_point(0.0, (j + 1) as f32 / up as f32),
        );
        let mirror = Vec3::new(-1.0, 1.0, 1.0);
        shape.quad([a, a * mirror, b * mirror, b], 1.0);
    }
    shape
}

/// A flat surface within the hull at a height below the rail.
fn inside(below: f32) -> Shape {
    let mut shape = Shape::default();
    let steps = 18;
    for i in 0..=steps {
        let t = 0.01 + 0.97 * i as f32 / steps as f32;
        let p = hull_point(t, 0.93) - Vec3::Y * below;
        for x in [-p.x, p.x] {
            shape.vertex(
                Vec3::new(x, p.y, p.z),
                Vec3::Y,
                Vec2::new(x, p.z) / 1.2,
                [0.8, 0.8, 0.8, 1.0],
            );
        }
    }
    for i in 0..steps {
        let v = 2 * i;
        shape.indices.extend([v, v + 3, v + 1, v, v + 2, v + 3]);
    }
    shape
}

fn rail() -> Shape {
    let mut shape = Shape::default();
    for side in [1.0_f32, -1.0] {
        for i in 0..20 {
            let at = |i: i32| hull_point(i as f32 / 20.0, 1.0) * Vec3::new(side, 1.0, 1.0);
            shape.bar(at(i), at(i + 1), 0.11, 1.0);
        }
    }
    shape.bar(
        hull_point(0.0, 1.0),
        hull_point(0.0, 1.0) * Vec3::new(-1.0, 1.0, 1.0),
        0.12,
        1.0,
    );
    let stem = hull_point(1.0, 1.0);
    shape.bar(hull_point(1.0, 0.1), stem + Vec3::Y * 0.22, 0.13, 1.0);
    shape
}

/// Furled along the boom.
fn sail() -> Shape {
    let mut shape = Shape::default();
    let mut roll = Shape::default();
    let profile: Vec<(f32, f32)> = (0..=12)
        .map(|i| i as f32 / 12.0)
        .map(|t| {
            (
                0.05 + 0.17 * (1.0 - t) * smoothstep(0.0, 0.08, t) + 0.03 * (t * 25.0).sin().abs(),
                t * 3.3,
            )
        })
        .collect();
    roll.lathe(&profile, 10, 0.7);
    shape.append(
        &roll,
        super::geometry::turn_up_to(Vec3::new(0.0, 2.35, 0.55), Vec3::new(0.0, 2.75, -2.9)),
    );
    shape
}

fn make_parts(stage: &mut Stage) -> Parts {
    let mut cabin = Shape::default();
    cabin.cuboid_cut(
        Vec3::new(-0.8, 0.5, -2.9),
        Vec3::new(0.8, 2.35, -1.1),
        4,
        1.2,
    );
    cabin.shade(|q, _| 0.6 + 0.4 * smoothstep(0.6, 1.5, q.y));
    let mut cabin_roof = Shape::default();
    cabin_roof.cuboid(
        Vec3::new(-0.95, 2.35, -3.05),
        Vec3::new(0.95, 2.47, -0.85),
        1.2,
    );
    let mut glass = Shape::default();
    for x in [-0.4_f32, 0.4] {
        glass.cuboid(
            Vec3::new(x - 0.28, 1.55, -1.12),
            Vec3::new(x + 0.28, 2.1, -1.08),
            1.0,
        );
    }
    for s in [-0.81_f32, 0.81] {
        for z in [-2.5, -1.75] {
            glass.cuboid(
                Vec3::new(s - 0.015, 1.55, z - 0.25),
                Vec3::new(s + 0.015, 2.1, z + 0.25),
                1.0,
            );
        }
    }
    let mut mast = Shape::default();
    mast.rod(
        Vec3::new(0.0, 0.2, 0.7),
        Vec3::new(0.0, 7.4, 0.55),
        (0.11, 0.06),
        10,
        1.2,
    );
    mast.rod(
        Vec3::new(0.0, 2.15, 0.6),
        Vec3::new(0.0, 2.6, -3.2),
        (0.07, 0.05),
        8,
        1.2,
    );
    mast.rod(
        Vec3::new(-0.7, 5.6, 0.6),
        Vec3::new(0.7, 5.6, 0.6),
        (0.035, 0.035),
        6,
        1.2,
    );
    let mut rig = Shape::default();
    let top = Vec3::new(0.0, 7.2, 0.56);
    let stays = [
        (hull_point(1.0, 1.0) + Vec3::Y * 0.15, top),
        (hull_point(0.0, 1.0) * Vec3::new(0.0, 1.0, 1.0), top),
        (hull_point(0.55, 1.0), top),
        (hull_point(0.55, 1.0) * Vec3::new(-1.0, 1.0, 1.0), top),
        (hull_point(0.66, 1.0), Vec3::new(0.0, 5.6, 0.6)),
        (
            hull_point(0.66, 1.0) * Vec3::new(-1.0, 1.0, 1.0),
            Vec3::new(0.0, 5.6, 0.6),
        ),
        (Vec3::new(0.0, 2.6, -3.15), top),
    ];
    for (a, b) in stays {
        rig.rod(a, b, (0.018, 0.018), 4, 0.4);
    }
    let mut gear = Shape::default();
    gear.lathe(
        &[(0.75, 0.62), (0.7, 0.8), (0.45, 1.0), (0.0, 1.05)],
        12,
        0.6,
    );
    gear.bend(|q| Vec3::new(q.x * 0.9, q.y, q.z * 1.2 + 2.0));
    let mut lamp = Shape::default();
    lamp.lathe(
        &[(0.0, -0.14), (0.09, -0.12), (0.09, 0.1), (0.0, 0.14)],
        8,
        1.0,
    );
    let mut skiff = hull();
    let squash = Mat4::from_scale(Vec3::new(0.62, 0.62, 0.46));
    let mut small = Shape::default();
    small.append(&skiff, squash);
    small.append(&rail(), squash);
    skiff = small;
    let mut benches = Shape::default();
    benches.append(&inside(0.42), squash);
    for z in [-0.9_f32, 0.1, 0.9] {
        benches.cuboid(
            Vec3::new(-0.66, 0.46, z - 0.12),
            Vec3::new(0.66, 0.51, z + 0.12),
            1.0,
        );
    }
    Parts {
        hull: stage.mesh("hull", hull()),
        rail: stage.mesh("rail", rail()),
        deck: stage.mesh("boat deck", inside(0.35)),
        cabin: stage.mesh("cabin", cabin),
        cabin_roof: stage.mesh("cabin roof", cabin_roof),
        cabin_glass: stage.mesh("cabin glass", glass),
        mast: stage.mesh("mast", mast),
        rig: stage.mesh("rigging", rig),
        sail: stage.mesh("furled sail", sail()),
        gear: stage.mesh("boat gear", gear),
        lamp: stage.mesh("boat lamp", lamp),
        skiff: stage.mesh("skiff", skiff),
        skiff_inside: stage.mesh("skiff inside", benches),
    }
}

/// Adds the fleet.
pub(super) fn place(stage: &mut Stage) {
    let parts = make_parts(stage);
    let mut rng = Rng::new(stage.seed, 6);
    let fleet = stage.group("fleet", None, Transform::IDENTITY);
    // Beside the piers and the quay, off the mole, and one coming home.
    let berths: [(f32, f32, f32, f32); 13] = [
        (-30.2, 8.0, 0.0, 1.0),
        (-23.8, 13.0, 3.1, 1.06),
        (-30.3, 19.0, 3.2, 0.92),
        (-8.2, 9.0, 0.05, 1.0),
        (-8.2, 20.0, 3.1, 1.1),
        (-1.8, 15.0, 0.0, 0.95),
        (-1.7, 26.0, 3.2, 1.0),
        (11.8, 9.0, 0.0, 1.05),
        (18.2, 12.0, 3.1, 0.95),
        (-41.0, 2.3, 1.6, 1.0),
        (24.5, 2.4, -1.55, 1.05),
        (-39.0, 14.0, 0.5, 0.9),
        (-37.0, 46.0, -2.45, 1.1),
    ];
    for (i, (x, z, yaw, scale)) in berths.into_iter().enumerate() {
        let roll = if i == 12 { 0.12 } else { 0.03 };
        let tilt = Quat::from_rotation_x(rng.range(-roll, roll) * 0.6)
            * Quat::from_rotation_z(rng.range(-roll, roll));
        let at = Transform::at(Vec3::new(x, -0.15, z))
            .turned(yaw)
            .rotated(tilt)
            .scaled(scale);
        let lit = i == 12 || rng.chance(0.5);
        boat(stage, &parts, &mut rng, fleet, at, lit);
    }
    for (x, z, yaw) in [
        (-20.5, 4.0, 0.3),
        (-12.0, 3.0, 1.4),
        (8.0, 17.0, 0.1),
        (20.0, 5.0, 0.4),
        (-44.0, 6.0, 2.0),
        (-36.0, 26.0, 1.0),
        (3.0, 4.0, -0.4),
    ] {
        let at = Transform::at(Vec3::new(x, -0.13, z)).turned(yaw);
        let paint = Paint::Hull(rng.below(usize::from(HULLS)) as u8);
        let skiff = stage.place("skiff", Some(fleet), at, parts.skiff, paint);
        stage.place(
            "benches",
            Some(skiff),
            Transform::IDENTITY,
            parts.skiff_inside,
            Paint::Planks,
        );
    }
    stage.light(
        Vec3::new(-37.0, 3.7, 46.6),
        Vec3::new(12.0, 6.6, 2.6),
        10.0,
        None,
    );
}

fn boat(stage: &mut Stage, parts: &Parts, rng: &mut Rng, fleet: usize, at: Transform, lit: bool) {
    let boat = stage.group("boat", Some(fleet), at);
    let here = Some(boat);
    let paint = Paint::Hull(rng.below(usize::from(HULLS)) as u8);
    let at = Transform::IDENTITY;
    stage.place("hull", here, at, parts.hull, paint);
    stage.place("rail", here, at, parts.rail, Paint::Timber);
    stage.place("deck", here, at, parts.deck, Paint::Planks);
    if rng.chance(0.75) || lit {
        let cabin = stage.place(
            "cabin",
            here,
            at,
            parts.cabin,
            if rng.chance(0.6) {
                Paint::White
            } else {
                Paint::Hull(2)
            },
        );
        stage.place(
            "cabin roof",
            Some(cabin),
            at,
            parts.cabin_roof,
            Paint::Timber,
        );
        let glass = if lit { Paint::PaneWarm } else { Paint::Glass };
        stage.place("cabin glass", Some(cabin), at, parts.cabin_glass, glass);
    }
    let mast = stage.place("mast", here, at, parts.mast, Paint::Barrel);
    stage.place("rigging", Some(mast), at, parts.rig, Paint::Rope);
    let cloth = Paint::Cloth(rng.below(usize::from(CLOTHS)) as u8);
    stage.place("furled sail", Some(mast), at, parts.sail, cloth);
    stage.place("gear", here, at, parts.gear, Paint::Net);
    if lit {
        let lamp = Transform::at(Vec3::new(0.0, 3.3, 0.8));
        stage.place("boat lamp", Some(mast), lamp, parts.lamp, Paint::Lantern);
    }
}
