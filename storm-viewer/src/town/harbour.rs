//! The harbour: quay wall, piers, breakwater, and what lies about on them.

use std::f32::consts::TAU;

use glam::Vec3;

use super::{
    Stage, Transform,
    cargo::Cargo,
    geometry::Shape,
    layout::{MOLE, PIERS, QUAY, QUAY_HEIGHT},
    materials::Paint,
    noise::{Rng, smoothstep},
    terrain::Ground,
};

/// Height of the piers' planks.
const DECK: f32 = 1.55;
const SEGMENT: f32 = 5.0;

/// Adds all of it.
pub(super) fn place(stage: &mut Stage, _ground: &Ground) {
    let mut rng = Rng::new(stage.seed, 5);
    let harbour = stage.group("harbour", None, Transform::IDENTITY);
    let cargo = Cargo::new(stage);
    quay(stage, &mut rng, harbour, &cargo);
    piers(stage, &mut rng, harbour, &cargo);
    mole(stage, &mut rng, harbour);
    crane(stage, harbour);
    buoy(stage, harbour);
}

/// Dry above, wet and weedy below.
fn tide(shape: &mut Shape) {
    shape.tint(|q, _| {
        let wet = smoothstep(1.1, 0.3, q.y);
        Vec3::ONE.lerp(Vec3::new(0.30, 0.36, 0.28), wet)
    });
}

fn quay(stage: &mut Stage, rng: &mut Rng, harbour: usize, cargo: &Cargo) {
    let mut wall = Shape::default();
    wall.cuboid_cut(
        Vec3::new(0.0, -3.5, -2.2),
        Vec3::new(SEGMENT, QUAY_HEIGHT - 0.18, 0.0),
        10,
        2.8,
    );
    tide(&mut wall);
    let wall = stage.mesh("quay wall", wall);
    let mut coping = Shape::default();
    for i in 0..4 {
        let x = SEGMENT * 0.25 * i as f32;
        coping.cuboid(
            Vec3::new(x + 0.015, QUAY_HEIGHT - 0.2, -1.75),
            Vec3::new(x + SEGMENT * 0.25 - 0.015, QUAY_HEIGHT + 0.12, 0.12),
            2.4,
        );
    }
    let coping = stage.mesh("coping", coping);
    let mut bollard = Shape::default();
    bollard.lathe(
        &[
            (0.2, 0.0),
            (0.15, 0.1),
            (0.13, 0.42),
            (0.24, 0.5),
            (0.22, 0.6),
            (0.0, 0.66),
        ],
        12,
        1.0,
    );
    let bollard = stage.mesh("bollard", bollard);
    let mut ladder = Shape::default();
    for x in [-0.22, 0.22] {
        ladder.bar(
            Vec3::new(x, -1.0, 0.14),
            Vec3::new(x, QUAY_HEIGHT + 0.5, 0.14),
            0.05,
            1.0,
        );
    }
    for i in 0..9 {
        let y = -0.7 + 0.32 * i as f32;
        ladder.bar(
            Vec3::new(-0.22, y, 0.14),
            Vec3::new(0.22, y, 0.14),
            0.04,
            1.0,
        );
    }
    let ladder = stage.mesh("ladder", ladder);
    let mut fender = Shape::default();
    fender.cuboid_cut(
        Vec3::new(-0.14, -1.2, 0.0),
        Vec3::new(0.14, QUAY_HEIGHT - 0.2, 0.22),
        6,
        1.2,
    );
    tide(&mut fender);
    let fender = stage.mesh("fender", fender);
    let count = ((QUAY.1 - QUAY.0) / SEGMENT) as usize;
    for i in 0..count {
        let x = QUAY.0 + SEGMENT * i as f32;
        let at = |x: f32, y: f32, z: f32| Transform::at(Vec3::new(x, y, z));
        let segment = stage.place(
            "quay wall",
            Some(harbour),
            at(x, 0.0, 0.0),
            wall,
            Paint::Stone,
        );
        stage.place(
            "coping",
            Some(segment),
            Transform::IDENTITY,
            coping,
            Paint::PaleStone,
        );
        stage.place(
            "bollard",
            Some(segment),
            at(1.2, QUAY_HEIGHT + 0.1, -0.45),
            bollard,
            Paint::Iron,
        );
        for k in 0..2 {
            stage.place(
                "fender",
                Some(segment),
                at(1.4 + 2.4 * k as f32, 0.0, 0.0),
                fender,
                Paint::DarkPlanks,
            );
        }
        if i % 4 == 1 {
            stage.place(
                "ladder",
                Some(segment),
                at(3.6, 0.0, 0.0),
                ladder,
                Paint::Iron,
            );
        }
        // Heaps of goods, clear of the roadway.
        for _ in 0..2 {
            if rng.chance(0.75) {
                let p = Vec3::new(
                    x + rng.range(0.5, 4.5),
                    QUAY_HEIGHT + 0.02,
                    rng.range(-3.5, -2.5),
                );
                cargo.heap(stage, rng, harbour, p);
            }
        }
    }
    let ends = [Vec3::new(QUAY.0, 0.0, -2.2), Vec3::new(QUAY.1, 0.0, 0.0)];
    for p in ends {
        let mut cap = Shape::default();
        cap.cuboid_cut(
            Vec3::new(-0.5, -3.5, -9.0),
            Vec3::new(0.5, QUAY_HEIGHT + 0.02, if p.x < 0.0 { 2.2 } else { 0.0 }),
            10,
            2.8,
        );
        tide(&mut cap);
        let mesh = stage.mesh(&format!("quay end {}", p.x), cap);
        stage.place(
            "quay end",
            Some(harbour),
            Transform::at(p),
            mesh,
            Paint::Stone,
        );
    }
    for (i, x) in [-44.0_f32, -33.0, -16.0, 4.0, 24.0].into_iter().enumerate() {
        let p = Vec3::new(x, QUAY_HEIGHT, -2.6);
        cargo.lantern(stage, harbour, p);
        let warm = if i % 2 == 0 { 1.0 } else { 0.85 };
        stage.light(
            p + Vec3::new(0.0, 3.7, 0.0),
            Vec3::new(44.0, 24.0, 9.0) * warm,
            22.0,
            None,
        );
    }
}

