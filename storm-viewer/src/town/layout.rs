//! The plan of the island: coast, hills, streets, and which house stands where.

use glam::{Vec2, Vec3};

use super::noise::{Rng, fractal, ridged, smoothstep};

/// Height of the quay and of the town's lowest street, metres.
pub(super) const QUAY_HEIGHT: f32 = 1.9;
/// Where the quay begins and ends, along X. Its wall stands at Z = 0.
pub(super) const QUAY: (f32, f32) = (-50.0, 30.0);
/// The piers: where they leave the quay, along X, and how far they reach.
pub(super) const PIERS: [(f32, f32); 3] = [(-27.0, 24.0), (-5.0, 32.0), (15.0, 20.0)];
/// The corners of the breakwater.
pub(super) const MOLE: [Vec2; 3] = [
    Vec2::new(-49.0, -1.0),
    Vec2::new(-53.0, 17.0),
    Vec2::new(-41.0, 31.0),
];
/// Where the lighthouse stands.
pub(super) const LIGHTHOUSE: Vec2 = Vec2::new(60.0, 13.0);
/// Where the church stands; its tower faces +Z.
pub(super) const CHURCH: Vec2 = Vec2::new(-32.0, -71.0);
/// Where the wind blows to.
pub(super) const WIND: Vec2 = Vec2::new(0.83, -0.56);
/// Towards the sun. Baked shade lies on the other side.
pub(super) const SUN: Vec3 = Vec3::new(-0.70, 0.24, -0.66);

/// A kind of house: metres, the front along X.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) width: f32,
    pub(super) depth: f32,
    /// From the floor to the eaves.
    pub(super) wall: f32,
    /// From the eaves to the ridge.
    pub(super) rise: f32,
    pub(super) storeys: u32,
    /// The gable faces the street, not the eaves.
    pub(super) gable: bool,
}

pub(super) const KINDS: [Kind; 6] = [
    // cottage
    Kind {
        width: 7.6,
        depth: 6.0,
        wall: 3.0,
        rise: 3.1,
        storeys: 1,
        gable: false,
    },
    // town house
    Kind {
        width: 6.2,
        depth: 8.2,
        wall: 5.6,
        rise: 3.4,
        storeys: 2,
        gable: true,
    },
    // long house
    Kind {
        width: 11.0,
        depth: 6.4,
        wall: 3.3,
        rise: 3.3,
        storeys: 1,
        gable: false,
    },
    // tall house
    Kind {
        width: 5.6,
        depth: 7.4,
        wall: 7.9,
        rise: 3.3,
        storeys: 3,
        gable: true,
    },
    // merchant's house
    Kind {
        width: 9.0,
        depth: 7.2,
        wall: 5.7,
        rise: 3.7,
        storeys: 2,
        gable: false,
    },
    // boat shed
    Kind {
        width: 6.0,
        depth: 9.0,
        wall: 3.6,
        rise: 3.0,
        storeys: 1,
        gable: true,
    },
];

/// A place with a house.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lot {
    /// Which of [`KINDS`].
    pub(super) kind: usize,
    pub(super) center: Vec2,
    /// Its front faces this way, radians about +Y from +Z.
    pub(super) yaw: f32,
}

impl Lot {
    /// A place in the axes of the lot: X along the front, Y towards the street.
    pub(super) fn local(&self, p: Vec2) -> Vec2 {
        let (sin, cos) = self.yaw.sin_cos();
        let d = p - self.center;
        Vec2::new(cos * d.x - sin * d.y, sin * d.x + cos * d.y)
    }

    pub(super) fn half(&self) -> Vec2 {
        let kind = &KINDS[self.kind];
        0.5 * Vec2::new(kind.width, kind.depth)
    }

    /// Metres from its walls; negative inside.
    pub(super) fn distance(&self, p: Vec2) -> f32 {
        let d = self.local(p).abs() - self.half();
        d.max(Vec2::ZERO).length() + d.max_element().min(0.0)
    }

    pub(super) fn corners(&self) -> [Vec2; 4] {
        let (sin, cos) = self.yaw.sin_cos();
        let h = self.half();
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)].map(|(x, y)| {
            let (x, y) = (x * h.x, y * h.y);
            self.center + Vec2::new(cos * x + sin * y, cos * y - sin * x)
        })
    }
}

