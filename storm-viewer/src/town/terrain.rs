//! The ground: a height field with levelled lots and streets, and the meshes that show it.

use std::{collections::BTreeMap, f32::consts::FRAC_PI_4};

use glam::{Vec2, Vec3};

use super::{
    Stage, Transform,
    geometry::Shape,
    layout::{CHURCH, LIGHTHOUSE, Plan, QUAY, QUAY_HEIGHT, SUN, Street},
    materials::Paint,
    noise::{fractal, mix, smoothstep},
};

/// Metres between grid lines.
const STEP: f32 = 1.25;
const LOW: Vec2 = Vec2::new(-150.0, -210.0);
const SIDE: usize = 241;
/// Grid squares along a chunk.
const CHUNK: usize = 60;

/// Heights on a grid, as the meshes have them.
pub(super) struct Ground {
    heights: Vec<f32>,
    /// Where each street runs: height of each of its points.
    pub(super) street_heights: Vec<Vec<f32>>,
}

impl Ground {
    /// The ground of a plan, and the plan without the lots that the slope would bury or leave in the air.
    pub(super) fn settle(mut plan: Plan) -> (Plan, Self) {
        loop {
            let ground = Self::new(&plan);
            let before = plan.lots.len();
            plan.lots.retain(|lot| {
                let floor = ground.height(lot.center);
                lot.corners()
                    .into_iter()
                    .all(|p| (floor - 2.0..floor + 1.2).contains(&ground.height(p)))
            });
            if plan.lots.len() == before {
                return (plan, ground);
            }
        }
    }

    fn new(plan: &Plan) -> Self {
        let natural: Vec<f32> = (0..SIDE * SIDE)
            .map(|i| plan.natural(grid_point(i % SIDE, i / SIDE)))
            .collect();
        let mut ground = Self {
            heights: natural,
            street_heights: Vec::new(),
        };
        ground.street_heights = plan.streets.iter().map(|s| ground.profile(s)).collect();
        ground.level(plan);
        ground
    }

    /// The heights of a street: the land's, smoothed along it.
    fn profile(&self, street: &Street) -> Vec<f32> {
        let mut heights: Vec<f32> = street.points.iter().map(|p| self.height(*p)).collect();
        for _ in 0..6 {
            let before = heights.clone();
            for i in 1..heights.len() - 1 {
                heights[i] = (before[i - 1] + before[i] + before[i + 1]) / 3.0;
            }
        }
        heights
    }

    fn level(&mut self, plan: &Plan) {
        let mut pads: Vec<(Vec2, f32)> = plan.lots.iter().map(|lot| (lot.center, 0.0)).collect();
        for (pad, lot) in pads.iter_mut().zip(&plan.lots) {
            // Nearly as high as the nearest street.
            let street = plan
                .streets
                .iter()
                .zip(&self.street_heights)
                .map(|(street, profile)| (street.nearest(lot.center), profile))
                .map(|((square, at), profile)| (square, profile[at]))
                .fold((f32::INFINITY, 0.0), |a, b| if b.0 < a.0 { b } else { a });
            // No street beside it is much higher: its walls would be buried there.
            let highest = plan
                .streets
                .iter()
                .zip(&self.street_heights)
                .flat_map(|(street, profile)| {
                    let reach = street.half_width + 2.4;
                    let beside = move |p: &Vec2| lot.distance(*p) < reach;
                    street
                        .points
                        .iter()
                        .zip(profile)
                        .filter(move |(p, _)| beside(p))
                })
                .fold(f32::NEG_INFINITY, |highest, (_, height)| {
                    highest.max(*height)
                });
            pad.1 = mix(self.height(lot.center), street.1, 0.8).max(highest - 0.45);
        }
        let church = self.height(CHURCH);
        let tower = self.height(LIGHTHOUSE);
        for i in 0..SIDE * SIDE {
            let p = grid_point(i % SIDE, i / SIDE);
            let mut height = self.heights[i];
            // The nearest lot counts most: nothing of its neighbours' level reaches under its walls.
            let (mut level, mut weights, mut nearest) = (0.0, 0.0, f32::INFINITY);
            for (lot, pad) in plan.lots.iter().zip(&pads) {
                if lot.center.distance_squared(p) < 120.0 {
                    let distance = lot.distance(p);
                    let weight = (distance.max(0.0) + 0.05).powi(-2);
                    level += weight * pad.1;
                    weights += weight;
                    nearest = nearest.min(distance);
                }
            }
            if weights > 0.0 {
                height = mix(height, level / weights, smoothstep(3.3, 1.2, nearest));
            }
            let yard = ((p - CHURCH).abs() - Vec2::new(6.5, 11.0)).max_element();
            height = mix(height, church, smoothstep(6.0, 0.5, yard));
            height = mix(height, tower, smoothstep(11.0, 5.5, p.distance(LIGHTHOUSE)));
            for (street, profile) in plan.streets.iter().zip(&self.street_heights) {
                let (square, at) = street.nearest(p);
                let edge = square.sqrt() - street.half_width;
                if edge < 3.0 && height > 0.5 {
                    let open = smoothstep(0.2, 1.5, nearest);
                    height = mix(height, profile[at], open * smoothstep(2.6, 0.7, edge));
                }
            }
            // The quay is level, and drops inside its wall.
            if p.x > QUAY.0 - 1.0 && p.x < QUAY.1 + 1.0 && p.y > -10.0 {
                let level = smoothstep(-10.0, -8.0, p.y);
                let flat = mix(QUAY_HEIGHT, -5.0, smoothstep(-1.5, -0.3, p.y));
                height = mix(height, flat, level);
            }
            self.heights[i] = height;
        }
    }

