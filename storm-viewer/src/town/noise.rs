//! Seeded numbers and noise: the only source of chance in the town. The same seed gives the same values.

use glam::Vec2;

/// A small generator (PCG, O'Neill 2014: 32 bits out of 64).
#[derive(Clone, Debug)]
pub(super) struct Rng {
    state: u64,
}

impl Rng {
    /// One stream of a seed: each subject draws from its own, so that a change to one leaves the others as they are.
    pub(super) fn new(seed: u32, stream: u32) -> Self {
        let mut rng = Self {
            state: (u64::from(hash(seed)) << 32) | u64::from(hash(stream ^ 0x9e37_79b9)),
        };
        rng.next();
        rng
    }

    pub(super) fn next(&mut self) -> u32 {
        let old = self.state;
        self.state = old
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let word = (((old >> 18) ^ old) >> 27) as u32;
        word.rotate_right((old >> 59) as u32)
    }

    /// 0 to 1, never 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 8) as f32 / 16_777_216.0
    }

    pub(super) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// 0 to `count`, never `count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((u64::from(self.next()) * count as u64) >> 32) as usize
    }

    pub(super) fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }
}

pub(super) fn hash(x: u32) -> u32 {
    let state = x.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

/// 0 to 1 at a place of an integer lattice.
pub(super) fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    hash((x as u32).wrapping_add(hash((y as u32).wrapping_add(seed)))) as f32 / 4_294_967_295.0
}

fn blend(x: f32, y: f32, corner: impl Fn(i32, i32) -> f32) -> f32 {
    let (ix, iy) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (ease(x - ix), ease(y - iy));
    let (ix, iy) = (ix as i32, iy as i32);
    let low = mix(corner(ix, iy), corner(ix + 1, iy), fx);
    let high = mix(corner(ix, iy + 1), corner(ix + 1, iy + 1), fx);
    mix(low, high, fy)
}

/// Smooth noise, 0 to 1, one bump a unit.
pub(super) fn noise(p: Vec2, seed: u32) -> f32 {
    blend(p.x, p.y, |x, y| lattice(x, y, seed))
}

/// The same, repeating every `period` units.
pub(super) fn noise_tiled(p: Vec2, period: i32, seed: u32) -> f32 {
    blend(p.x, p.y, |x, y| {
        lattice(x.rem_euclid(period), y.rem_euclid(period), seed)
    })
}

/// Octaves of noise, about 0 to 1.
pub(super) fn fractal(mut p: Vec2, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut total) = (0.0, 0.5, 0.0);
    for octave in 0..octaves {
        sum += weight * noise(p, seed.wrapping_add(octave));
        total += weight;
        weight *= 0.5;
        // Turned each time, so that the lattice does not show.
        p = Vec2::new(1.6 * p.x + 1.2 * p.y, 1.6 * p.y - 1.2 * p.x);
    }
    sum / total
}

/// Octaves of folded noise: sharp crests, 0 to 1.
pub(super) fn ridged(mut p: Vec2, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut weight, mut total) = (0.0, 0.5, 0.0);
    for octave in 0..octaves {
        sum += weight * (1.0 - (2.0 * noise(p, seed.wrapping_add(octave)) - 1.0).abs());
        total += weight;
        weight *= 0.5;
        p = Vec2::new(1.6 * p.x + 1.2 * p.y, 1.6 * p.y - 1.2 * p.x);
    }
    sum / total
}

pub(super) fn mix(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `low`, 1 above `high`, smooth between; also with `low` above `high`.
pub(super) fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}
