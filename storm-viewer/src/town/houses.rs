//! Houses: each an entity, with its shell, doors, windows, dormers and chimneys for children.

use std::f32::consts::FRAC_PI_2;

use glam::Vec3;

use super::{
    Stage, Transform,
    house_parts::{Parts, make_parts, shell_half},
    layout::{KINDS, Kind, Lot, Plan},
    materials::{DOORS, Paint, ROOFS, WALLS},
    noise::Rng,
    terrain::Ground,
};

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
