//! Houses: a shell per kind, and the doors, windows, dormers and chimneys that they share, each a child of its house.

use std::f32::consts::{FRAC_PI_2, PI};

use glam::{Vec2, Vec3};
use storm_assets::{Handle, Mesh};

use super::{
    Stage, Transform,
    geometry::Shape,
    layout::{KINDS, Kind, Lot, Plan},
    materials::{DOORS, Paint, ROOFS, WALLS},
    noise::{Rng, smoothstep},
    terrain::Ground,
};

/// Roof beyond the wall, at eaves and gables.
const EAVES: f32 = 0.5;
const VERGE: f32 = 0.35;

struct Shell {
    walls: Handle<Mesh>,
    plinth: Handle<Mesh>,
    roof: Handle<Mesh>,
    boards: Handle<Mesh>,
    timber: Handle<Mesh>,
}

/// What houses share.
struct Parts {
    shells: Vec<Shell>,
    frame: Handle<Mesh>,
    pane: Handle<Mesh>,
    shutters: Handle<Mesh>,
    door: Handle<Mesh>,
    door_frame: Handle<Mesh>,
    steps: Handle<Mesh>,
    chimney: Handle<Mesh>,
    pots: Handle<Mesh>,
    dormer: Handle<Mesh>,
    dormer_roof: Handle<Mesh>,
    lamp: Handle<Mesh>,
    bracket: Handle<Mesh>,
}

/// Half length along the ridge and half depth across it, for a shell whose ridge runs along X.
fn shell_half(kind: &Kind) -> Vec2 {
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
        let z = depth + 0.015;
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
            bar(0.0, kind.wall, 0.0, kind.wall + kind.rise - 0.3);
            let y = kind.wall + kind.rise * 0.42;
            bar(-e * 0.56, y, e * 0.56, y);
            bar(-e * 0.5, kind.wall, 0.0, y);
            bar(e * 0.5, kind.wall, 0.0, y);
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
    bar(-w - 0.09, -h, -w, h, 0.08);
    bar(w, -h, w + 0.09, h, 0.08);
    bar(-w - 0.12, h, w + 0.12, h + 0.12, 0.11);
    bar(-w - 0.16, -h - 0.12, w + 0.16, -h, 0.17);
    bar(-0.03, -h, 0.03, h, 0.055);
    bar(-w, 0.14, w, 0.19, 0.05);
    bar(-w, -0.28, w, -0.24, 0.05);
    shape
}

