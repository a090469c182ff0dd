//! Scenes of any size for measuring: closed shapes of noise, each with as many triangles as the next, in rows on the ground.
//! The same figures give the same scene.

use std::fmt;
use std::str::FromStr;

use glam::{Mat4, Quat, Vec3};
use storm_assets::{Bounds, Mesh};

/// A number of triangles or instances: digits, then perhaps K, M or G (thousands, millions, milliards).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, factor) = match text.char_indices().last() {
            Some((at, 'k' | 'K')) => (&text[..at], 1_000.0),
            Some((at, 'm' | 'M')) => (&text[..at], 1e6),
            Some((at, 'g' | 'G')) => (&text[..at], 1e9),
            _ => (text, 1.0),
        };
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number: f64 = match digits.parse() {
            Ok(number) if plain => number,
            _ => {
                return Err(format!(
                    "'{text}' is no number such as 250000, 100M or 1.5G"
                ));
            }
        };
        let count = number * factor;
        if (1.0..=1e15).contains(&count) {
            Ok(Self(count as u64))
        } else {
            Err(format!("{text} is not within 1 to 10^15"))
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, letter) in [(1_000_000_000, 'G'), (1_000_000, 'M'), (1_000, 'K')] {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{letter}", self.0 / unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

/// What a scene is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stress {
    /// Shapes that differ.
    pub(super) meshes: u32,
    /// Steps along an edge of the cube that each shape is made from.
    steps: u32,
    /// How many stand in the scene; each shape as often as the next, or once more.
    pub(super) instances: u32,
}

/// Triangles of one shape: more would not fit the indices of its neighbours' arithmetic.
const MESH_TRIANGLES_MAX: u64 = 100_000_000;
const INSTANCES_MAX: u64 = 50_000_000;

impl Stress {
    /// About as many triangles as asked for, in that many instances, of which this part has a shape of its own.
    ///
    /// # Errors
    /// What is too much or too little.
    pub(super) fn new(triangles: Count, instances: Count, unique: f64) -> Result<Self, String> {
        if instances.0 > INSTANCES_MAX {
            return Err(format!(
                "{instances} instances are more than {INSTANCES_MAX}"
            ));
        }
        let each = triangles.0 / instances.0;
        if !(12..=MESH_TRIANGLES_MAX).contains(&each) {
            return Err(format!(
                "{triangles} triangles in {instances} instances are {each} each; 12 to {MESH_TRIANGLES_MAX} are possible"
            ));
        }
        let meshes = (instances.0 as f64 * unique).round().max(1.0);
        Ok(Self {
            meshes: meshes as u32,
            steps: (each as f64 / 12.0).sqrt().round().max(1.0) as u32,
            instances: instances.0 as u32,
        })
    }

    /// Triangles of each shape.
    pub(super) fn triangles_each(&self) -> u64 {
        12 * u64::from(self.steps) * u64::from(self.steps)
    }

    /// Of all instances.
    pub(super) fn triangles(&self) -> u64 {
        self.triangles_each() * u64::from(self.instances)
    }

    /// Of all shapes, each once.
    pub(super) fn unique_triangles(&self) -> u64 {
        self.triangles_each() * u64::from(self.meshes)
    }

    /// One of the shapes: about a metre in radius, closed, with normals and one UV set.
    pub(super) fn mesh(&self, number: u32) -> Mesh {
        shape(self.steps, number)
    }

    /// The shape of an instance.
    pub(super) fn mesh_of(&self, instance: u32) -> u32 {
        instance % self.meshes
    }

