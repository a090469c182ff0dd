//! Meshes in one pose, computed on the CPU: for still pictures, picking and tests. Animated scenes pose on the GPU.

use glam::{Mat3, Mat4, Vec3, Vec4};

use crate::{Mesh, unit::unit};

impl Mesh {
    /// This mesh with morph targets and joints applied, and without them: what a renderer without skinning can draw.
    ///
    /// `morph_weights[i]` scales target `i`; missing weights are 0, surplus ones are ignored. `joint_matrices[j]` is
    /// `world(joint j) · inverse_bind j`, which takes mesh space to world space; joints past its end do not move
    /// vertices. An empty slice leaves skinning out. Morphs come first, then joints, as glTF 2.0 §3.7 has it.
    ///
    /// Cost: O(vertices × (targets + influences)). Normals go through the inverse transpose of each vertex's matrix.
    ///
    /// ```
    /// use glam::{Mat4, Vec3};
    /// use storm_assets::{Mesh, MorphTarget};
    ///
    /// let mesh = Mesh {
    ///     positions: vec![[1.0, 0.0, 0.0]],
    ///     joints: vec![vec![[0, 1, 0, 0]]],
    ///     weights: vec![vec![[0.5, 0.5, 0.0, 0.0]]],
    ///     morph_targets: vec![MorphTarget { positions: vec![[0.0, 2.0, 0.0]], ..Default::default() }],
    ///     ..Default::default()
    /// };
    /// let joints = [Mat4::IDENTITY, Mat4::from_translation(Vec3::Z)];
    /// assert_eq!(mesh.posed(&[0.5], &joints).positions, [[1.0, 1.0, 0.5]]);
    /// ```
    #[must_use]
    pub fn posed(&self, morph_weights: &[f32], joint_matrices: &[Mat4]) -> Self {
        let mut posed = Self {
            name: self.name.clone(),
            topology: self.topology,
            positions: self.positions.clone(),
            normals: self.normals.clone(),
            tangents: self.tangents.clone(),
            uvs: self.uvs.clone(),
            colors: self.colors.clone(),
            indices: self.indices.clone(),
            ..Self::default()
        };
        for (target, &weight) in self.morph_targets.iter().zip(morph_weights) {
            if weight == 0.0 {
                continue;
            }
            let add = |value: &mut [f32; 3], delta: &[f32; 3]| {
                for (value, delta) in value.iter_mut().zip(delta) {
                    *value += weight * delta;
                }
            };
            for (value, delta) in posed.positions.iter_mut().zip(&target.positions) {
                add(value, delta);
            }
            for (value, delta) in posed.normals.iter_mut().zip(&target.normals) {
                add(value, delta);
            }
            for ([x, y, z, _], delta) in posed.tangents.iter_mut().zip(&target.tangents) {
                let mut value = [*x, *y, *z];
                add(&mut value, delta);
                [*x, *y, *z] = value;
            }
        }
        if !joint_matrices.is_empty() && !self.joints.is_empty() {
            for vertex in 0..posed.positions.len() {
                let Some(matrix) = self.skin_matrix(vertex, joint_matrices) else {
                    continue;
                };
                let position = &mut posed.positions[vertex];
                *position = matrix.transform_point3(Vec3::from(*position)).to_array();
                let linear = Mat3::from_mat4(matrix);
                if let Some(normal) = posed.normals.get_mut(vertex) {
                    *normal = (cofactor(linear) * Vec3::from(*normal)).to_array();
                }
                if let Some([x, y, z, w]) = posed.tangents.get_mut(vertex) {
                    [*x, *y, *z] = (linear * Vec3::new(*x, *y, *z)).to_array();
                    // A mirroring matrix turns the bitangent round.
                    if linear.determinant() < 0.0 {
                        *w = -*w;
                    }
                }
            }
        }
        for normal in &mut posed.normals {
            *normal = unit(Vec3::from(*normal)).unwrap_or(Vec3::Y).to_array();
        }
        for [x, y, z, _] in &mut posed.tangents {
            [*x, *y, *z] = unit(Vec3::new(*x, *y, *z)).unwrap_or(Vec3::X).to_array();
        }
        posed
    }

