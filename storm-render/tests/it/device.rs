//! The device: its memory, its pipelines, and its loss.

use glam::Vec3;
use storm_assets::{AlphaMode, HdrImage, Image, Material};
use storm_render::{
    Atmosphere, AutoExposure, Culling, Gpu, GpuDesc, ImageTarget, Lifetime, Light, Quality,
    RenderError, Renderer, RendererDesc, Scene, ShadowQuality, Sky, View,
};

use crate::{
    gallery::{self, at},
    harness::{Stage, TestGpu},
    scenes,
};

#[test]
fn no_pipeline_is_made_after_the_third_frame() {
    let gpu = TestGpu::new();
    for quality in [Quality::CPU, Quality::HIGH] {
        let mut stage = Stage::new(&gpu);
        stage.renderer.set_quality(quality);
        let view = gallery::city(&mut stage);
        for _ in 0..3 {
            stage.draw(&view);
        }
        let made = gpu.pipelines_made();
        for _ in 0..5 {
            stage.draw(&view);
        }
        assert_eq!(gpu.pipelines_made(), made);
    }
}

#[test]
fn memory_is_reported_by_purpose() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::lamps(&mut stage);
    stage.draw(&view);
    let report = gpu.memory();
    let bytes = |wanted: &str| {
        let mut found = report.purposes.iter().filter(|(name, _)| name == wanted);
        found.next().map_or(0, |(_, bytes)| *bytes)
    };
    // Four samples of 8 + 4 bytes, and nothing that shares their memory.
    assert!(bytes("frame graph") >= 320 * 180 * 4 * 12, "{report:?}");
    assert!(
        bytes("vertices") > 0 && bytes("transforms") > 0,
        "{report:?}"
    );
    assert_eq!(
        report.purposes.iter().map(|(_, bytes)| bytes).sum::<u64>(),
        report.allocated
    );
    assert!(report.allocated <= report.reserved && !report.heaps.is_empty());
    let lifetimes = report.pools.iter().map(|pool| pool.lifetime);
    assert!(lifetimes.eq([Lifetime::Permanent, Lifetime::Frame, Lifetime::Staging]));
    for pool in &report.pools {
        assert!(
            0 < pool.allocated && pool.allocated <= pool.reserved,
            "{pool:?}"
        );
        assert!(
            pool.largest_free <= pool.reserved - pool.allocated,
            "{pool:?}"
        );
        assert!((0.0..=1.0).contains(&pool.fragmentation()), "{pool:?}");
    }
    assert_eq!(bytes("frame graph"), report.pools[1].allocated);
    for heap in &report.heaps {
        assert!(
            heap.budget.is_none_or(|budget| budget <= heap.size),
            "{heap:?}"
        );
    }
}

/// Whole numbers that look random, the same each time.
struct Random(u32);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % end
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// Any quality, with maps as small as they can be.
fn any_quality(random: &mut Random) -> Quality {
    let shadows = random.coin().then(|| ShadowQuality {
        cascades: 1 + random.below(4),
        resolution: 64,
        light_maps: random.below(9),
        light_resolution: 32,
        ..ShadowQuality::LOW
    });
    Quality {
        culling: [Culling::Off, Culling::Frustum, Culling::Occlusion][random.below(3) as usize],
        shadows,
        ambient_occlusion: random.coin().then_some(0.5),
        temporal: random.coin(),
        weighted_blending: random.coin(),
        async_compute: random.coin(),
        clustered_above: random.below(3),
        ..Quality::CPU
    }
}

