//! What the Khronos extensions say that surfaces reflect, in f64 on the CPU: the reference that pictures are held against.
//!
//! Written from the specifications' formulas and not from the shaders: Trowbridge-Reitz with height-correlated Smith masking, Schlick's
//! Fresnel, the layering of KHR_materials_specular, sheen, clearcoat, anisotropy and iridescence.

use std::f64::consts::PI;

use glam::DVec3;

/// A surface, in the terms of the extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matter {
    pub(crate) base: DVec3,
    pub(crate) metallic: f64,
    pub(crate) roughness: f64,
    pub(crate) ior: f64,
    pub(crate) specular: f64,
    pub(crate) specular_color: DVec3,
    /// Factor and roughness.
    pub(crate) coat: (f64, f64),
    /// Colour and roughness.
    pub(crate) sheen: (DVec3, f64),
    /// Strength and rotation.
    pub(crate) anisotropy: (f64, f64),
    /// Factor, IOR and thickness in nanometres.
    pub(crate) film: (f64, f64, f64),
}

pub(crate) const PLAIN: Matter = Matter {
    base: DVec3::splat(0.5),
    metallic: 0.0,
    roughness: 0.5,
    ior: 1.5,
    specular: 1.0,
    specular_color: DVec3::ONE,
    coat: (0.0, 0.0),
    sheen: (DVec3::ZERO, 0.5),
    anisotropy: (0.0, 0.0),
    film: (0.0, 1.3, 400.0),
};

fn schlick(f0: DVec3, cosine: f64) -> DVec3 {
    f0 + (DVec3::ONE - f0) * (1.0 - cosine).powi(5)
}

fn square(x: f64) -> f64 {
    x * x
}

/// Distribution times masking over 4 (n·l)(n·v), along tangent, bitangent and normal.
fn ggx(along: f64, across: f64, v: DVec3, l: DVec3) -> f64 {
    let h = (v + l).normalize();
    let stretched = DVec3::new(h.x / along, h.y / across, h.z);
    let d = 1.0 / (PI * along * across * square(stretched.length_squared()));
    let lambda = |w: DVec3| {
        let slope = (square(along * w.x) + square(across * w.y)) / square(w.z);
        0.5 * ((1.0 + slope).sqrt() - 1.0)
    };
    d / ((1.0 + lambda(v) + lambda(l)) * 4.0 * v.z * l.z)
}

fn sheen_lambda(cosine: f64, alpha: f64) -> f64 {
    let mix = |a: f64, b: f64| a + (b - a) * square(1.0 - alpha);
    let fit = |x: f64| {
        let a = mix(21.5473, 25.3245);
        let b = mix(3.82987, 3.32435);
        let c = mix(0.19823, 0.16801);
        let d = mix(-1.97760, -1.27393);
        let e = mix(-4.32054, -4.85967);
        a / (1.0 + b * x.powf(c)) + d * x + e
    };
    if cosine < 0.5 {
        fit(cosine).exp()
    } else {
        (2.0 * fit(0.5) - fit(1.0 - cosine)).exp()
    }
}

fn sheen(roughness: f64, v: DVec3, l: DVec3) -> f64 {
    let alpha = square(roughness);
    let sine2 = 1.0 - square((v + l).normalize().z);
    let d = (2.0 + 1.0 / alpha) * sine2.powf(0.5 / alpha) / (2.0 * PI);
    d / ((1.0 + sheen_lambda(v.z, alpha) + sheen_lambda(l.z, alpha)) * 4.0 * v.z * l.z)
}

/// The integral over the hemisphere of light of radiance 1, by a grid of directions.
pub(crate) fn of_white_sky<T>(mut each: impl FnMut(DVec3) -> T) -> T
where
    T: std::ops::Add<Output = T> + std::ops::Mul<f64, Output = T> + Default,
{
    let (rings, sectors) = (160, 80);
    let mut sum = T::default();
    for i in 0..rings {
        // Fine near the horizon, where fibres shine: n·l goes with the square.
        let (low, high) = (
            square(f64::from(i) / f64::from(rings)),
            square(f64::from(i + 1) / f64::from(rings)),
        );
        let z = 0.5 * (low + high);
        for j in 0..sectors {
            let phi = 2.0 * PI * (f64::from(j) + 0.5) / f64::from(sectors);
            let r = (1.0 - z * z).sqrt();
            let l = DVec3::new(r * phi.cos(), r * phi.sin(), z);
            sum = sum + each(l) * (z * (high - low) * 2.0 * PI / f64::from(sectors));
        }
    }
    sum
}

