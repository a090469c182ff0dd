//! Shadow maps: where each light looks from, and where its map lies in an atlas. Pure arithmetic; tested without a device.
//!
//! The sun's maps (cascades) hold slices of the view, each in a sphere, so that turning the camera does not change their
//! size, and move in whole texels of the world, so that shadows do not crawl. Positions are camera-relative; the snapping
//! is done in f64 from the absolute place of the camera.

use bytemuck::{Pod, Zeroable};
use glam::{DVec3, Mat3, Mat4, Vec3, Vec4};

use crate::{
    quality::ShadowQuality,
    scene::layout::LightInfo,
    view::{CELL_SIZE, Projection, View},
};

/// As `shaders/lighting.glsl` has it.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct ShadowView {
    pub(crate) clip_from_relative: [[f32; 4]; 4],
    pub(crate) rect: [f32; 4],
    pub(crate) texel: f32,
    pub(crate) size: f32,
    pub(crate) perspective: f32,
    pub(crate) range: f32,
}

/// The most cascades.
pub(crate) const CASCADES_MAX: u32 = 4;
/// The nearest distance at which a point or spot light casts shadows, metres.
pub(crate) const LIGHT_NEAR: f32 = 0.02;
/// Texels that the filter reaches beyond the edge of a cube's face.
const FILTER_TEXELS: f32 = 3.0;
/// What stands between the sun and the view, and farther away than this, casts no shadow; metres.
const CASTERS_MAX: f32 = 400.0;

/// The part of an atlas of `grid` × `grid` maps that map `index` has: scale and offset from −1…1.
fn rect(index: u32, grid: u32) -> [f32; 4] {
    let scale = 0.5 / grid as f32;
    let at = |i: u32| (i as f32 + 0.5) / grid as f32;
    [scale, scale, at(index % grid), at(index / grid)]
}

/// Maps along a side of the sun's atlas.
pub(crate) fn sun_grid(quality: &ShadowQuality) -> u32 {
    if quality.cascades > 1 { 2 } else { 1 }
}

/// Maps along a side of the atlas of other lights.
pub(crate) fn light_grid(quality: &ShadowQuality) -> u32 {
    (1..=8)
        .find(|side| side * side >= quality.light_maps)
        .unwrap_or(8)
}

/// The corners of what a view sees between two distances, camera-relative.
fn corners(view: &View, aspect: f32, near: f32, far: f32) -> [Vec3; 8] {
    let (half_near, half_far) = match view.projection {
        Projection::Perspective { yfov, .. } => {
            let t = (0.5 * yfov).tan();
            (t * near, t * far)
        }
        Projection::Orthographic { half_height, .. } => (half_height, half_height),
    };
    std::array::from_fn(|i| {
        let side = |bit: usize| if i & bit == 0 { -1.0 } else { 1.0 };
        let (half, distance) = if i & 4 == 0 {
            (half_near, near)
        } else {
            (half_far, far)
        };
        let place = Vec3::new(side(1) * half * aspect, side(2) * half, -distance);
        view.rotation * place
    })
}

/// Distances at which cascades end, metres: between even and logarithmic (Zhang et al. 2006).
fn splits(near: f32, far: f32, count: u32) -> Vec<f32> {
    (1..=count)
        .map(|i| {
            let t = i as f32 / count as f32;
            let even = near + (far - near) * t;
            let logarithmic = near * (far / near).powf(t);
            even + (logarithmic - even) * 0.75
        })
        .collect()
}

