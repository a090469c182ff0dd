//! Lights, with the units of glTF's KHR_lights_punctual. They shine along -Z of their [`GlobalTransform`](super::GlobalTransform).

use crate::Component;

/// A light infinitely far away, such as the sun.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "storm.scene.DirectionalLight", schema)]
pub struct DirectionalLight {
    /// Linear RGB (Rec. 709 primaries), 0 to 1.
    pub color: [f32; 3],
    /// Illuminance on a surface that faces it, in lux (lm/m²).
    pub illuminance: f32,
}

impl Default for DirectionalLight {
    /// White, 1 lux.
    fn default() -> Self {
        Self {
            color: [1.0; 3],
            illuminance: 1.0,
        }
    }
}

/// A light that shines from a point in all directions.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "storm.scene.PointLight", schema)]
pub struct PointLight {
    /// Linear RGB (Rec. 709 primaries), 0 to 1.
    pub color: [f32; 3],
    /// Luminous intensity in candela (lm/sr).
    pub intensity: f32,
    /// Distance in metres beyond which it may be left out; `None`: infinite.
    pub range: Option<f32>,
}

impl Default for PointLight {
    /// White, 1 candela, infinite range.
    fn default() -> Self {
        Self {
            color: [1.0; 3],
            intensity: 1.0,
            range: None,
        }
    }
}

/// A light that shines from a point in a cone.
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "storm.scene.SpotLight", schema)]
pub struct SpotLight {
    /// Linear RGB (Rec. 709 primaries), 0 to 1.
    pub color: [f32; 3],
    /// Luminous intensity in candela (lm/sr), inside the inner cone.
    pub intensity: f32,
    /// Distance in metres beyond which it may be left out; `None`: infinite.
    pub range: Option<f32>,
    /// Angle from the axis where it begins to fall off, in radians; from 0 to below `outer_angle`.
    pub inner_angle: f32,
    /// Angle from the axis where it ends, in radians; above `inner_angle`, at most π/2.
    pub outer_angle: f32,
}

impl Default for SpotLight {
    /// White, 1 candela, infinite range, falling off from the axis to 45°.
    fn default() -> Self {
        Self {
            color: [1.0; 3],
            intensity: 1.0,
            range: None,
            inner_angle: 0.0,
            outer_angle: core::f32::consts::FRAC_PI_4,
        }
    }
}
