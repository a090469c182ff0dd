//! Pictures of radiance, before exposure and tone mapping.

use glam::Vec3;
use storm_assets::Material;
use storm_render::{
    AutoExposure, Gpu, HdrPicture, HdrTarget, Line, RenderError, Renderer, RendererDesc, Sky,
    ToneMap, UiFormat, UiImage, UiMesh, UiRect, UiTextureId, UiVertex, View,
};

use crate::{
    gallery::{self, at},
    harness::{SIZE, Stage, TestGpu, pixel},
    scenes,
};

fn radiance(stage: &mut Stage<'_>, gpu: &Gpu, view: &View) -> HdrPicture {
    let mut target = HdrTarget::new(gpu, SIZE.0, SIZE.1).unwrap();
    stage
        .renderer
        .render(&mut stage.scene, view, &mut target)
        .unwrap();
    target.read().unwrap()
}

/// Two glowing squares in the dark: the left one far brighter than a screen.
fn glow(stage: &mut Stage<'_>) -> View {
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        zenith: Vec3::ZERO,
        horizon: Vec3::ZERO,
        ground: Vec3::ZERO,
        ..Sky::default()
    });
    for (name, x, emissive) in [
        ("bright", -1.0, [200.0, 3.5, 0.25]),
        ("dim", 1.0, [0.0, 0.001, 1.0]),
    ] {
        let material = Material {
            emissive,
            ..Material::matte("", [0.0; 3], 1.0)
        };
        stage.add(name, &scenes::quad(), &material, at(x, 0.0, 0.0));
    }
    View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

#[test]
fn radiance_is_what_the_scene_emits() {
    let gpu = TestGpu::new();
    for multisampling in [true, false] {
        let mut stage = Stage::new(&gpu);
        let view = glow(&mut stage);
        let desc = RendererDesc {
            multisampling,
            ..RendererDesc::default()
        };
        stage.renderer = Renderer::new(&gpu, &desc).unwrap();
        let mut target = HdrTarget::new(&gpu, SIZE.0, SIZE.1).unwrap();
        assert!(
            target
                .read()
                .unwrap()
                .pixels
                .iter()
                .all(|p| *p == [0.0, 0.0, 0.0, 1.0])
        );
        stage
            .renderer
            .render(&mut stage.scene, &view, &mut target)
            .unwrap();
        let picture = target.read().unwrap();
        assert_eq!((picture.width, picture.height), SIZE);
        let pixel = |x: usize, y: usize| picture.pixels[y * SIZE.0 as usize + x];
        for (x, expected) in [
            (130, [200.0, 3.5, 0.25, 1.0]),
            (190, [0.0, 0.001, 1.0, 1.0]),
        ] {
            for (found, wanted) in pixel(x, 90).into_iter().zip(expected) {
                // Half floats have eleven bits.
                assert!(
                    (found - wanted).abs() <= wanted / 2048.0 + 1e-6,
                    "{found} for {wanted}"
                );
            }
        }
        assert_eq!(pixel(5, 5), [0.0, 0.0, 0.0, 1.0]);

        // Exposure, tone map and automatic exposure are not in it, and what lies over the picture is not.
        let line = Line {
            cell: [0; 3],
            from: Vec3::new(-9.0, 0.0, 1.0),
            to: Vec3::new(9.0, 0.0, 1.0),
            color: [1.0; 4],
        };
        stage.scene.set_lines(&[line]).unwrap();
        let white = UiImage {
            width: 1,
            height: 1,
            format: UiFormat::Coverage,
            pixels: vec![255],
            smooth: false,
        };
        stage
            .scene
            .insert_ui_texture(UiTextureId(0), &white)
            .unwrap();
        let corner = |x, y| UiVertex {
            position: [x, y],
            uv: [0.5; 2],
            color: [255; 4],
        };
        let mesh = UiMesh {
            vertices: vec![corner(0.0, 0.0), corner(900.0, 0.0), corner(0.0, 900.0)],
            indices: vec![0, 1, 2],
            clip: UiRect::EVERYTHING,
            texture: UiTextureId(0),
        };
        stage.scene.set_ui(1.0, &[mesh]).unwrap();
        let other = View {
            exposure: 7.0,
            auto_exposure: Some(AutoExposure::default()),
            tone_map: ToneMap::Aces,
            ..view
        };
        assert!(radiance(&mut stage, &gpu, &other) == picture);
    }
}

/// Mapping radiance on the CPU gives the picture that the renderer maps, where pixels have one sample.
#[test]
fn a_picture_is_its_radiance_exposed_clipped_and_encoded() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = View {
        tone_map: ToneMap::None,
        exposure: 0.5,
        ..gallery::materials(&mut stage)
    };
    let desc = RendererDesc {
        multisampling: false,
        ..RendererDesc::default()
    };
    stage.renderer = Renderer::new(&gpu, &desc).unwrap();
    let radiance = radiance(&mut stage, &gpu, &view);
    let shown = stage.picture(&view);
    let encode = |linear: f32| {
        let linear = (linear * 0.5).clamp(0.0, 1.0);
        let encoded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    };
    for (i, pixel_radiance) in radiance.pixels.iter().enumerate() {
        let (x, y) = (i as u32 % SIZE.0, i as u32 / SIZE.0);
        let found = pixel(&shown, x, y);
        for channel in 0..3 {
            let expected = encode(pixel_radiance[channel]);
            assert!(
                found[channel].abs_diff(expected) <= 1,
                "{x}, {y}: {found:?}"
            );
        }
    }
}

#[test]
fn sizes_that_no_device_has_are_refused() {
    let gpu = TestGpu::new();
    for (width, height) in [(0, 5), (5, 0), (16_385, 5), (u32::MAX, u32::MAX)] {
        let result = HdrTarget::new(&gpu, width, height);
        assert!(
            matches!(result, Err(RenderError::Size { .. })),
            "{width}×{height}"
        );
    }
}