    fn grid(&self, x: usize, y: usize) -> f32 {
        self.heights[y.min(SIDE - 1) * SIDE + x.min(SIDE - 1)]
    }

    /// Height of the ground or the seabed, as the mesh has it. Beyond the grid it is deep.
    pub(super) fn height(&self, p: Vec2) -> f32 {
        let q = (p - LOW) / STEP;
        let last = (SIDE - 1) as f32;
        if q.x < 0.0 || q.y < 0.0 || q.x >= last || q.y >= last {
            return -9.0;
        }
        let (x, y) = (q.x as usize, q.y as usize);
        let (s, t) = (q.x.fract(), q.y.fract());
        let (a, b) = (self.grid(x, y), self.grid(x + 1, y));
        let (c, d) = (self.grid(x, y + 1), self.grid(x + 1, y + 1));
        // The diagonal goes from (0, 0) to (1, 1).
        if s > t {
            a + (b - a) * s + (d - b) * t
        } else {
            a + (d - c) * s + (c - a) * t
        }
    }

    /// A place on the ground.
    pub(super) fn on(&self, p: Vec2) -> Vec3 {
        Vec3::new(p.x, self.height(p), p.y)
    }

    pub(super) fn normal(&self, p: Vec2) -> Vec3 {
        let d = STEP;
        let dx = self.height(p + Vec2::X * d) - self.height(p - Vec2::X * d);
        let dz = self.height(p + Vec2::Y * d) - self.height(p - Vec2::Y * d);
        Vec3::new(-dx, 2.0 * d, -dz).normalize()
    }

    /// How much of the sky the lie of the land lets in, 0 to 1.
    fn openness(&self, p: Vec2) -> f32 {
        let here = self.height(p);
        let mut hidden = 0.0;
        for i in 0..8 {
            let (sin, cos) = (i as f32 * FRAC_PI_4).sin_cos();
            let out = Vec2::new(sin, cos);
            let rise = [2.5_f32, 6.0]
                .map(|r| (self.height(p + out * r) - here) / r)
                .into_iter()
                .fold(0.0, f32::max);
            hidden += rise / (1.0 + rise * rise).sqrt();
        }
        1.0 - 0.8 * hidden / 8.0
    }
}

fn grid_point(x: usize, y: usize) -> Vec2 {
    LOW + Vec2::new(x as f32, y as f32) * STEP
}

/// Light that reaches the ground: the lie of the land, houses near by and the shade that they cast.
pub(super) fn ambient(plan: &Plan, ground: &Ground, p: Vec2) -> f32 {
    let near = plan.building_distance(p);
    let close = mix(0.52, 1.0, smoothstep(-0.4, 2.6, near));
    let away = Vec2::new(SUN.x, SUN.z).normalize();
    let cast = [2.5_f32, 5.5, 9.0]
        .map(|r| plan.building_distance(p + away * r))
        .into_iter()
        .fold(f32::INFINITY, f32::min);
    let shade = mix(0.66, 1.0, smoothstep(-1.0, 2.0, cast));
    ground.openness(p) * close * shade
}

struct Cover {
    grass: f32,
    sand: f32,
    ambient: f32,
    tone: f32,
}

