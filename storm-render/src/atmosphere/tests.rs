//! Tables of the air against the same integrals in f64, and against published figures.

use std::f64::consts::PI;

use glam::{DVec3, Vec3};

use super::{
    Atmosphere, horizon,
    tables::{SCATTERING, TRANSMITTANCE, VIEW},
};
use crate::{
    Gpu, GpuDesc, ImageTarget, Renderer, RendererDesc, Scene, Sky, View, gpu::read_back::read_back,
};

/// The three tables of a sky, as the GPU makes them.
fn tables(sky: Sky) -> [Vec<DVec3>; 3] {
    let gpu = Gpu::headless(&GpuDesc {
        validation: true,
        ..GpuDesc::default()
    })
    .unwrap();
    let mut scene = Scene::new(&gpu).unwrap();
    scene.set_sky(sky);
    let mut renderer = Renderer::new(&gpu, &RendererDesc::default()).unwrap();
    let mut target = ImageTarget::new(&gpu, 16, 16).unwrap();
    renderer
        .render(&mut scene, &View::default(), &mut target)
        .unwrap();
    let tables = renderer.environment().tables().buffers.each_ref();
    let tables = tables.map(|table| {
        let bytes = read_back(&gpu, table);
        let values = bytes.chunks_exact(12).map(|v| {
            let at = |i: usize| f32::from_ne_bytes(v[i..i + 4].try_into().unwrap());
            Vec3::new(at(0), at(4), at(8)).as_dvec3()
        });
        values.collect()
    });
    assert_eq!(gpu.validation_messages(), (0, Vec::new()));
    tables
}

/// Largest difference of a channel, relative to the reference, or to `floor` where that is larger.
fn difference(found: DVec3, reference: DVec3, floor: f64) -> f64 {
    ((found - reference).abs() / reference.max(DVec3::splat(floor))).max_element()
}

const EARTH: Atmosphere = Atmosphere::EARTH;
const RADIUS: f64 = EARTH.ground_radius;
const TOP: f64 = EARTH.ground_radius + EARTH.height;

#[test]
fn transmittance_is_that_of_the_integral_within_a_hundredth() {
    let [table, ..] = tables(Sky::air(EARTH, Vec3::Y));
    let edge = (TOP * TOP - RADIUS * RADIUS).sqrt();
    let mut worst = 0.0_f64;
    for y in (0..TRANSMITTANCE[1]).step_by(3) {
        for x in (0..TRANSMITTANCE[0]).step_by(5) {
            // Bruneton's parameters (2017), in f64.
            let across = f64::from(x) / f64::from(TRANSMITTANCE[0] - 1);
            let rho = edge * f64::from(y) / f64::from(TRANSMITTANCE[1] - 1);
            let radius = (rho * rho + RADIUS * RADIUS).sqrt();
            let d = (TOP - radius) + across * (rho + edge - (TOP - radius));
            let mu = if d == 0.0 {
                1.0
            } else {
                (edge * edge - rho * rho - d * d) / (2.0 * radius * d)
            };
            let altitude = radius - RADIUS;
            let reference = EARTH.transmittance(altitude, mu.max(horizon(RADIUS, radius)));
            let found = table[(y * TRANSMITTANCE[0] + x) as usize];
            worst = worst.max(difference(found, reference.into(), 1e-3));
        }
    }
    assert!(worst < 0.01, "{worst}");
}

/// The f64 integral itself, against what can be worked out and what was measured.
#[test]
fn transmittance_agrees_with_published_figures() {
    // Straight up through air that thins with height, the depth is coefficient × height.
    let clear = Atmosphere {
        mie_scattering: 0.0,
        mie_absorption: 0.0,
        ozone: Vec3::ZERO,
        ..EARTH
    };
    let depth = |mu: f64| -clear.transmittance(0.0, mu)[2].ln();
    let zenith = f64::from(clear.rayleigh.z) * 8000.0;
    assert!((depth(1.0) / zenith - 1.0).abs() < 1e-3);
    // Relative air mass, Kasten and Young 1989, table II (zenith angle in degrees).
    for (angle, air_mass, within) in [
        (60.0_f64, 1.9939, 0.005),
        (75.0, 3.8131, 0.01),
        (85.0, 10.3164, 0.03),
        // An isothermal air without refraction is thinner along the horizon than the real one.
        (90.0, 37.9196, 0.1),
    ] {
        let found = depth(angle.to_radians().cos()) / depth(1.0);
        assert!(
            (found / air_mass - 1.0).abs() < within,
            "{angle}°: {found}, {air_mass} is published"
        );
    }
    // Rayleigh depths of the standard air (Bucholtz 1995) at 680, 550 and 440 nm.
    for (channel, published) in [0.0407, 0.0973, 0.2430].into_iter().enumerate() {
        let found = -clear.transmittance(0.0, 1.0)[channel].ln();
        assert!(
            (found / published - 1.0).abs() < 0.15,
            "{found} {published}"
        );
    }
}

