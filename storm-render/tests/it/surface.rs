//! Surfaces of users: drawn like all others, and refused where they are none.
#![expect(unsafe_code, reason = "nobody but its author can vouch for a shader")]

use glam::Vec3;
use storm_assets::{AlphaMode, Handle, Image, Material, PixelFormat, Sampler, TextureSlot};
use storm_render::{
    ColorSpace, Culling, DebugView, Light, Quality, RenderError, Renderer, RendererDesc,
    ShadowQuality, Sky, Surface, SurfaceError, SurfaceShader, View,
};

use crate::{
    gallery::{self, at},
    golden::{check, flip},
    harness::{Stage, TestGpu, pixel},
    scenes,
};

const STRIPES: &[u8] = include_bytes!("../../examples/stripes.frag.spv");
const PLAIN: &[u8] = include_bytes!("../shaders/plain.frag.spv");

fn stripes() -> SurfaceShader {
    // SAFETY: compiled from `stripes.frag` beside it, which follows no address but the header's.
    unsafe { SurfaceShader::new(STRIPES, &["stripes", "glow", "holes"]) }.unwrap()
}

fn plain() -> SurfaceShader {
    // SAFETY: as above, from `plain.frag`.
    unsafe { SurfaceShader::new(PLAIN, &[]) }.unwrap()
}

/// A ball of each kind on a floor, all of one shader.
fn balls(stage: &mut Stage<'_>) -> View {
    let checker = scenes::checker(16, 2, [[255, 255, 255, 255], [90, 60, 40, 255]]);
    let image = Handle::of("own", "image");
    let key = (image, ColorSpace::Srgb);
    stage.scene.insert_texture(key, &checker).unwrap();
    let slot = TextureSlot {
        image,
        sampler: Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    };
    let kinds = [
        ("opaque", AlphaMode::Opaque, 1.0),
        ("mask", AlphaMode::Mask(0.5), 1.0),
        ("blend", AlphaMode::Blend, 0.6),
    ];
    for (i, (name, alpha_mode, alpha)) in kinds.into_iter().enumerate() {
        let material = Material {
            base_color: [0.8, 0.75, 0.6, alpha],
            alpha_mode,
            double_sided: true,
            ..Material::matte(name, [1.0; 3], 0.5)
        };
        let x = 2.4 * i as f32 - 2.4;
        stage.add(name, &scenes::sphere(24, 48), &material, at(x, 1.0, 0.0));
        let surface = Surface {
            shader: stripes(),
            textures: vec![(slot, key.1)],
            parameters: vec![
                ("stripes".into(), 6.0),
                ("glow".into(), 0.8),
                ("holes".into(), 0.35),
            ],
        };
        let handle = Handle::of(name, "material");
        stage.scene.set_surface(handle, Some(&surface)).unwrap();
    }
    let floor = Material::matte("floor", [0.5; 3], 0.9);
    let flat = glam::Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2)
        * glam::Mat4::from_scale(Vec3::splat(12.0));
    let place = storm_render::InstanceTransform::from_mat4(flat);
    stage.add("floor", &scenes::quad(), &floor, place);
    View::look_at(Vec3::new(0.0, 2.6, 6.5), Vec3::new(0.0, 0.8, 0.0))
}

fn full() -> Quality {
    Quality {
        culling: Culling::Occlusion,
        ambient_occlusion: Some(1.0),
        shadows: Some(ShadowQuality {
            resolution: 512,
            distance: 40.0,
            ..ShadowQuality::HIGH
        }),
        ..Quality::CPU
    }
}

#[test]
fn golden_surfaces() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = balls(&mut stage);
    let simple = stage.picture(&view);
    check("surfaces", &stage, &simple);
    stage.renderer.set_quality(full());
    let shadowed = stage.picture(&view);
    check("surfaces-full", &stage, &shadowed);
    assert!(
        flip(&simple, &shadowed) > 0.02,
        "shadows, holes and all, are there"
    );
    // The same without culling, to the last byte.
    stage.renderer.set_quality(Quality {
        culling: Culling::Off,
        ..full()
    });
    assert!(stage.picture(&view) == shadowed);
}

/// Holes that grow let more light through at once, where shadow maps are kept from frame to frame.
#[test]
fn the_shadow_of_a_surface_follows_its_parameters() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = balls(&mut stage);
    stage.renderer.set_quality(full());
    stage.draw(&view);
    let before = stage.picture(&view);
    let handle = Handle::of("mask", "material");
    stage
        .scene
        .set_surface_parameter(handle, "holes", 0.6)
        .unwrap();
    let after = stage.picture(&view);
    let desc = RendererDesc {
        quality: full(),
        ..RendererDesc::default()
    };
    stage.renderer = Renderer::new(&gpu, &desc).unwrap();
    assert!(
        stage.picture(&view) == after,
        "as a renderer draws it that has just begun"
    );
    assert!(before != after);
}

