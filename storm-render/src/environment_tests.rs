//! What is filtered from a picture of the sky, against integrals over the picture in f64.

use std::f64::consts::PI;

use glam::{DVec3, Vec3};
use storm_assets::HdrImage;

use super::{LEVELS, SIDE, level_bytes};
use crate::{
    Gpu, GpuDesc, ImageTarget, Renderer, RendererDesc, Scene, Sky, View, gpu::read_back::read_back,
};

/// A coloured sky with a bright lobe to the upper right, and a dark ground.
fn radiance(d: Vec3) -> Vec3 {
    let lobe = d
        .dot(Vec3::new(0.6, 0.5, -0.6).normalize())
        .max(0.0)
        .powi(20);
    let up = 0.5 + 0.5 * d.y;
    Vec3::new(0.2, 0.3, 0.6) * up + 6.0 * lobe * Vec3::new(1.0, 0.8, 0.5) + 0.05 * (1.0 + d.x)
}

/// Filters a picture, and gives the nine harmonics and the levels of the prefiltered cube.
fn filtered(picture: &HdrImage, sky: Sky) -> ([DVec3; 9], Vec<Vec<DVec3>>) {
    let gpu = Gpu::headless(&GpuDesc {
        validation: true,
        ..GpuDesc::default()
    })
    .unwrap();
    let mut scene = Scene::new(&gpu).unwrap();
    scene.set_sky_picture(Some(picture)).unwrap();
    scene.set_sky(sky);
    let mut renderer = Renderer::new(&gpu, &RendererDesc::default()).unwrap();
    let mut target = ImageTarget::new(&gpu, 16, 16).unwrap();
    renderer
        .render(&mut scene, &View::default(), &mut target)
        .unwrap();
    let environment = renderer.environment();
    let word = |bytes: &[u8]| f64::from(f32::from_ne_bytes(bytes.try_into().unwrap()));
    let harmonics = read_back(&gpu, &environment.harmonics);
    let mut harmonics = harmonics
        .chunks_exact(12)
        .map(|v| DVec3::new(word(&v[..4]), word(&v[4..8]), word(&v[8..])));
    let harmonics = [(); 9].map(|()| harmonics.next().unwrap());
    // What was last copied into the cube is still here.
    let scratch = read_back(&gpu, &environment.scratch);
    let half = |bytes: &[u8]| {
        let bits = u16::from_ne_bytes(bytes.try_into().unwrap());
        let (exponent, fraction) = (i32::from(bits >> 10), f64::from(bits & 0x3ff));
        if exponent == 0 {
            fraction * 2.0_f64.powi(-24)
        } else {
            (1.0 + fraction / 1024.0) * 2.0_f64.powi(exponent - 15)
        }
    };
    let mut rest = &scratch[..];
    let levels = (0..LEVELS).map(|level| {
        let (bytes, after) = rest.split_at(level_bytes(level) as usize);
        rest = after;
        let texel = |v: &[u8]| DVec3::new(half(&v[..2]), half(&v[2..4]), half(&v[4..6]));
        bytes.chunks_exact(8).map(texel).collect()
    });
    let levels = levels.collect();
    assert_eq!(gpu.validation_messages(), (0, Vec::new()));
    (harmonics, levels)
}

/// Directions of the texels of a cube, and their solid angles (Vulkan 1.3, 16.5.4).
fn texels(side: u32) -> Vec<(DVec3, f64)> {
    let all = (0..6).flat_map(|face| (0..side * side).map(move |i| (face, i % side, i / side)));
    all.map(|(face, x, y)| {
        let at = |i: u32| (f64::from(i) + 0.5) / f64::from(side) * 2.0 - 1.0;
        let (u, v) = (at(x), at(y));
        let d = match face {
            0 => DVec3::new(1.0, -v, -u),
            1 => DVec3::new(-1.0, -v, u),
            2 => DVec3::new(u, 1.0, v),
            3 => DVec3::new(u, -1.0, -v),
            4 => DVec3::new(u, -v, 1.0),
            _ => DVec3::new(-u, -v, -1.0),
        };
        let area = 4.0 / f64::from(side * side) / d.length().powi(3);
        (d.normalize(), area)
    })
    .collect()
}

fn picture() -> HdrImage {
    HdrImage::from_fn(512, radiance).unwrap()
}

