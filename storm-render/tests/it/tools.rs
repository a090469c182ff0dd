//! Looking into a picture: who is where, how it is made, and how long it takes.

use glam::Vec3;
use storm_render::{Culling, DebugView, Line, Picker, Quality, RenderSlot, ShadowQuality, View};

use crate::{
    gallery, golden,
    harness::{SIZE, Stage, TestGpu, pixel},
};

fn hash(slots: &[Option<RenderSlot>]) -> String {
    let words: Vec<u8> = slots
        .iter()
        .flat_map(|slot| slot.map_or(u32::MAX, |slot| slot.0).to_le_bytes())
        .collect();
    blake3::hash(&words).to_hex()[..16].to_owned()
}

/// Who is seen where, exactly. The figures are lavapipe's: edges may fall otherwise elsewhere.
#[test]
fn slots_of_scenes_are_exact() {
    let gpu = TestGpu::new();
    if !gpu.info().software {
        return println!("skipped: the slots at edges are those of a software driver");
    }
    let mut picker = Picker::new(&gpu).unwrap();
    let mut found = String::new();
    for (name, scene) in gallery::SCENES {
        let mut stage = Stage::new(&gpu);
        let view = scene(&mut stage);
        let slots = picker.slots(&mut stage.scene, &view, SIZE).unwrap();
        found += &format!("{name} {}\n", hash(&slots));
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slots.txt");
    if std::env::var_os("STORM_UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&file).unwrap());
}

#[test]
fn one_pixel_is_what_the_whole_picture_has_there() {
    let gpu = TestGpu::new();
    let mut picker = Picker::new(&gpu).unwrap();
    let mut stage = Stage::new(&gpu);
    let view = gallery::transparency(&mut stage);
    let all = picker.slots(&mut stage.scene, &view, SIZE).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for y in (0..SIZE.1).step_by(13) {
        for x in (0..SIZE.0).step_by(11) {
            let one = picker.pick(&mut stage.scene, &view, SIZE, (x, y)).unwrap();
            assert_eq!(one, all[(y * SIZE.0 + x) as usize], "{x}, {y}");
            seen.insert(one);
        }
    }
    assert!(
        seen.len() > 4 && seen.contains(&None),
        "panes, the mask and the sky: {seen:?}"
    );
    let outside = picker.pick(&mut stage.scene, &view, SIZE, SIZE).unwrap();
    assert_eq!(outside, None);
}

#[test]
fn what_moved_is_picked_where_it_is_and_drawn_there_too() {
    let gpu = TestGpu::new();
    let mut picker = Picker::new(&gpu).unwrap();
    let mut stage = Stage::new(&gpu);
    let cube = crate::scenes::cube();
    let matte = storm_assets::Material::matte("", [0.5; 3], 0.5);
    let slot = stage.add("box", &cube, &matte, gallery::at(0.0, 0.0, 0.0));
    let view = View::look_at(Vec3::new(0.0, 0.0, 6.0), Vec3::ZERO);
    let middle = (160, 90);
    assert_eq!(
        picker.pick(&mut stage.scene, &view, SIZE, middle).unwrap(),
        Some(slot)
    );
    stage
        .scene
        .set_transform(slot, &gallery::at(9.0, 0.0, 0.0))
        .unwrap();
    assert_eq!(
        picker.pick(&mut stage.scene, &view, SIZE, middle).unwrap(),
        None
    );
    let gone = pixel(&stage.picture(&view), 160, 90);
    stage.scene.remove(slot).unwrap();
    assert_eq!(pixel(&stage.picture(&view), 160, 90), gone);
}

/// In each scene the instances that are seen are among those that were not culled.
#[test]
fn nothing_that_is_seen_is_culled() {
    let gpu = TestGpu::new();
    let mut picker = Picker::new(&gpu).unwrap();
    for (name, scene) in gallery::SCENES {
        let mut stage = Stage::new(&gpu);
        stage.renderer.set_quality(Quality {
            culling: Culling::Occlusion,
            ..Quality::CPU
        });
        let view = scene(&mut stage);
        for _ in 0..2 {
            stage.draw(&view);
        }
        gpu.wait_idle().unwrap();
        let drawn = stage
            .renderer
            .report()
            .unwrap()
            .unwrap()
            .culling
            .unwrap()
            .drawn;
        let slots = picker.slots(&mut stage.scene, &view, SIZE).unwrap();
        let seen: std::collections::BTreeSet<_> = slots.into_iter().flatten().collect();
        assert!(
            seen.len() <= drawn as usize,
            "{name}: {} seen, {drawn} drawn",
            seen.len()
        );
    }
}

#[test]
fn debug_views() {
    let gpu = TestGpu::new();
    let shadows = ShadowQuality {
        resolution: 256,
        distance: 40.0,
        ..ShadowQuality::HIGH
    };
    for (name, scene, debug) in [
        (
            "debug-normals",
            gallery::normals as gallery::Scene,
            DebugView::Normals,
        ),
        ("debug-cascades", gallery::city, DebugView::Cascades),
        (
            "debug-clusters",
            gallery::thousand,
            DebugView::LightClusters,
        ),
        ("debug-instances", gallery::lamps, DebugView::Instances),
        ("debug-overdraw", gallery::city, DebugView::Overdraw),
    ] {
        let mut stage = Stage::new(&gpu);
        stage.renderer.set_quality(Quality {
            shadows: Some(shadows),
            ..Quality::CPU
        });
        let view = View {
            debug,
            ..scene(&mut stage)
        };
        let picture = stage.picture(&view);
        golden::check(name, &stage, &picture);
    }
}

#[test]
fn lines_are_drawn_over_everything_and_in_their_own_colours() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::lamps(&mut stage);
    let mut lines = Vec::new();
    for (axis, color) in [
        (Vec3::X, [1.0, 0.0, 0.0, 1.0]),
        (Vec3::Y, [0.0, 1.0, 0.0, 1.0]),
        (Vec3::Z, [0.0, 0.0, 1.0, 1.0]),
    ] {
        lines.push(Line {
            cell: [0; 3],
            from: Vec3::ZERO,
            to: axis * 3.0,
            color,
        });
    }
    stage.scene.set_lines(&lines).unwrap();
    let picture = stage.picture(&view);
    golden::check("lines", &stage, &picture);
    let count = |channel: usize| {
        let pixels = picture.pixels().chunks_exact(4);
        pixels
            .filter(|p| (0..3).all(|c| p[c] == if c == channel { 255 } else { 0 }))
            .count()
    };
    assert!((0..3).all(|channel| count(channel) > 20));
    stage.scene.set_lines(&[]).unwrap();
    let without = stage.picture(&view);
    assert!(without != picture);
}

#[test]
fn every_pass_is_timed_when_asked() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::lamps(&mut stage);
    stage.draw(&view);
    gpu.wait_idle().unwrap();
    assert!(stage.renderer.report().unwrap().unwrap().passes.is_empty());
    stage.renderer.set_timings(true);
    stage.draw(&view);
    gpu.wait_idle().unwrap();
    let passes = stage.renderer.report().unwrap().unwrap().passes;
    let names: Vec<_> = passes.iter().map(|pass| pass.name).collect();
    assert_eq!(names, ["upload", "cull", "scene", "tone map", "read back"]);
    assert!(passes.iter().all(|pass| pass.nanoseconds >= 0.0));
    assert!(passes.iter().map(|pass| pass.nanoseconds).sum::<f64>() > 0.0);
    let work = |name: &str| {
        let pass = passes.iter().find(|pass| pass.name == name).unwrap();
        pass.work.unwrap_or_default()
    };
    if passes[0].work.is_some() {
        let scene = work("scene");
        assert!(
            scene.vertices > 5000 && scene.primitives > 500 && scene.fragments > 57_600,
            "{scene:?}"
        );
        assert!(work("cull").threads > 0 && work("cull").fragments == 0);
        assert!(work("tone map").fragments >= 57_600, "a fragment a pixel");
    }
    let graph = stage.renderer.graph().unwrap();
    assert!(
        names
            .iter()
            .all(|name| graph.contains(&format!("label=\"{name}\""))),
        "{graph}"
    );
}