/// The views of the sun, nearest first.
pub(crate) fn cascades(
    view: &View,
    aspect: f32,
    sun_direction: Vec3,
    quality: &ShadowQuality,
) -> Vec<ShadowView> {
    let count = quality.cascades.clamp(1, CASCADES_MAX);
    let (near, far) = match view.projection {
        Projection::Perspective { near, .. } => (near.max(0.1), quality.distance),
        Projection::Orthographic { near, far, .. } => {
            (near.max(0.1), far.min(near + quality.distance))
        }
    };
    let far = far.max(near + 0.1);
    let light = sun_direction.try_normalize().unwrap_or(Vec3::Y);
    let across = light.any_orthonormal_vector();
    let axes = Mat3::from_cols(across, light.cross(across), light);
    let into_light = axes.transpose();
    let mut start = near;
    splits(near, far, count)
        .into_iter()
        .enumerate()
        .map(|(i, end)| {
            let corners = corners(view, aspect, start, end);
            start = end;
            let middle = corners.iter().sum::<Vec3>() / 8.0;
            let reach = corners
                .iter()
                .map(|c| c.distance(middle))
                .fold(0.0, f32::max);
            // In steps, so that rounding does not change the size of a texel; and room for the filter's border.
            let radius = (reach * 16.0).ceil() / 16.0 * (1.0 + 8.0 / quality.resolution as f32);
            let texel = 2.0 * radius / quality.resolution as f32;

            let camera = DVec3::from_array(view.cell.map(f64::from)) * f64::from(CELL_SIZE)
                + view.translation.as_dvec3();
            let axis = |k: usize| axes.col(k).as_dvec3();
            let snapped = |k: usize| {
                let texel = f64::from(texel);
                let absolute = axis(k).dot(camera + middle.as_dvec3());
                ((absolute / texel).round() * texel - axis(k).dot(camera)) as f32
            };
            let center = Vec3::new(snapped(0), snapped(1), (into_light * middle).z);
            let depth = radius + CASTERS_MAX.max(4.0 * radius);
            // Depth is 1 towards the light and 0 at the far side of the sphere.
            let scale = Vec3::new(1.0 / radius, 1.0 / radius, 1.0 / (depth + radius));
            let offset = Vec3::new(0.0, 0.0, radius * scale.z);
            let clip_from_light = Mat4::from_translation(offset)
                * Mat4::from_scale(scale)
                * Mat4::from_translation(-center);
            ShadowView {
                clip_from_relative: (clip_from_light * Mat4::from_mat3(into_light))
                    .to_cols_array_2d(),
                rect: rect(i as u32, sun_grid(quality)),
                texel,
                size: quality.resolution as f32,
                perspective: 0.0,
                range: 0.0,
            }
        })
        .collect()
}

/// Maps that a light needs.
pub(crate) fn maps_of(light: &LightInfo) -> u32 {
    if light.spot_scale == 0.0 { 6 } else { 1 }
}

/// The views of point and spot lights that have been given maps: of each the first number of its maps.
pub(crate) fn lights(
    view: &View,
    shadowed: &[(LightInfo, u32)],
    quality: &ShadowQuality,
) -> Vec<ShadowView> {
    let size = quality.light_resolution as f32;
    let grid = light_grid(quality);
    let mut views = Vec::new();
    for (light, first) in shadowed {
        let at = view.relative(light.cell, Vec3::from(light.translation));
        // Beyond this nothing is lit; without a limit, precision has one.
        let range = light.range.clamp(LIGHT_NEAR * 2.0, 1000.0);
        let (directions, half) = if light.spot_scale == 0.0 {
            let axes = [Vec3::X, -Vec3::X, Vec3::Y, -Vec3::Y, Vec3::Z, -Vec3::Z];
            // A little wider than a right angle, for what the filter reads beyond the edge.
            let half = (1.0 + 2.0 * FILTER_TEXELS / size).atan();
            (axes.to_vec(), half)
        } else {
            let outer = (-light.spot_offset / light.spot_scale)
                .clamp(-1.0, 1.0)
                .acos();
            let half = (outer + 0.01).min(1.5);
            (vec![Vec3::from(light.direction)], half)
        };
        for (i, direction) in (0..).zip(directions) {
            let across = direction.any_orthonormal_vector();
            let into_light =
                Mat3::from_cols(across, direction.cross(across), -direction).transpose();
            let f = 1.0 / half.tan();
            // Depth is reversed and ends nowhere, as that of a camera.
            let clip_from_light = Mat4::from_cols(
                Vec4::new(f, 0.0, 0.0, 0.0),
                Vec4::new(0.0, f, 0.0, 0.0),
                Vec4::new(0.0, 0.0, 0.0, -1.0),
                Vec4::new(0.0, 0.0, LIGHT_NEAR, 0.0),
            );
            let matrix =
                clip_from_light * Mat4::from_mat3(into_light) * Mat4::from_translation(-at);
            views.push(ShadowView {
                clip_from_relative: matrix.to_cols_array_2d(),
                rect: rect(first + i, grid),
                texel: 2.0 * half.tan() * range / size,
                size,
                perspective: 1.0,
                range,
            });
        }
    }
    views
}