/// A street: its middle line, two metres a step.
#[derive(Clone, Debug)]
pub(super) struct Street {
    pub(super) points: Vec<Vec2>,
    pub(super) half_width: f32,
    /// Cobbled, or a path of trodden earth.
    pub(super) cobbled: bool,
}

impl Street {
    fn along(corners: &[(f32, f32)], half_width: f32, cobbled: bool) -> Self {
        let corners: Vec<Vec2> = corners.iter().copied().map(Vec2::from).collect();
        let mut fine = Vec::new();
        // Catmull-Rom through the corners.
        for i in 0..corners.len() - 1 {
            let at =
                |k: isize| corners[(i as isize + k).clamp(0, corners.len() as isize - 1) as usize];
            let (p0, p1, p2, p3) = (at(-1), at(0), at(1), at(2));
            for step in 0..20 {
                let t = step as f32 / 20.0;
                let (t2, t3) = (t * t, t * t * t);
                fine.push(
                    0.5 * (2.0 * p1
                        + (p2 - p0) * t
                        + (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3) * t2
                        + (3.0 * p1 - p0 - 3.0 * p2 + p3) * t3),
                );
            }
        }
        fine.push(corners[corners.len() - 1]);
        let mut points = vec![fine[0]];
        for p in fine {
            if p.distance(points[points.len() - 1]) >= 1.8 {
                points.push(p);
            }
        }
        Self {
            points,
            half_width,
            cobbled,
        }
    }

    /// Metres from its middle line, and the nearest point's index.
    pub(super) fn nearest(&self, p: Vec2) -> (f32, usize) {
        self.points
            .iter()
            .enumerate()
            .map(|(i, q)| (q.distance_squared(p), i))
            .fold((f32::INFINITY, 0), |a, b| if b.0 < a.0 { b } else { a })
    }

    /// Its direction at a point.
    pub(super) fn direction(&self, i: usize) -> Vec2 {
        let (a, b) = (i.saturating_sub(1), (i + 1).min(self.points.len() - 1));
        (self.points[b] - self.points[a]).normalize_or(Vec2::X)
    }
}

/// Where everything is.
pub(super) struct Plan {
    pub(super) seed: u32,
    pub(super) streets: Vec<Street>,
    pub(super) lots: Vec<Lot>,
}

/// Metres from the line between two points.
pub(super) fn segment_distance(p: Vec2, a: Vec2, b: Vec2) -> f32 {
    let along = b - a;
    let t = ((p - a).dot(along) / along.length_squared()).clamp(0.0, 1.0);
    p.distance(a + along * t)
}

impl Plan {
    pub(super) fn new(seed: u32) -> Self {
        let mut plan = Self {
            seed,
            streets: vec![
                Street::along(
                    &[(-48.5, -6.0), (-20.0, -6.0), (6.0, -6.0), (28.5, -6.0)],
                    4.1,
                    true,
                ),
                Street::along(
                    &[
                        (-12.0, -7.0),
                        (-3.0, -17.0),
                        (18.0, -23.0),
                        (27.0, -31.0),
                        (17.0, -39.0),
                        (-8.0, -38.0),
                        (-36.0, -36.0),
                        (-50.0, -43.0),
                        (-48.0, -54.0),
                        (-27.0, -58.0),
                        (0.0, -56.0),
                        (22.0, -58.0),
                        (40.0, -50.0),
                    ],
                    1.9,
                    true,
                ),
                Street::along(&[(-38.0, -8.0), (-41.0, -20.0), (-34.0, -36.0)], 1.5, true),
                Street::along(
                    &[
                        (40.0, -50.0),
                        (50.0, -38.0),
                        (54.0, -20.0),
                        (58.0, -4.0),
                        (59.5, 6.0),
                    ],
                    1.2,
                    false,
                ),
                Street::along(&[(27.0, -31.0), (38.0, -28.0), (51.0, -30.0)], 1.3, false),
                Street::along(&[(-27.0, -58.0), (-30.0, -63.0)], 1.4, true),
            ],
            lots: Vec::new(),
        };
        plan.choose_lots();
        plan.choose_cottage();
        plan
    }

