//! How attributes are written in few bits, and read again. Integers decide wherever a choice is made, so that CPU and GPU read the same.

use glam::Vec3;

/// The largest coordinate of an octahedral normal.
const OCT: i32 = 2047;

/// The vector (integers, not of unit length, never 0) of an octahedral code: x in bits 0–11, y in 12–23, two's complement.
pub(crate) fn octahedral_vector(code: u32) -> [i32; 3] {
    let sign_extend = |bits: u32| (((bits & 0xfff) << 20) as i32 >> 20).max(-OCT);
    let (x, y) = (sign_extend(code), sign_extend(code >> 12));
    let z = OCT - x.abs() - y.abs();
    if z >= 0 {
        return [x, y, z];
    }
    let sign = |v: i32| if v < 0 { -1 } else { 1 };
    [(OCT - y.abs()) * sign(x), (OCT - x.abs()) * sign(y), z]
}

/// The unit vector of a code.
pub(crate) fn normal(code: u32) -> Vec3 {
    let [x, y, z] = octahedral_vector(code).map(|c| c as f32);
    let v = Vec3::new(x, y, z);
    v * (1.0 / v.dot(v).sqrt())
}

/// Two vectors that make an orthonormal frame with the normal of a code (Duff et al. 2017).
pub(crate) fn frame(code: u32) -> [Vec3; 2] {
    let n = normal(code);
    // Of the integer, for a float on the fold could have either sign.
    let sign = if octahedral_vector(code)[2] >= 0 {
        1.0
    } else {
        -1.0
    };
    let a = -1.0 / (sign + n.z);
    let b = n.x * n.y * a;
    [
        Vec3::new(1.0 + sign * n.x * n.x * a, sign * b, -sign * n.x),
        Vec3::new(b, sign + n.y * n.y * a, -n.y),
    ]
}

/// XYZ and the sign of a tangent: angle about the normal in bits 0–9, bit 10 where W is −1.
pub(crate) fn tangent(normal_code: u32, code: u32) -> [f32; 4] {
    let [u, v] = frame(normal_code);
    let angle = (code & 0x3ff) as f32 * (std::f32::consts::TAU / 1024.0);
    let t = u * angle.cos() + v * angle.sin();
    [t.x, t.y, t.z, if code >> 10 & 1 == 0 { 1.0 } else { -1.0 }]
}

/// Linear RGBA of a code: square roots of RGB, alpha as it is, a byte each, R lowest.
pub(crate) fn color(code: u32) -> [f32; 4] {
    let byte = |i: u32| f32::from((code >> (8 * i)) as u8) / 255.0;
    let square = |v: f32| v * v;
    [square(byte(0)), square(byte(1)), square(byte(2)), byte(3)]
}

/// The code nearest to a direction of any length but 0.
#[cfg(feature = "mesh-processing")]
pub(crate) fn encode_normal(n: Vec3) -> u32 {
    let Some(n) = crate::unit::unit(n) else {
        return encode_normal(Vec3::Z);
    };
    let p = n / (n.x.abs() + n.y.abs() + n.z.abs());
    let sign = |v: f32| if v < 0.0 { -1.0 } else { 1.0 };
    let (x, y) = if n.z >= 0.0 {
        (p.x, p.y)
    } else {
        ((1.0 - p.y.abs()) * sign(p.x), (1.0 - p.x.abs()) * sign(p.y))
    };
    let (x, y) = ((x * OCT as f32).floor(), (y * OCT as f32).floor());
    let pack = |x: f32, y: f32| {
        let bits = |v: f32| ((v as i32).clamp(-OCT, OCT) as u32) & 0xfff;
        bits(x) | bits(y) << 12
    };
    // The nearest of the four around it is up to twice as near as plain rounding.
    let around = [(x, y), (x + 1.0, y), (x, y + 1.0), (x + 1.0, y + 1.0)].map(|(x, y)| pack(x, y));
    let mut best = around[0];
    let mut best_dot = normal(best).dot(n);
    for &code in &around[1..] {
        let dot = normal(code).dot(n);
        if dot > best_dot {
            (best, best_dot) = (code, dot);
        }
    }
    best
}

/// The code of a tangent about the normal of a code.
#[cfg(feature = "mesh-processing")]
pub(crate) fn encode_tangent(normal_code: u32, t: [f32; 4]) -> u32 {
    let [u, v] = frame(normal_code);
    let direction = Vec3::new(t[0], t[1], t[2]);
    let angle = direction.dot(v).atan2(direction.dot(u));
    let turn = (angle * (1024.0 / std::f32::consts::TAU)).round() as i32;
    (turn & 0x3ff) as u32 | u32::from(t[3] < 0.0) << 10
}

/// The code of a linear colour; what is outside of 0..=1 is clamped.
#[cfg(feature = "mesh-processing")]
pub(crate) fn encode_color(c: [f32; 4]) -> u32 {
    let byte = |v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u32;
    let root = |v: f32| byte(v.max(0.0).sqrt());
    root(c[0]) | root(c[1]) << 8 | root(c[2]) << 16 | byte(c[3]) << 24
}

/// Reads `bits` (at most 24) from bit `at` of a stream of words.
///
/// # Panics
/// Where the stream ends before the word after the one that holds the first bit.
pub(crate) fn read_bits(words: &[u32], at: usize, bits: u32) -> u32 {
    let pair = u64::from(words[at / 32]) | u64::from(words[at / 32 + 1]) << 32;
    (pair >> (at % 32)) as u32 & ((1 << bits) - 1)
}

/// Appends bits to words, lowest first.
#[cfg(feature = "mesh-processing")]
#[derive(Default)]
pub(crate) struct BitWriter {
    words: Vec<u32>,
    pending: u64,
    filled: u32,
}

#[cfg(feature = "mesh-processing")]
impl BitWriter {
    /// Appends the lowest `bits` (at most 32) of `value`.
    pub(crate) fn push(&mut self, value: u32, bits: u32) {
        debug_assert!(bits == 32 || value >> bits == 0);
        self.pending |= u64::from(value) << self.filled;
        self.filled += bits;
        if self.filled >= 32 {
            self.words.push(self.pending as u32);
            self.pending >>= 32;
            self.filled -= 32;
        }
    }

    /// The words, the last filled up with zeros.
    pub(crate) fn finish(mut self) -> Vec<u32> {
        if self.filled > 0 {
            self.words.push(self.pending as u32);
        }
        self.words
    }
}
