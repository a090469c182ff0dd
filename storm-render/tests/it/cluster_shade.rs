//! Colours of clusters are those of the same triangles drawn as a mesh: textures and their gradients, normal maps, layers, lights,
//! shadows, both sides, mirrored instances.

use glam::{Mat4, Quat, Vec3};
use storm_assets::{
    Clearcoat, Handle, Material, Mesh, Sampler, Sheen, TextureSlot, TextureTransform,
    clusters::{BuildOptions, build},
};
use storm_render::{
    ColorSpace, Culling, Instance, InstanceTransform, Light, Quality, Renderer, RendererDesc, Sky,
    View,
};

use crate::{
    golden::flip,
    harness::{Stage, TestGpu},
    scenes,
};

/// A dented ball with UVs, normals, tangents and colours, of `2 · across · down` triangles.
fn ball(across: u32, down: u32) -> Mesh {
    let mut mesh = Mesh {
        uvs: vec![Vec::new(), Vec::new()],
        ..Mesh::default()
    };
    for v in 0..=down {
        for u in 0..=across {
            let (s, t) = (u as f32 / across as f32, v as f32 / down as f32);
            let (yaw, pitch) = (s * std::f32::consts::TAU, (t - 0.5) * 3.0);
            // The seam is in one place, to the last bit.
            let yaw = if u == across { 0.0 } else { yaw };
            let n = Vec3::new(
                yaw.cos() * pitch.cos(),
                -pitch.sin(),
                yaw.sin() * pitch.cos(),
            );
            let dent = 1.0 + 0.06 * (5.0 * yaw).sin() * pitch.cos();
            mesh.positions.push((n * dent).into());
            mesh.normals.push(n.into());
            mesh.tangents.push([-yaw.sin(), 0.0, yaw.cos(), 1.0]);
            mesh.uvs[0].push([s * 4.0, t * 2.0]);
            mesh.uvs[1].push([t, s]);
            mesh.colors
                .push([0.5 + 0.5 * n.x, 1.0, 0.6 + 0.4 * n.y, 1.0]);
        }
    }
    for v in 0..down {
        for u in 0..across {
            let a = v * (across + 1) + u;
            let b = a + across + 1;
            mesh.indices.extend([a, b, a + 1, a + 1, b, b + 1]);
        }
    }
    mesh
}

struct Pair<'a> {
    full: Stage<'a>,
    clusters: Stage<'a>,
}

impl<'a> Pair<'a> {
    fn new(gpu: &'a TestGpu, quality: Quality) -> Self {
        let stage = || {
            let mut stage = Stage::new(gpu);
            let desc = RendererDesc {
                multisampling: false,
                quality: Quality {
                    level_error_pixels: 0.0,
                    ..quality
                },
                ..RendererDesc::default()
            };
            stage.renderer = Renderer::new(gpu, &desc).unwrap();
            stage
        };
        Self {
            full: stage(),
            clusters: stage(),
        }
    }

    fn each(&mut self, mut f: impl FnMut(&mut Stage<'a>)) {
        f(&mut self.full);
        f(&mut self.clusters);
    }

    fn add(&mut self, name: &str, mesh: &Mesh, material: &Material, place: Mat4) {
        let transform = InstanceTransform::from_mat4(place);
        self.full.add(name, mesh, material, transform);
        let (mesh_handle, material_handle) =
            (Handle::of(name, "mesh"), Handle::of(name, "material"));
        let built = build(mesh, &BuildOptions::default()).unwrap();
        let scene = &mut self.clusters.scene;
        scene.insert_clusters(mesh_handle, &built).unwrap();
        scene.insert_material(material_handle, material).unwrap();
        scene
            .add(&Instance {
                mesh: mesh_handle,
                material: material_handle,
                transform,
            })
            .unwrap();
    }

    /// How far the pictures are apart: FLIP, and the part of pixels in which a channel is off by more than 8 of 255.
    fn apart(&mut self, view: &View) -> (f64, f64) {
        let (a, b) = (self.full.picture(view), self.clusters.picture(view));
        let off = a.pixels().chunks_exact(4).zip(b.pixels().chunks_exact(4));
        let off = off.filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 8));
        let part = off.count() as f64 / (a.width() * a.height()) as f64;
        (f64::from(flip(&a, &b)), part)
    }

    #[track_caller]
    fn assert_alike(&mut self, what: &str, view: &View) {
        let (flip, part) = self.apart(view);
        assert!(
            flip < 0.008 && part < 0.008,
            "{what}: FLIP {flip}, {part} of the pixels are off"
        );
    }
}

fn view() -> View {
    View::look_at(Vec3::new(0.6, 0.9, 2.6), Vec3::ZERO)
}

/// What materials of these tests sample.
fn slot(name: &str, set: u32) -> TextureSlot {
    TextureSlot {
        image: Handle::of("pictures", name),
        sampler: Sampler::default(),
        uv_set: set,
        transform: TextureTransform::IDENTITY,
    }
}

fn add_pictures(pair: &mut Pair<'_>) {
    let squares = scenes::checker(64, 8, [[250, 240, 200, 255], [40, 60, 160, 255]]);
    let bumps = scenes::bumps(64, 4);
    let mixed = scenes::checker(64, 4, [[255, 60, 0, 255], [90, 200, 255, 255]]);
    pair.each(|stage| {
        for (name, space, picture) in [
            ("squares", ColorSpace::Srgb, &squares),
            ("bumps", ColorSpace::Linear, &bumps),
            ("mixed", ColorSpace::Linear, &mixed),
        ] {
            let key = (Handle::of("pictures", name), space);
            stage.scene.insert_texture(key, picture).unwrap();
        }
    });
}

