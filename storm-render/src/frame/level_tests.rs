//! The levels that the GPU chooses are those that the CPU works out, for every instance and view.

use std::collections::BTreeMap;

use glam::{Mat4, Quat, Vec3};
use storm_assets::{Handle, Material, Mesh, MeshLevel};

use super::{Place, choose, scale};
use crate::{
    Culling, Gpu, GpuDesc, ImageTarget, Instance, InstanceTransform, Quality, RenderSlot, Renderer,
    RendererDesc, Scene, ShadowQuality, View,
    frame::cull::{self, CullView},
    gpu::read_back::read_back,
};

const ERRORS: [f32; 4] = [0.004, 0.02, 0.1, 0.5];

/// A box of side 2, over and over: what its levels look like is of no matter here.
fn mesh() -> Mesh {
    let positions = (0..8).map(|i| [0, 1, 2].map(|axis| (i >> axis & 1) as f32 * 2.0 - 1.0));
    let sides = [
        [0, 2, 1, 1, 2, 3],
        [4, 5, 6, 5, 7, 6],
        [0, 1, 4, 1, 5, 4],
        [2, 6, 3, 3, 6, 7],
        [0, 4, 2, 2, 4, 6],
        [1, 3, 5, 3, 7, 5],
    ];
    let indices = sides.concat();
    Mesh {
        positions: positions.collect(),
        levels: ERRORS
            .map(|error| MeshLevel {
                indices: indices.clone(),
                error,
            })
            .into(),
        indices,
        ..Mesh::default()
    }
}

/// Whole numbers that look random, the same each time.
struct Random(u32);

impl Random {
    fn unit(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as f32 / u32::MAX as f32
    }

    fn within(&mut self, most: f32) -> f32 {
        (self.unit() * 2.0 - 1.0) * most
    }
}

fn instance(random: &mut Random) -> InstanceTransform {
    // Near and far, small and large, turned, squeezed and mirrored.
    let far = 4.0_f32.powf(random.unit() * 6.0);
    let place = Vec3::new(random.within(far), random.within(far), random.within(far));
    let size = 0.1 * 4.0_f32.powf(random.unit() * 3.0);
    let squeeze = Vec3::new(1.0, 0.3 + random.unit(), random.within(2.0));
    let turn = Quat::from_euler(
        glam::EulerRot::XYZ,
        random.within(3.0),
        random.within(3.0),
        random.within(3.0),
    );
    let matrix = Mat4::from_scale_rotation_translation(squeeze * size, turn, place);
    InstanceTransform {
        cell: [2, 0, -1],
        ..InstanceTransform::from_mat4(matrix)
    }
}

/// The levels of the slots in a list, read from the buffer that draws are made from.
fn levels_of(renderer: &Renderer, gpu: &Gpu, scene: &Scene, list: u32) -> BTreeMap<u32, u32> {
    let (lists, sizes) = renderer.lists().expect("the frame culled");
    let bytes = read_back(gpu, lists);
    let words: &[u32] = bytemuck::cast_slice(&bytes);
    let parts = sizes.parts();
    let word = |byte: u64| words[byte as usize / 4];
    let mut found = BTreeMap::new();
    for (number, range) in scene.draws.solid().iter().enumerate() {
        let count = word(parts.counts + 4 * u64::from(list * sizes.ranges + number as u32));
        for command in 0..count {
            let at = list * sizes.commands + range.first + command;
            let command = parts.commands + 20 * u64::from(at);
            let (instances, first) = (word(command + 4), word(command + 16));
            for i in first..first + instances {
                let slot = word(parts.slots + 4 * u64::from(list * sizes.candidates + i));
                let before = found.insert(slot, u32::from(range.kind.level));
                assert_eq!(before, None, "slot {slot} is drawn once");
            }
        }
    }
    found
}