    /// Metres inland; negative at sea.
    pub(super) fn inland(&self, p: Vec2) -> f32 {
        let wobble = 13.0 * (fractal(p / 38.0, 4, self.seed ^ 0x51) - 0.5)
            + 4.0 * (fractal(p / 9.0, 3, self.seed ^ 0x52) - 0.5);
        let q = (p - Vec2::new(-2.0, -86.0)) / Vec2::new(112.0, 84.0);
        let main = (1.0 - q.length()) * 84.0;
        let east = 17.0 - segment_distance(p, Vec2::new(52.0, -40.0), Vec2::new(60.0, 14.0));
        let west = 13.0 - segment_distance(p, Vec2::new(-82.0, -44.0), Vec2::new(-88.0, -12.0));
        let natural = main.max(east).max(west) + wobble;
        // The harbour: a straight wall, and open water before it.
        let harbour = smoothstep(QUAY.0 - 9.0, QUAY.0, p.x)
            * smoothstep(QUAY.1 + 9.0, QUAY.1, p.x)
            * smoothstep(-24.0, -12.0, p.y);
        let straight = -p.y;
        natural + (straight - natural) * harbour
    }

    /// Height of the land before people came.
    pub(super) fn natural(&self, p: Vec2) -> f32 {
        let inland = self.inland(p);
        let harbour = smoothstep(QUAY.0 - 5.0, QUAY.0, p.x) * smoothstep(QUAY.1 + 5.0, QUAY.1, p.x);
        if inland < 0.0 {
            let open = -0.9 * (-inland).powf(0.75) - 0.1;
            let dredged = -5.0 * smoothstep(0.0, 0.8, -inland);
            return (open + (dredged - open) * harbour * smoothstep(-14.0, -4.0, p.y)).max(-9.0);
        }
        let rough = fractal(p / 26.0, 5, self.seed ^ 0x53) - 0.5;
        let crags = ridged(p / 34.0, 5, self.seed ^ 0x54);
        let back = (-p.y - 11.0).max(0.0);
        let slope = 0.27 * back.min(58.0) + 0.12 * (back - 58.0).max(0.0);
        let shore = smoothstep(0.0, 16.0, inland);
        let hill = |x: f32, z: f32, height: f32, wide: f32| {
            height * (-(p - Vec2::new(x, z)).length_squared() / (wide * wide)).exp()
        };
        let wild = smoothstep(66.0, 92.0, -p.y).max(smoothstep(60.0, 82.0, p.x.abs()));
        let hills = hill(-22.0, -128.0, 34.0, 36.0)
            + hill(34.0, -112.0, 17.0, 30.0)
            + hill(-72.0, -92.0, 13.0, 27.0);
        // Cliffs rise from the sea at once, beaches do not.
        let cliffy = smoothstep(32.0, 50.0, p.x).max(smoothstep(-60.0, -84.0, p.x));
        // Gullies bite into them, and a ledge runs half-way up.
        let gully = 7.0 * (ridged(p / 12.0, 4, self.seed ^ 0x55) - 0.62);
        let bitten = inland + gully * smoothstep(0.0, 2.5, inland);
        let tiers =
            0.46 * smoothstep(0.3, 2.6, bitten) + 0.54 * smoothstep(3.4, 6.6, bitten + 0.5 * gully);
        let cliff = tiers * (1.0 - harbour * smoothstep(-40.0, -10.0, p.y));
        let headland = cliffy
            * cliff
            * (8.0
                + 4.0 * rough
                + 3.2 * smoothstep(-30.0, 12.0, p.y) * smoothstep(40.0, 54.0, p.x));
        let beach = 1.5 * smoothstep(0.0, 9.0, inland) * (1.0 - harbour) + QUAY_HEIGHT * harbour;
        let land = beach
            + shore * slope * (1.0 - 0.45 * cliffy)
            + headland
            + shore * hills
            + shore
                * wild
                * (10.0 * rough
                    + 15.0 * (crags - 0.58)
                    + 5.0 * (ridged(p / 11.0, 3, self.seed ^ 0x56) - 0.6))
            + 1.2 * rough * shore * (1.0 - harbour * smoothstep(-20.0, -9.0, p.y));
        land.max(0.15 * smoothstep(0.0, 1.0, inland))
    }