/// Irradiance over π of the nine harmonics (Ramamoorthi and Hanrahan 2001), as shaders sum them.
fn irradiance(h: &[DVec3; 9], n: DVec3) -> DVec3 {
    h[0] + h[1] * n.y
        + h[2] * n.z
        + h[3] * n.x
        + h[4] * (n.x * n.y)
        + h[5] * (n.y * n.z)
        + h[6] * (3.0 * n.z * n.z - 1.0)
        + h[7] * (n.x * n.z)
        + h[8] * (n.x * n.x - n.y * n.y)
}

#[test]
fn irradiance_is_that_of_the_picture() {
    let picture = picture();
    let (harmonics, _) = filtered(&picture, Sky::picture(0.0, 1.0, None));
    // The same coefficients, summed over the picture in f64.
    let mut reference = [DVec3::ZERO; 9];
    let band = |k: usize| match k {
        0 => 1.0 / (4.0 * PI),
        1..=3 => 1.0 / (2.0 * PI),
        6 => 5.0 / (64.0 * PI),
        8 => 15.0 / (64.0 * PI),
        _ => 15.0 / (16.0 * PI),
    };
    for y in 0..picture.height() {
        for x in 0..picture.width() {
            let d = picture.direction(x, y).as_dvec3();
            let index = (y * picture.width() + x) as usize;
            let light = Vec3::from(picture.pixels()[index]).as_dvec3() * picture.solid_angle(y);
            let basis = [
                1.0,
                d.y,
                d.z,
                d.x,
                d.x * d.y,
                d.y * d.z,
                3.0 * d.z * d.z - 1.0,
                d.x * d.z,
                d.x * d.x - d.y * d.y,
            ];
            for (k, value) in basis.into_iter().enumerate() {
                reference[k] += light * value * band(k);
            }
        }
    }
    let mean = reference[0].length();
    for (k, (found, reference)) in harmonics.iter().zip(&reference).enumerate() {
        let difference = (*found - *reference).length() / mean;
        assert!(difference < 0.01, "{k}: {found} {reference}");
    }
    // And nine are enough: what a plane gets, summed over the hemisphere.
    for n in [DVec3::Y, DVec3::X, DVec3::new(0.6, 0.5, -0.6).normalize()] {
        let mut whole = DVec3::ZERO;
        for (d, angle) in texels(128) {
            whole += radiance(d.as_vec3()).as_dvec3() * d.dot(n).max(0.0) * angle / PI;
        }
        let found = irradiance(&harmonics, n);
        assert!((found - whole).length() / whole.length() < 0.05, "{n}");
    }
}

#[test]
fn a_mirror_shows_the_picture_and_no_roughness_loses_light() {
    let picture = picture();
    let (_, levels) = filtered(&picture, Sky::picture(0.0, 1.0, None));
    let whole: DVec3 = texels(128)
        .iter()
        .map(|(d, angle)| radiance(d.as_vec3()).as_dvec3() * *angle)
        .sum();
    for (level, values) in levels.iter().enumerate() {
        let texels = texels(SIDE >> level);
        assert_eq!(texels.len(), values.len());
        let sum: DVec3 = texels.iter().zip(values).map(|((_, a), v)| *v * *a).sum();
        let lost = (sum / whole - DVec3::ONE).abs().max_element();
        assert!(lost < 0.04, "level {level} differs by {lost}");
        if level == 0 {
            let worst = texels.iter().zip(values).map(|((d, _), value)| {
                let expected = radiance(d.as_vec3()).as_dvec3();
                (*value - expected).abs().max_element() / expected.max_element()
            });
            let worst = worst.fold(0.0, f64::max);
            assert!(worst < 0.02, "{worst}");
        }
    }
}

#[test]
fn a_turned_picture_is_the_turned_sky_and_intensity_multiplies() {
    let picture = picture();
    let turn = 1.1_f32;
    let (_, levels) = filtered(&picture, Sky::picture(turn, 3.0, None));
    let back = glam::Quat::from_rotation_y(-turn);
    for ((d, _), value) in texels(SIDE).iter().zip(&levels[0]).step_by(97) {
        let expected = 3.0 * radiance(back * d.as_vec3()).as_dvec3();
        let difference = (*value - expected).abs().max_element() / expected.max_element();
        assert!(difference < 0.02, "{d}: {value} {expected}");
    }
}
