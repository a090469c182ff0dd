//! The procedural sky and its sun, which light every scene.

use glam::Vec3;

use crate::scene::layout::SkyInfo;

/// A sky: a gradient, a sun, one layer of clouds, a ground and fog. Colours are linear RGB.
///
/// Radiance is relative: a white surface that faces a sun of `[1.0; 3]` has a radiance of 1/π.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sky {
    /// Towards the sun. Normalised when used.
    pub sun_direction: Vec3,
    /// Illuminance on a surface that faces the sun.
    pub sun_color: Vec3,
    /// Angular radius of the sun's disc, radians.
    pub sun_radius: f32,
    /// Strength of the glow around the sun.
    pub haze: f32,
    /// Radiance straight up.
    pub zenith: Vec3,
    /// Radiance at the horizon.
    pub horizon: Vec3,
    /// Radiance below the horizon.
    pub ground: Vec3,
    /// 0 clear to 1 overcast.
    pub cloud_cover: f32,
    /// Clouds across the sky; larger means smaller clouds.
    pub cloud_scale: f32,
    /// Thin clouds.
    pub cloud_light: Vec3,
    /// Thick clouds.
    pub cloud_shade: Vec3,
    /// Which clouds.
    pub seed: u32,
    /// 1 / metres at sea level; 0 for none.
    pub fog_density: f32,
    /// Metres of height in which fog thins to 1/e.
    pub fog_height: f32,
}

impl Default for Sky {
    /// A bright, even, clear sky in which materials show well.
    fn default() -> Self {
        Self {
            sun_direction: Vec3::new(0.45, 0.75, 0.5),
            sun_color: Vec3::new(2.6, 2.5, 2.3),
            sun_radius: 0.012,
            haze: 0.25,
            zenith: Vec3::new(0.28, 0.42, 0.68),
            horizon: Vec3::new(0.72, 0.78, 0.86),
            ground: Vec3::new(0.30, 0.29, 0.28),
            cloud_cover: 0.0,
            cloud_scale: 1.0,
            cloud_light: Vec3::splat(0.9),
            cloud_shade: Vec3::splat(0.4),
            seed: 1,
            fog_density: 0.0,
            fog_height: 100.0,
        }
    }
}

impl Sky {
    /// An overcast afternoon before rain: low sun behind torn clouds.
    #[must_use]
    pub fn stormy(seed: u32) -> Self {
        Self {
            sun_direction: Vec3::new(-0.62, 0.34, -0.55),
            sun_color: Vec3::new(2.9, 2.2, 1.5),
            sun_radius: 0.02,
            haze: 0.55,
            zenith: Vec3::new(0.10, 0.15, 0.23),
            horizon: Vec3::new(0.46, 0.47, 0.48),
            ground: Vec3::new(0.06, 0.08, 0.09),
            cloud_cover: 0.72,
            cloud_scale: 0.9,
            cloud_light: Vec3::new(0.62, 0.62, 0.63),
            cloud_shade: Vec3::new(0.10, 0.12, 0.15),
            seed,
            fog_density: 0.0016,
            fog_height: 60.0,
        }
    }

    pub(crate) fn info(&self) -> SkyInfo {
        SkyInfo {
            sun_direction: self.sun_direction.try_normalize().unwrap_or(Vec3::Y).into(),
            sun_cos: self.sun_radius.cos(),
            sun_color: self.sun_color.into(),
            haze: self.haze,
            zenith: self.zenith.into(),
            cloud_cover: self.cloud_cover.clamp(0.0, 1.0),
            horizon: self.horizon.into(),
            cloud_scale: self.cloud_scale,
            ground: self.ground.into(),
            fog_density: self.fog_density.max(0.0),
            cloud_light: self.cloud_light.into(),
            fog_height: self.fog_height.max(1e-3),
            cloud_shade: self.cloud_shade.into(),
            seed: self.seed,
        }
    }
}
