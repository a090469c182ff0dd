//! The sea: a mesh fine near the harbour and coarse towards the horizon, with waves that shoals and the harbour calm.

use std::f32::consts::TAU;

use glam::{Vec2, Vec3};

use super::{
    Stage, Transform,
    geometry::Shape,
    layout::{MOLE, Plan, QUAY, WIND, segment_distance},
    materials::Paint,
    noise::{Rng, fractal, mix, smoothstep},
    rocks::Rock,
    terrain::Ground,
};

/// Squares from the middle of the mesh to its edge.
const HALF: i32 = 165;
/// Where the mesh is finest.
const MIDDLE: Vec2 = Vec2::new(-32.0, 36.0);

struct Wave {
    /// Radians a metre.
    k: Vec2,
    length: f32,
    amplitude: f32,
    phase: f32,
}

/// Waves of the open sea, short and steep before the storm.
fn waves(seed: u32) -> Vec<Wave> {
    let mut rng = Rng::new(seed, 3);
    (0..18)
        .map(|i| {
            let length = 2.6 * 1.16_f32.powi(i) * rng.range(0.9, 1.1);
            let spread = rng.range(-0.75, 0.75);
            let way = Vec2::from_angle(spread).rotate(WIND);
            Wave {
                k: way * (TAU / length),
                length,
                amplitude: 0.0105 * length * rng.range(0.6, 1.3),
                phase: rng.range(0.0, TAU),
            }
        })
        .collect()
}

/// How much of the open sea's waves reach a place.
fn exposure(p: Vec2, depth: f32) -> f32 {
    let in_harbour = smoothstep(QUAY.0 - 6.0, QUAY.0 + 4.0, p.x)
        * smoothstep(52.0, 30.0, p.x)
        * smoothstep(50.0, 24.0, p.y)
        * smoothstep(0.0, 1.0, depth);
    mix(1.0, 0.26, in_harbour) * smoothstep(0.0, 3.5, depth).max(0.22)
}

fn coordinate(i: i32) -> f32 {
    let u = i as f32 / HALF as f32;
    115.0 * u + 9_000.0 * u.powi(9)
}

struct Surface {
    place: Vec3,
    normal: Vec3,
    /// Where a crest is steep.
    crest: f32,
    depth: f32,
}

fn surface(waves: &[Wave], ground: &Ground, p: Vec2, spacing: f32) -> Surface {
    let depth = -ground.height(p);
    let exposed = exposure(p, depth);
    let (mut height, mut slope, mut shift, mut pinch) = (0.0, Vec2::ZERO, Vec2::ZERO, 0.0);
    for wave in waves {
        // What the mesh is too coarse for is left to the normal map.
        let resolved = smoothstep(2.0, 4.5, wave.length / spacing);
        if resolved == 0.0 {
            continue;
        }
        let amplitude = wave.amplitude * resolved * exposed;
        let (sin, cos) = (wave.k.dot(p) + wave.phase).sin_cos();
        height += amplitude * sin;
        slope += wave.k * (amplitude * cos);
        shift += wave.k.normalize() * (amplitude * cos * 0.8);
        pinch += wave.k.length() * amplitude * sin;
    }
    Surface {
        place: Vec3::new(p.x + shift.x, height, p.y + shift.y),
        normal: Vec3::new(-slope.x, 1.0, -slope.y).normalize(),
        crest: pinch,
        depth,
    }
}

/// Foam about rocks, on a grid of half metres.
struct Breakers {
    foam: Vec<f32>,
}

impl Breakers {
    const LOW: Vec2 = Vec2::new(-130.0, -190.0);
    const SIDE: usize = 520;

    fn new(rocks: &[Rock]) -> Self {
        let mut foam = vec![0.0_f32; Self::SIDE * Self::SIDE];
        for rock in rocks {
            let (low, high) = (rock.center.y - rock.half.y, rock.center.y + rock.half.y);
            if low > 0.1 || high < -0.3 {
                continue;
            }
            let radius = rock.half.x.max(rock.half.z);
            let reach = radius + 3.0;
            let q = (Vec2::new(rock.center.x, rock.center.z) - Self::LOW) * 2.0;
            let span = (2.0 * reach) as i32;
            for dy in -span..=span {
                for dx in -span..=span {
                    let (x, y) = (q.x as i32 + dx, q.y as i32 + dy);
                    let inside = 0..Self::SIDE as i32;
                    if inside.contains(&x) && inside.contains(&y) {
                        let d = Vec2::new(dx as f32, dy as f32).length() * 0.5;
                        let cell = &mut foam[y as usize * Self::SIDE + x as usize];
                        *cell = cell.max(0.95 * smoothstep(radius + 2.4, radius * 0.9, d));
                    }
                }
            }
        }
        Self { foam }
    }