fn pane(w: f32, h: f32) -> Shape {
    let mut shape = Shape::default();
    shape.quad(
        [(-w, -h), (w, -h), (w, h), (-w, h)].map(|(x, y)| Vec3::new(x, y, 0.025)),
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

fn make_parts(stage: &mut Stage) -> Parts {
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

/// How one house looks.
struct Style {
    wall: Paint,
    roof: Paint,
    door: Paint,
    shutters: Option<Paint>,
    timbered: bool,
    /// How many of its windows are lit.
    lit: f32,
}

impl Style {
    fn choose(rng: &mut Rng, lot: &Lot) -> Self {
        let shed = lot.kind == 5;
        let timbered = matches!(lot.kind, 1 | 3 | 4) && rng.chance(0.45);
        let wall = if shed {
            if rng.chance(0.5) {
                Paint::DarkPlanks
            } else {
                Paint::Planks
            }
        } else if timbered {
            Paint::Wall(if rng.chance(0.5) { 0 } else { 4 })
        } else if rng.chance(0.22) {
            Paint::PaleStone
        } else {
            Paint::Wall(rng.below(usize::from(WALLS)) as u8)
        };
        Self {
            wall,
            roof: Paint::Roof(rng.below(usize::from(ROOFS)) as u8),
            door: Paint::Door(rng.below(usize::from(DOORS)) as u8),
            shutters: rng
                .chance(0.4)
                .then(|| Paint::Door(rng.below(usize::from(DOORS)) as u8)),
            timbered,
            lit: rng.range(0.35, 0.9),
        }
    }
}

/// Adds every house of the plan.
pub(super) fn place(stage: &mut Stage, plan: &Plan, ground: &Ground) {
    let parts = make_parts(stage);
    let mut rng = Rng::new(stage.seed, 4);
    let town = stage.group("town", None, Transform::IDENTITY);
    for lot in &plan.lots {
        house(stage, &parts, &mut rng, town, lot, ground);
    }
}

fn house(stage: &mut Stage, parts: &Parts, rng: &mut Rng, town: usize, lot: &Lot, ground: &Ground) {
    let kind = &KINDS[lot.kind];
    let style = Style::choose(rng, lot);
    let floor = ground.on(lot.center) + Vec3::Y * rng.range(0.12, 0.3);
    let house = stage.group("house", Some(town), Transform::at(floor).turned(lot.yaw));
    let shell = &parts.shells[lot.kind];
    let turn = if kind.gable { FRAC_PI_2 } else { 0.0 };
    let shell_at = Transform::IDENTITY.turned(turn);
    let here = Some(house);
    stage.place("walls", here, shell_at, shell.walls, style.wall);
    stage.place("plinth", here, shell_at, shell.plinth, Paint::Stone);
    stage.place("roof", here, shell_at, shell.roof, style.roof);
    stage.place("verge boards", here, shell_at, shell.boards, Paint::Timber);
    if style.timbered {
        stage.place("timber frame", here, shell_at, shell.timber, Paint::Timber);
    }
    chimneys(stage, parts, rng, house, kind, turn);

    let storey = kind.wall / kind.storeys as f32;
    let (half_w, half_d) = (0.5 * kind.width, 0.5 * kind.depth);
    let front_bays = (kind.width / 2.3).floor().max(2.0) as usize;
    let side_bays = (kind.depth / 3.0).floor().max(1.0) as usize;
    let door_bay = rng.below(front_bays);
    for (face, bays, half, out) in [
        (0, front_bays, half_w, half_d),
        (1, side_bays, half_d, half_w),
        (2, front_bays, half_w, half_d),
        (3, side_bays, half_d, half_w),
    ] {
        let yaw = face as f32 * FRAC_PI_2;
        let at = |x: f32, y: f32| {
            Transform::at(glam::Quat::from_rotation_y(yaw) * Vec3::new(x, y, out)).turned(yaw)
        };
        for bay in 0..bays {
            let x = half * ((2 * bay + 1) as f32 / bays as f32 - 1.0);
            for level in 0..kind.storeys {
                if face == 0 && level == 0 && bay == door_bay {
                    doorway(stage, parts, rng, house, at(x, 0.0), &style);
                } else if face == 0 || rng.chance(0.8) {
                    let y = 0.5 * storey + 0.12 + storey * level as f32;
                    let shutters = style
                        .shutters
                        .filter(|_| face % 2 == 0 && half / bays as f32 > 1.16);
                    window(stage, parts, rng, house, at(x, y), shutters, style.lit);
                }
            }
        }
        let gable_here = (face % 2 == 0) == kind.gable;
        if gable_here {
            window(
                stage,
                parts,
                rng,
                house,
                at(0.0, kind.wall + 0.36 * kind.rise).scaled(0.8),
                None,
                style.lit * 0.8,
            );
        } else if matches!(lot.kind, 2 | 4) && face == 0 {
            for x in [-0.25, 0.25].map(|s| s * kind.width) {
                let dormer = stage.group(
                    "dormer",
                    here,
                    Transform::at(Vec3::new(x, kind.wall - 0.05, half_d - 1.75)).turned(FRAC_PI_2),
                );
                stage.place(
                    "dormer walls",
                    Some(dormer),
                    Transform::IDENTITY,
                    parts.dormer,
                    style.wall,
                );
                stage.place(
                    "dormer roof",
                    Some(dormer),
                    Transform::IDENTITY,
                    parts.dormer_roof,
                    style.roof,
                );
                // The dormer's gable faces -X of its own axes after the turn, the street's +Z.
                let face = Transform::at(Vec3::new(-1.5, 0.72, 0.0))
                    .turned(-FRAC_PI_2)
                    .scaled(0.78);
                window(stage, parts, rng, dormer, face, None, style.lit);
            }
        }
    }
}

fn chimneys(stage: &mut Stage, parts: &Parts, rng: &mut Rng, house: usize, kind: &Kind, turn: f32) {
    let ridge = kind.wall + kind.rise;
    let reach = shell_half(kind).x - 0.75;
    let ends: &[f32] = match rng.below(3) {
        0 => &[1.0],
        1 => &[-1.0],
        _ => &[-1.0, 1.0],
    };
    let spin = glam::Quat::from_rotation_y(turn);
    for end in ends {
        let at = Transform::at(spin * Vec3::new(end * reach, ridge, 0.0)).turned(turn);
        let paint = if rng.chance(0.5) {
            Paint::Stone
        } else {
            Paint::Wall(2)
        };
        let chimney = stage.place("chimney", Some(house), at, parts.chimney, paint);
        stage.place(
            "chimney pots",
            Some(chimney),
            Transform::IDENTITY,
            parts.pots,
            Paint::Roof(0),
        );
    }
}

fn doorway(
    stage: &mut Stage,
    parts: &Parts,
    rng: &mut Rng,
    house: usize,
    at: Transform,
    style: &Style,
) {
    let door = stage.place(
        "door frame",
        Some(house),
        at,
        parts.door_frame,
        Paint::Timber,
    );
    stage.place(
        "door",
        Some(door),
        Transform::at(Vec3::Z * 0.02),
        parts.door,
        style.door,
    );
    stage.place(
        "steps",
        Some(door),
        Transform::at(Vec3::Y * 0.02),
        parts.steps,
        Paint::Stone,
    );
    if rng.chance(0.55) {
        let at = Transform::at(Vec3::new(0.86, 2.1, 0.0));
        let bracket = stage.place("wall bracket", Some(door), at, parts.bracket, Paint::Iron);
        stage.place(
            "wall lamp",
            Some(bracket),
            Transform::IDENTITY,
            parts.lamp,
            Paint::Lantern,
        );
    }
}

fn window(
    stage: &mut Stage,
    parts: &Parts,
    rng: &mut Rng,
    house: usize,
    at: Transform,
    shutters: Option<Paint>,
    lit: f32,
) {
    let frame = stage.place("window frame", Some(house), at, parts.frame, Paint::Frame);
    let paint = if rng.chance(lit) {
        if rng.chance(0.55) {
            Paint::PaneLit
        } else {
            Paint::PaneWarm
        }
    } else {
        Paint::PaneDark
    };
    stage.place("pane", Some(frame), Transform::IDENTITY, parts.pane, paint);
    if let Some(paint) = shutters {
        stage.place(
            "shutters",
            Some(frame),
            Transform::IDENTITY,
            parts.shutters,
            paint,
        );
    }
}
