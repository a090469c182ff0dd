//! What houses are made of: a shell per kind, and the doors, windows, dormers and chimneys that all share.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};
use storm_assets::{Handle, Mesh};

use super::{
    Stage,
    geometry::Shape,
    layout::{KINDS, Kind},
    noise::smoothstep,
};

/// Roof beyond the wall, at eaves and gables.
const EAVES: f32 = 0.5;
const VERGE: f32 = 0.35;

pub(super) struct Shell {
    pub(super) walls: Handle<Mesh>,
    pub(super) plinth: Handle<Mesh>,
    pub(super) roof: Handle<Mesh>,
    pub(super) boards: Handle<Mesh>,
    pub(super) timber: Handle<Mesh>,
}

/// What houses share.
pub(super) struct Parts {
    pub(super) shells: Vec<Shell>,
    pub(super) frame: Handle<Mesh>,
    pub(super) pane: Handle<Mesh>,
    pub(super) shutters: Handle<Mesh>,
    pub(super) door: Handle<Mesh>,
    pub(super) door_frame: Handle<Mesh>,
    pub(super) steps: Handle<Mesh>,
    pub(super) chimney: Handle<Mesh>,
    pub(super) pots: Handle<Mesh>,
    pub(super) dormer: Handle<Mesh>,
    pub(super) dormer_roof: Handle<Mesh>,
    pub(super) lamp: Handle<Mesh>,
    pub(super) bracket: Handle<Mesh>,
}

/// Half length along the ridge and half depth across it, for a shell whose ridge runs along X.
pub(super) fn shell_half(kind: &Kind) -> Vec2 {
    if kind.gable {
        0.5 * Vec2::new(kind.depth, kind.width)
    } else {
        0.5 * Vec2::new(kind.width, kind.depth)
    }
}

/// Four walls with two gables; darker at the foot and under the eaves.
pub(super) fn walls(half: Vec2, wall: f32, rise: f32) -> Shape {
    let mut shape = Shape::default();
    let p = |x: f32, y: f32, z: f32| Vec3::new(x * half.x, y, z * half.y);
    let rows = (wall / 0.5).ceil() as u32;
    for [a, b] in [
        [(-1.0, 1.0), (1.0, 1.0)],
        [(1.0, 1.0), (1.0, -1.0)],
        [(1.0, -1.0), (-1.0, -1.0)],
        [(-1.0, -1.0), (-1.0, 1.0)],
    ] {
        shape.patch(
            [
                p(a.0, 0.0, a.1),
                p(b.0, 0.0, b.1),
                p(b.0, wall, b.1),
                p(a.0, wall, a.1),
            ],
            4,
            rows,
            2.5,
        );
    }
    for s in [1.0_f32, -1.0] {
        shape.triangle([p(s, wall, s), p(s, wall, -s), p(s, wall + rise, 0.0)], 2.5);
    }
    shape.shade(|q, n| {
        let foot = 0.55 + 0.45 * smoothstep(0.0, 1.3, q.y);
        let eaves = if n.z.abs() > 0.5 {
            0.58 + 0.42 * smoothstep(wall, wall - 1.0, q.y)
        } else {
            // Under the slope of the gable.
            let line = wall + rise * (1.0 - q.z.abs() / half.y);
            0.66 + 0.34 * smoothstep(0.0, 0.9, line - q.y)
        };
        foot * eaves
    });
    shape
}

/// Two slopes with thickness, and a ridge.
pub(super) fn roof(half: Vec2, wall: f32, rise: f32, tile: f32) -> Shape {
    let mut shape = Shape::default();
    let slope = rise / half.y;
    let (x, z) = (half.x + VERGE, half.y + EAVES);
    let (low, high) = (wall - EAVES * slope + 0.12, wall + rise + 0.12);
    let thick = Vec3::Y * 0.2;
    for s in [1.0_f32, -1.0] {
        let a = Vec3::new(-s * x, low, s * z);
        let b = Vec3::new(s * x, low, s * z);
        let (c, d) = (Vec3::new(s * x, high, 0.0), Vec3::new(-s * x, high, 0.0));
        shape.patch([a + thick, b + thick, c + thick, d + thick], 6, 4, tile);
        let below = shape.positions.len();
        shape.quad([b, a, d, c], tile);
        shape.quad([a, b, b + thick, a + thick], tile);
        shape.quad([b, c, c + thick, b + thick], tile);
        shape.quad([d, a, a + thick, d + thick], tile);
        for color in &mut shape.colors[below..below + 4] {
            *color = [0.30, 0.30, 0.30, 1.0];
        }
    }
    let top = high + 0.2;
    shape.cuboid(
        Vec3::new(-x, top - 0.12, -0.16),
        Vec3::new(x, top + 0.09, 0.16),
        tile,
    );
    // Weathered along the eaves, streaked down the slope.
    shape.shade(|q, _| {
        let down = (top - q.y) / (top - low);
        1.0 - 0.22 * smoothstep(0.55, 1.0, down) - 0.14 * smoothstep(0.2, 0.0, down)
    });
    shape
}