/// Which lights get maps, and the first of each: those that light the place of the camera most, in the order of the lights.
pub(crate) fn choose(
    view: &View,
    lights: &[LightInfo],
    quality: &ShadowQuality,
) -> Vec<(u32, u32)> {
    let mut order: Vec<(f32, u32)> = (0..)
        .zip(lights)
        .map(|(i, light)| {
            let distance = view
                .relative(light.cell, Vec3::from(light.translation))
                .length();
            let strength = Vec3::from(light.color).max_element();
            let reach = (distance - light.range.min(1e6)).max(0.0);
            // Those that reach the camera first, by how bright they are there.
            (strength / (1.0 + distance * distance) / (1.0 + reach), i)
        })
        .filter(|(weight, _)| *weight > 0.0)
        .collect();
    order.sort_unstable_by(|(a, i), (b, j)| b.total_cmp(a).then(i.cmp(j)));
    let mut left = quality.light_maps;
    let mut chosen = Vec::new();
    for (_, index) in order {
        let maps = maps_of(&lights[index as usize]);
        if maps <= left {
            left -= maps;
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    let mut next = 0;
    chosen
        .into_iter()
        .map(|index| {
            let first = next;
            next += maps_of(&lights[index as usize]);
            (index, first)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use glam::Quat;

    use super::*;

    const QUALITY: ShadowQuality = ShadowQuality::HIGH;
    const SUN: Vec3 = Vec3::new(0.4, 0.8, 0.3);

    fn project(shadow: &ShadowView, place: Vec3) -> Vec3 {
        Mat4::from_cols_array_2d(&shadow.clip_from_relative).project_point3(place)
    }

    #[test]
    fn every_place_of_a_slice_is_in_its_cascade() {
        let view = View {
            rotation: Quat::from_euler(glam::EulerRot::YXZ, 0.7, -0.3, 0.1),
            ..View::default()
        };
        let all = cascades(&view, 1.6, SUN, &QUALITY);
        let ends = splits(0.1, QUALITY.distance, QUALITY.cascades);
        let mut start = 0.1;
        for (shadow, end) in all.iter().zip(ends) {
            for corner in corners(&view, 1.6, start, end) {
                let p = project(shadow, corner);
                assert!(
                    p.abs().max_element() <= 1.0 && p.z > 0.0,
                    "{corner} is at {p}"
                );
            }
            start = end;
        }
    }

    #[test]
    fn what_is_nearer_to_the_sun_has_the_greater_depth() {
        let shadow = cascades(&View::default(), 1.0, SUN, &QUALITY)[0];
        let light = SUN.normalize();
        assert!(project(&shadow, light * 5.0).z > project(&shadow, Vec3::ZERO).z);
        let (a, b) = (project(&shadow, light * 5.0), project(&shadow, Vec3::ZERO));
        assert!(
            (a - b).truncate().length() < 1e-5,
            "and casts its shadow there"
        );
    }

    /// A place of the world moves through the texels of a map in whole steps, wherever the camera goes.
    #[test]
    fn texels_stay_where_they_are_in_the_world() {
        for cell in [[0; 3], [9_000, -3, 70_000]] {
            let mut fractions: Option<glam::Vec2> = None;
            for step in 0..50 {
                let at = Vec3::new(step as f32 * 0.137, 1.7, step as f32 * -0.093);
                let view = View {
                    cell,
                    translation: at,
                    rotation: Quat::from_rotation_y(step as f32 * 0.11),
                    ..View::default()
                };
                let shadow = cascades(&view, 1.6, SUN, &QUALITY)[1];
                let place = Vec3::new(3.0, 0.0, -9.0) - at;
                let texels = project(&shadow, place).truncate() * 0.5 * shadow.size;
                let fraction = texels - texels.floor();
                let first = *fractions.get_or_insert(fraction);
                let apart = (fraction - first).abs();
                let apart = apart.min(1.0 - apart);
                assert!(
                    apart.max_element() < 0.02,
                    "{cell:?} step {step}: {fraction} after {first}"
                );
            }
        }
    }

    #[test]
    fn the_faces_of_a_point_light_see_all_round() {
        let light = LightInfo {
            translation: [1.0, 2.0, 3.0],
            range: 10.0,
            cell: [0; 3],
            spot_scale: 0.0,
            color: [1.0; 3],
            spot_offset: 0.0,
            direction: [0.0, 0.0, -1.0],
            shadow: 0,
        };
        let views = lights(&View::default(), &[(light, 0)], &QUALITY);
        assert_eq!(views.len(), 6);
        for i in 0..200 {
            let a = i as f32 * 2.399_963;
            let y = 1.0 - (i as f32 + 0.5) / 100.0;
            let d = Vec3::new(
                a.cos() * (1.0 - y * y).sqrt(),
                y,
                a.sin() * (1.0 - y * y).sqrt(),
            );
            // As the shader picks a face: the largest component, and its sign.
            let axis = if d.x.abs() >= d.y.abs() && d.x.abs() >= d.z.abs() {
                0
            } else if d.y.abs() >= d.z.abs() {
                1
            } else {
                2
            };
            let face = 2 * axis + usize::from(d[axis] < 0.0);
            let p = project(&views[face], Vec3::new(1.0, 2.0, 3.0) + d * 4.0);
            assert!(
                p.truncate().abs().max_element() < 1.0 && p.z > 0.0 && p.z < 1.0,
                "{d}: {p}"
            );
        }
    }

    #[test]
    fn lights_that_matter_get_maps_and_no_two_share_one() {
        let light = |x: f32, strength: f32, spot: bool| LightInfo {
            translation: [x, 0.0, 0.0],
            range: 20.0,
            cell: [0; 3],
            spot_scale: if spot { 4.0 } else { 0.0 },
            color: [strength; 3],
            spot_offset: -3.0,
            direction: [0.0, -1.0, 0.0],
            shadow: 0,
        };
        let all = [
            light(50.0, 1.0, false),
            light(1.0, 1.0, false),
            light(2.0, 1.0, true),
            light(3.0, 0.0, true),
            light(4.0, 9.0, true),
        ];
        let quality = ShadowQuality {
            light_maps: 8,
            ..QUALITY
        };
        // The far point light would need six maps more; the dark one needs none.
        assert_eq!(
            choose(&View::default(), &all, &quality),
            [(1, 0), (2, 6), (4, 7)]
        );
    }

    #[test]
    fn maps_of_an_atlas_do_not_overlap() {
        for grid in 1..=4 {
            let mut seen = std::collections::BTreeSet::new();
            for index in 0..grid * grid {
                let [sx, sy, x, y] = rect(index, grid);
                let low = [x - sx, y - sy].map(|c| (c * grid as f32).round() as u32);
                assert!(
                    low.iter().all(|&c| c < grid) && seen.insert(low),
                    "{index} of {grid}"
                );
            }
        }
    }
}