/// Towards an eye at this cosine.
pub(crate) fn sheen_albedo(roughness: f64, cosine: f64) -> f64 {
    let v = DVec3::new((1.0 - square(cosine)).sqrt(), 0.0, cosine);
    of_white_sky(|l| sheen(roughness, v, l))
}

/// A film of this index and thickness on a surface of reflectance `f0` (Belcour and Barla 2017, as the extension has it).
fn film(ior: f64, thickness: f64, cosine: f64, f0: f64) -> [DVec3; 1] {
    let inside = (1.0 - (1.0 - square(cosine)) / square(ior)).sqrt();
    let r12 = schlick(DVec3::splat(square((ior - 1.0) / (ior + 1.0))), cosine).x;
    // What reflects all has no index.
    let f0 = f0.min(0.9999);
    let base = (1.0 + f0.sqrt()) / (1.0 - f0.sqrt());
    let r23 = schlick(DVec3::splat(square((base - ior) / (base + ior))), inside).x;
    let t = square(1.0 - r12);
    let phase = PI + if base < ior { PI } else { 0.0 };
    let r123 = r12 * r23;
    let through = t * r23 / (1.0 - r123);
    let mut sum = DVec3::splat(r12 + through);
    let mut order = through - (1.0 - r12);
    for m in 1..=2 {
        order *= r123.sqrt();
        let k = 2.0 * PI * f64::from(m) * 2.0 * ior * thickness * inside * 1e-9;
        let wave = |value: f64, middle: f64, variance: f64| {
            value
                * (2.0 * PI * variance).sqrt()
                * (middle * k + f64::from(m) * phase).cos()
                * (-square(k) * variance).exp()
        };
        let xyz = DVec3::new(
            wave(5.4856e-13, 1.6810e6, 4.3278e9) + wave(9.7470e-14, 2.2399e6, 4.5282e9),
            wave(4.4201e-13, 1.7953e6, 9.3046e9),
            wave(5.2481e-13, 2.2084e6, 6.6121e9),
        ) / 1.0685e-7;
        let rgb = DVec3::new(
            xyz.dot(DVec3::new(3.2404542, -1.5371385, -0.4985314)),
            xyz.dot(DVec3::new(-0.9692660, 1.8760108, 0.0415560)),
            xyz.dot(DVec3::new(0.0556434, -0.2040259, 1.0572252)),
        );
        sum += order * 2.0 * rgb;
    }
    [sum.clamp(DVec3::ZERO, DVec3::ONE)]
}

impl Matter {
    fn fresnel(&self, f0: DVec3, cosine: f64) -> DVec3 {
        let plain = schlick(f0, cosine);
        let (factor, ior, thickness) = self.film;
        if factor == 0.0 {
            return plain;
        }
        let of = |f0: f64, channel: usize| film(ior, thickness, cosine, f0)[0][channel];
        plain.lerp(DVec3::new(of(f0.x, 0), of(f0.y, 1), of(f0.z, 2)), factor)
    }

    /// What it reflects from `l` to `v`, without the cosine; both along tangent, bitangent and normal.
    pub(crate) fn reflects(&self, v: DVec3, l: DVec3) -> DVec3 {
        let v_h = v.dot((v + l).normalize());
        // As rough as the renderer's smoothest.
        let alpha = square(self.roughness).max(2e-3);
        let (strength, rotation) = self.anisotropy;
        let turned = |w: DVec3| {
            let (sin, cos) = rotation.sin_cos();
            DVec3::new(cos * w.x + sin * w.y, cos * w.y - sin * w.x, w.z)
        };
        let along = alpha + (1.0 - alpha) * square(strength);
        let lobe = ggx(along, alpha, turned(v), turned(l));
        let r = square((self.ior - 1.0) / (self.ior + 1.0));
        let f0 = (r * self.specular_color).min(DVec3::ONE);
        let f = self.specular * self.fresnel(f0, v_h);
        let dielectric = (1.0 - f.max_element()) * self.base / PI + f * lobe;
        let metal = self.fresnel(self.base, v_h) * lobe;
        let mut sum = dielectric.lerp(metal, self.metallic);
        let (color, roughness) = self.sheen;
        if color != DVec3::ZERO {
            let albedo = sheen_albedo(roughness, v.z).max(sheen_albedo(roughness, l.z));
            sum = sum * (1.0 - color.max_element() * albedo) + color * sheen(roughness, v, l);
        }
        let (factor, roughness) = self.coat;
        let fresnel = |cosine: f64| schlick(DVec3::splat(0.04), cosine).x;
        let alpha = square(roughness).max(2e-3);
        sum * (1.0 - factor * fresnel(v.z)) + factor * fresnel(v_h) * ggx(alpha, alpha, v, l)
    }
}