    /// Where an instance stands.
    pub(super) fn place(&self, instance: u32) -> Mat4 {
        let side = self.side();
        // Neighbours in a row have shapes that follow one another.
        let (row, column) = (instance / side, instance % side);
        let random = |stream: u32| {
            let word = hash(instance.wrapping_mul(0x9e37_79b9) ^ hash(stream));
            word as f32 / u32::MAX as f32
        };
        let middle = (side - 1) as f32 * 0.5;
        let place = Vec3::new(
            (column as f32 - middle) * SPACING + 0.4 * (random(1) - 0.5),
            0.9,
            (row as f32 - middle) * SPACING + 0.4 * (random(2) - 0.5),
        );
        let turn = Quat::from_rotation_y(random(3) * std::f32::consts::TAU);
        Mat4::from_scale_rotation_translation(Vec3::splat(0.8 + 0.4 * random(4)), turn, place)
    }

    fn side(&self) -> u32 {
        f64::from(self.instances).sqrt().ceil() as u32
    }

    /// The box around all of it.
    pub(super) fn bounds(&self) -> Bounds {
        let reach = self.side() as f32 * SPACING * 0.5;
        Bounds {
            min: Vec3::new(-reach, 0.0, -reach),
            max: Vec3::new(reach, 2.0, reach),
        }
    }
}

/// Metres between instances.
const SPACING: f32 = 2.7;