    fn choose_lots(&mut self) {
        let mut rng = Rng::new(self.seed, 2);
        for index in [0, 1, 2, 4] {
            for side in [1.0_f32, -1.0] {
                let street = self.streets[index].clone();
                let mut i = 1;
                while i + 1 < street.points.len() {
                    let direction = street.direction(i);
                    let out = Vec2::new(direction.y, -direction.x) * side;
                    // No houses on the quay itself.
                    if index == 0 && out.y > 0.0 {
                        break;
                    }
                    let first = if index == 0 {
                        [1, 3, 4, 5, 1, 4]
                    } else {
                        [0, 1, 2, 0, 3, 4]
                    };
                    let start = rng.below(first.len());
                    // Whatever fits, larger or smaller.
                    let found = (0..first.len()).find_map(|k| {
                        let kind = first[(start + k) % first.len()];
                        let setback = rng.range(0.5, 1.1) + street.half_width;
                        let lot = Lot {
                            kind,
                            center: street.points[i] + out * (setback + 0.5 * KINDS[kind].depth),
                            yaw: (-out.x).atan2(-out.y) + rng.range(-0.05, 0.05),
                        };
                        self.fits(&lot).then_some(lot)
                    });
                    if let Some(lot) = found {
                        self.lots.push(lot);
                        i += (KINDS[lot.kind].width * 0.45) as usize;
                    }
                    i += 1;
                }
            }
        }
    }

    /// The keeper's cottage, beside the path to the lighthouse, where the headland is wide enough.
    fn choose_cottage(&mut self) {
        let places = [
            (52.4, -4.5),
            (52.0, -8.0),
            (51.0, -12.0),
            (61.8, -9.0),
            (60.5, -13.0),
        ];
        let found = places.into_iter().find_map(|(x, z)| {
            let lot = Lot {
                kind: 0,
                center: Vec2::new(x, z),
                yaw: if x < 55.0 { 1.35 } else { -1.8 },
            };
            self.fits(&lot).then_some(lot)
        });
        self.lots.extend(found);
    }

    fn fits(&self, lot: &Lot) -> bool {
        let corners = lot.corners();
        let clear = |p: Vec2| {
            self.inland(p) > 7.0
                && (p - CHURCH).abs().cmpgt(Vec2::new(12.0, 15.0)).any()
                && p.distance(LIGHTHOUSE) > 14.0
        };
        let middles = [0, 1, 2, 3].map(|i| corners[i].midpoint(corners[(i + 1) % 4]));
        let streets_clear = self.streets.iter().all(|s| {
            let reach = s.half_width + 0.25;
            s.points.iter().all(|p| lot.distance(*p) > reach)
        });
        streets_clear
            && clear(lot.center)
            && corners.into_iter().chain(middles).all(clear)
            && self.lots.iter().all(|other| {
                let gap = 1.1;
                // Corners and edge middles of either in the other: enough for boxes of like size.
                let theirs = other.corners();
                let between = [0, 1, 2, 3].map(|i| theirs[i].midpoint(theirs[(i + 1) % 4]));
                corners
                    .into_iter()
                    .chain(middles)
                    .all(|p| other.distance(p) > gap)
                    && theirs
                        .into_iter()
                        .chain(between)
                        .all(|p| lot.distance(p) > gap)
                    && lot.center.distance(other.center) > 4.0
            })
    }

    /// Metres to the nearest building; large where there is none.
    pub(super) fn building_distance(&self, p: Vec2) -> f32 {
        let church = ((p - CHURCH).abs() - Vec2::new(5.5, 10.0)).max_element();
        self.lots
            .iter()
            .filter(|lot| lot.center.distance_squared(p) < 400.0)
            .map(|lot| lot.distance(p))
            .fold(church.min(p.distance(LIGHTHOUSE) - 4.5), f32::min)
    }

    /// Metres to the edge of the nearest street; negative on it.
    pub(super) fn street_distance(&self, p: Vec2) -> f32 {
        self.streets
            .iter()
            .map(|s| s.nearest(p).0.sqrt() - s.half_width)
            .fold(f32::INFINITY, f32::min)
    }
}