/// A thousand targets of other sizes, qualities and views; every now and then the renderer, the sky or what is in the scene
/// is another. No message of the validation layer (the device sees to that), and as many bytes at the end as at the start.
#[test]
fn a_thousand_sizes_and_qualities_leave_nothing_behind() {
    let gpu = TestGpu::new();
    let mut random = Random(0x9e37_79b9);
    let clay = Material::matte("", [0.6, 0.4, 0.3], 0.7);
    let glass = Material {
        alpha_mode: AlphaMode::Blend,
        base_color: [0.4, 0.6, 0.9, 0.5],
        ..Material::matte("", [1.0; 3], 0.2)
    };
    let lamp = |x, spot| Light {
        cell: [0; 3],
        translation: Vec3::new(x, 2.0, 1.0),
        color: Vec3::splat(4.0),
        range: 9.0,
        spot,
    };
    let sky = HdrImage::new(8, 4, vec![[0.4, 0.5, 0.6]; 32]).unwrap();
    let mut level = None;
    // Twice: what is made once for a device is there after the first time.
    for rounds in [40, 1000] {
        let mut stage = Stage::new(&gpu);
        stage.add("clay", &scenes::cube(), &clay, at(0.0, 0.0, 0.0));
        stage.add("glass", &scenes::quad(), &glass, at(0.0, 0.0, 1.5));
        let more = stage.add("more", &scenes::sphere(6, 8), &clay, at(2.0, 0.0, 0.0));
        let lights = [lamp(-2.0, None), lamp(2.0, None)];
        for round in 0..rounds {
            if round % 97 == 0 {
                let desc = RendererDesc {
                    multisampling: random.coin(),
                    frames_in_flight: 1 + random.below(3),
                    ..RendererDesc::default()
                };
                stage.renderer = Renderer::new(&gpu, &desc).unwrap();
            }
            match random.below(12) {
                0 => stage.scene.set_sky(Sky::default()),
                1 => {
                    let up = random.below(90) as f32 * 0.01;
                    let towards = Vec3::new(1.0, up, 0.3);
                    stage.scene.set_sky(Sky::air(Atmosphere::EARTH, towards));
                }
                2 => {
                    stage.scene.set_sky_picture(Some(&sky)).unwrap();
                    stage.scene.set_sky(Sky::picture(0.3, 1.0, None));
                }
                3 => stage.scene.set_sky_picture(None).unwrap(),
                4 => {
                    let count = random.below(3) as usize;
                    stage.scene.set_lights(&lights[..count]).unwrap();
                }
                5 => {
                    let x = random.below(5) as f32;
                    stage.scene.set_transform(more, &at(x, 0.0, 0.0)).unwrap();
                }
                _ => {}
            }
            stage.renderer.set_quality(any_quality(&mut random));
            let (width, height) = (1 + random.below(24), 1 + random.below(24));
            if random.below(4) != 0 {
                stage.target = ImageTarget::new(&gpu, width, height).unwrap();
            }
            let view = View {
                bloom: random.below(2) as f32 * 0.1,
                auto_exposure: random.coin().then(AutoExposure::default),
                ..View::look_at(Vec3::new(1.0, 2.0, 6.0), Vec3::ZERO)
            };
            for _ in 0..1 + random.below(2) {
                stage.draw(&view);
            }
        }
        // What was given up while a frame was in flight goes when the next frame begins.
        gpu.wait_idle().unwrap();
        stage.draw(&View::default());
        gpu.wait_idle().unwrap();
        drop(stage);
        let left = gpu.memory().allocated;
        let level = *level.get_or_insert(left);
        assert_eq!(left, level, "after {rounds} rounds: {:?}", gpu.memory());
    }
}

#[test]
fn pipelines_are_kept_between_runs() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::lamps(&mut stage);
    let picture = stage.picture(&view);
    let kept = gpu.pipeline_cache().unwrap();
    assert!(kept.len() > 40, "{} bytes", kept.len());
    // As it is, cut short, and of something else altogether: the picture is the same.
    let cut = kept[..kept.len() / 2].to_vec();
    for pipeline_cache in [kept, cut, b"something else".to_vec()] {
        let desc = GpuDesc {
            validation: true,
            pipeline_cache,
            ..GpuDesc::default()
        };
        let again = Gpu::headless(&desc).unwrap();
        assert!(drawn(&again) == picture);
        assert_eq!(again.validation_messages(), (0, Vec::new()));
    }
}

/// A scene drawn with a device of one's own.
fn drawn(gpu: &Gpu) -> Image {
    let mut stage = Stage::on(gpu);
    let view = gallery::lamps(&mut stage);
    stage.picture(&view)
}

/// The whole way back: every call fails by name, everything is made anew, and the picture is the same.
#[test]
fn a_lost_device_is_rebuilt() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::lamps(&mut stage);
    let picture = stage.picture(&view);
    // In the middle of a frame.
    stage.draw(&view);
    gpu.lose();
    let drawn_again = stage
        .renderer
        .render(&mut stage.scene, &view, &mut stage.target);
    for (what, result) in [
        ("drawing", drawn_again.map(drop)),
        ("reading", stage.target.read().map(drop)),
        ("waiting", gpu.wait_idle()),
        ("a new renderer's frame", {
            let mut scene = Scene::new(&gpu).unwrap();
            Renderer::new(&gpu, &RendererDesc::default())
                .and_then(|mut renderer| renderer.render(&mut scene, &view, &mut stage.target))
                .map(drop)
        }),
    ] {
        assert!(
            matches!(result, Err(RenderError::DeviceLost(_))),
            "{what}: {result:?}"
        );
    }
    drop(stage);
    gpu.lost_and_rebuilt(|gpu| assert!(drawn(gpu) == picture));
}

/// However far the CPU may be ahead, each frame has what it was given.
#[test]
fn not_a_byte_changes_with_the_number_of_frames_in_flight() {
    let gpu = TestGpu::new();
    let pictures = [1, 2, 3, 99].map(|frames_in_flight| {
        let mut stage = Stage::new(&gpu);
        let desc = RendererDesc {
            frames_in_flight,
            ..RendererDesc::default()
        };
        stage.renderer = Renderer::new(&gpu, &desc).unwrap();
        let view = gallery::city(&mut stage);
        (0..7)
            .map(|step| {
                let view = View {
                    exposure: 1.0 + step as f32,
                    ..view
                };
                stage.draw(&view);
                stage.picture(&view)
            })
            .collect::<Vec<_>>()
    });
    assert!(pictures[1..].iter().all(|other| *other == pictures[0]));
}

/// A name that nothing has says what there is.
#[test]
fn a_device_that_is_not_there() {
    let gpu = TestGpu::new();
    let desc = GpuDesc {
        device: Some("no such device".into()),
        ..GpuDesc::default()
    };
    let error = Gpu::headless(&desc).map(drop).unwrap_err().to_string();
    let name = gpu.info().name;
    assert!(
        error.contains("\"no such device\"") && error.contains(&name),
        "{error}"
    );
}