/// Every pass that knows surfaces: weighted sums, motion, debug views, lists of lights.
#[test]
fn a_surface_that_changes_nothing_is_not_seen() {
    let gpu = TestGpu::new();
    let weighted = Quality {
        weighted_blending: true,
        clustered_above: 0,
        ..full()
    };
    let temporal = Quality {
        temporal: true,
        ..full()
    };
    for (name, scene) in gallery::SCENES {
        let qualities = [
            (Quality::CPU, true),
            (full(), true),
            (weighted, true),
            (temporal, false),
        ];
        // All of them where there is something of each kind.
        let few = if name == "transparency" { 4 } else { 1 };
        for (quality, multisampling) in qualities.into_iter().take(few) {
            let draw = |surfaces: bool| {
                let mut stage = Stage::new(&gpu);
                let view = scene(&mut stage);
                let desc = RendererDesc {
                    multisampling,
                    quality,
                    ..RendererDesc::default()
                };
                stage.renderer = Renderer::new(&gpu, &desc).unwrap();
                if surfaces {
                    let surface = Surface {
                        shader: plain(),
                        textures: Vec::new(),
                        parameters: Vec::new(),
                    };
                    for material in stage.materials.clone() {
                        stage.scene.set_surface(material, Some(&surface)).unwrap();
                    }
                }
                let debug = View {
                    debug: DebugView::Normals,
                    ..view
                };
                [
                    stage.picture(&view),
                    stage.picture(&view),
                    stage.picture(&debug),
                ]
            };
            let difference = draw(false)
                .iter()
                .zip(draw(true))
                .map(|(a, b)| flip(a, &b))
                .fold(0.0, f32::max);
            assert!(
                difference < 1e-3,
                "{name} in {quality:?}: FLIP is {difference}"
            );
        }
    }
}

#[test]
fn parameters_textures_and_surfaces_come_and_go() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        ..Sky::default()
    });
    stage.scene.set_lights(&[] as &[Light]).unwrap();
    let material = Material::matte("quad", [0.2; 3], 0.9);
    stage.add("quad", &scenes::quad(), &material, at(0.0, 0.0, 0.0));
    let handle = Handle::of("quad", "material");
    let view = View::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO);
    let before = stage.picture(&view);
    let image = Handle::of("late", "image");
    let slot = TextureSlot {
        image,
        sampler: Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    };
    let surface = Surface {
        shader: stripes(),
        textures: vec![(slot, ColorSpace::Srgb)],
        parameters: vec![("stripes".into(), 1.0)],
    };
    stage.scene.set_surface(handle, Some(&surface)).unwrap();
    assert!(stage.scene.wants_texture((image, ColorSpace::Srgb)));
    let dark = stage.picture(&view);
    assert!(dark != before);
    stage.draw(&view);
    let made = gpu.pipelines_made();
    stage
        .scene
        .set_surface_parameter(handle, "glow", 4.0)
        .unwrap();
    let stats = stage.draw(&view);
    assert!(stats.uploaded_bytes <= 96 + 96, "{}", stats.uploaded_bytes);
    let glowing = stage.target.read().unwrap();
    assert!(glowing != dark);
    let red = Image::new(1, 1, PixelFormat::Rgba8, vec![255, 0, 0, 255]).unwrap();
    stage
        .scene
        .insert_texture((image, ColorSpace::Srgb), &red)
        .unwrap();
    let textured = stage.picture(&view);
    assert!(!stage.scene.wants_texture((image, ColorSpace::Srgb)));
    let reddish = (0..180).any(|y| {
        let [r, g, b, _] = pixel(&textured, 160, y);
        u16::from(r) > 2 * u16::from(g.max(b)) && pixel(&glowing, 160, y)[1] > g
    });
    assert!(reddish, "its own texture is there");
    assert_eq!(gpu.pipelines_made(), made, "values make no pipelines");
    // Inserting the material again keeps its surface; taking it away gives back what was there.
    stage.scene.insert_material(handle, &material).unwrap();
    assert!(stage.picture(&view) == textured);
    stage.scene.set_surface(handle, None).unwrap();
    assert!(stage.picture(&view) == before);
}