    /// The weighted sum of the joint matrices of one vertex; `None` where no joint has a weight.
    fn skin_matrix(&self, vertex: usize, joint_matrices: &[Mat4]) -> Option<Mat4> {
        let mut sum = Mat4::ZERO;
        let mut moved = false;
        for (joints, weights) in self.joints.iter().zip(&self.weights) {
            let (Some(joints), Some(weights)) = (joints.get(vertex), weights.get(vertex)) else {
                continue;
            };
            for (&joint, &weight) in joints.iter().zip(weights) {
                if weight != 0.0
                    && let Some(matrix) = joint_matrices.get(usize::from(joint))
                {
                    sum += *matrix * weight;
                    moved = true;
                }
            }
        }
        // Weights that sum to 1 but for rounding leave the last row so, too; points must not be scaled by it.
        sum.w_axis = Vec4::from((sum.w_axis.truncate(), 1.0));
        moved.then_some(sum)
    }
}

/// The inverse transpose times the determinant: right for normals, and defined where there is no inverse. Its sign follows
/// the determinant, so it is taken out: a mirrored surface keeps its outside.
fn cofactor(m: Mat3) -> Mat3 {
    let sign = if m.determinant() < 0.0 { -1.0 } else { 1.0 };
    Mat3::from_cols(
        m.y_axis.cross(m.z_axis) * sign,
        m.z_axis.cross(m.x_axis) * sign,
        m.x_axis.cross(m.y_axis) * sign,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MorphTarget;

    #[test]
    fn morphs_come_before_joints() {
        let mesh = Mesh {
            positions: vec![[1.0, 0.0, 0.0]],
            normals: vec![[1.0, 0.0, 0.0]],
            joints: vec![vec![[0; 4]]],
            weights: vec![vec![[1.0, 0.0, 0.0, 0.0]]],
            morph_targets: vec![MorphTarget {
                positions: vec![[1.0, 0.0, 0.0]],
                ..MorphTarget::default()
            }],
            ..Mesh::default()
        };
        let turn = Mat4::from_rotation_z(std::f32::consts::FRAC_PI_2);
        let posed = mesh.posed(&[1.0], &[turn]);
        assert!(Vec3::from(posed.positions[0]).abs_diff_eq(Vec3::new(0.0, 2.0, 0.0), 1e-6));
        assert!(Vec3::from(posed.normals[0]).abs_diff_eq(Vec3::Y, 1e-6));
        assert!(posed.joints.is_empty() && posed.morph_targets.is_empty());
    }

    #[test]
    fn normals_stay_upright_under_uneven_scale_and_mirrors() {
        let mesh = Mesh {
            positions: vec![[0.0; 3]],
            normals: vec![Vec3::new(1.0, 1.0, 0.0).normalize().to_array()],
            tangents: vec![[0.0, 0.0, 1.0, 1.0]],
            joints: vec![vec![[0; 4]]],
            weights: vec![vec![[1.0, 0.0, 0.0, 0.0]]],
            ..Mesh::default()
        };
        let posed = mesh.posed(&[], &[Mat4::from_scale(Vec3::new(2.0, 1.0, -1.0))]);
        let expected = Vec3::new(0.5, 1.0, 0.0).normalize();
        assert!(Vec3::from(posed.normals[0]).abs_diff_eq(expected, 1e-6));
        assert_eq!(posed.tangents[0], [0.0, 0.0, -1.0, -1.0]);
    }

    #[test]
    fn vertices_without_a_joint_stay() {
        let mesh = Mesh {
            positions: vec![[1.0, 2.0, 3.0]],
            joints: vec![vec![[9, 0, 0, 0]]],
            weights: vec![vec![[1.0, 0.0, 0.0, 0.0]]],
            ..Mesh::default()
        };
        let posed = mesh.posed(&[], &[Mat4::from_scale(Vec3::ZERO)]);
        assert_eq!(posed.positions, [[1.0, 2.0, 3.0]]);
    }
}