/// Boards along the verges.
fn boards(half: Vec2, wall: f32, rise: f32) -> Shape {
    let mut shape = Shape::default();
    let slope = rise / half.y;
    let (x, z) = (half.x + VERGE + 0.03, half.y + EAVES);
    let (low, high) = (wall - EAVES * slope + 0.16, wall + rise + 0.16);
    for s in [1.0_f32, -1.0] {
        for e in [1.0_f32, -1.0] {
            shape.bar(
                Vec3::new(e * x, low, s * z),
                Vec3::new(e * x, high, 0.0),
                0.16,
                1.2,
            );
        }
        shape.bar(
            Vec3::new(-x, low - 0.04, s * z),
            Vec3::new(x, low - 0.04, s * z),
            0.12,
            1.2,
        );
    }
    shape
}

/// Half-timbering: posts, rails and braces, a hand's breadth proud of the wall.
fn timber(half: Vec2, kind: &Kind) -> Shape {
    let mut shape = Shape::default();
    let storey = kind.wall / kind.storeys as f32;
    for (length, depth, turn) in [
        (half.x, half.y, 0.0),
        (half.y, half.x, FRAC_PI_2),
        (half.x, half.y, PI),
        (half.y, half.x, -FRAC_PI_2),
    ] {
        let mut side = Shape::default();
        // Hardly proud, so that windows stand before it.
        let z = depth - 0.05;
        let mut bar = |x0: f32, y0: f32, x1: f32, y1: f32| {
            side.bar(Vec3::new(x0, y0, z), Vec3::new(x1, y1, z), 0.17, 1.1);
        };
        let e = length - 0.06;
        let from = if kind.storeys > 1 { storey } else { 0.35 };
        for level in u32::from(kind.storeys > 1)..=kind.storeys {
            let y =
                (level as f32 * storey).max(0.35) - if level == kind.storeys { 0.12 } else { 0.0 };
            bar(-e, y, e, y);
        }
        let bays = (2.0 * length / 1.25).round().max(2.0) as i32;
        for bay in 0..=bays {
            let x = -e + 2.0 * e * bay as f32 / bays as f32;
            bar(x, from, x, kind.wall - 0.1);
        }
        let step = 2.0 * e / bays as f32;
        bar(-e, kind.wall - 0.2, -e + step, kind.wall - storey + 0.2);
        bar(e, kind.wall - 0.2, e - step, kind.wall - storey + 0.2);
        if turn != 0.0 && turn != PI {
            // A collar above the window of the gable, and struts beside it.
            let collar = 0.68;
            let (y, half) = (kind.wall + kind.rise * collar, e * (1.0 - collar));
            bar(-half, y, half, y);
            bar(0.0, y, 0.0, kind.wall + kind.rise - 0.25);
            for s in [-1.0_f32, 1.0] {
                bar(
                    s * e * 0.45,
                    kind.wall,
                    s * e * 0.38,
                    kind.wall + kind.rise * 0.58,
                );
            }
        }
        shape.append(&side, glam::Mat4::from_rotation_y(turn));
    }
    shape.shade(|q, _| {
        0.7 + 0.3 * smoothstep(0.0, 1.5, q.y) * smoothstep(kind.wall + 0.4, kind.wall - 0.8, q.y)
    });
    shape
}

fn frame() -> Shape {
    let mut shape = Shape::default();
    let (w, h) = (0.5, 0.64);
    let mut bar = |x0: f32, y0: f32, x1: f32, y1: f32, out: f32| {
        shape.cuboid(Vec3::new(x0, y0, -0.02), Vec3::new(x1, y1, out), 0.8);
    };
    bar(-w - 0.09, -h, -w, h, 0.11);
    bar(w, -h, w + 0.09, h, 0.11);
    bar(-w - 0.12, h, w + 0.12, h + 0.12, 0.13);
    bar(-w - 0.16, -h - 0.12, w + 0.16, -h, 0.17);
    bar(-0.03, -h, 0.03, h, 0.085);
    bar(-w, 0.14, w, 0.19, 0.08);
    bar(-w, -0.28, w, -0.24, 0.08);
    shape
}

fn pane(w: f32, h: f32) -> Shape {
    let mut shape = Shape::default();
    shape.quad(
        [(-w, -h), (w, -h), (w, h), (-w, h)].map(|(x, y)| Vec3::new(x, y, 0.055)),
        1.0,
    );
    for (uv, corner) in shape
        .uvs
        .iter_mut()
        .zip([(0.0, 1.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)])
    {
        *uv = corner.into();
    }
    shape
}

