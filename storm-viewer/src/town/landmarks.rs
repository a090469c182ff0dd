//! The church above the town and the lighthouse on the headland.

use std::f32::consts::{FRAC_PI_2, PI, TAU};

use glam::{Mat4, Vec2, Vec3};
use storm_render::Spot;

use super::{
    Stage, Transform,
    geometry::Shape,
    house_parts,
    layout::{CHURCH, LIGHTHOUSE, Plan},
    materials::Paint,
    noise::smoothstep,
    terrain::Ground,
};

/// Height of the lamp above the foot of the lighthouse, metres.
const LAMP: f32 = 19.2;

/// Adds both.
pub(super) fn place(stage: &mut Stage, _plan: &Plan, ground: &Ground) {
    church(stage, ground);
    lighthouse(stage, ground);
}

/// A window with a pointed top, 2 m high, at the origin of its sill, facing +Z.
fn lancet() -> (Shape, Shape) {
    let outline: Vec<Vec2> = {
        let mut points = vec![
            Vec2::new(-0.42, 0.0),
            Vec2::new(0.42, 0.0),
            Vec2::new(0.42, 1.5),
        ];
        for i in 1..6 {
            let t = i as f32 / 6.0;
            points.push(Vec2::new(0.42 * (1.0 - t * t), 1.5 + 0.8 * t));
        }
        points.push(Vec2::new(0.0, 2.3));
        for i in (1..6).rev() {
            let t = i as f32 / 6.0;
            points.push(Vec2::new(-0.42 * (1.0 - t * t), 1.5 + 0.8 * t));
        }
        points.push(Vec2::new(-0.42, 1.5));
        points
    };
    let mut pane = Shape::default();
    let middle = Vec3::new(0.0, 1.1, 0.03);
    let center = pane.vertex(middle, Vec3::Z, Vec2::splat(0.5), [1.0; 4]);
    for p in &outline {
        pane.vertex(
            Vec3::new(p.x, p.y, 0.03),
            Vec3::Z,
            Vec2::new(p.x + 0.5, 1.0 - p.y / 2.3),
            [1.0; 4],
        );
    }
    let count = outline.len() as u32;
    for i in 0..count {
        pane.indices.extend([center, 1 + i, 1 + (i + 1) % count]);
    }
    let mut frame = Shape::default();
    for i in 0..outline.len() {
        let (a, b) = (outline[i], outline[(i + 1) % outline.len()]);
        frame.bar(
            Vec3::new(a.x, a.y, 0.02),
            Vec3::new(b.x, b.y, 0.02),
            0.14,
            1.0,
        );
    }
    frame.bar(
        Vec3::new(0.0, 0.0, 0.02),
        Vec3::new(0.0, 2.2, 0.02),
        0.06,
        1.0,
    );
    frame.bar(
        Vec3::new(-0.4, 0.9, 0.02),
        Vec3::new(0.4, 0.9, 0.02),
        0.05,
        1.0,
    );
    (frame, pane)
}