#[test]
fn the_gpu_chooses_the_levels_that_the_cpu_works_out() {
    let gpu = Gpu::headless(&GpuDesc {
        validation: true,
        ..GpuDesc::default()
    })
    .unwrap();
    let mut scene = Scene::new(&gpu).unwrap();
    let (mesh_handle, material) = (Handle::of("levels", "mesh"), Handle::of("levels", "matte"));
    let mesh = mesh();
    scene.insert_mesh(mesh_handle, &mesh).unwrap();
    scene
        .insert_material(material, &Material::matte("", [0.5; 3], 1.0))
        .unwrap();
    let mut random = Random(0x2545_f491);
    let transforms: Vec<_> = (0..3000).map(|_| instance(&mut random)).collect();
    let slots: Vec<RenderSlot> = transforms
        .iter()
        .map(|&transform| {
            let mesh = mesh_handle;
            scene.add(&Instance {
                mesh,
                material,
                transform,
            })
        })
        .collect::<Result<_, _>>()
        .unwrap();
    let mut target = ImageTarget::new(&gpu, 96, 54).unwrap();
    let desc = RendererDesc {
        multisampling: false,
        ..RendererDesc::default()
    };
    let mut renderer = Renderer::new(&gpu, &desc).unwrap();
    let view = |eye: Vec3, bias: f32| View {
        cell: [2, 0, -1],
        level_bias: bias,
        ..View::look_at(eye, eye + Vec3::new(0.2, -0.1, -1.0))
    };
    let mut seen = [0; ERRORS.len() + 1];
    for (culling, error, view) in [
        (Culling::Off, 1.0, view(Vec3::ZERO, 0.0)),
        (Culling::Frustum, 1.0, view(Vec3::ZERO, 0.0)),
        (
            Culling::Occlusion,
            0.3,
            view(Vec3::new(7.0, 1.0, 40.0), 0.0),
        ),
        (
            Culling::Frustum,
            4.0,
            view(Vec3::new(-300.0, 9.0, 70.0), -1.5),
        ),
        (Culling::Frustum, 0.0, view(Vec3::ZERO, 0.0)),
    ] {
        let quality = Quality {
            culling,
            level_error_pixels: error,
            shadow_level_bias: 1.0,
            shadows: Some(ShadowQuality {
                resolution: 64,
                ..ShadowQuality::LOW
            }),
            ..Quality::CPU
        };
        renderer.set_quality(quality);
        renderer.render(&mut scene, &view, &mut target).unwrap();
        gpu.wait_idle().unwrap();
        let aspect = 96.0 / 54.0;
        let clip = view.clip_from_relative(aspect);
        let camera = CullView {
            clip_from_relative: clip.to_cols_array_2d(),
            level_scale: scale(&clip, [96.0, 54.0], error * view.level_bias.exp2()),
            ..bytemuck::Zeroable::zeroed()
        };
        let sun = Vec3::from(scene.sky_info().0.sun_direction);
        let mut views = vec![camera];
        for shadow in crate::shadow::cascades(&view, aspect, sun, &quality.shadows.unwrap()) {
            let clip = Mat4::from_cols_array_2d(&shadow.clip_from_relative);
            views.push(CullView {
                clip_from_relative: shadow.clip_from_relative,
                level_scale: scale(&clip, [shadow.size; 2], error * 2.0),
                ..bytemuck::Zeroable::zeroed()
            });
        }
        for (number, cull_view) in views.iter().enumerate() {
            let list = match number as u32 {
                0 if culling == Culling::Occlusion => cull::ALL,
                0 => cull::FIRST,
                shadow => cull::VIEW_LISTS + shadow - 1,
            };
            let found = levels_of(&renderer, &gpu, &scene, list);
            assert!(!found.is_empty(), "{culling:?}, view {number}");
            for (slot, transform) in slots.iter().zip(&transforms) {
                let Some(&level) = found.get(&slot.0) else {
                    continue;
                };
                let place = Place {
                    transform,
                    camera_cell: view.cell,
                    camera_translation: view.translation.into(),
                    low: [-1.0; 3],
                    high: [1.0; 3],
                    errors: &ERRORS,
                };
                let expected = choose(cull_view, &place);
                assert_eq!(level, expected, "{culling:?}, view {number}, {slot:?}");
                seen[level as usize] += 1;
            }
            if number == 0 && culling == Culling::Off {
                assert_eq!(found.len(), slots.len(), "all are drawn");
            }
        }
    }
    assert!(seen.iter().all(|&count| count > 20), "{seen:?}");
    assert_eq!(gpu.validation_messages(), (0, Vec::new()));
}

/// The rule itself: the projected error of the chosen level is below the limit, that of the next one is not.
#[test]
fn the_chosen_level_is_the_coarsest_that_is_good_enough() {
    let view = View::look_at(Vec3::new(0.0, 0.0, 50.0), Vec3::ZERO);
    let clip = view.clip_from_relative(16.0 / 9.0);
    let [width, height] = [1280.0_f32, 720.0];
    let pixels = 1.0;
    let cull_view = CullView {
        clip_from_relative: clip.to_cols_array_2d(),
        level_scale: scale(&clip, [width, height], pixels),
        ..bytemuck::Zeroable::zeroed()
    };
    for distance in [3.0_f32, 10.0, 30.0, 100.0, 300.0, 1000.0] {
        for size in [0.5, 1.0, 3.0] {
            let place = Vec3::new(0.0, 0.0, 50.0 - distance);
            let matrix = Mat4::from_translation(place) * Mat4::from_scale(Vec3::splat(size));
            let transform = InstanceTransform::from_mat4(matrix);
            let level = choose(
                &cull_view,
                &Place {
                    transform: &transform,
                    camera_cell: [0; 3],
                    camera_translation: view.translation.into(),
                    low: [-0.01; 3],
                    high: [0.01; 3],
                    errors: &ERRORS,
                },
            );
            // Of a length across the view at that distance.
            let tan = (25.0_f32).to_radians().tan();
            let projected = |error: f32| error * size * height / (2.0 * tan * distance);
            if level > 0 {
                assert!(projected(ERRORS[level as usize - 1]) <= pixels * 1.03);
            }
            if let Some(next) = ERRORS.get(level as usize) {
                assert!(
                    projected(*next) >= pixels * 0.97,
                    "{distance} {size} {level}"
                );
            }
        }
    }
}