fn cover(plan: &Plan, ground: &Ground, p: Vec2) -> Cover {
    let height = ground.height(p);
    let up = ground.normal(p).y;
    let patch = fractal(p / 11.0, 4, plan.seed ^ 0x61);
    let broad = fractal(p / 45.0, 3, plan.seed ^ 0x62);
    let street = plan.street_distance(p);
    let trodden = smoothstep(0.0, 1.3, street) * smoothstep(0.1, 1.0, plan.building_distance(p));
    let steep = smoothstep(0.70, 0.86, up + 0.16 * (patch - 0.5));
    let high = 1.0 - 0.8 * smoothstep(24.0, 46.0, height + 14.0 * (patch - 0.5));
    let grass =
        steep * high * smoothstep(1.5, 3.2, height + 1.6 * (patch - 0.5)) * (0.25 + 0.75 * trodden);
    let sand = smoothstep(0.72, 0.9, up) * smoothstep(2.6, 1.4, height + (patch - 0.5));
    Cover {
        grass,
        sand,
        ambient: ambient(plan, ground, p),
        tone: 0.72 + 0.36 * broad + 0.22 * (patch - 0.5),
    }
}

/// Adds the ground: rock everywhere, sand and grass over it where they grow, and the streets.
pub(super) fn place(stage: &mut Stage, plan: &Plan, ground: &Ground) {
    let covers: Vec<Cover> = (0..SIDE * SIDE)
        .map(|i| cover(plan, ground, grid_point(i % SIDE, i / SIDE)))
        .collect();
    let island = stage.group("island", None, Transform::IDENTITY);
    for cy in 0..(SIDE - 1) / CHUNK {
        for cx in 0..(SIDE - 1) / CHUNK {
            let mut rock = Shape::default();
            let mut grass = Shape::default();
            let mut sand = Shape::default();
            let mut welded = [const { BTreeMap::new() }; 5];
            for y in cy * CHUNK..(cy + 1) * CHUNK {
                for x in cx * CHUNK..(cx + 1) * CHUNK {
                    let corners = [(x, y), (x, y + 1), (x + 1, y + 1), (x + 1, y)];
                    if corners.iter().all(|&(x, y)| ground.grid(x, y) < -6.0) {
                        continue;
                    }
                    for t in [[0, 1, 2], [0, 2, 3]] {
                        let triangle = t.map(|i: usize| corners[i]);
                        rock_triangle(&mut rock, &mut welded, ground, &covers, triangle);
                        let reach = |of: fn(&Cover) -> f32| {
                            triangle
                                .iter()
                                .map(|&(x, y)| of(&covers[y * SIDE + x]))
                                .fold(0.0, f32::max)
                        };
                        if reach(|c| c.grass) > 0.22 {
                            layer(
                                &mut grass,
                                &mut welded[3],
                                ground,
                                &covers,
                                triangle,
                                Layer::Grass,
                            );
                        }
                        if reach(|c| c.sand) > 0.22 {
                            layer(
                                &mut sand,
                                &mut welded[4],
                                ground,
                                &covers,
                                triangle,
                                Layer::Sand,
                            );
                        }
                    }
                }
            }
            for (name, shape, paint) in [
                ("rock", rock, Paint::Rock),
                ("sand", sand, Paint::Sand),
                ("grass", grass, Paint::Grass),
            ] {
                if !shape.indices.is_empty() {
                    let mesh = stage.mesh(&format!("ground {name} {cx} {cy}"), shape);
                    stage.place(
                        &format!("ground {name}"),
                        Some(island),
                        Transform::IDENTITY,
                        mesh,
                        paint,
                    );
                }
            }
        }
    }
    for (i, street) in plan.streets.iter().enumerate() {
        let shape = ribbon(plan, ground, street);
        let mesh = stage.mesh(&format!("street {i}"), shape);
        let paint = if street.cobbled {
            Paint::Cobbles
        } else {
            Paint::Path
        };
        stage.place("street", Some(island), Transform::IDENTITY, mesh, paint);
    }
}