/// Harmony takes colour away: of one material, or of all that do not say otherwise.
#[test]
fn named_parameters_reach_the_shaders() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let clay = storm_assets::Material::matte("", [0.8, 0.2, 0.1], 1.0);
    let cube = crate::scenes::cube();
    stage.add("left", &cube, &clay, gallery::at(-2.0, 0.0, 0.0));
    stage.add("right", &cube, &clay, gallery::at(2.0, 0.0, 0.0));
    let view = View::look_at(Vec3::new(0.0, 0.0, 7.0), Vec3::ZERO);
    let colorful = |stage: &mut Stage<'_>| {
        let picture = stage.picture(&view);
        [95, 225].map(|x| {
            let [r, _, b, _] = pixel(&picture, x, 90);
            i32::from(r) - i32::from(b) > 40
        })
    };
    assert_eq!(colorful(&mut stage), [true, true]);
    let plain = stage.picture(&view);
    assert_eq!(stage.scene.set_parameter("harmony", 0.0).unwrap(), 0);
    assert_eq!(colorful(&mut stage), [false, false]);
    let left = storm_assets::Handle::of("left", "material");
    stage
        .scene
        .set_material_parameter(left, "harmony", Some(1.0))
        .unwrap();
    assert_eq!(colorful(&mut stage), [true, false]);
    stage
        .scene
        .set_material_parameter(left, "harmony", None)
        .unwrap();
    assert_eq!(colorful(&mut stage), [false, false]);
    stage.scene.set_parameter("harmony", 1.0).unwrap();
    assert!(stage.picture(&view) == plain);
    for i in 1..8 {
        assert_eq!(
            stage.scene.set_parameter(&format!("own {i}"), 0.5).unwrap(),
            i
        );
    }
    let error = stage.scene.set_parameter("one too many", 0.5).unwrap_err();
    assert!(
        error.to_string().contains("names of shader parameters"),
        "{error}"
    );
}

