//! Where a picture is taken from, and how.

use glam::{Mat4, Quat, Vec3};

/// Metres along a side of a cell of the world. The shaders hold the same figure.
pub const CELL_SIZE: f32 = 1024.0;

/// How a view is flattened. Depth is reversed: 1 at the near plane, 0 at the far end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Projection {
    /// Things get smaller with distance; there is no far plane.
    Perspective {
        /// Vertical angle of view, radians.
        yfov: f32,
        /// Distance of the near plane, metres.
        near: f32,
    },
    /// They do not.
    Orthographic {
        /// Half the height of the view, metres.
        half_height: f32,
        /// Distance of the near plane, metres.
        near: f32,
        /// Distance of the far plane, metres.
        far: f32,
    },
}

/// How radiance becomes colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToneMap {
    /// Clipped.
    None,
    /// Khronos PBR Neutral: colours up to 0.8 stay, highlights roll off.
    #[default]
    PbrNeutral,
    /// AgX (Sobotka 2022): bright colours turn pale, as on film; no hue is clipped.
    AgX,
    /// The Academy's reference transforms, fitted (Hill 2016): strong contrast.
    Aces,
}

/// What is shown instead of colours, to see how a picture is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DebugView {
    /// Colours.
    #[default]
    None,
    /// Normals, with normal maps: X, Y and Z from −1 to 1 as red, green and blue from 0 to 1.
    Normals,
    /// Which of the sun's shadow maps a place is looked up in: red, green, blue, yellow; grey for none.
    Cascades,
    /// How many lights shade a place: dark for none, then blue over green to red for 32 and more.
    LightClusters,
    /// A colour for each instance.
    Instances,
    /// How many surfaces lie behind a pixel, hidden or not: the brighter the more.
    Overdraw,
    /// Which level of its mesh is drawn: white the finest, then red, yellow, green, cyan, blue, violet and grey.
    Levels,
    /// Of meshes of clusters a colour for each cluster, and its triangles apart; other surfaces as they are.
    Clusters,
    /// Of meshes of clusters what drew them: green by compute, red by the rasteriser or mesh shaders.
    ClusterPaths,
}

impl DebugView {
    /// The number that `shaders/scene_fragment.glsl` knows it by.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::None | Self::Overdraw | Self::Clusters | Self::ClusterPaths => 0,
            Self::Normals => 1,
            Self::Cascades => 2,
            Self::LightClusters => 3,
            Self::Instances => 4,
            Self::Levels => 5,
        }
    }
}

/// Exposure that follows how bright the picture is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutoExposure {
    /// What the middle of the bright half of the picture becomes, before tone mapping.
    pub grey: f32,
    /// The least that radiance is multiplied by.
    pub low: f32,
    /// The most.
    pub high: f32,
    /// How far towards the new exposure each frame goes: 0 stays, 1 goes all the way.
    pub speed: f32,
}

impl Default for AutoExposure {
    fn default() -> Self {
        Self {
            grey: 0.18,
            low: 1.0 / 64.0,
            high: 64.0,
            speed: 0.05,
        }
    }
}

/// A camera. Right-handed, +Y up; unturned it looks along -Z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The cell of the world that the camera is in.
    pub cell: [i32; 3],
    /// Metres from the low corner of the cell.
    pub translation: Vec3,
    /// From camera axes to world axes.
    pub rotation: Quat,
    /// How it is flattened.
    pub projection: Projection,
    /// Radiance is multiplied by this before tone mapping.
    pub exposure: f32,
    /// Makes dark pictures brighter and bright ones darker, beside [`exposure`](Self::exposure).
    pub auto_exposure: Option<AutoExposure>,
    /// How much of what is bright around a pixel shines into it: 0 none, 0.05 a little.
    pub bloom: f32,
    /// How radiance becomes colour.
    pub tone_map: ToneMap,
    /// Powers of two by which coarser levels of meshes may be further off here than
    /// [`Quality::level_error_pixels`](crate::Quality::level_error_pixels) says: 1 twice as far, -1 half as far.
    pub level_bias: f32,
    /// What is shown instead of colours.
    pub debug: DebugView,
}