fn door() -> (Shape, Shape) {
    let mut leaf = Shape::default();
    leaf.cuboid(Vec3::new(-0.5, 0.0, -0.05), Vec3::new(0.5, 2.05, 0.05), 1.0);
    leaf.shade(|q, _| 0.6 + 0.4 * smoothstep(0.0, 0.8, q.y));
    let mut frame = Shape::default();
    frame.cuboid(
        Vec3::new(-0.64, 0.0, -0.05),
        Vec3::new(-0.5, 2.1, 0.14),
        1.0,
    );
    frame.cuboid(Vec3::new(0.5, 0.0, -0.05), Vec3::new(0.64, 2.1, 0.14), 1.0);
    frame.cuboid(
        Vec3::new(-0.72, 2.05, -0.05),
        Vec3::new(0.72, 2.26, 0.2),
        1.0,
    );
    (leaf, frame)
}

pub(super) fn make_parts(stage: &mut Stage) -> Parts {
    let shells = KINDS
        .iter()
        .enumerate()
        .map(|(i, kind)| {
            let half = shell_half(kind);
            let mut plinth = Shape::default();
            let (x, z) = (half.x + 0.09, half.y + 0.09);
            plinth.cuboid_cut(Vec3::new(-x, -2.6, -z), Vec3::new(x, 0.42, z), 4, 2.6);
            plinth.shade(|q, _| 0.55 + 0.45 * smoothstep(-0.4, 0.5, q.y));
            Shell {
                walls: stage.mesh(&format!("walls {i}"), walls(half, kind.wall, kind.rise)),
                plinth: stage.mesh(&format!("plinth {i}"), plinth),
                roof: stage.mesh(&format!("roof {i}"), roof(half, kind.wall, kind.rise, 2.1)),
                boards: stage.mesh(
                    &format!("verge boards {i}"),
                    boards(half, kind.wall, kind.rise),
                ),
                timber: stage.mesh(&format!("timber frame {i}"), timber(half, kind)),
            }
        })
        .collect();
    let mut shutters = Shape::default();
    for s in [-1.0_f32, 1.0] {
        let (a, b) = (s * 0.62, s * 1.12);
        shutters.cuboid(
            Vec3::new(a.min(b), -0.64, 0.0),
            Vec3::new(a.max(b), 0.66, 0.05),
            0.9,
        );
    }
    let (leaf, door_frame) = door();
    let mut steps = Shape::default();
    for i in 0..4 {
        let y = -0.2 * i as f32;
        steps.cuboid(
            Vec3::new(-0.85, y - 1.2, 0.0),
            Vec3::new(0.85, y, 0.42 + 0.32 * i as f32),
            2.6,
        );
    }
    let mut chimney = Shape::default();
    chimney.cuboid_cut(
        Vec3::new(-0.42, -1.6, -0.34),
        Vec3::new(0.42, 1.35, 0.34),
        3,
        1.6,
    );
    chimney.cuboid(Vec3::new(-0.5, 1.1, -0.42), Vec3::new(0.5, 1.25, 0.42), 1.6);
    chimney.shade(|q, _| {
        (0.6 + 0.4 * smoothstep(-0.4, 0.8, q.y)) * (1.0 - 0.5 * smoothstep(1.1, 1.4, q.y))
    });
    let mut pots = Shape::default();
    for x in [-0.2, 0.2] {
        let mut pot = Shape::default();
        pot.lathe(
            &[
                (0.14, 1.3),
                (0.11, 1.5),
                (0.12, 1.75),
                (0.15, 1.8),
                (0.0, 1.78),
            ],
            8,
            1.0,
        );
        pots.append(&pot, glam::Mat4::from_translation(Vec3::X * x));
    }
    let mut dormer = walls(Vec2::new(1.5, 0.72), 1.35, 0.62);
    dormer.shade(|_, _| 1.0);
    let mut bracket = Shape::default();
    bracket.cuboid(Vec3::new(-0.02, 0.2, 0.0), Vec3::new(0.02, 0.24, 0.34), 1.0);
    bracket.cuboid(Vec3::new(-0.11, 0.1, 0.2), Vec3::new(0.11, 0.16, 0.42), 1.0);
    bracket.cuboid(
        Vec3::new(-0.09, -0.2, 0.22),
        Vec3::new(0.09, -0.16, 0.4),
        1.0,
    );
    let mut lamp = Shape::default();
    lamp.cuboid(
        Vec3::new(-0.07, -0.16, 0.24),
        Vec3::new(0.07, 0.1, 0.38),
        1.0,
    );
    Parts {
        shells,
        frame: stage.mesh("window frame", frame()),
        pane: stage.mesh("window pane", pane(0.5, 0.64)),
        shutters: stage.mesh("shutters", shutters),
        door: stage.mesh("door", leaf),
        door_frame: stage.mesh("door frame", door_frame),
        steps: stage.mesh("steps", steps),
        chimney: stage.mesh("chimney", chimney),
        pots: stage.mesh("chimney pots", pots),
        dormer: stage.mesh("dormer", dormer),
        dormer_roof: stage.mesh("dormer roof", roof(Vec2::new(1.5, 0.72), 1.35, 0.62, 2.1)),
        lamp: stage.mesh("wall lamp", lamp),
        bracket: stage.mesh("wall bracket", bracket),
    }
}
