//! Goods and gear that lie about in a harbour, and the lanterns between them.

use std::f32::consts::TAU;

use glam::{Mat4, Vec3};
use storm_assets::{Handle, Mesh};

use super::{
    Stage, Transform,
    geometry::Shape,
    materials::{CLOTHS, Paint},
    noise::{Rng, smoothstep},
};

/// The meshes of all of it.
pub(super) struct Cargo {
    crate_box: Handle<Mesh>,
    barrel: Handle<Mesh>,
    hoops: Handle<Mesh>,
    net: Handle<Mesh>,
    coil: Handle<Mesh>,
    pot: Handle<Mesh>,
    sack: Handle<Mesh>,
    post: Handle<Mesh>,
    lamp: Handle<Mesh>,
}

impl Cargo {
    pub(super) fn new(stage: &mut Stage) -> Self {
        let mut crate_box = Shape::default();
        crate_box.cuboid(
            Vec3::new(-0.42, 0.03, -0.42),
            Vec3::new(0.42, 0.77, 0.42),
            1.0,
        );
        for (x, z) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
            crate_box.bar(
                Vec3::new(x * 0.41, 0.0, z * 0.41),
                Vec3::new(x * 0.41, 0.8, z * 0.41),
                0.1,
                1.0,
            );
        }
        for y in [0.06, 0.74] {
            for (a, b) in [
                ((-1.0, 1.0), (1.0, 1.0)),
                ((1.0, 1.0), (1.0, -1.0)),
                ((1.0, -1.0), (-1.0, -1.0)),
                ((-1.0, -1.0), (-1.0, 1.0)),
            ] {
                crate_box.bar(
                    Vec3::new(a.0 * 0.42, y, a.1 * 0.42),
                    Vec3::new(b.0 * 0.42, y, b.1 * 0.42),
                    0.08,
                    1.0,
                );
            }
        }
        crate_box.shade(|q, _| 0.6 + 0.4 * smoothstep(0.0, 0.5, q.y));
        let mut barrel = Shape::default();
        barrel.lathe(
            &[
                (0.27, 0.0),
                (0.33, 0.25),
                (0.35, 0.45),
                (0.33, 0.65),
                (0.27, 0.9),
                (0.24, 0.9),
                (0.24, 0.86),
                (0.0, 0.86),
            ],
            14,
            1.1,
        );
        barrel.shade(|q, _| 0.6 + 0.4 * smoothstep(0.0, 0.5, q.y));
        let mut hoops = Shape::default();
        for (y, r) in [(0.08, 0.30), (0.28, 0.345), (0.6, 0.347), (0.8, 0.305)] {
            hoops.lathe(
                &[
                    (r, y),
                    (r + 0.015, y + 0.02),
                    (r + 0.015, y + 0.05),
                    (r, y + 0.07),
                ],
                14,
                1.0,
            );
        }
        let mut net = Shape::default();
        net.lathe(
            &[
                (1.15, 0.0),
                (1.0, 0.2),
                (0.7, 0.42),
                (0.35, 0.5),
                (0.0, 0.52),
            ],
            16,
            0.7,
        );
        net.bend(|q| {
            let a = q.x.atan2(q.z);
            q * Vec3::new(
                1.0 + 0.2 * (3.0 * a).sin(),
                1.0 + 0.3 * (2.0 * a + 1.0).sin(),
                0.8 + 0.15 * (4.0 * a).cos(),
            )
        });
        net.shade(|q, _| 0.6 + 0.4 * smoothstep(0.0, 0.4, q.y));
        let mut coil = Shape::default();
        for k in 0..3 {
            let y = 0.09 * k as f32;
            coil.lathe(
                &[
                    (0.26, y),
                    (0.36, y),
                    (0.38, y + 0.05),
                    (0.34, y + 0.1),
                    (0.26, y + 0.09),
                    (0.24, y + 0.02),
                ],
                14,
                0.4,
            );
        }
        // A lobster pot: half a drum of laths.
        let mut pot = Shape::default();
        for i in 0..7 {
            let a = i as f32 / 6.0 * std::f32::consts::PI;
            let (y, z) = (0.34 * a.sin(), 0.3 * a.cos());
            pot.bar(
                Vec3::new(-0.42, y + 0.05, z),
                Vec3::new(0.42, y + 0.05, z),
                0.045,
                0.8,
            );
        }
        for x in [-0.42_f32, 0.0, 0.42] {
            for i in 0..6 {
                let at = |i: i32| {
                    let a = i as f32 / 6.0 * std::f32::consts::PI;
                    Vec3::new(x, 0.05 + 0.34 * a.sin(), 0.3 * a.cos())
                };
                pot.bar(at(i), at(i + 1), 0.05, 0.8);
            }
        }
        let mut sack = Shape::default();
        sack.lathe(
            &[
                (0.0, 0.0),
                (0.28, 0.02),
                (0.34, 0.25),
                (0.27, 0.55),
                (0.1, 0.7),
                (0.15, 0.82),
                (0.0, 0.82),
            ],
            12,
            0.8,
        );
        sack.shade(|q, _| 0.6 + 0.4 * smoothstep(0.0, 0.4, q.y));
        let mut post = Shape::default();
        post.lathe(
            &[
                (0.17, 0.0),
                (0.15, 0.25),
                (0.08, 0.4),
                (0.06, 3.3),
                (0.12, 3.36),
            ],
            10,
            1.0,
        );
        let mut head = Shape::default();
        for (x, z) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
            head.bar(
                Vec3::new(x * 0.13, 3.36, z * 0.13),
                Vec3::new(x * 0.19, 3.86, z * 0.19),
                0.035,
                1.0,
            );
        }
        head.lathe(&[(0.18, 3.34), (0.18, 3.39), (0.0, 3.39)], 4, 1.0);
        head.lathe(&[(0.2, 3.86), (0.3, 3.86), (0.1, 4.08), (0.0, 4.2)], 8, 1.0);
        post.append(&head, Mat4::IDENTITY);
        let mut lamp = Shape::default();
        lamp.lathe(
            &[(0.0, 3.42), (0.13, 3.42), (0.16, 3.82), (0.0, 3.84)],
            8,
            1.0,
        );
        Self {
            crate_box: stage.mesh("crate", crate_box),
            barrel: stage.mesh("barrel", barrel),
            hoops: stage.mesh("barrel hoops", hoops),
            net: stage.mesh("net", net),
            coil: stage.mesh("coil", coil),
            pot: stage.mesh("lobster pot", pot),
            sack: stage.mesh("sack", sack),
            post: stage.mesh("lantern post", post),
            lamp: stage.mesh("lantern", lamp),
        }
    }

    fn barrel(&self, stage: &mut Stage, parent: usize, at: Transform) {
        let barrel = stage.place("barrel", Some(parent), at, self.barrel, Paint::Barrel);
        stage.place(
            "hoops",
            Some(barrel),
            Transform::IDENTITY,
            self.hoops,
            Paint::Iron,
        );
    }

    pub(super) fn single(&self, stage: &mut Stage, rng: &mut Rng, parent: usize, p: Vec3) {
        let at = Transform::at(p).turned(rng.range(0.0, TAU));
        match rng.below(6) {
            0 | 1 => {
                let scale = rng.range(0.75, 1.1);
                stage.place(
                    "crate",
                    Some(parent),
                    at.scaled(scale),
                    self.crate_box,
                    Paint::Planks,
                );
            }
            2 => self.barrel(stage, parent, at),
            3 => {
                stage.place("coil", Some(parent), at, self.coil, Paint::Rope);
            }
            4 => {
                stage.place("lobster pot", Some(parent), at, self.pot, Paint::Planks);
            }
            _ => {
                let paint = Paint::Cloth(rng.below(usize::from(CLOTHS)) as u8);
                stage.place("sack", Some(parent), at, self.sack, paint);
            }
        }
    }

    pub(super) fn heap(&self, stage: &mut Stage, rng: &mut Rng, parent: usize, p: Vec3) {
        let heap = stage.group(
            "goods",
            Some(parent),
            Transform::at(p).turned(rng.range(-0.5, 0.5)),
        );
        let at = |x: f32, y: f32, z: f32, turn: f32| Transform::at(Vec3::new(x, y, z)).turned(turn);
        match rng.below(5) {
            0 => {
                for (x, y) in [(-0.46, 0.0), (0.46, 0.0), (0.05, 0.8)] {
                    stage.place(
                        "crate",
                        Some(heap),
                        at(x, y, 0.0, rng.range(-0.15, 0.15)),
                        self.crate_box,
                        Paint::Planks,
                    );
                }
            }
            1 => {
                for (x, z) in [(-0.4, 0.0), (0.36, 0.1), (0.0, -0.62)] {
                    self.barrel(stage, heap, at(x, 0.0, z, rng.range(0.0, TAU)));
                }
            }
            2 => {
                stage.place(
                    "net",
                    Some(heap),
                    at(0.0, 0.0, 0.0, rng.range(0.0, TAU)).scaled(rng.range(0.7, 1.0)),
                    self.net,
                    Paint::Net,
                );
            }
            3 => {
                for i in 0..5 {
                    let (x, y) = ((i % 3) as f32 * 0.92 - 0.9, (i / 3) as f32 * 0.42);
                    stage.place(
                        "lobster pot",
                        Some(heap),
                        at(x + 0.4 * y, y, 0.0, 0.0),
                        self.pot,
                        Paint::Planks,
                    );
                }
            }
            _ => {
                for _ in 0..3 {
                    let p = Vec3::new(rng.range(-0.8, 0.8), 0.0, rng.range(-0.5, 0.5));
                    self.single(stage, rng, heap, p);
                }
            }
        }
    }

    pub(super) fn lantern(&self, stage: &mut Stage, parent: usize, p: Vec3) {
        let post = stage.place(
            "lantern post",
            Some(parent),
            Transform::at(p),
            self.post,
            Paint::Iron,
        );
        stage.place(
            "lantern",
            Some(post),
            Transform::IDENTITY,
            self.lamp,
            Paint::Lantern,
        );
    }
}