fn church(stage: &mut Stage, ground: &Ground) {
    let foot = ground.on(CHURCH) + Vec3::Y * 0.1;
    let church = stage.group("church", None, Transform::at(foot));
    let here = Some(church);
    let nave = Vec2::new(7.0, 3.9);
    let nave_at = Transform::at(Vec3::Z * -2.8).turned(FRAC_PI_2);
    let walls = stage.mesh("nave", house_parts::walls(nave, 5.6, 4.6));
    stage.place("nave", here, nave_at, walls, Paint::PaleStone);
    let roof = stage.mesh("nave roof", house_parts::roof(nave, 5.6, 4.6, 2.1));
    stage.place("nave roof", here, nave_at, roof, Paint::Roof(2));

    let mut tower = Shape::default();
    tower.cuboid_cut(
        Vec3::new(-2.4, -2.0, -2.4),
        Vec3::new(2.4, 15.0, 2.4),
        12,
        2.6,
    );
    for y in [5.2, 10.2, 14.7] {
        tower.cuboid(Vec3::new(-2.6, y, -2.6), Vec3::new(2.6, y + 0.35, 2.6), 2.6);
    }
    for (x, z) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
        let corner = Vec3::new(x * 2.45, 0.0, z * 2.45);
        tower.cuboid(
            corner + Vec3::new(-0.4, -2.0, -0.4),
            corner + Vec3::new(0.4, 9.0, 0.4),
            2.6,
        );
        tower.cuboid(
            corner + Vec3::new(-0.3, 15.0, -0.3),
            corner + Vec3::new(0.3, 16.3, 0.3),
            2.6,
        );
    }
    tower.shade(|q, _| {
        (0.55 + 0.45 * smoothstep(0.0, 2.0, q.y)) * (0.8 + 0.2 * smoothstep(14.9, 13.0, q.y))
    });
    let mesh = stage.mesh("church tower", tower);
    let tower = stage.place(
        "tower",
        here,
        Transform::at(Vec3::Z * 6.4),
        mesh,
        Paint::PaleStone,
    );
    let mut spire = Shape::default();
    let corners =
        [(-2.5, 2.5), (2.5, 2.5), (2.5, -2.5), (-2.5, -2.5)].map(|(x, z)| Vec3::new(x, 15.05, z));
    for i in 0..4 {
        spire.triangle([corners[i], corners[(i + 1) % 4], Vec3::Y * 24.5], 2.1);
    }
    spire.shade(|q, _| 0.75 + 0.25 * smoothstep(15.0, 17.0, q.y));
    let mesh = stage.mesh("spire", spire);
    stage.place(
        "spire",
        Some(tower),
        Transform::IDENTITY,
        mesh,
        Paint::Roof(2),
    );
    let mut cross = Shape::default();
    cross.bar(Vec3::Y * 24.3, Vec3::Y * 26.0, 0.12, 1.0);
    cross.bar(
        Vec3::new(-0.45, 25.4, 0.0),
        Vec3::new(0.45, 25.4, 0.0),
        0.12,
        1.0,
    );
    let mesh = stage.mesh("cross", cross);
    stage.place(
        "cross",
        Some(tower),
        Transform::IDENTITY,
        mesh,
        Paint::Brass,
    );

    let (frame, pane) = lancet();
    let (frame, pane) = (
        stage.mesh("lancet frame", frame),
        stage.mesh("lancet pane", pane),
    );
    let mut lancets = Vec::new();
    for i in 0..4 {
        for s in [1.0_f32, -1.0] {
            let z = -8.4 + 3.3 * i as f32;
            lancets.push((
                church,
                Transform::at(Vec3::new(s * 3.9, 1.7, z))
                    .turned(s * FRAC_PI_2)
                    .scaled(1.15),
                Paint::PaneLit,
            ));
        }
    }
    for i in 0..4 {
        let turn = i as f32 * FRAC_PI_2;
        let out = glam::Quat::from_rotation_y(turn) * Vec3::Z * 2.4;
        for x in [-0.62, 0.62] {
            let side = glam::Quat::from_rotation_y(turn) * Vec3::X * x;
            lancets.push((
                tower,
                Transform::at(out + side + Vec3::Y * 11.4).turned(turn),
                Paint::PaneDark,
            ));
        }
        if i != 2 {
            lancets.push((
                tower,
                Transform::at(out + Vec3::Y * 6.2).turned(turn),
                Paint::PaneWarm,
            ));
        }
    }
    lancets.push((
        church,
        Transform::at(Vec3::new(0.0, 2.2, -9.8))
            .turned(PI)
            .scaled(1.7),
        Paint::PaneLit,
    ));
    for (parent, at, paint) in lancets {
        let f = stage.place("lancet", Some(parent), at, frame, Paint::Stone);
        stage.place("lancet pane", Some(f), Transform::IDENTITY, pane, paint);
    }
    let mut face = Shape::default();
    face.lathe(
        &[(0.0, -0.05), (0.85, -0.05), (0.85, 0.0), (0.0, 0.0)],
        24,
        1.0,
    );
    let clock = stage.mesh("clock", face);
    let mut hands = Shape::default();
    hands.bar(
        Vec3::new(0.0, 0.05, 0.0),
        Vec3::new(0.3, 0.05, -0.52),
        0.07,
        1.0,
    );
    hands.bar(
        Vec3::new(0.0, 0.05, 0.0),
        Vec3::new(-0.36, 0.05, 0.1),
        0.09,
        1.0,
    );
    let hands = stage.mesh("clock hands", hands);
    for turn in [0.0, FRAC_PI_2, -FRAC_PI_2] {
        let out = glam::Quat::from_rotation_y(turn) * Vec3::new(0.0, 9.2, 2.46);
        let at = Transform::at(out)
            .turned(turn)
            .rotated(glam::Quat::from_rotation_x(FRAC_PI_2));
        let c = stage.place("clock", Some(tower), at, clock, Paint::Clock);
        stage.place(
            "clock hands",
            Some(c),
            Transform::IDENTITY,
            hands,
            Paint::Iron,
        );
    }
    let mut door = Shape::default();
    door.cuboid(Vec3::new(-0.9, 0.0, 2.35), Vec3::new(0.9, 2.6, 2.47), 1.2);
    let mesh = stage.mesh("church door", door);
    stage.place(
        "church door",
        Some(tower),
        Transform::IDENTITY,
        mesh,
        Paint::Door(1),
    );
    stage.light(
        foot + Vec3::new(0.0, 3.4, 11.0),
        Vec3::new(16.0, 9.0, 3.6),
        17.0,
        None,
    );
}