fn refused(spirv: &[u8], parameters: &[&str]) -> SurfaceError {
    // SAFETY: nothing is drawn with it.
    unsafe { SurfaceShader::new(spirv, parameters) }.unwrap_err()
}

/// A module with one instruction's words changed: the first that begins with these.
fn changed(find: &[u32], replace: &[u32]) -> Vec<u8> {
    let mut words: Vec<u32> = PLAIN
        .chunks_exact(4)
        .map(|w| u32::from_le_bytes(w.try_into().unwrap()))
        .collect();
    let at = words
        .windows(find.len())
        .position(|window| window == find)
        .unwrap();
    words.splice(at..at + find.len(), replace.iter().copied());
    words.into_iter().flat_map(u32::to_le_bytes).collect()
}

#[test]
fn what_is_no_surface_is_refused_before_the_driver_sees_it() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("0 bytes are no SPIR-V", vec![]),
        ("21 bytes are no SPIR-V", PLAIN[..21].to_vec()),
        (
            "are no SPIR-V",
            b"#version 460 not compiled at all".to_vec(),
        ),
        ("are no SPIR-V", PLAIN.iter().rev().copied().collect()),
        ("SPIR-V 1.7 is newer", {
            let mut bytes = PLAIN.to_vec();
            bytes[5] = 7;
            bytes[6] = 1;
            bytes
        }),
        ("cut short", PLAIN[..PLAIN.len() - 4].to_vec()),
        ("cut short", changed(&[2 << 16 | 17, 1], &[17, 1])),
        // Capability Geometry.
        (
            "asks for capability 2,",
            changed(&[2 << 16 | 17, 1], &[2 << 16 | 17, 2]),
        ),
        (
            "no single entry point",
            include_bytes!("../../spv/surface.vert.spv").to_vec(),
        ),
        (
            "no single entry point",
            include_bytes!("../../spv/hiz.comp.spv").to_vec(),
        ),
        // A fragment shader, but of another interface.
        (
            "memory model",
            include_bytes!("../../spv/ui_over.frag.spv").to_vec(),
        ),
        (
            "output at location 0",
            include_bytes!("../../spv/id.frag.spv").to_vec(),
        ),
        (
            "specialization constant",
            include_bytes!("../../spv/depth_mask.frag.spv").to_vec(),
        ),
    ];
    for (message, spirv) in cases {
        let error = refused(&spirv, &[]).to_string();
        assert!(error.contains(message), "{error}, not {message}");
    }
    let many: Vec<String> = (0..17).map(|i| i.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for names in [&many[..], &["a", "b", "a"]] {
        assert!(matches!(
            refused(PLAIN, names),
            SurfaceError::Parameters { .. }
        ));
    }
}

#[test]
fn no_bytes_make_the_check_panic() {
    let mut random = 0x1234_5678_u32;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random
    };
    for round in 0..3000 {
        let mut bytes = PLAIN.to_vec();
        for _ in 0..1 + round % 8 {
            let range = if round % 2 == 0 {
                1500
            } else {
                bytes.len() as u32
            };
            let at = (next() % range) as usize;
            bytes[at] = next() as u8;
        }
        bytes.truncate(bytes.len() - (next() % 3) as usize * 4);
        // SAFETY: nothing is drawn with it.
        let _ = unsafe { SurfaceShader::new(&bytes, &[]) };
    }
}

#[test]
fn a_surface_that_does_not_fit_changes_nothing() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = balls(&mut stage);
    let before = stage.picture(&view);
    let handle = Handle::of("opaque", "material");
    let slot = TextureSlot {
        image: Handle::of("x", "image"),
        sampler: Sampler::default(),
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    };
    let many = Surface {
        shader: stripes(),
        textures: vec![(slot, ColorSpace::Linear); 5],
        parameters: Vec::new(),
    };
    let unknown = Surface {
        textures: Vec::new(),
        parameters: vec![("colour".into(), 1.0)],
        ..many.clone()
    };
    for (surface, message) in [
        (many, "at most 4 textures"),
        (unknown, "no surface parameter \"colour\""),
    ] {
        let error = stage.scene.set_surface(handle, Some(&surface)).unwrap_err();
        assert!(matches!(error, RenderError::SurfaceShader(_)), "{error}");
        assert!(error.to_string().contains(message), "{error}");
    }
    for (material, name) in [("opaque", "colour"), ("floor", "glow"), ("nobody", "glow")] {
        let handle = Handle::of(material, "material");
        let error = stage
            .scene
            .set_surface_parameter(handle, name, 1.0)
            .unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(stage.picture(&view) == before);
}