/// The reference: single scattering by 2,000 steps, higher orders from the table that the next test checks.
fn radiance(
    direction: DVec3,
    sun: DVec3,
    scattering: &[DVec3],
    transmittance: &dyn Fn(f64, f64) -> DVec3,
) -> DVec3 {
    let altitude = f64::from(EARTH.altitude);
    let radius = RADIUS + altitude;
    let mu = direction.y;
    let whole = -radius * mu + (radius * radius * mu * mu + TOP * TOP - radius * radius).sqrt();
    let cosine = direction.dot(sun);
    let g = f64::from(EARTH.mie_asymmetry);
    let rayleigh_phase = 3.0 / (16.0 * PI) * (1.0 + cosine * cosine);
    let mie_phase = 3.0 / (8.0 * PI) * (1.0 - g * g) / (2.0 + g * g) * (1.0 + cosine * cosine)
        / (1.0 + g * g - 2.0 * g * cosine).powf(1.5);
    let (mut light, mut depth) = (DVec3::ZERO, DVec3::ZERO);
    const STEPS: u32 = 2000;
    for step in 0..STEPS {
        let end = |i: u32| whole * (f64::from(i) / f64::from(STEPS)).powi(2);
        let along = end(step + 1) - end(step);
        let d = 0.5 * (end(step) + end(step + 1));
        let here = (radius * radius + d * d + 2.0 * radius * d * mu).sqrt();
        let height = here - RADIUS;
        let rayleigh =
            EARTH.rayleigh.as_dvec3() * (-height / f64::from(EARTH.rayleigh_height)).exp();
        let mie = f64::from(EARTH.mie_scattering) * (-height / f64::from(EARTH.mie_height)).exp();
        let mu_sun = (radius * sun.y + d * cosine) / here;
        let direct = (rayleigh * rayleigh_phase + mie * mie_phase) * transmittance(height, mu_sun);
        let [columns, rows] = SCATTERING.map(|n| f64::from(n - 1));
        let x = (0.5 + 0.5 * mu_sun) * columns;
        let y = (height / EARTH.height).sqrt() * rows;
        let (i, j) = (x.floor().min(columns - 1.0), y.floor().min(rows - 1.0));
        let at = |i: f64, j: f64| scattering[(j * (columns + 1.0) + i) as usize];
        let upper = at(i, j).lerp(at(i + 1.0, j), x - i);
        let lower = at(i, j + 1.0).lerp(at(i + 1.0, j + 1.0), x - i);
        let again = (rayleigh + mie) * upper.lerp(lower, y - j);
        let extinction = EARTH.extinction(height);
        light += (-(depth + 0.5 * along * extinction)).exp() * (direct + again) * along;
        depth += extinction * along;
    }
    light * EARTH.sun_illuminance.as_dvec3()
}

#[test]
fn radiance_is_that_of_the_integral_at_noon_and_in_the_evening() {
    for elevation in [60.0_f64, 15.0, 2.0] {
        let e = elevation.to_radians();
        let sun = DVec3::new(e.cos(), e.sin(), 0.0);
        let [_, scattering, view] = tables(Sky::air(EARTH, sun.as_vec3()));
        let level = horizon(RADIUS, RADIUS + f64::from(EARTH.altitude)).acos();
        // Not in front of the horizon, where a texel of the transmittance is wide.
        let through = |height: f64, mu: f64| -> DVec3 {
            let low = horizon(RADIUS, RADIUS + height);
            let t = ((mu.asin() - low.asin() + 0.004_65) / 0.0093).clamp(0.0, 1.0);
            let whole = DVec3::from(EARTH.transmittance(height, mu.max(low)));
            whole * t * t * (3.0 - 2.0 * t)
        };
        let mut worst = 0.0_f64;
        for (x, y) in [(0, 63), (127, 40), (64, 30), (20, 50), (90, 12), (127, 8)] {
            // Entries of the 64 rows above the horizon, as shaders/atmosphere.glsl places them.
            let down = f64::from(y) / 63.0;
            let angle = level * (1.0 - down * down);
            let across = f64::from(x) / f64::from(VIEW[0] - 1);
            let phi = across * across * PI;
            let direction = DVec3::new(
                angle.sin() * phi.cos(),
                angle.cos(),
                angle.sin() * phi.sin(),
            );
            let reference = radiance(direction, sun, &scattering, &through);
            let found = view[(y * VIEW[0] + x) as usize];
            worst = worst.max(difference(found, reference, 1e-4));
        }
        assert!(worst < 0.03, "the sun at {elevation}°: {worst}");
    }
}