fn piers(stage: &mut Stage, rng: &mut Rng, harbour: usize, cargo: &Cargo) {
    let mut deck = Shape::default();
    for i in 0..14 {
        let z = i as f32 * 4.0 / 14.0;
        let sag = 0.012 * ((i * 7) % 5) as f32;
        deck.cuboid(
            Vec3::new(-1.4, DECK - 0.07 + sag, z + 0.012),
            Vec3::new(1.4, DECK + sag, z + 4.0 / 14.0 - 0.012),
            1.5,
        );
    }
    deck.shade(|q, _| 0.82 + 0.18 * ((q.z * 3.5).floor() * 2.4).sin());
    let deck = stage.mesh("pier deck", deck);
    let mut frame = Shape::default();
    for x in [-1.2_f32, 1.2] {
        frame.rod(
            Vec3::new(x * 1.05, -5.0, 0.2),
            Vec3::new(x, DECK + 0.75, 0.2),
            (0.17, 0.15),
            10,
            1.2,
        );
        frame.bar(
            Vec3::new(x * 0.9, DECK - 0.18, 0.0),
            Vec3::new(x * 0.9, DECK - 0.18, 4.0),
            0.2,
            1.2,
        );
    }
    frame.bar(
        Vec3::new(-1.4, DECK - 0.32, 0.2),
        Vec3::new(1.4, DECK - 0.32, 0.2),
        0.2,
        1.2,
    );
    frame.bar(
        Vec3::new(-1.2, -0.4, 0.2),
        Vec3::new(1.2, DECK - 0.4, 0.2),
        0.12,
        1.2,
    );
    // Weed needs points to end at.
    tide(&mut frame);
    let frame = stage.mesh("pier frame", frame);
    for (index, (x, length)) in PIERS.into_iter().enumerate() {
        let pier = stage.group("pier", Some(harbour), Transform::at(Vec3::new(x, 0.0, 0.0)));
        for i in 0..(length / 4.0) as usize {
            let at = Transform::at(Vec3::Z * (4.0 * i as f32));
            let section = stage.place("pier frame", Some(pier), at, frame, Paint::DarkPlanks);
            stage.place(
                "pier deck",
                Some(section),
                Transform::IDENTITY,
                deck,
                Paint::Planks,
            );
            if rng.chance(0.5) && i > 0 {
                let side = if rng.chance(0.5) { 0.85 } else { -0.85 };
                cargo.single(
                    stage,
                    rng,
                    pier,
                    Vec3::new(side, DECK + 0.03, 4.0 * i as f32 + 2.2),
                );
            }
        }
        let end = Vec3::new(-1.15, DECK, length - 0.5);
        cargo.lantern(stage, pier, end);
        if index < 2 {
            stage.light(
                Vec3::new(x, 0.0, 0.0) + end + Vec3::Y * 3.7,
                Vec3::new(36.0, 19.5, 7.0),
                18.0,
                None,
            );
        }
    }
}

