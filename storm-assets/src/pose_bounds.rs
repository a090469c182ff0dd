//! Boxes around deformed meshes, without deforming them: for culling.

use glam::{Mat4, Vec3, Vec3A};

use crate::{Bounds, Mesh};

/// How far the weights of a vertex may be from a sum of 1.
const SUM_TOLERANCE: f32 = 1e-5;

/// What is known of a mesh to bound its poses: made once.
///
/// ```
/// use glam::{Mat4, Vec3};
/// use storm_assets::{Mesh, PoseBounds};
///
/// let mesh = Mesh {
///     positions: vec![[0.0; 3], [1.0, 0.0, 0.0]],
///     joints: vec![vec![[0; 4], [1, 0, 0, 0]]],
///     weights: vec![vec![[1.0, 0.0, 0.0, 0.0]; 2]],
///     ..Mesh::default()
/// };
/// let joints = [Mat4::IDENTITY, Mat4::from_translation(Vec3::Y)];
/// let bounds = PoseBounds::new(&mesh).posed(&[], &joints).unwrap();
/// assert!((bounds.max - Vec3::new(1.0, 1.0, 0.0)).length() < 1e-3);
/// ```
#[derive(Clone, Debug)]
pub struct PoseBounds {
    rest: Bounds,
    /// Around the vertices that a joint moves, for those that move any.
    joints: Vec<(u16, Bounds)>,
    /// Around those that none moves.
    unmoved: Bounds,
    /// Around the displacements of each morph target.
    targets: Vec<Bounds>,
    /// Whether positions are numbers, and weights from 0 on that sum to 1.
    is_known: bool,
}

impl PoseBounds {
    /// Looks at a mesh. Cost: O(vertices × (influences + targets)).
    #[must_use]
    pub fn new(mesh: &Mesh) -> Self {
        let mut by_joint: Vec<Bounds> = Vec::new();
        let mut unmoved = Bounds::EMPTY;
        let mut is_known = mesh.positions.iter().flatten().all(|c| c.is_finite());
        if !mesh.joints.is_empty() {
            for (vertex, &position) in mesh.positions.iter().enumerate() {
                let point = Vec3::from(position);
                let point = Bounds {
                    min: point,
                    max: point,
                };
                let (mut sum, mut moved) = (0.0, false);
                for (joints, weights) in mesh.joints.iter().zip(&mesh.weights) {
                    let (Some(joints), Some(weights)) = (joints.get(vertex), weights.get(vertex))
                    else {
                        continue;
                    };
                    for (&joint, &weight) in joints.iter().zip(weights) {
                        if weight == 0.0 {
                            continue;
                        }
                        is_known &= weight > 0.0;
                        sum += weight;
                        moved = true;
                        let joint = usize::from(joint);
                        if by_joint.len() <= joint {
                            by_joint.resize(joint + 1, Bounds::EMPTY);
                        }
                        by_joint[joint] = by_joint[joint].union(point);
                    }
                }
                if moved {
                    // Also what is no number is not 1.
                    is_known &= (sum - 1.0).abs() <= SUM_TOLERANCE;
                } else {
                    unmoved = unmoved.union(point);
                }
            }
        }
        let targets = mesh.morph_targets.iter().map(|target| {
            is_known &= target.positions.iter().flatten().all(|c| c.is_finite());
            Bounds::around(target.positions.iter().copied().map(Vec3::from))
        });
        let targets = targets.collect();
        let joints = (0..).zip(by_joint).filter(|(_, bounds)| !bounds.is_empty());
        Self {
            rest: mesh.bounds(),
            joints: joints.collect(),
            unmoved,
            targets,
            is_known,
        }
    }

    /// A box around `Mesh::posed` with these weights and joint matrices, and not much larger; `None` where none is known: weights of vertices that are negative or do not
    /// sum to 1, joints that have no matrix, numbers that are none. Cost: O(joints in use + weights).
    #[must_use]
    pub fn posed(&self, morph_weights: &[f32], joint_matrices: &[Mat4]) -> Option<Bounds> {
        if !self.is_known {
            return None;
        }
        let (mut low, mut high) = (Vec3::ZERO, Vec3::ZERO);
        for (target, &weight) in self.targets.iter().zip(morph_weights) {
            if weight != 0.0 && !target.is_empty() {
                let (a, b) = (target.min * weight, target.max * weight);
                // A vertex of a target that has none of its own is displaced by nothing.
                low += a.min(b).min(Vec3::ZERO);
                high += a.max(b).max(Vec3::ZERO);
            }
        }
        let wider = |bounds: Bounds| Bounds {
            min: bounds.min + low,
            max: bounds.max + high,
        };
        if joint_matrices.is_empty() || self.joints.is_empty() {
            return finite(wider(self.rest));
        }
        let mut all = if self.unmoved.is_empty() {
            Bounds::EMPTY
        } else {
            wider(self.unmoved)
        };
        for (joint, bounds) in &self.joints {
            let matrix = joint_matrices.get(usize::from(*joint))?;
            all = all.union(moved(wider(*bounds), matrix));
        }
        // Weights that sum to nearly 1 leave a vertex nearly within; and sums are rounded.
        let reach = all.min.abs().max(all.max.abs()).max_element();
        let margin = Vec3::splat(reach * 4.0 * SUM_TOLERANCE);
        finite(Bounds {
            min: all.min - margin,
            max: all.max + margin,
        })
    }
}

fn finite(bounds: Bounds) -> Option<Bounds> {
    (bounds.min.is_finite() && bounds.max.is_finite()).then_some(bounds)
}

/// The box around a box under a matrix.
fn moved(bounds: Bounds, matrix: &Mat4) -> Bounds {
    let middle = Vec3A::from((bounds.min + bounds.max) * 0.5);
    let reach = Vec3A::from((bounds.max - bounds.min) * 0.5);
    let [x, y, z, w] =
        [matrix.x_axis, matrix.y_axis, matrix.z_axis, matrix.w_axis].map(Vec3A::from_vec4);
    let at = x * middle.x + y * middle.y + z * middle.z + w;
    let reach = x.abs() * reach.x + y.abs() * reach.y + z.abs() * reach.z;
    Bounds {
        min: (at - reach).into(),
        max: (at + reach).into(),
    }
}