    fn at(&self, p: Vec2) -> f32 {
        let q = (p - Self::LOW) * 2.0;
        let inside = 0..Self::SIDE as i32;
        let (x, y) = (q.x as i32, q.y as i32);
        if q.min_element() < 0.0 || !inside.contains(&x) || !inside.contains(&y) {
            return 0.0;
        }
        self.foam[y as usize * Self::SIDE + x as usize]
    }
}

/// Adds the sea and the foam on it.
pub(super) fn place(stage: &mut Stage, plan: &Plan, ground: &Ground, rocks: &[Rock]) {
    let breakers = Breakers::new(rocks);
    let waves = waves(stage.seed);
    let mut sea = Shape::default();
    let mut foam = Shape::default();
    let row = 2 * HALF + 1;
    let mut foamy = Vec::with_capacity((row * row) as usize);
    for j in -HALF..=HALF {
        for i in -HALF..=HALF {
            let p = MIDDLE + Vec2::new(coordinate(i), coordinate(j));
            let spacing = (coordinate(i.abs() + 1) - coordinate(i.abs()))
                .max(coordinate(j.abs() + 1) - coordinate(j.abs()));
            let s = surface(&waves, ground, p, spacing);
            // Shallow water is green and lighter.
            let shallow = smoothstep(4.0, 0.2, s.depth);
            let [r, g, b] = Vec3::new(0.34, 0.36, 0.38)
                .lerp(Vec3::new(1.0, 1.0, 0.92), shallow)
                .to_array();
            sea.vertex(s.place, s.normal, p / 7.0, [r, g, b, 1.0]);
            let patch = fractal(p / 9.0, 4, stage.seed ^ 0x71);
            let wall = segment_distance(p, MOLE[0], MOLE[1])
                .min(segment_distance(p, MOLE[1], MOLE[2]))
                .min(if p.x > QUAY.0 && p.x < QUAY.1 && p.y > 0.0 {
                    p.y + 2.0
                } else {
                    9.0
                });
            let off_shore = if (-1.5..8.5).contains(&s.depth) && wall >= 9.0 {
                -plan.inland(p)
            } else {
                99.0
            };
            let swash = 5.0 * (patch - 0.5);
            let shore = smoothstep(7.5, 0.6, off_shore + swash)
                .max(0.8 * smoothstep(5.6, 2.3, wall + swash))
                .max(breakers.at(p + Vec2::splat(2.0 * (patch - 0.5))));
            let white = smoothstep(0.15, 0.38, s.crest) * smoothstep(0.40, 0.60, patch);
            let far = smoothstep(2.6, 1.2, spacing);
            let alpha = (shore * 0.95).max(white * far * 0.8);
            foamy.push((s, p, alpha));
        }
    }
    let mut index = vec![None; foamy.len()];
    for j in 0..row - 1 {
        for i in 0..row - 1 {
            let v = (j * row + i) as u32;
            let row = row as u32;
            let corners = [v, v + row, v + row + 1, v + 1];
            if corners.iter().all(|&c| foamy[c as usize].0.depth < -1.2) {
                continue;
            }
            sea.indices
                .extend([0, 1, 2, 0, 2, 3].map(|k: usize| corners[k]));
            if corners.iter().any(|&c| foamy[c as usize].2 > 0.03) {
                for k in [0, 1, 2, 0, 2, 3] {
                    let c = corners[k] as usize;
                    let vertex = *index[c].get_or_insert_with(|| {
                        let (s, p, alpha) = &foamy[c];
                        foam.vertex(
                            s.place + Vec3::Y * 0.05,
                            s.normal,
                            *p / 6.5,
                            [1.0, 1.0, 1.0, *alpha],
                        )
                    });
                    foam.indices.push(vertex);
                }
            }
        }
    }
    let group = stage.group("sea", None, Transform::IDENTITY);
    let mesh = stage.mesh("sea", sea);
    stage.place("water", Some(group), Transform::IDENTITY, mesh, Paint::Sea);
    let mesh = stage.mesh("foam", foam);
    stage.place("foam", Some(group), Transform::IDENTITY, mesh, Paint::Foam);
}