fn mole(stage: &mut Stage, rng: &mut Rng, harbour: usize) {
    let mut wall = Shape::default();
    wall.cuboid_cut(
        Vec3::new(-2.0, -5.0, 0.0),
        Vec3::new(2.0, 2.2, 4.05),
        12,
        2.8,
    );
    wall.cuboid_cut(
        Vec3::new(-2.05, 2.2, 0.0),
        Vec3::new(-1.25, 3.2, 4.05),
        3,
        2.8,
    );
    tide(&mut wall);
    let wall = stage.mesh("breakwater", wall);
    for leg in 0..2 {
        let (a, b) = (MOLE[leg], MOLE[leg + 1]);
        let along = (b - a).normalize();
        let yaw = along.x.atan2(along.y);
        let count = (a.distance(b) / 4.0).ceil() as usize;
        for i in 0..count {
            let p =
                a + along * (a.distance(b) - 4.0).max(0.0) * (i as f32 / (count - 1).max(1) as f32);
            let at = Transform::at(Vec3::new(p.x, rng.range(-0.03, 0.03), p.y)).turned(yaw);
            stage.place("breakwater", Some(harbour), at, wall, Paint::Stone);
        }
    }
    let head = MOLE[2];
    let mut drum = Shape::default();
    drum.lathe(
        &[
            (3.3, -5.0),
            (3.2, -2.0),
            (3.1, 0.0),
            (3.1, 0.5),
            (3.0, 1.2),
            (3.0, 2.3),
            (0.0, 2.3),
        ],
        24,
        2.8,
    );
    tide(&mut drum);
    let drum = stage.mesh("breakwater head", drum);
    let p = Vec3::new(head.x, 0.0, head.y);
    let head = stage.place(
        "breakwater head",
        Some(harbour),
        Transform::at(p),
        drum,
        Paint::Stone,
    );
    let mut post = Shape::default();
    post.lathe(
        &[
            (0.62, 2.3),
            (0.5, 2.6),
            (0.36, 5.3),
            (0.5, 5.45),
            (0.5, 5.6),
            (0.2, 5.6),
        ],
        14,
        2.0,
    );
    let post = stage.mesh("beacon", post);
    let post = stage.place(
        "beacon",
        Some(head),
        Transform::IDENTITY,
        post,
        Paint::White,
    );
    let mut lamp = Shape::default();
    lamp.lathe(
        &[(0.2, 5.6), (0.26, 5.7), (0.26, 6.1), (0.1, 6.2), (0.0, 6.2)],
        12,
        1.0,
    );
    let lamp = stage.mesh("beacon lamp", lamp);
    stage.place(
        "beacon lamp",
        Some(post),
        Transform::IDENTITY,
        lamp,
        Paint::Lantern,
    );
    let mut cap = Shape::default();
    cap.lathe(
        &[(0.1, 6.1), (0.42, 6.15), (0.3, 6.4), (0.0, 6.65)],
        12,
        1.0,
    );
    let cap = stage.mesh("beacon cap", cap);
    stage.place(
        "beacon cap",
        Some(post),
        Transform::IDENTITY,
        cap,
        Paint::Red,
    );
    stage.light(
        p + Vec3::new(-0.5, 6.4, 0.6),
        Vec3::new(24.0, 12.0, 4.0),
        18.0,
        None,
    );
}

