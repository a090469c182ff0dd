//! The sky and its sun, which light every scene.

use glam::{Quat, Vec3};
use storm_assets::SunSpot;

use crate::{
    atmosphere::Atmosphere,
    scene::layout::{SKY_AIR, SKY_GRADIENT, SkyInfo},
};

/// Where the light of a sky comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum SkySource {
    /// [`Sky::zenith`], [`Sky::horizon`], [`Sky::ground`], a glow of [`Sky::haze`] around the sun, and clouds.
    #[default]
    Gradient,
    /// The picture that [`Scene::set_sky_picture`](crate::Scene::set_sky_picture) was given; the gradient while there is none.
    ///
    /// The sun of [`Sky::sun_color`] shines beside it: a picture that has a sun of its own would count it twice. So take it
    /// out of the picture with [`HdrImage::take_sun`](storm_assets::HdrImage::take_sun), or leave the colour at 0, as
    /// [`Sky::picture`] does.
    Picture {
        /// Radians by which it is turned about +Y, counter-clockwise seen from above. At 0 its middle is at -Z.
        turn: f32,
        /// What its radiance is multiplied by.
        intensity: f32,
    },
    /// Air that [`Sky::sun_direction`] lights. Colour and size of the sun come of the air: [`Sky::sun_color`] and
    /// [`Sky::sun_radius`] are not asked. Surfaces far away fade into the air.
    Air(Atmosphere),
}

/// A sky: where its light comes from, a sun, and fog. Colours are linear RGB.
///
/// Radiance is relative: a white surface that faces a sun of `[1.0; 3]` has a radiance of 1/π.
///
/// ```
/// use glam::Vec3;
/// use storm_render::{Atmosphere, Sky};
///
/// let evening = Sky::air(Atmosphere::EARTH, Vec3::new(0.3, 0.05, -1.0));
/// assert!(evening.sun_light().x > evening.sun_light().z, "the sun is red");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sky {
    /// Where its light comes from.
    pub source: SkySource,
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
            source: SkySource::Gradient,
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
            source: SkySource::Gradient,
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

    /// Air under a sun in this direction.
    #[must_use]
    pub fn air(air: Atmosphere, sun_direction: Vec3) -> Self {
        Self {
            source: SkySource::Air(air),
            sun_direction,
            ..Self::default()
        }
    }

    /// A picture, turned by so many radians about +Y, its radiance times `intensity`; and the sun that was taken out of it,
    /// or none.
    #[must_use]
    pub fn picture(turn: f32, intensity: f32, sun: Option<SunSpot>) -> Self {
        let sky = Self {
            source: SkySource::Picture { turn, intensity },
            sun_color: Vec3::ZERO,
            sun_radius: 0.004_65,
            ..Self::default()
        };
        match sun {
            Some(sun) => Self {
                sun_direction: Quat::from_rotation_y(turn) * sun.direction,
                sun_color: sun.illuminance * intensity,
                ..sky
            },
            None => sky,
        }
    }

    /// Illuminance of the sun on a surface that faces it.
    #[must_use]
    pub fn sun_light(&self) -> Vec3 {
        match &self.source {
            SkySource::Air(air) => air.sun_light(self.sun_direction),
            _ => self.sun_color,
        }
    }

    /// As shaders read it, without the addresses and slots that it may need.
    pub(crate) fn info(&self) -> SkyInfo {
        let (picture_light, turn) = match self.source {
            SkySource::Picture { turn, intensity } => (intensity.max(0.0), turn),
            _ => (0.0, 0.0_f32),
        };
        SkyInfo {
            sun_direction: self.sun_direction.try_normalize().unwrap_or(Vec3::Y).into(),
            sun_cos: self.sun_radius.cos(),
            sun_color: self.sun_light().into(),
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
            atmosphere: 0,
            kind: match self.source {
                SkySource::Air(_) => SKY_AIR,
                // Until there is a picture.
                SkySource::Gradient | SkySource::Picture { .. } => SKY_GRADIENT,
            },
            picture: 0,
            picture_sampler: 0,
            picture_light,
            picture_turn: [turn.cos(), turn.sin()],
        }
    }
}