impl Default for View {
    fn default() -> Self {
        Self {
            cell: [0; 3],
            translation: Vec3::ZERO,
            rotation: Quat::IDENTITY,
            projection: Projection::Perspective {
                yfov: 50.0_f32.to_radians(),
                near: 0.05,
            },
            exposure: 1.0,
            auto_exposure: None,
            bloom: 0.0,
            tone_map: ToneMap::default(),
            level_bias: 0.0,
            debug: DebugView::None,
        }
    }
}

impl View {
    /// A view from `eye` towards `target`, metres in cell 0. Looking straight up or down keeps -Z or +Z at the top.
    #[must_use]
    pub fn look_at(eye: Vec3, target: Vec3) -> Self {
        let forward = (target - eye).try_normalize().unwrap_or(Vec3::NEG_Z);
        let up = if forward.y.abs() > 0.9999 {
            Vec3::new(0.0, 0.0, -forward.y.signum())
        } else {
            Vec3::Y
        };
        let right = forward.cross(up).normalize();
        let rotation = Quat::from_mat3(&glam::Mat3::from_cols(
            right,
            right.cross(forward),
            -forward,
        ));
        Self {
            translation: eye,
            rotation,
            ..Self::default()
        }
    }

    /// From camera-relative world axes to Vulkan's clip space: Y down, depth reversed.
    #[must_use]
    pub fn clip_from_relative(&self, aspect: f32) -> Mat4 {
        let clip_from_camera = match self.projection {
            Projection::Perspective { yfov, near } => {
                let f = 1.0 / (0.5 * yfov).tan();
                Mat4::from_cols_array_2d(&[
                    [f / aspect, 0.0, 0.0, 0.0],
                    [0.0, -f, 0.0, 0.0],
                    [0.0, 0.0, 0.0, -1.0],
                    [0.0, 0.0, near, 0.0],
                ])
            }
            Projection::Orthographic {
                half_height,
                near,
                far,
            } => {
                let depth = 1.0 / (far - near);
                Mat4::from_cols_array_2d(&[
                    [1.0 / (half_height * aspect), 0.0, 0.0, 0.0],
                    [0.0, -1.0 / half_height, 0.0, 0.0],
                    [0.0, 0.0, depth, 0.0],
                    [0.0, 0.0, far * depth, 1.0],
                ])
            }
        };
        clip_from_camera * Mat4::from_quat(self.rotation.inverse())
    }

    /// Where a place is in a picture of this size, from its left and from its top, in the units of the size; `None` where it
    /// is behind the near plane. What is beside the picture has its place there. As exact far from the origin as near it.
    ///
    /// ```
    /// use storm_render::View;
    ///
    /// let view = View::look_at([0.0, 0.0, 5.0].into(), [0.0; 3].into());
    /// assert_eq!(view.place_on_screen([0; 3], [0.0; 3].into(), [320.0, 180.0]), Some([160.0, 90.0]));
    /// assert_eq!(view.place_on_screen([0; 3], [0.0, 0.0, 9.0].into(), [320.0, 180.0]), None);
    /// ```
    #[must_use]
    pub fn place_on_screen(
        &self,
        cell: [i32; 3],
        translation: Vec3,
        size: [f32; 2],
    ) -> Option<[f32; 2]> {
        let relative = self.relative(cell, translation);
        let depth = relative.dot(self.rotation * Vec3::NEG_Z);
        let near = match self.projection {
            Projection::Perspective { near, .. } | Projection::Orthographic { near, .. } => near,
        };
        if depth.is_nan() || depth < near {
            return None;
        }
        let clip = self.clip_from_relative(size[0] / size[1]) * relative.extend(1.0);
        let place = [clip.x, clip.y].map(|axis| axis / clip.w * 0.5 + 0.5);
        let place = [place[0] * size[0], place[1] * size[1]];
        place.iter().all(|axis| axis.is_finite()).then_some(place)
    }

