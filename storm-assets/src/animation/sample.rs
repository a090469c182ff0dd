//! One track at one time: glTF 2.0 appendix C.

use crate::Interpolation;

/// Values of a track, flat: `width` × [`Interpolation::values_per_key`] numbers for each key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Curve<'a> {
    pub(super) interpolation: Interpolation,
    /// Whether a value is a quaternion.
    pub(super) rotation: bool,
    pub(super) width: usize,
    pub(super) times: &'a [f32],
    pub(super) values: &'a [f32],
}

impl<'a> Curve<'a> {
    /// Whether it can be sampled: at least one key, times that rise, and as many values as keys ask for.
    pub(super) fn is_sound(&self) -> bool {
        let needed = self
            .times
            .len()
            .checked_mul(self.interpolation.values_per_key())
            .and_then(|values| values.checked_mul(self.width));
        !self.times.is_empty()
            && self.width > 0
            && (!self.rotation || self.width == 4)
            && needed == Some(self.values.len())
            && self.times.iter().all(|time| time.is_finite())
            && self.times.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// The number of the span that `time` is in: that of the key before it. `cursor` is where it was last.
    fn span(&self, time: f32, cursor: &mut u32) -> usize {
        let last = self.times.len() - 1;
        let holds =
            |key: usize| key < last && self.times[key] <= time && time < self.times[key + 1];
        let known = *cursor as usize;
        let key = if holds(known) {
            known
        } else if holds(known.wrapping_add(1)) {
            known + 1
        } else if known > 0 && holds(known - 1) {
            known - 1
        } else {
            self.times
                .partition_point(|key| *key <= time)
                .saturating_sub(1)
        };
        *cursor = key as u32;
        key
    }

    /// What a key says; for splines with its tangents.
    fn key(&self, key: usize) -> &'a [f32] {
        let stride = self.width * self.interpolation.values_per_key();
        &self.values[key * stride..][..stride]
    }

    /// Writes the value at `time` to `out`, which has room for `width` numbers. The curve is sound. Cost: O(width), and O(log keys) where
    /// the time is neither in the span of `cursor` nor in one beside it.
    pub(super) fn sample(&self, time: f32, cursor: &mut u32, out: &mut [f32]) {
        let width = self.width;
        let spline = self.interpolation == Interpolation::CubicSpline;
        let middle = if spline { width } else { 0 };
        let value = |key: usize| &self.key(key)[middle..][..width];
        let last = self.times.len() - 1;
        // What is no number is the beginning.
        let at_start = time.is_nan() || time <= self.times[0];
        if at_start || time >= self.times[last] {
            *cursor = if at_start { 0 } else { last as u32 };
            out.copy_from_slice(value(if at_start { 0 } else { last }));
            if spline && self.rotation {
                normalize(out);
            }
            return;
        }
        let key = self.span(time, cursor);
        let (start, end) = (self.times[key], self.times[key + 1]);
        let length = end - start;
        let t = (time - start) / length;
        match self.interpolation {
            Interpolation::Step => out.copy_from_slice(value(key)),
            Interpolation::Linear if self.rotation => slerp(value(key), value(key + 1), t, out),
            Interpolation::Linear => {
                for ((out, a), b) in out.iter_mut().zip(value(key)).zip(value(key + 1)) {
                    *out = (1.0 - t) * a + t * b;
                }
            }
            Interpolation::CubicSpline => {
                let (square, cube) = (t * t, t * t * t);
                let leaving = &self.key(key)[2 * width..];
                let arriving = &self.key(key + 1)[..width];
                let factors = [
                    2.0 * cube - 3.0 * square + 1.0,
                    length * (cube - 2.0 * square + t),
                    -2.0 * cube + 3.0 * square,
                    length * (cube - square),
                ];
                for (i, out) in out.iter_mut().enumerate() {
                    *out = factors[0] * value(key)[i]
                        + factors[1] * leaving[i]
                        + factors[2] * value(key + 1)[i]
                        + factors[3] * arriving[i];
                }
                if self.rotation {
                    normalize(out);
                }
            }
        }
    }
}