/// One triangle of bare rock, its UVs seen along the axis that it faces most: no stretching on cliffs.
fn rock_triangle(
    shape: &mut Shape,
    welded: &mut [BTreeMap<(usize, usize), u32>; 5],
    ground: &Ground,
    covers: &[Cover],
    triangle: [(usize, usize); 3],
) {
    let points = triangle.map(|(x, y)| {
        let p = grid_point(x, y);
        Vec3::new(p.x, ground.grid(x, y), p.y)
    });
    let face = (points[1] - points[0])
        .cross(points[2] - points[0])
        .normalize();
    let n = face.abs();
    let axis = if n.y > 0.62 {
        0
    } else if n.x > n.z {
        1
    } else {
        2
    };
    // Steep rock is broken: each triangle mostly has its own normal.
    let broken = 0.75 * smoothstep(0.86, 0.66, n.y);
    for ((x, y), p) in triangle.into_iter().zip(points) {
        let mut make = || {
            let uv = [
                Vec2::new(p.x, p.z),
                Vec2::new(p.z, -p.y),
                Vec2::new(p.x, -p.y),
            ][axis]
                / 5.5;
            let c = &covers[y * SIDE + x];
            let light = c.ambient * c.tone;
            // Wet below the tide line, and earthy under grass.
            let wet = mix(0.45, 1.0, smoothstep(0.3, 1.6, p.y));
            let earth = c.grass.max(0.3 * smoothstep(2.0, 5.0, p.y) * n.y);
            let tint = Vec3::new(0.88, 0.88, 0.90).lerp(Vec3::new(0.56, 0.51, 0.40), earth);
            let [r, g, b] = (tint * light * wet).to_array();
            let normal = ground
                .normal(Vec2::new(p.x, p.z))
                .lerp(face, broken)
                .normalize();
            shape.vertex(p, normal, uv, [r, g, b, 1.0])
        };
        let vertex = if broken > 0.0 {
            make()
        } else {
            *welded[axis].entry((x, y)).or_insert_with(make)
        };
        shape.indices.push(vertex);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Layer {
    Grass,
    Sand,
}

/// One triangle of something that covers the rock; alpha says how much, and the texture where that cuts off.
fn layer(
    shape: &mut Shape,
    welded: &mut BTreeMap<(usize, usize), u32>,
    ground: &Ground,
    covers: &[Cover],
    triangle: [(usize, usize); 3],
    which: Layer,
) {
    for (x, y) in triangle {
        let vertex = *welded.entry((x, y)).or_insert_with(|| {
            let c = &covers[y * SIDE + x];
            let p = grid_point(x, y);
            let lift = if which == Layer::Grass { 0.05 } else { 0.025 };
            let height = ground.grid(x, y);
            let (tint, alpha, tile) = match which {
                Layer::Grass => {
                    // Dry on the heights, lush in the hollows.
                    let dry = smoothstep(0.85, 1.15, c.tone).max(smoothstep(18.0, 38.0, height));
                    let tint = Vec3::new(0.78, 1.0, 0.68).lerp(Vec3::new(1.0, 0.92, 0.62), dry);
                    (tint * c.tone, c.grass, 3.2)
                }
                Layer::Sand => (
                    Vec3::splat(mix(0.5, 1.0, smoothstep(0.1, 1.1, height))),
                    c.sand,
                    3.0,
                ),
            };
            let [r, g, b] = (tint * c.ambient).min(Vec3::ONE).to_array();
            shape.vertex(
                Vec3::new(p.x, height + lift, p.y),
                ground.normal(p),
                p / tile,
                [r, g, b, alpha],
            )
        });
        shape.indices.push(vertex);
    }
}

/// A street, draped over the ground.
fn ribbon(plan: &Plan, ground: &Ground, street: &Street) -> Shape {
    let mut shape = Shape::default();
    let across = (street.half_width / 0.45).ceil() as u32;
    let reach = street.half_width + 0.5;
    let mut run = 0.0;
    // Between the points too: the ground's grid is finer.
    let points: Vec<(Vec2, Vec2)> = (0..street.points.len() - 1)
        .flat_map(|i| {
            [0.0, 0.34, 0.67].map(|t| {
                (
                    street.points[i].lerp(street.points[i + 1], t),
                    street
                        .direction(i)
                        .lerp(street.direction(i + 1), t)
                        .normalize(),
                )
            })
        })
        .collect();
    for (row, &(p, direction)) in points.iter().enumerate() {
        if row > 0 {
            run += p.distance(points[row - 1].0);
        }
        let left = Vec2::new(direction.y, -direction.x);
        for i in 0..=across {
            let s = i as f32 / across as f32 * 2.0 - 1.0;
            let q = p + left * (s * reach);
            let height = ground
                .height(q)
                .max(ground.height(q + left * 0.3))
                .max(ground.height(q - left * 0.3));
            let light = ambient(plan, ground, q).sqrt()
                * (0.86 + 0.2 * fractal(q / 5.0, 3, plan.seed ^ 0x63));
            let alpha = smoothstep(1.0, 0.72, s.abs());
            shape.vertex(
                Vec3::new(q.x, height + 0.07, q.y),
                ground.normal(q),
                Vec2::new(s * reach, run) / 2.4,
                [light, light, light, alpha],
            );
        }
    }
    let row = across + 1;
    for j in 0..points.len() as u32 - 1 {
        for i in 0..across {
            let v = j * row + i;
            shape
                .indices
                .extend([v, v + row + 1, v + 1, v, v + row, v + row + 1]);
        }
    }
    // Whichever way the street runs, its top is its front.
    let [a, b, c] = [0, 1, 2].map(|k| shape.positions[shape.indices[k] as usize]);
    if (b - a).cross(c - a).y < 0.0 {
        for t in shape.indices.chunks_exact_mut(3) {
            t.swap(1, 2);
        }
    }
    shape
}