/// A hand crane at the edge of the quay.
fn crane(stage: &mut Stage, harbour: usize) {
    let mut wood = Shape::default();
    wood.bar(Vec3::ZERO, Vec3::Y * 5.2, 0.36, 1.3);
    wood.bar(
        Vec3::new(0.0, 2.2, 0.0),
        Vec3::new(0.0, 5.9, 3.9),
        0.26,
        1.3,
    );
    wood.bar(
        Vec3::new(0.0, 5.1, -0.8),
        Vec3::new(0.0, 5.9, 3.9),
        0.16,
        1.3,
    );
    for s in [-1.0_f32, 1.0] {
        wood.bar(
            Vec3::new(s * 1.0, 0.0, -0.8),
            Vec3::new(0.0, 3.0, 0.0),
            0.2,
            1.3,
        );
        wood.bar(
            Vec3::new(s * 1.0, 0.05, -0.9),
            Vec3::new(s * 1.0, 0.05, 0.6),
            0.22,
            1.3,
        );
    }
    let mesh = stage.mesh("crane", wood);
    let at = Transform::at(Vec3::new(-38.0, QUAY_HEIGHT + 0.1, -1.2)).turned(0.25);
    let crane = stage.place("crane", Some(harbour), at, mesh, Paint::DarkPlanks);
    let mut rope = Shape::default();
    rope.rod(
        Vec3::new(0.0, 2.4, 3.8),
        Vec3::new(0.0, 5.8, 3.8),
        (0.03, 0.03),
        6,
        1.0,
    );
    let mesh = stage.mesh("crane rope", rope);
    stage.place(
        "crane rope",
        Some(crane),
        Transform::IDENTITY,
        mesh,
        Paint::Rope,
    );
}

/// A channel buoy before the harbour mouth.
fn buoy(stage: &mut Stage, harbour: usize) {
    let mut float = Shape::default();
    float.lathe(
        &[
            (0.0, -0.9),
            (0.9, -0.8),
            (1.05, -0.2),
            (1.05, 0.35),
            (0.9, 0.5),
            (0.0, 0.55),
        ],
        20,
        1.5,
    );
    tide(&mut float);
    let mut cage = Shape::default();
    for i in 0..4 {
        let a = (i as f32 + 0.5) / 4.0 * TAU;
        let b = (i as f32 + 1.5) / 4.0 * TAU;
        let at = |a: f32, r: f32, y: f32| Vec3::new(a.sin() * r, y, a.cos() * r);
        cage.bar(at(a, 0.75, 0.5), at(a, 0.22, 2.7), 0.09, 1.0);
        cage.bar(at(a, 0.48, 1.6), at(b, 0.48, 1.6), 0.06, 1.0);
    }
    cage.lathe(
        &[(0.0, 2.66), (0.4, 2.7), (0.4, 2.78), (0.0, 2.78)],
        12,
        1.0,
    );
    let mut lamp = Shape::default();
    lamp.lathe(
        &[(0.0, 2.78), (0.13, 2.8), (0.15, 3.05), (0.0, 3.2)],
        10,
        1.0,
    );
    let tilt = glam::Quat::from_rotation_z(0.16) * glam::Quat::from_rotation_x(-0.1);
    let at = Transform::at(Vec3::new(-37.0, 0.15, 58.5)).rotated(tilt);
    let mesh = stage.mesh("buoy", float);
    let buoy = stage.place("buoy", Some(harbour), at, mesh, Paint::Red);
    let mesh = stage.mesh("buoy cage", cage);
    stage.place("cage", Some(buoy), Transform::IDENTITY, mesh, Paint::Red);
    let mesh = stage.mesh("buoy lamp", lamp);
    stage.place(
        "buoy lamp",
        Some(buoy),
        Transform::IDENTITY,
        mesh,
        Paint::Lantern,
    );
}
