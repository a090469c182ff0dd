//! The device: its memory, its pipelines, and its loss.

use storm_assets::Image;
use storm_render::{
    Gpu, GpuDesc, ImageTarget, Lifetime, Quality, RenderError, Renderer, RendererDesc, Scene, View,
};

use crate::{
    gallery,
    harness::{Stage, TestGpu},
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

/// A thousand sizes and qualities leave no more memory behind than a few.
#[test]
fn sizes_and_qualities_that_come_and_go_leave_nothing_behind() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::lamps(&mut stage);
    let mut random = 0x9e37_79b9_u32;
    let mut next = |below: u32| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random % below
    };
    let mut most = 0;
    for round in 0..60 {
        let (width, height) = (1 + next(90), 1 + next(90));
        let mut target = ImageTarget::new(&gpu, width, height).unwrap();
        let mut quality = if next(2) == 0 {
            Quality::CPU
        } else {
            Quality::HIGH
        };
        if let Some(shadows) = &mut quality.shadows {
            shadows.resolution = 64;
            shadows.light_resolution = 32;
        }
        stage.renderer.set_quality(quality);
        stage
            .renderer
            .render(&mut stage.scene, &view, &mut target)
            .unwrap();
        gpu.wait_idle().unwrap();
        let allocated = gpu.memory().allocated;
        if round < 30 {
            most = most.max(allocated);
        }
        assert!(
            allocated <= most + (4 << 20),
            "round {round}: {allocated} after {most}"
        );
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