fn lighthouse(stage: &mut Stage, ground: &Ground) {
    let foot = ground.on(LIGHTHOUSE);
    let base = stage.group("lighthouse", None, Transform::at(foot));
    let here = Some(base);
    let radius = |y: f32| 1.75 + 1.25 * (1.0 - y / 16.5).powf(1.5);
    let mut plinth = Shape::default();
    plinth.lathe(
        &[(4.1, -2.5), (4.1, 0.5), (3.9, 0.75), (3.0, 0.75)],
        32,
        2.6,
    );
    plinth.shade(|q, _| 0.55 + 0.45 * smoothstep(-0.3, 0.7, q.y));
    let mesh = stage.mesh("lighthouse plinth", plinth);
    stage.place("plinth", here, Transform::IDENTITY, mesh, Paint::Stone);
    let bands = [
        (0.6, 4.4, Paint::White),
        (4.4, 7.6, Paint::Red),
        (7.6, 10.8, Paint::White),
        (10.8, 13.8, Paint::Red),
        (13.8, 16.5, Paint::White),
    ];
    for (i, (from, to, paint)) in bands.into_iter().enumerate() {
        let profile: Vec<(f32, f32)> = (0..=6)
            .map(|k| from + (to - from) * k as f32 / 6.0)
            .map(|y| (radius(y), y))
            .collect();
        let mut band = Shape::default();
        band.lathe(&profile, 32, 2.5);
        band.shade(|q, _| {
            (0.6 + 0.4 * smoothstep(0.6, 2.4, q.y)) * (0.68 + 0.32 * smoothstep(16.5, 15.2, q.y))
        });
        let mesh = stage.mesh(&format!("lighthouse band {i}"), band);
        stage.place("tower", here, Transform::IDENTITY, mesh, paint);
    }
    let mut iron = Shape::default();
    iron.lathe(
        &[(1.7, 16.0), (2.7, 16.5), (2.7, 16.72), (1.2, 16.72)],
        32,
        1.0,
    );
    for i in 0..20 {
        let a = i as f32 / 20.0 * TAU;
        let b = (i + 1) as f32 / 20.0 * TAU;
        let at = |a: f32, y: f32| Vec3::new(2.6 * a.sin(), y, 2.6 * a.cos());
        iron.bar(at(a, 16.7), at(a, 17.75), 0.05, 1.0);
        for y in [17.2, 17.75] {
            iron.bar(at(a, y), at(b, y), 0.05, 1.0);
        }
    }
    for i in 0..10 {
        let a = i as f32 / 10.0 * TAU;
        let at = |y: f32| Vec3::new(1.42 * a.sin(), y, 1.42 * a.cos());
        iron.bar(at(17.5), at(20.5), 0.07, 1.0);
    }
    iron.bar(Vec3::Y * 22.2, Vec3::Y * 24.0, 0.07, 1.0);
    let mesh = stage.mesh("lighthouse gallery", iron);
    stage.place("gallery", here, Transform::IDENTITY, mesh, Paint::Iron);
    let mut murette = Shape::default();
    murette.lathe(&[(1.5, 16.7), (1.5, 17.6)], 24, 2.5);
    let mesh = stage.mesh("lantern room wall", murette);
    stage.place(
        "lantern room",
        here,
        Transform::IDENTITY,
        mesh,
        Paint::White,
    );
    let mut dome = Shape::default();
    dome.lathe(
        &[
            (1.1, 20.35),
            (1.75, 20.4),
            (1.62, 20.75),
            (1.2, 21.5),
            (0.5, 22.1),
            (0.16, 22.3),
            (0.0, 22.6),
        ],
        24,
        2.5,
    );
    let mesh = stage.mesh("lantern dome", dome);
    stage.place("dome", here, Transform::IDENTITY, mesh, Paint::Red);
    let mut lamp = Shape::default();
    lamp.lathe(
        &[
            (0.0, 17.6),
            (0.75, 17.8),
            (1.0, 18.5),
            (1.05, LAMP),
            (1.0, 19.8),
            (0.7, 20.35),
            (0.0, 20.4),
        ],
        20,
        1.0,
    );
    let mesh = stage.mesh("lamp", lamp);
    let lamp = stage.place("lamp", here, Transform::IDENTITY, mesh, Paint::Lamp);

    // Two beams, each three blades across, so that it is seen from all sides.
    let mut beam = Shape::default();
    for k in 0..3 {
        let mut blade = Shape::default();
        let (length, rows) = (95.0, 12);
        for row in 0..=rows {
            let t = row as f32 / rows as f32;
            let wide = 0.9 + 4.2 * t;
            let alpha = (1.0 - t).powf(1.6) * smoothstep(0.0, 0.02, t).max(0.4);
            for (s, u) in [(-1.0, 0.0), (1.0, 1.0)] {
                blade.vertex(
                    Vec3::new(s * wide, 0.0, 1.2 + length * t),
                    Vec3::Y,
                    Vec2::new(u, t),
                    [1.0, 1.0, 1.0, alpha],
                );
            }
        }
        for row in 0..rows {
            let v = 2 * row;
            blade.indices.extend([v, v + 1, v + 3, v, v + 3, v + 2]);
        }
        beam.append(&blade, Mat4::from_rotation_z(k as f32 * PI / 3.0));
    }
    let mesh = stage.mesh("beam", beam);
    let yaw = -1.72_f32;
    for turn in [yaw, yaw + PI] {
        let at = Transform::at(Vec3::Y * LAMP)
            .turned(turn)
            .rotated(glam::Quat::from_rotation_x(0.035));
        stage.place("beam", Some(lamp), at, mesh, Paint::Beam);
    }
    for (y, turn) in [(3.2, -0.9_f32), (8.6, -0.4), (12.2, -0.9)] {
        let out = glam::Quat::from_rotation_y(turn) * Vec3::new(0.0, y, radius(y) - 0.03);
        let mut slit = Shape::default();
        slit.cuboid(Vec3::new(-0.26, 0.0, -0.1), Vec3::new(0.26, 0.9, 0.06), 1.0);
        let mesh = stage.mesh(&format!("slit {y}"), slit);
        stage.place(
            "window",
            here,
            Transform::at(out).turned(turn),
            mesh,
            Paint::PaneWarm,
        );
    }
    let mut door = Shape::default();
    door.cuboid(Vec3::new(-0.55, 0.7, 2.6), Vec3::new(0.55, 2.8, 3.08), 1.0);
    let mesh = stage.mesh("lighthouse door", door);
    stage.place(
        "door",
        here,
        Transform::IDENTITY.turned(-1.6),
        mesh,
        Paint::Door(0),
    );

    let at = foot + Vec3::Y * LAMP;
    let direction = glam::Quat::from_rotation_y(yaw) * Vec3::new(0.0, -0.13, 1.0);
    let spot = Spot {
        direction,
        inner: 0.06,
        outer: 0.17,
    };
    stage.light(
        at + direction * 1.6,
        Vec3::new(5200.0, 4300.0, 2700.0),
        260.0,
        Some(spot),
    );
    // The lamp also lights its gallery.
    stage.light(
        at + Vec3::new(-2.2, 0.4, 1.0),
        Vec3::new(9.0, 7.2, 4.4),
        9.0,
        None,
    );
}
