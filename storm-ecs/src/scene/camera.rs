//! Cameras, with the projections of glTF.

use crate::{Component, Schema};

/// A camera, looking along -Z of its [`GlobalTransform`](super::GlobalTransform), +Y up.
#[derive(Component, Clone, Copy, Debug, Default, PartialEq)]
#[component(name = "storm.scene.Camera", schema)]
pub struct Camera {
    /// How it maps the view to the picture.
    pub projection: Projection,
}

/// How a camera maps the view to the picture. Distances are in metres.
#[derive(Schema, Clone, Copy, Debug, PartialEq)]
pub enum Projection {
    /// Far things are small.
    Perspective {
        /// Vertical field of view in radians, between 0 and π.
        yfov: f32,
        /// Width by height; `None`: that of the picture.
        aspect: Option<f32>,
        /// Distance of the near plane, above 0.
        znear: f32,
        /// Distance of the far plane; `None`: infinite.
        zfar: Option<f32>,
    },
    /// Far things are as large as near ones.
    Orthographic {
        /// Half the width of the view in metres.
        xmag: f32,
        /// Half the height of the view in metres.
        ymag: f32,
        /// Distance of the near plane, at least 0.
        znear: f32,
        /// Distance of the far plane, beyond the near one.
        zfar: f32,
    },
}

impl Default for Projection {
    /// Perspective, 45° high, near plane at 0.1 m, no far plane.
    fn default() -> Self {
        Self::Perspective {
            yfov: core::f32::consts::FRAC_PI_4,
            aspect: None,
            znear: 0.1,
            zfar: None,
        }
    }
}