    /// Where a place is, seen from the camera: metres along world axes.
    #[must_use]
    pub fn relative(&self, cell: [i32; 3], translation: Vec3) -> Vec3 {
        let cells = [0, 1, 2].map(|axis| cell[axis].wrapping_sub(self.cell[axis]) as f32);
        Vec3::from(cells) * CELL_SIZE + (translation - self.translation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(view: &View, aspect: f32, point: Vec3) -> Vec3 {
        view.clip_from_relative(aspect)
            .project_point3(view.relative([0; 3], point))
    }

    #[test]
    fn what_is_looked_at_is_in_the_middle() {
        for (eye, target) in [
            (Vec3::new(3.0, 2.0, 5.0), Vec3::ZERO),
            (Vec3::new(0.0, 9.0, 0.0), Vec3::ZERO),
            (Vec3::new(0.0, -9.0, 0.0), Vec3::ZERO),
            (Vec3::new(-1.0, 0.0, -7.0), Vec3::new(4.0, 4.0, 4.0)),
        ] {
            let p = project(&View::look_at(eye, target), 1.5, target);
            assert!(
                p.truncate().length() < 1e-4,
                "{eye} → {target} lands at {p}"
            );
        }
    }

    #[test]
    fn up_is_up_and_right_is_right() {
        let view = View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO);
        let p = project(&view, 1.0, Vec3::new(0.5, 0.25, 0.0));
        assert!(p.x > 0.0 && p.y < 0.0, "Vulkan's Y points down: {p}");
    }

    #[test]
    fn depth_is_one_at_the_near_plane_and_nears_zero() {
        let view = View::look_at(Vec3::ZERO, Vec3::NEG_Z);
        let Projection::Perspective { near, .. } = view.projection else {
            unreachable!()
        };
        assert!((project(&view, 1.0, Vec3::new(0.0, 0.0, -near)).z - 1.0).abs() < 1e-6);
        let far = project(&view, 1.0, Vec3::new(0.0, 0.0, -1e6)).z;
        assert!(far > 0.0 && far < 1e-6);

        let projection = Projection::Orthographic {
            half_height: 1.0,
            near: 1.0,
            far: 11.0,
        };
        let view = View { projection, ..view };
        for (distance, depth) in [(1.0, 1.0), (6.0, 0.5), (11.0, 0.0)] {
            let z = project(&view, 1.0, Vec3::new(0.0, 0.0, -distance)).z;
            assert!((z - depth).abs() < 1e-6, "{distance} m has depth {z}");
        }
    }

    #[test]
    fn a_label_has_its_place_on_the_screen_or_none_behind_the_camera() {
        let size = [640.0, 360.0];
        let flat = Projection::Orthographic {
            half_height: 2.0,
            near: 0.5,
            far: 50.0,
        };
        for projection in [View::default().projection, flat] {
            for cell in [[0; 3], [9_765, 3, -9_765]] {
                let view = View {
                    cell,
                    translation: Vec3::new(1.0, 2.0, 3.0),
                    projection,
                    ..View::default()
                };
                let at = |x, y, z| view.place_on_screen(cell, Vec3::new(x, y, z), size);
                assert_eq!(at(1.0, 2.0, 0.0), Some([320.0, 180.0]));
                let [x, y] = at(1.001, 2.001, 0.0).unwrap();
                assert!(
                    x > 320.01 && y < 179.99,
                    "a millimetre right and up: {x}, {y}"
                );
                assert_eq!(at(1.0, 2.0, 4.0), None, "behind");
                assert_eq!(at(1.0, 2.0, 3.0), None, "in the eye");
                assert_eq!(at(f32::NAN, 2.0, 0.0), None);
            }
        }
    }

    #[test]
    fn ten_thousand_kilometres_out_a_millimetre_is_a_millimetre() {
        let cell = [9_765_625 / 1000, 0, -9_765_625 / 1000];
        let view = View {
            cell,
            translation: Vec3::new(1.0, 2.0, 3.0),
            ..View::default()
        };
        let d = view.relative(cell, Vec3::new(1.001, 2.0, 3.0));
        assert!(
            (d.x - 0.001).abs() < 1e-6 && d.y == 0.0 && d.z == 0.0,
            "{d}"
        );
    }
}