fn hash(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    let x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// −1 to 1 between the points of an integer lattice, smooth.
fn noise(at: Vec3, seed: u32) -> f32 {
    let base = at.floor();
    let t = at - base;
    let t = t * t * (3.0 - 2.0 * t);
    let [x, y, z] = [base.x as i32, base.y as i32, base.z as i32];
    let corner = |dx: i32, dy: i32, dz: i32| {
        let word = [x + dx, y + dy, z + dz]
            .into_iter()
            .fold(seed, |h, c| hash(h ^ (c as u32).wrapping_mul(0x9e37_79b1)));
        word as f32 / (u32::MAX as f32 * 0.5) - 1.0
    };
    let along = |dy: i32, dz: i32| {
        let (a, b) = (corner(0, dy, dz), corner(1, dy, dz));
        a + (b - a) * t.x
    };
    let across = |dz: i32| {
        let (a, b) = (along(0, dz), along(1, dz));
        a + (b - a) * t.y
    };
    let (a, b) = (across(0), across(1));
    a + (b - a) * t.z
}

/// How far the surface is from the middle in a direction.
fn radius(direction: Vec3, seed: u32) -> f32 {
    let mut sum = 0.0;
    let (mut scale, mut part) = (1.6, 0.22);
    for octave in 0..7 {
        sum += part * noise(direction * scale, seed ^ hash(octave));
        scale *= 2.13;
        part *= 0.47;
    }
    0.9 + sum
}

/// A cube of `steps`² squares a side, blown up to a sphere and dented by noise. Sides share places and not vertices, since their UVs
/// differ; the places are the same to the last bit.
fn shape(steps: u32, number: u32) -> Mesh {
    let seed = hash(number ^ 0x5bd1_e995);
    let row = steps + 1;
    let count = 6 * row as usize * row as usize;
    let mut mesh = Mesh {
        name: format!("shape {number}"),
        positions: Vec::with_capacity(count),
        normals: Vec::with_capacity(count),
        uvs: vec![Vec::with_capacity(count)],
        indices: Vec::with_capacity(36 * steps as usize * steps as usize),
        ..Mesh::default()
    };
    // The same integer place on two sides is the same place.
    let direction = |x: i64, y: i64, z: i64| {
        let place = [x, y, z].map(|c| {
            let part = c as f64 / f64::from(steps);
            (part * std::f64::consts::FRAC_PI_4).tan() as f32
        });
        Vec3::from(place).normalize()
    };
    let at = |d: Vec3| d * radius(d, seed);
    for side in 0..6 {
        let first = mesh.positions.len() as u32;
        let (axis, sign) = (side / 2, if side % 2 == 0 { 1 } else { -1 });
        for v in 0..row {
            for u in 0..row {
                let (a, b) = (
                    2 * i64::from(u) - i64::from(steps),
                    2 * i64::from(v) - i64::from(steps),
                );
                let c = sign * i64::from(steps);
                // Turned so that u, v and the side's own axis are right-handed.
                let [x, y, z] = match axis {
                    0 => [c, sign * a, b],
                    1 => [b, c, sign * a],
                    _ => [sign * a, b, c],
                };
                let d = direction(x, y, z);
                let place = at(d);
                let tangent = d.any_orthonormal_vector();
                let bitangent = d.cross(tangent);
                let step = 1.5 / steps as f32;
                let slope = |along: Vec3| {
                    at((d + along * step).normalize()) - at((d - along * step).normalize())
                };
                let normal = slope(tangent).cross(slope(bitangent)).normalize_or(d);
                mesh.positions.push(place.into());
                mesh.normals.push(normal.into());
                mesh.uvs[0].push([u as f32 / steps as f32, v as f32 / steps as f32]);
            }
        }
        for v in 0..steps {
            for u in 0..steps {
                let corner = first + v * row + u;
                let (right, down) = (corner + 1, corner + row);
                mesh.indices
                    .extend([corner, right, down + 1, corner, down + 1, down]);
            }
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn counts_are_read_as_they_are_written() {
        for (text, count) in [
            ("12", 12),
            ("250K", 250_000),
            ("100M", 100_000_000),
            ("1.5g", 1_500_000_000),
        ] {
            assert_eq!(text.parse(), Ok(Count(count)));
        }
        assert_eq!(Count(100_000_000).to_string(), "100M");
        for text in [
            "",
            "M",
            "-1",
            "1e9",
            "0",
            "1M5",
            "NaN",
            "inf",
            "99999999999G",
            "1..2",
            "１",
        ] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_scene_has_about_what_was_asked_for() {
        let stress = Stress::new(Count(10_000_000), Count(100), 0.25).unwrap();
        assert_eq!((stress.meshes, stress.instances), (25, 100));
        let part = stress.triangles() as f64 / 1e7;
        assert!((part - 1.0).abs() < 0.01, "{part}");
        assert_eq!(stress.unique_triangles() * 4, stress.triangles());
        assert!(Stress::new(Count(100), Count(100), 1.0).is_err());
        assert!(Stress::new(Count(1), Count(100), 1.0).is_err());
        assert!(Stress::new(Count(1_000_000_000_000), Count(100_000_000), 1.0).is_err());
    }

    #[test]
    fn shapes_are_closed_turned_outwards_and_the_same_each_time() {
        for steps in [1, 2, 7] {
            let mesh = shape(steps, 3);
            mesh.check().unwrap();
            assert_eq!(mesh, shape(steps, 3));
            assert_ne!(mesh.positions, shape(steps, 4).positions);
            let place = |index: u32| mesh.positions[index as usize].map(f32::to_bits);
            let mut edges: HashMap<_, i32> = HashMap::new();
            for triangle in mesh.indices.chunks_exact(3) {
                for (a, b) in [(0, 1), (1, 2), (2, 0)] {
                    let (a, b) = (place(triangle[a]), place(triangle[b]));
                    *edges.entry((a, b)).or_default() += 1;
                    *edges.entry((b, a)).or_default() -= 1;
                }
                let [a, b, c] = [0, 1, 2].map(|i| Vec3::from(mesh.positions[triangle[i] as usize]));
                assert!(
                    (b - a).cross(c - a).dot(a + b + c) > 0.0,
                    "fronts are outside"
                );
            }
            assert!(
                edges.values().all(|&count| count == 0),
                "each edge has its twin"
            );
        }
    }

    #[test]
    fn instances_stand_within_the_bounds() {
        let stress = Stress::new(Count(12_000), Count(90), 0.1).unwrap();
        let bounds = stress.bounds();
        for instance in 0..stress.instances {
            let place = stress.place(instance).w_axis.truncate();
            assert!(place.cmpge(bounds.min).all() && place.cmple(bounds.max).all());
            assert!(stress.mesh_of(instance) < stress.meshes);
        }
    }
}