/// Makes a quaternion of unit length; one that has none becomes no rotation.
pub(super) fn normalize(quaternion: &mut [f32]) {
    let length = quaternion.iter().map(|c| c * c).sum::<f32>().sqrt();
    if length > 1e-12 && length.is_finite() {
        quaternion.iter_mut().for_each(|c| *c /= length);
    } else {
        quaternion.copy_from_slice(&[0.0, 0.0, 0.0, 1.0]);
    }
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Between two unit quaternions along the shorter arc.
fn slerp(a: &[f32], b: &[f32], t: f32, out: &mut [f32]) {
    let sign = if dot(a, b) < 0.0 { -1.0 } else { 1.0 };
    let square = |f: fn(f32, f32) -> f32| {
        let squares = a.iter().zip(b).map(|(a, b)| f(*a, sign * b).powi(2));
        squares.sum::<f32>()
    };
    let apart = square(|a, b| a - b);
    let (from, to) = if apart < CLOSE {
        close_factors(apart, t)
    } else {
        // Exact where the two are close, as the arc cosine of their product is not.
        let angle = 2.0 * apart.sqrt().atan2(square(|a, b| a + b).sqrt());
        let sine = angle.sin();
        (((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine)
    };
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = from * a + sign * to * b;
    }
    normalize(out);
}

/// Squared distance of two quaternions below which series are as good as sines: half a radian. Nearly all keys of animations are that close.
const CLOSE: f32 = 0.25;

/// sin((1 − t)θ) / sin θ and sin(tθ) / sin θ for quaternions whose squared distance is 4 sin²(θ/2), by their series in θ², to rounding.
fn close_factors(apart: f32, t: f32) -> (f32, f32) {
    let half = 0.25 * apart;
    // (2 asin √x)² = 4 (x + x²/3 + 8x³/45 + 4x⁴/35 + …)
    let square =
        4.0 * half * (1.0 + half * (1.0 / 3.0 + half * (8.0 / 45.0 + half * (4.0 / 35.0))));
    let factor = |t: f32| {
        let rest = 1.0 - t * t;
        let third = (31.0 + t * t * (3.0 * t * t - 18.0)) * (1.0 / 15120.0);
        let second = (7.0 - 3.0 * t * t) * (1.0 / 360.0);
        t * (1.0 + rest * square * (1.0 / 6.0 + square * (second + square * third)))
    };
    (factor(1.0 - t), factor(t))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix C word for word, in f64 and without any memory.
    fn reference(curve: &Curve<'_>, time: f64) -> Vec<f64> {
        let width = curve.width;
        let times: Vec<f64> = curve.times.iter().map(|&t| f64::from(t)).collect();
        let number = |key: usize, part: usize, i: usize| {
            let stride = width * curve.interpolation.values_per_key();
            f64::from(curve.values[key * stride + part * width + i])
        };
        let spline = curve.interpolation == Interpolation::CubicSpline;
        let value = |key| {
            (0..width)
                .map(|i| number(key, usize::from(spline), i))
                .collect::<Vec<_>>()
        };
        let unit = |mut v: Vec<f64>| {
            let length = v.iter().map(|c| c * c).sum::<f64>().sqrt();
            v.iter_mut().for_each(|c| *c /= length);
            v
        };
        let finish = |v: Vec<f64>| if curve.rotation && spline { unit(v) } else { v };
        let last = times.len() - 1;
        if time <= times[0] {
            return finish(value(0));
        }
        if time >= times[last] {
            return finish(value(last));
        }
        let k = times.iter().rposition(|&key| key <= time).unwrap();
        let td = times[k + 1] - times[k];
        let t = (time - times[k]) / td;
        let (a, b) = (value(k), value(k + 1));
        match curve.interpolation {
            Interpolation::Step => a,
            Interpolation::Linear if curve.rotation => {
                let d: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
                let angle = d.abs().min(1.0).acos();
                let s = d.signum();
                if angle < 1e-9 {
                    return unit(
                        a.iter()
                            .zip(&b)
                            .map(|(a, b)| (1.0 - t) * a + t * s * b)
                            .collect(),
                    );
                }
                let (f, g) = (
                    ((1.0 - t) * angle).sin() / angle.sin(),
                    (t * angle).sin() / angle.sin(),
                );
                a.iter().zip(&b).map(|(a, b)| f * a + s * g * b).collect()
            }
            Interpolation::Linear => a
                .iter()
                .zip(&b)
                .map(|(a, b)| (1.0 - t) * a + t * b)
                .collect(),
            Interpolation::CubicSpline => {
                let v = (0..width)
                    .map(|i| {
                        let (out_k, in_next) = (number(k, 2, i), number(k + 1, 0, i));
                        (2.0 * t.powi(3) - 3.0 * t * t + 1.0) * a[i]
                            + td * (t.powi(3) - 2.0 * t * t + t) * out_k
                            + (-2.0 * t.powi(3) + 3.0 * t * t) * b[i]
                            + td * (t.powi(3) - t * t) * in_next
                    })
                    .collect();
                finish(v)
            }
        }
    }

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn unit(&mut self) -> f32 {
            (self.next() >> 40) as f32 / (1u64 << 24) as f32
        }
    }

    #[test]
    fn curves_are_appendix_c_in_any_order_of_times() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..400 {
            let interpolation = [
                Interpolation::Step,
                Interpolation::Linear,
                Interpolation::CubicSpline,
            ][round % 3];
            let rotation = round % 2 == 0;
            let width = if rotation {
                4
            } else {
                1 + random.next() as usize % 5
            };
            let keys = 1 + random.next() as usize % 12;
            let mut times = Vec::new();
            let mut at = random.unit();
            for _ in 0..keys {
                times.push(at);
                at += 0.01 + random.unit();
            }
            let mut values: Vec<f32> = (0..keys * width * interpolation.values_per_key())
                .map(|_| random.unit() * 4.0 - 2.0)
                .collect();
            if rotation && interpolation != Interpolation::CubicSpline {
                values.chunks_mut(4).for_each(normalize);
                if round % 7 == 0 && keys > 1 {
                    // Nearly the same, and the same with the other sign.
                    for i in 0..4 {
                        values[4 + i] = -values[i] * (1.0 + 1e-6 * i as f32);
                    }
                    normalize(&mut values[4..8]);
                }
            }
            let curve = Curve {
                interpolation,
                rotation,
                width,
                times: &times,
                values: &values,
            };
            assert!(curve.is_sound());
            let (mut cursor, mut out) = (0, vec![0.0; width]);
            for step in 0..60 {
                let time = if step % 9 == 0 {
                    times[random.next() as usize % keys]
                } else {
                    random.unit() * (at + 1.0) - 0.5
                };
                curve.sample(time, &mut cursor, &mut out);
                let expected = reference(&curve, f64::from(time));
                // A spline whose value nearly vanishes has no direction to compare.
                let scale: f64 = expected.iter().map(|c| c.abs()).fold(1.0, f64::max);
                let tolerance = if rotation && interpolation == Interpolation::CubicSpline {
                    2e-4
                } else {
                    2e-5
                };
                for (found, expected) in out.iter().zip(&expected) {
                    assert!(
                        (f64::from(*found) - expected).abs() <= tolerance * scale,
                        "{interpolation:?} at {time}: {found} for {expected} in round {round}"
                    );
                }
            }
        }
    }

    #[test]
    fn series_of_close_quaternions_are_sines() {
        for step in 1..=100 {
            let angle = f64::from(step) * 0.005;
            let apart = (2.0 * (angle / 2.0).sin()).powi(2) as f32;
            for t in [0.0, 0.1, 0.37, 0.5, 0.9, 1.0] {
                let expected = [1.0 - t, t].map(|t: f64| (t * angle).sin() / angle.sin());
                let found = close_factors(apart, t as f32);
                let off = (f64::from(found.0) - expected[0])
                    .abs()
                    .max((f64::from(found.1) - expected[1]).abs());
                assert!(off < 3e-7, "{off} at {angle}, {t}");
            }
        }
    }

    #[test]
    fn cursors_find_what_a_search_finds() {
        let times: Vec<f32> = (0..100).map(|i| (i as f32).powf(1.3)).collect();
        let values: Vec<f32> = (0..100).map(|i| i as f32).collect();
        let curve = Curve {
            interpolation: Interpolation::Step,
            rotation: false,
            width: 1,
            times: &times,
            values: &values,
        };
        let (mut cursor, mut out) = (u32::MAX, [0.0]);
        let mut random = Random(7);
        for step in 0..2000 {
            let time = if step % 50 < 40 {
                step as f32 * 0.4 % 450.0
            } else {
                random.unit() * 450.0 - 20.0
            };
            curve.sample(time, &mut cursor, &mut out);
            let expected = times.iter().rposition(|&key| key <= time).unwrap_or(0);
            assert_eq!(out[0], expected as f32, "at {time}");
        }
    }

    #[test]
    fn ends_are_held_exactly_and_no_number_is_the_beginning() {
        let curve = Curve {
            interpolation: Interpolation::Linear,
            rotation: false,
            width: 1,
            times: &[1.0, 2.0],
            values: &[3.0, 5.0],
        };
        for (time, expected) in [
            (f32::NEG_INFINITY, 3.0),
            (f32::NAN, 3.0),
            (0.0, 3.0),
            (1.0, 3.0),
            (1.5, 4.0),
            (2.0, 5.0),
            (f32::INFINITY, 5.0),
        ] {
            let mut out = [0.0];
            curve.sample(time, &mut 9, &mut out);
            assert_eq!(out, [expected], "at {time}");
        }
    }

    #[test]
    fn what_cannot_be_sampled_is_found_out() {
        let curve = |times: &'static [f32], values: &'static [f32], rotation| Curve {
            interpolation: Interpolation::Linear,
            rotation,
            width: 1,
            times,
            values,
        };
        for (times, values, rotation) in [
            (&[][..], &[][..], false),
            (&[0.0, 0.0], &[1.0, 2.0], false),
            (&[0.0, f32::NAN], &[1.0, 2.0], false),
            (&[0.0, 1.0], &[1.0], false),
            (&[0.0], &[1.0], true),
        ] {
            assert!(!curve(times, values, rotation).is_sound(), "{times:?}");
        }
    }
}
