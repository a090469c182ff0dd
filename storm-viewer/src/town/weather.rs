//! The sky, where to look from, rain and gulls.

use std::f32::consts::TAU;

use glam::{Vec2, Vec3};
use storm_render::{Projection, Sky, View};

use super::{Stage, Transform, geometry::Shape, layout::SUN, materials::Paint, noise::Rng};

/// A storm that comes on while the sun is still under its edge.
pub(super) fn sky(seed: u32) -> Sky {
    Sky {
        sun_direction: SUN,
        sun_color: Vec3::new(4.9, 3.3, 1.9),
        sun_radius: 0.02,
        haze: 0.75,
        zenith: Vec3::new(0.05, 0.068, 0.10),
        horizon: Vec3::new(0.50, 0.455, 0.41),
        ground: Vec3::new(0.05, 0.065, 0.07),
        cloud_cover: 0.95,
        cloud_scale: 1.1,
        cloud_light: Vec3::new(0.20, 0.215, 0.25),
        cloud_shade: Vec3::new(0.028, 0.037, 0.055),
        fog_density: 0.0013,
        fog_height: 55.0,
        ..Sky::stormy(seed)
    }
}

/// From above the water before the harbour.
pub(super) fn view() -> View {
    View {
        projection: Projection::Perspective {
            yfov: 38.0_f32.to_radians(),
            near: 0.1,
        },
        exposure: 1.55,
        ..View::look_at(Vec3::new(-64.0, 9.0, 76.0), Vec3::new(6.0, 13.0, -14.0))
    }
}

/// Adds rain and gulls.
pub(super) fn place(stage: &mut Stage) {
    let mut rng = Rng::new(stage.seed, 9);
    let sky = stage.group("air", None, Transform::IDENTITY);
    let sheets: Vec<_> = (0..3)
        .map(|i| {
            let shape = streaks(&mut rng);
            stage.mesh(&format!("rain {i}"), shape)
        })
        .collect();
    for _ in 0..90 {
        let p = Vec3::new(
            rng.range(-100.0, 70.0),
            rng.range(0.0, 26.0),
            rng.range(-70.0, 78.0),
        );
        let transform = Transform::at(p).turned(rng.range(0.0, TAU));
        let mesh = sheets[rng.below(3)];
        stage.place("rain", Some(sky), transform, mesh, Paint::Rain);
    }
    // Denser before the eye: rain far off is fog.
    let eye = view();
    for _ in 0..22 {
        let ahead = Vec3::new(
            rng.range(-11.0, 11.0),
            rng.range(-3.0, 8.0),
            -rng.range(13.0, 34.0),
        );
        let transform =
            Transform::at(eye.translation + eye.rotation * ahead).turned(rng.range(0.0, TAU));
        let mesh = sheets[rng.below(3)];
        stage.place("rain", Some(sky), transform, mesh, Paint::Rain);
    }
    let glide = stage.mesh("gull gliding", gull(0.18));
    let beat = stage.mesh("gull beating", gull(-0.35));
    for i in 0..26 {
        let around = Vec3::new(-20.0, 17.0, 14.0);
        let angle = rng.range(0.0, TAU);
        let reach = rng.range(6.0, 46.0);
        let p = around
            + Vec3::new(
                angle.cos() * reach,
                rng.range(-7.0, 13.0),
                angle.sin() * reach,
            );
        let transform = Transform::at(p)
            .turned(-angle + rng.range(-0.5, 0.5))
            .rotated(glam::Quat::from_rotation_z(rng.range(-0.45, 0.45)));
        let mesh = if i % 3 == 0 { beat } else { glide };
        stage.place("gull", Some(sky), transform, mesh, Paint::Gull);
    }
}

/// Drops in a box of 16 m, driven by the wind. Two blades crossed, so that each is seen from all sides.
fn streaks(rng: &mut Rng) -> Shape {
    let mut shape = Shape::default();
    let fall = Vec3::new(0.24, -1.0, -0.14).normalize();
    for _ in 0..34 {
        let at = Vec3::new(
            rng.range(-8.0, 8.0),
            rng.range(-8.0, 8.0),
            rng.range(-8.0, 8.0),
        );
        let length = rng.range(0.5, 1.1);
        for across in [Vec3::X, Vec3::Z] {
            let side = across * 0.009;
            let end = at + fall * length;
            let first = shape.positions.len() as u32;
            for (p, uv, alpha) in [
                (end - side, Vec2::new(0.0, 1.0), 0.9),
                (end + side, Vec2::new(1.0, 1.0), 0.9),
                (at + side, Vec2::new(1.0, 0.0), 0.0),
                (at - side, Vec2::new(0.0, 0.0), 0.0),
            ] {
                shape.vertex(p, Vec3::Y, uv, [1.0, 1.0, 1.0, alpha]);
            }
            shape.indices.extend([0, 1, 2, 0, 2, 3].map(|k| first + k));
        }
    }
    shape
}

/// Wings 1.3 m across, bent at the wrist; it flies towards -Z.
fn gull(lift: f32) -> Shape {
    let mut shape = Shape::default();
    let mut body = Shape::default();
    body.lathe(
        &[
            (0.0, -0.24),
            (0.06, -0.14),
            (0.085, 0.02),
            (0.05, 0.18),
            (0.0, 0.26),
        ],
        8,
        1.0,
    );
    shape.append(
        &body,
        glam::Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2),
    );
    for side in [1.0_f32, -1.0] {
        let p = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
        let wrist = 0.12 + lift * 0.5;
        let inner = [
            p(0.03, 0.03, 0.10),
            p(0.30, wrist, 0.06),
            p(0.32, wrist, -0.12),
            p(0.03, 0.03, -0.10),
        ];
        let outer = [
            p(0.30, wrist, 0.06),
            p(0.66, wrist - 0.1 + lift, 0.14),
            p(0.66, wrist - 0.1 + lift, 0.10),
            p(0.32, wrist, -0.12),
        ];
        for quad in [inner, outer] {
            let mut wing = Shape::default();
            let quad = if side > 0.0 {
                quad
            } else {
                [quad[1], quad[0], quad[3], quad[2]]
            };
            wing.quad(quad, 1.0);
            wing.both_sides();
            wing.tint(|p, _| {
                if p.x.abs() > 0.6 {
                    Vec3::splat(0.12)
                } else {
                    Vec3::ONE
                }
            });
            shape.append(&wing, glam::Mat4::IDENTITY);
        }
    }
    shape
}
