//! Air and the sun that lights it, as a sky: what it is made of, and how much of the sun comes through it.
//!
//! The model is that of Hillaire, "A Scalable and Production Ready Sky and Atmosphere Rendering Technique" (2020): Rayleigh,
//! Mie and ozone in spherical shells, light of the second order and up from a table. `tables.rs` has the tables.

mod tables;
#[cfg(test)]
mod tests;

use bytemuck::{Pod, Zeroable};
use glam::{DVec3, Vec3};

pub(crate) use self::tables::Tables;

/// The air of a planet. Lengths in metres, coefficients in 1 / metre, colours linear RGB (at 680, 550 and 440 nm).
///
/// The tables of a sky are made anew on the GPU where one of these, the sun's direction or the altitude changes: about three
/// million steps along rays, or 600,000 where the air itself stays. A still sky costs nothing.
///
/// ```
/// use glam::Vec3;
/// use storm_render::Atmosphere;
///
/// let air = Atmosphere::EARTH;
/// let noon = air.sun_light(Vec3::Y);
/// let evening = air.sun_light(Vec3::new(1.0, 0.03, 0.0));
/// // A low sun is dimmer, and redder.
/// assert!(evening.x < noon.x && evening.z / evening.x < 0.3 * noon.z / noon.x);
/// assert_eq!(air.sun_light(Vec3::new(1.0, -0.2, 0.0)), Vec3::ZERO, "it has set");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Atmosphere {
    /// Of the planet.
    pub ground_radius: f64,
    /// From the ground to where there is no air left.
    pub height: f64,
    /// Scattering by air at sea level.
    pub rayleigh: Vec3,
    /// In which air thins to 1/e.
    pub rayleigh_height: f32,
    /// Scattering by dust and droplets at sea level.
    pub mie_scattering: f32,
    /// Absorption by them.
    pub mie_absorption: f32,
    /// In which they thin to 1/e.
    pub mie_height: f32,
    /// Mean cosine of the angle by which they scatter, -1 to 1: large means a bright glow around the sun.
    pub mie_asymmetry: f32,
    /// Absorption by ozone where it is densest.
    pub ozone: Vec3,
    /// Altitude at which it is densest.
    pub ozone_middle: f32,
    /// From there to where there is none, up and down.
    pub ozone_width: f32,
    /// What the ground reflects.
    pub ground_albedo: Vec3,
    /// Illuminance of the sun above the air, on a surface that faces it: in the units of all lights of the scene.
    pub sun_illuminance: Vec3,
    /// Angular radius of the sun's disc, radians.
    pub sun_radius: f32,
    /// Of the camera above the ground. One figure for the whole sky: set it where the camera climbs by kilometres.
    pub altitude: f32,
}

impl Atmosphere {
    /// The air of the Earth on a clear day (Bruneton 2017; Hillaire 2020, table 1), under a sun of the colour of a black body
    /// of 5,778 K and a luminance of 3, in which [`View::default`](crate::View::default) shows noon well. For photometric
    /// units set the luminance to 128,000 lux and the exposure to match.
    pub const EARTH: Self = Self {
        ground_radius: 6_360_000.0,
        height: 100_000.0,
        rayleigh: Vec3::new(5.802e-6, 13.558e-6, 33.1e-6),
        rayleigh_height: 8_000.0,
        mie_scattering: 3.996e-6,
        mie_absorption: 4.40e-6,
        mie_height: 1_200.0,
        mie_asymmetry: 0.8,
        ozone: Vec3::new(0.650e-6, 1.881e-6, 0.085e-6),
        ozone_middle: 25_000.0,
        ozone_width: 15_000.0,
        ground_albedo: Vec3::splat(0.3),
        sun_illuminance: Vec3::new(3.33, 2.93, 2.76),
        sun_radius: 0.004_65,
        altitude: 200.0,
    };

    /// What is left, channel by channel, of light that comes from beyond the air to this altitude (metres), from a
    /// direction with this cosine to straight up; 0 where the ground is in its way. In f64, by 256 steps along the ray.
    #[must_use]
    pub fn transmittance(&self, altitude: f64, zenith_cosine: f64) -> [f64; 3] {
        let ground = self.ground_radius.max(1.0);
        let radius = ground + altitude.max(0.0);
        let top = ground + self.height.max(1.0);
        let mu = zenith_cosine.clamp(-1.0, 1.0);
        if mu < horizon(ground, radius) {
            return [0.0; 3];
        }
        let inside = radius * radius * mu * mu + (top - radius) * (top + radius);
        let whole = (inside.max(0.0).sqrt() - radius * mu).max(0.0);
        let mut depth = DVec3::ZERO;
        const STEPS: u32 = 256;
        for step in 0..STEPS {
            // Steps grow with the square: the air is thickest at one end.
            let end = |i: u32| whole * (f64::from(i) / f64::from(STEPS)).powi(2);
            let (from, to) = (end(step), end(step + 1));
            let d = 0.5 * (from + to);
            let here = (radius * radius + d * d + 2.0 * radius * d * mu).sqrt();
            depth += self.extinction(here - ground) * (to - from);
        }
        (-depth).exp().into()
    }