/// Light of higher orders is a fixed point: what the table says, scattered once more and added to the second order, is what
/// the table says. Here at sea level, by 576 directions in f64.
#[test]
fn higher_orders_are_those_of_the_series() {
    let [_, table, _] = tables(Sky::air(EARTH, Vec3::Y));
    for column in [31, 24, 18] {
        let mu_sun = 2.0 * f64::from(column) / 31.0 - 1.0;
        let radius = RADIUS + 1.0;
        let (mut second, mut again) = (DVec3::ZERO, DVec3::ZERO);
        const SIDE: u32 = 24;
        for k in 0..SIDE * SIDE {
            let mu = 1.0 - 2.0 * (f64::from(k / SIDE) + 0.5) / f64::from(SIDE);
            let phi = 2.0 * PI * (f64::from(k % SIDE) + 0.5) / f64::from(SIDE);
            let sun_across = (1.0 - mu_sun * mu_sun).sqrt();
            let cosine = (1.0 - mu * mu).sqrt() * phi.cos() * sun_across + mu * mu_sun;
            let inside = radius * radius * mu * mu - (radius * radius - RADIUS * RADIUS);
            let ground = mu < 0.0 && inside >= 0.0;
            let whole = if ground {
                -radius * mu - inside.sqrt()
            } else {
                -radius * mu + (radius * radius * mu * mu + TOP * TOP - radius * radius).sqrt()
            };
            let mut depth = DVec3::ZERO;
            const STEPS: u32 = 60;
            for step in 0..STEPS {
                let along = whole / f64::from(STEPS);
                let d = along * (f64::from(step) + 0.5);
                let here = (radius * radius + d * d + 2.0 * radius * d * mu).sqrt();
                let height = here - RADIUS;
                let extinction = EARTH.extinction(height);
                let scatters = EARTH.rayleigh.as_dvec3()
                    * (-height / f64::from(EARTH.rayleigh_height)).exp()
                    + f64::from(EARTH.mie_scattering)
                        * (-height / f64::from(EARTH.mie_height)).exp();
                let kept = (-extinction * along).exp();
                let share = (-depth).exp() * scatters * (1.0 - kept) / extinction;
                let mu_here = (radius * mu_sun + d * cosine) / here;
                let lit = DVec3::from(EARTH.transmittance(height, mu_here));
                second += share * lit / (4.0 * PI);
                again += share;
                depth += extinction * along;
            }
            if ground {
                let mu_ground = (radius * mu_sun + whole * cosine) / RADIUS;
                let lit = DVec3::from(EARTH.transmittance(0.0, mu_ground)) * mu_ground.max(0.0);
                second += (-depth).exp() * lit * EARTH.ground_albedo.as_dvec3() / PI;
            }
        }
        let count = f64::from(SIDE * SIDE);
        let reference = (second / count) / (DVec3::ONE - again / count);
        let found = table[column as usize];
        let difference = difference(found, reference, 1e-4);
        // 64 directions and 20 steps, as published, are not exact; this is a small part of the light.
        assert!(difference < 0.08, "{mu_sun}: {found} {reference}");
    }
}

#[test]
fn the_sun_pales_reddens_and_sets() {
    let light = |degrees: f32| {
        let e = degrees.to_radians();
        EARTH.sun_light(Vec3::new(e.cos(), e.sin(), 0.0))
    };
    let lights: Vec<_> = [90.0, 30.0, 5.0, 1.0, 0.0].map(light).into();
    for pair in lights.windows(2) {
        let [higher, lower] = [pair[0], pair[1]];
        assert!(lower.max_element() < higher.max_element());
        assert!(lower.z / lower.x < higher.z / higher.x, "it reddens");
    }
    assert_eq!(light(-2.0), Vec3::ZERO);
}