/// All that the core of glTF samples.
fn textured() -> Material {
    Material {
        base_color_texture: Some(slot("squares", 0)),
        normal_texture: Some(slot("bumps", 0)),
        metallic_roughness_texture: Some(slot("mixed", 0)),
        occlusion_texture: Some(slot("mixed", 1)),
        metallic: 0.7,
        roughness: 0.9,
        ..Material::default()
    }
}

#[test]
fn each_kind_of_surface_looks_as_it_does_on_a_mesh() {
    let gpu = TestGpu::new();
    let turned = TextureTransform {
        offset: [0.3, 0.1],
        rotation: 0.8,
        scale: [1.7, 0.6],
    };
    let coated = Material {
        clearcoat: Some(Clearcoat {
            factor: 0.9,
            roughness: 0.1,
            ..Clearcoat::default()
        }),
        sheen: Some(Sheen {
            color: [0.3, 0.1, 0.5],
            roughness: 0.4,
            ..Sheen::default()
        }),
        ..textured()
    };
    let without = |f: fn(&mut Mesh)| {
        let mut mesh = ball(48, 24);
        f(&mut mesh);
        mesh
    };
    let cases = [
        (
            "plain",
            Material::matte("clay", [0.7, 0.3, 0.2], 0.5),
            ball(48, 24),
        ),
        ("textures", textured(), ball(48, 24)),
        (
            "no tangents",
            textured(),
            without(|mesh| mesh.tangents.clear()),
        ),
        (
            "no normals",
            Material::default(),
            without(|mesh| {
                mesh.normals.clear();
                mesh.tangents.clear();
            }),
        ),
        (
            "no UVs",
            textured(),
            without(|mesh| {
                mesh.uvs.clear();
                mesh.tangents.clear();
            }),
        ),
        (
            "turned textures",
            Material {
                base_color_texture: Some(TextureSlot {
                    transform: turned,
                    ..slot("squares", 1)
                }),
                normal_texture: Some(TextureSlot {
                    transform: turned,
                    ..slot("bumps", 0)
                }),
                ..textured()
            },
            ball(48, 24),
        ),
        ("layers", coated, ball(48, 24)),
        (
            "unlit",
            Material {
                unlit: true,
                ..textured()
            },
            ball(48, 24),
        ),
        (
            "both sides",
            Material {
                double_sided: true,
                ..textured()
            },
            without(|mesh| {
                // Open towards the camera, so that its inside is seen.
                let keep = mesh.indices.len() / 2;
                mesh.indices.drain(..keep);
            }),
        ),
    ];
    for (name, material, mesh) in cases {
        for mirrored in [false, true] {
            let mut pair = Pair::new(&gpu, Quality::CPU);
            add_pictures(&mut pair);
            let scale = Vec3::new(if mirrored { -1.0 } else { 1.0 }, 1.1, 0.9);
            let place = Mat4::from_rotation_y(0.4) * Mat4::from_scale(scale);
            pair.add(name, &mesh, &material, place);
            pair.assert_alike(&format!("{name}, mirrored {mirrored}"), &view());
        }
    }
}

#[test]
fn lights_shadows_and_occlusion_fall_on_clusters_as_on_meshes() {
    let gpu = TestGpu::new();
    let quality = Quality {
        culling: Culling::Occlusion,
        shadows: Some(storm_render::ShadowQuality {
            light_maps: 6,
            ..storm_render::ShadowQuality::LOW
        }),
        ambient_occlusion: Some(1.0),
        clustered_above: 0,
        ..Quality::CPU
    };
    let mut pair = Pair::new(&gpu, quality);
    add_pictures(&mut pair);
    let floor = Mat4::from_scale_rotation_translation(
        Vec3::new(5.0, 0.2, 5.0),
        Quat::IDENTITY,
        Vec3::new(0.0, -1.2, 0.0),
    );
    pair.add("floor", &ball(64, 32), &textured(), floor);
    for (i, x) in [-1.2_f32, 0.0, 1.3].into_iter().enumerate() {
        let place = Mat4::from_translation(Vec3::new(x, 0.2, -0.5 * x))
            * Mat4::from_scale(Vec3::splat(0.6));
        let material = if i == 1 {
            Material::matte("stone", [0.6; 3], 0.7)
        } else {
            textured()
        };
        pair.add(&format!("ball {i}"), &ball(48, 24), &material, place);
    }
    let lamp = Light {
        cell: [0; 3],
        translation: Vec3::new(-1.0, 1.6, 1.0),
        color: Vec3::new(3.0, 2.5, 1.5),
        range: 10.0,
        spot: None,
    };
    pair.each(|stage| {
        stage.scene.set_sky(Sky {
            sun_direction: Vec3::new(0.5, 0.8, 0.3).normalize(),
            ..Sky::default()
        });
        stage.scene.set_lights(&[lamp]).unwrap();
    });
    let view = View::look_at(Vec3::new(1.5, 2.2, 4.2), Vec3::ZERO);
    // What the frame before has seen comes into play with the second.
    for _ in 0..3 {
        pair.assert_alike("lights and shadows", &view);
    }
    let dark = Quality {
        shadows: None,
        ..quality
    };
    pair.clusters.renderer.set_quality(Quality {
        level_error_pixels: 0.0,
        ..dark
    });
    let (flip, _) = pair.apart(&view);
    assert!(flip > 0.01, "shadows make a difference: {flip}");
}