    /// Loss along a ray at an altitude, 1 / metre.
    fn extinction(&self, altitude: f64) -> DVec3 {
        let height = altitude.max(0.0);
        let thin = |scale: f32| (-height / f64::from(scale.max(1.0))).exp();
        let ozone = 1.0
            - (height - f64::from(self.ozone_middle)).abs() / f64::from(self.ozone_width.max(1.0));
        self.rayleigh.as_dvec3() * thin(self.rayleigh_height)
            + DVec3::splat(f64::from(self.mie_scattering + self.mie_absorption))
                * thin(self.mie_height)
            + self.ozone.as_dvec3() * ozone.max(0.0)
    }

    /// Illuminance of a sun in this direction on a surface that faces it where the camera is: what is left of it after the
    /// air, and of its disc above the horizon.
    #[must_use]
    pub fn sun_light(&self, towards: Vec3) -> Vec3 {
        let ground = self.ground_radius.max(1.0);
        let altitude = f64::from(self.altitude.max(1.0));
        let low = horizon(ground, ground + altitude);
        let mu = f64::from(towards.try_normalize().unwrap_or(Vec3::Y).y);
        let radius = f64::from(self.sun_radius.clamp(1e-4, 0.5));
        // As `sun_transmittance` of shaders/atmosphere.glsl.
        let t = ((mu.asin() - low.asin() + radius) / (2.0 * radius)).clamp(0.0, 1.0);
        let seen = t * t * (3.0 - 2.0 * t);
        let through = DVec3::from(self.transmittance(altitude, mu.max(low)));
        self.sun_illuminance * (through * seen).as_vec3()
    }

    /// As shaders read it; the addresses of tables are put in later.
    pub(crate) fn info(&self, sun_direction: Vec3) -> AtmosphereInfo {
        let kilometres = |metres: f32| metres * 1e-3;
        let ground_radius = (self.ground_radius.max(1.0) * 1e-3) as f32;
        AtmosphereInfo {
            transmittance: 0,
            scattering: 0,
            view: 0,
            rayleigh: (self.rayleigh.max(Vec3::ZERO) * 1e3).into(),
            rayleigh_height: kilometres(self.rayleigh_height.max(1.0)),
            mie: [self.mie_scattering, self.mie_absorption].map(|c| c.max(0.0) * 1e3),
            mie_height: kilometres(self.mie_height.max(1.0)),
            mie_asymmetry: self.mie_asymmetry.clamp(-0.99, 0.99),
            ozone: (self.ozone.max(Vec3::ZERO) * 1e3).into(),
            ozone_middle: kilometres(self.ozone_middle),
            ground_albedo: self.ground_albedo.clamp(Vec3::ZERO, Vec3::ONE).into(),
            ozone_width: kilometres(self.ozone_width.max(1.0)),
            sun_illuminance: self.sun_illuminance.max(Vec3::ZERO).into(),
            ground_radius,
            sun_direction: sun_direction.try_normalize().unwrap_or(Vec3::Y).into(),
            top_radius: ground_radius + (self.height.max(1.0) * 1e-3) as f32,
            // Inside of the air, and a metre above the ground: a camera on it would not know whether it meets it.
            altitude: kilometres(self.altitude)
                .clamp(1e-3, (self.height.max(10.0) * 0.99e-3) as f32),
            sun_radius: self.sun_radius.clamp(1e-4, 0.5),
        }
    }
}

impl Default for Atmosphere {
    fn default() -> Self {
        Self::EARTH
    }
}

/// Cosine of the direction to the horizon from a distance from the planet's middle.
fn horizon(ground: f64, radius: f64) -> f64 {
    -((radius - ground).max(0.0) * (radius + ground)).sqrt() / radius
}

/// As `shaders/atmosphere.glsl` has it: kilometres.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct AtmosphereInfo {
    pub(crate) transmittance: u64,
    pub(crate) scattering: u64,
    pub(crate) view: u64,
    pub(crate) rayleigh: [f32; 3],
    pub(crate) rayleigh_height: f32,
    pub(crate) mie: [f32; 2],
    pub(crate) mie_height: f32,
    pub(crate) mie_asymmetry: f32,
    pub(crate) ozone: [f32; 3],
    pub(crate) ozone_middle: f32,
    pub(crate) ground_albedo: [f32; 3],
    pub(crate) ozone_width: f32,
    pub(crate) sun_illuminance: [f32; 3],
    pub(crate) ground_radius: f32,
    pub(crate) sun_direction: [f32; 3],
    pub(crate) top_radius: f32,
    pub(crate) altitude: f32,
    pub(crate) sun_radius: f32,
}