/// The pass of the example darkens corners and leaves the middle.
#[test]
#[expect(unsafe_code, reason = "nobody but its author can vouch for a shader")]
fn a_pass_of_ones_own_comes_after_tone_mapping() {
    let gpu = TestGpu::new();
    for multisampling in [true, false] {
        let mut stage = Stage::new(&gpu);
        let desc = storm_render::RendererDesc {
            multisampling,
            ..storm_render::RendererDesc::default()
        };
        stage.renderer = storm_render::Renderer::new(&gpu, &desc).unwrap();
        let view = gallery::materials(&mut stage);
        let plain = stage.picture(&view);
        let spirv = include_bytes!("../../examples/vignette.frag.spv");
        for dark in [0.0, 1.0] {
            let mut parameters = [0.0; 16];
            parameters[0] = dark;
            // SAFETY: compiled from `vignette.frag`, whose interface is the one that is asked for.
            let pass = unsafe { storm_render::ScreenPass::new(spirv, parameters) };
            stage.renderer.set_screen_pass(Some(pass));
            let picture = stage.picture(&view);
            let bytes = plain.pixels().iter().zip(picture.pixels());
            let most = bytes.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            if dark == 0.0 {
                // Through eight bits and back.
                assert!(most <= 1, "{most}");
            } else {
                let [corner, ..] = pixel(&picture, 0, 0);
                assert!(corner < 16, "{corner} in the corner");
                let (a, b) = (pixel(&picture, 160, 90), pixel(&plain, 160, 90));
                assert!(
                    a[0].abs_diff(b[0]) <= 1,
                    "{a:?} in the middle, {b:?} before"
                );
            }
        }
        stage.renderer.set_screen_pass(None);
        assert!(stage.picture(&view) == plain);
    }
}
