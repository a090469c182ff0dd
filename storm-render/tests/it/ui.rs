//! Interfaces over the picture: blended as a screen takes colours, clipped, textured, checked, and uploaded once.

use storm_assets::Image;
use storm_render::{
    Line, Quality, RenderError, ShadowQuality, Sky, UI_INDICES_MAX, UI_MESHES_MAX, UI_VERTICES_MAX,
    UiError, UiFormat, UiImage, UiMesh, UiRect, UiTextureId, UiVertex, View,
};

use crate::{
    gallery,
    golden::check,
    harness::{SIZE, Stage, TestGpu, pixel},
};

const WHITE: UiTextureId = UiTextureId(1);
const PICTURE: UiTextureId = UiTextureId(2);

/// A rectangle in points, with the whole texture.
fn rect([x0, y0, x1, y1]: [f32; 4], color: [u8; 4], texture: UiTextureId) -> UiMesh {
    let corner = |x, y, u, v| UiVertex {
        position: [x, y],
        uv: [u, v],
        color,
    };
    UiMesh {
        vertices: vec![
            corner(x0, y0, 0.0, 0.0),
            corner(x1, y0, 1.0, 0.0),
            corner(x1, y1, 1.0, 1.0),
            corner(x0, y1, 0.0, 1.0),
        ],
        indices: vec![0, 1, 2, 0, 2, 3],
        clip: UiRect::EVERYTHING,
        texture,
    }
}

fn image(width: u32, height: u32, format: UiFormat, pixels: Vec<u8>) -> UiImage {
    UiImage {
        width,
        height,
        format,
        pixels,
        smooth: false,
    }
}

/// A scene under its sky, with a white texture.
fn stage(gpu: &TestGpu) -> Stage<'_> {
    let mut stage = Stage::new(gpu);
    let white = image(1, 1, UiFormat::Color, vec![255; 4]);
    stage.scene.insert_ui_texture(WHITE, &white).unwrap();
    stage
}

/// Premultiplied colour over another, in the bytes of a screen. Over an opaque one it is opaque.
fn over(below: [u8; 4], color: [u8; 4]) -> [u8; 4] {
    let left = 1.0 - f32::from(color[3]) / 255.0;
    let channel = |i: usize| f32::from(color[i]) + left * f32::from(below[i]);
    [0, 1, 2, 3].map(|i| channel(i).min(255.0).round() as u8)
}

fn assert_near(found: [u8; 4], expected: [u8; 4], what: &str) {
    let near = found.iter().zip(expected).all(|(&a, b)| a.abs_diff(b) <= 1);
    assert!(near, "{what}: {found:?}, expected {expected:?}");
}

#[test]
fn colours_are_blended_as_a_screen_takes_them() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    stage.scene.set_sky(Sky::default());
    let plain = stage.picture(&View::default());
    let colors = [
        [255, 255, 255, 255],
        [0, 0, 0, 255],
        [10, 200, 30, 255],
        [128, 0, 0, 128],
        [0, 0, 0, 128],
        [1, 1, 1, 1],
        [60, 40, 20, 200],
        // Alpha 0 adds light.
        [40, 80, 120, 0],
        [255, 255, 255, 0],
        [0, 0, 0, 0],
    ];
    let mut meshes = Vec::new();
    for (i, color) in colors.into_iter().enumerate() {
        let x = i as f32 * 32.0;
        meshes.push(rect([x, 0.0, x + 32.0, 180.0], color, WHITE));
        // A second one over the lower half.
        meshes.push(rect([x, 90.0, x + 32.0, 180.0], [30, 60, 90, 100], WHITE));
    }
    stage.scene.set_ui(1.0, &meshes).unwrap();
    let picture = stage.picture(&View::default());
    for (i, color) in colors.into_iter().enumerate() {
        for y in (0..180).step_by(7) {
            let x = i as u32 * 32 + 16;
            let below = pixel(&plain, x, y);
            // Meshes go over each other first, and what comes of it over the picture: only light that is added to what
            // is white already can tell.
            let mut layer = color;
            if y >= 90 {
                layer = over(layer, [30, 60, 90, 100]);
            }
            let expected = over(below, layer);
            assert_near(
                pixel(&picture, x, y),
                expected,
                &format!("{color:?} at {x}, {y}"),
            );
        }
    }
    // Without it, and where it is empty, not a bit changes.
    stage.scene.show_ui(false);
    assert!(stage.picture(&View::default()) == plain);
    stage.scene.show_ui(true);
    let nothing = rect([0.0, 0.0, 320.0, 180.0], [0; 4], WHITE);
    stage.scene.set_ui(1.0, &[nothing]).unwrap();
    assert!(stage.picture(&View::default()) == plain);
    stage.scene.set_ui(1.0, &[]).unwrap();
    assert!(stage.picture(&View::default()) == plain);
}

/// Pixels that two pictures differ in: left, top, right and bottom of the box around them, and their number.
fn difference(a: &Image, b: &Image) -> (u32, u32, u32, u32, u32) {
    let mut found = (u32::MAX, u32::MAX, 0, 0, 0);
    for y in 0..SIZE.1 {
        for x in 0..SIZE.0 {
            if pixel(a, x, y) != pixel(b, x, y) {
                found = (
                    found.0.min(x),
                    found.1.min(y),
                    found.2.max(x + 1),
                    found.3.max(y + 1),
                    found.4 + 1,
                );
            }
        }
    }
    found
}

#[test]
fn nothing_is_drawn_outside_of_its_clip_rectangle() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    let plain = stage.picture(&View::default());
    let clip = |min, max| UiRect { min, max };
    let all = [-1000.0, -1000.0, 1000.0, 1000.0];
    for (draw, clip, scale, expected) in [
        (all, UiRect::EVERYTHING, 1.0, (0, 0, 320, 180)),
        (all, clip([10.0, 20.0], [30.0, 25.0]), 1.0, (10, 20, 30, 25)),
        (all, clip([10.0, 20.0], [30.0, 25.0]), 2.0, (20, 40, 60, 50)),
        (all, clip([10.0, 20.0], [30.0, 25.0]), 0.5, (5, 10, 15, 13)),
        (all, clip([-50.0, 170.0], [3.0, 1e9]), 1.0, (0, 170, 3, 180)),
        ([5.0, 6.0, 9.0, 8.0], UiRect::EVERYTHING, 1.0, (5, 6, 9, 8)),
        (
            [5.0, 6.0, 9.0, 8.0],
            UiRect::EVERYTHING,
            3.0,
            (15, 18, 27, 24),
        ),
    ] {
        let mesh = UiMesh {
            clip,
            ..rect(draw, [255, 0, 255, 255], WHITE)
        };
        stage.scene.set_ui(scale, &[mesh]).unwrap();
        let (x0, y0, x1, y1, count) = difference(&plain, &stage.picture(&View::default()));
        assert_eq!((x0, y0, x1, y1), expected, "{draw:?} {clip:?} × {scale}");
        assert_eq!(count, (x1 - x0) * (y1 - y0), "all of it");
    }
    let away = UiMesh {
        clip: clip([30.0, 30.0], [20.0, 40.0]),
        ..rect(all, [255; 4], WHITE)
    };
    stage.scene.set_ui(1.0, &[away]).unwrap();
    assert_eq!(difference(&plain, &stage.picture(&View::default())).4, 0);
}

#[test]
fn textures_come_change_and_go() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    let view = View::default();
    let plain = stage.picture(&view);
    let (red, green, blue) = ([255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255]);
    let picture =
        |colors: [[u8; 4]; 4]| image(2, 2, UiFormat::Color, colors.as_flattened().to_vec());
    stage
        .scene
        .insert_ui_texture(PICTURE, &picture([red, green, blue, red]))
        .unwrap();
    let mesh = rect([100.0, 50.0, 120.0, 70.0], [255; 4], PICTURE);
    stage.scene.set_ui(1.0, &[mesh]).unwrap();
    let colors = |stage: &mut Stage<'_>| {
        let picture = stage.picture(&view);
        [(102, 52), (117, 52), (102, 67), (117, 67)].map(|(x, y)| pixel(&picture, x, y))
    };
    assert_eq!(colors(&mut stage), [red, green, blue, red]);

    // Both frames in flight have their constants after this.
    stage.draw(&view);
    // A part of it: one pixel's bytes are uploaded, and nothing else.
    let part = image(1, 1, UiFormat::Color, vec![0, 255, 0, 255]);
    stage
        .scene
        .update_ui_texture(PICTURE, [1, 1], &part)
        .unwrap();
    assert_eq!(stage.draw(&view).uploaded_bytes, 4);
    assert_eq!(colors(&mut stage), [red, green, blue, green]);
    // Two of the same place in one frame: the later one stays.
    for color in [red, blue] {
        let part = image(1, 1, UiFormat::Color, color.to_vec());
        stage
            .scene
            .update_ui_texture(PICTURE, [0, 0], &part)
            .unwrap();
    }
    assert_eq!(colors(&mut stage), [blue, green, blue, green]);

    // Coverage takes all of the vertex' colour with it.
    let coverage = image(2, 1, UiFormat::Coverage, vec![255, 128]);
    stage.scene.insert_ui_texture(PICTURE, &coverage).unwrap();
    let mesh = rect([100.0, 50.0, 120.0, 70.0], [200, 100, 0, 255], PICTURE);
    stage.scene.set_ui(1.0, &[mesh]).unwrap();
    let [whole, half, ..] = colors(&mut stage);
    assert_near(whole, [200, 100, 0, 255], "covered");
    let expected = over(pixel(&plain, 117, 52), [100, 50, 0, 128]);
    assert_near(half, expected, "half covered");

    stage.scene.remove_ui_texture(PICTURE);
    assert!(
        stage.picture(&view) == plain,
        "what has no texture is not drawn"
    );
    stage
        .scene
        .insert_ui_texture(PICTURE, &picture([green; 4]))
        .unwrap();
    assert_ne!(
        colors(&mut stage)[0],
        pixel(&plain, 102, 52),
        "it came back"
    );
}

#[test]
fn only_what_changed_is_uploaded() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    let view = View::default();
    let mut meshes: Vec<_> = (0..1000)
        .map(|i| rect([i as f32, 0.0, i as f32 + 1.0, 9.0], [9; 4], WHITE))
        .collect();
    // Grows the buffers, too.
    stage.scene.set_ui(1.0, &meshes).unwrap();
    let first = stage.draw(&view).uploaded_bytes;
    assert!(first >= 1000 * (4 * 20 + 6 * 4), "{first}");
    // Both frames in flight have their constants after this.
    stage.draw(&view);
    for _ in 0..3 {
        stage.scene.set_ui(1.0, &meshes).unwrap();
        assert_eq!(stage.draw(&view).uploaded_bytes, 0, "nothing changed");
    }
    meshes[500].vertices[1].color = [10; 4];
    stage.scene.set_ui(1.0, &meshes).unwrap();
    assert_eq!(stage.draw(&view).uploaded_bytes, 20, "one vertex did");
    meshes[3].clip.max = [5.0; 2];
    stage.scene.set_ui(1.0, &meshes).unwrap();
    assert_eq!(
        stage.draw(&view).uploaded_bytes,
        0,
        "clips are no bytes of the device"
    );
    meshes.truncate(10);
    stage.scene.set_ui(1.0, &meshes).unwrap();
    assert_eq!(
        stage.draw(&view).uploaded_bytes,
        0,
        "fewer are the first of those"
    );
}

#[test]
fn what_is_not_well_formed_is_refused_and_what_was_there_stays() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    let view = View::default();
    let good = rect([10.0, 10.0, 60.0, 60.0], [200, 100, 50, 255], WHITE);
    stage
        .scene
        .set_ui(1.0, std::slice::from_ref(&good))
        .unwrap();
    let picture = stage.picture(&view);
    let with = |change: fn(&mut UiMesh)| {
        let mut mesh = good.clone();
        change(&mut mesh);
        vec![good.clone(), mesh]
    };
    let cases: Vec<(&str, f32, Vec<UiMesh>)> = vec![
        ("0 pixels a point are not within", 0.0, with(|_| ())),
        ("NaN pixels a point", f32::NAN, with(|_| ())),
        ("inf pixels a point", f32::INFINITY, with(|_| ())),
        (
            "index 4 of mesh 1 is beyond its 4 vertices",
            1.0,
            with(|mesh| mesh.indices[5] = 4),
        ),
        (
            "index 4294967295 of mesh 1",
            1.0,
            with(|mesh| mesh.indices[0] = u32::MAX),
        ),
        (
            "index 0 of mesh 1 is beyond its 0 vertices",
            1.0,
            with(|mesh| mesh.vertices.clear()),
        ),
        (
            "5 indices of mesh 1 are not three a triangle",
            1.0,
            with(|mesh| mesh.indices.truncate(5)),
        ),
        (
            "a position of mesh 1 is not a number",
            1.0,
            with(|mesh| mesh.vertices[2].position[1] = f32::NAN),
        ),
        (
            "a position of mesh 1 is not a number",
            1.0,
            with(|mesh| mesh.vertices[0].position[0] = f32::INFINITY),
        ),
        (
            "a place in the texture of mesh 1",
            1.0,
            with(|mesh| mesh.vertices[3].uv[0] = f32::NAN),
        ),
        (
            "an edge of the clip rectangle of mesh 1",
            1.0,
            with(|mesh| mesh.clip.min[1] = f32::NAN),
        ),
        (
            "there is no texture 99",
            1.0,
            with(|mesh| mesh.texture = UiTextureId(99)),
        ),
        (
            "meshes are more than 65536",
            1.0,
            vec![
                UiMesh {
                    vertices: Vec::new(),
                    indices: Vec::new(),
                    ..good.clone()
                };
                UI_MESHES_MAX + 1
            ],
        ),
        (
            "vertices are more than 4194304",
            1.0,
            vec![UiMesh {
                vertices: vec![UiVertex::default(); UI_VERTICES_MAX + 1],
                ..good.clone()
            }],
        ),
        (
            "indices are more than 12582912",
            1.0,
            vec![UiMesh {
                indices: vec![0; UI_INDICES_MAX + 3],
                ..good.clone()
            }],
        ),
    ];
    for (message, scale, meshes) in cases {
        let error = stage.scene.set_ui(scale, &meshes).unwrap_err();
        assert!(matches!(error, RenderError::Ui(_)), "{error}");
        assert!(
            error.to_string().contains(message),
            "{error}, not {message}"
        );
        assert!(
            stage.picture(&view) == picture,
            "{message}: what was there stays"
        );
    }

    let pixels = image(2, 2, UiFormat::Color, vec![0; 16]);
    for bad in [
        image(0, 2, UiFormat::Color, vec![]),
        image(2, 2, UiFormat::Color, vec![0; 15]),
        image(2, 2, UiFormat::Coverage, vec![0; 16]),
        image(u32::MAX, u32::MAX, UiFormat::Color, vec![0; 4]),
    ] {
        let error = stage.scene.insert_ui_texture(WHITE, &bad).unwrap_err();
        assert!(
            matches!(error, RenderError::Ui(UiError::Pixels { .. })),
            "{error}"
        );
    }
    let wide = image(1 << 20, 1, UiFormat::Coverage, vec![0; 1 << 20]);
    let error = stage.scene.insert_ui_texture(WHITE, &wide).unwrap_err();
    assert!(matches!(error, RenderError::Size { .. }), "{error}");
    for (id, place, part, message) in [
        (PICTURE, [0, 0], pixels.clone(), "there is no texture 2"),
        (
            WHITE,
            [0, 0],
            pixels.clone(),
            "2×2 pixels from 0, 0 on are not within",
        ),
        (
            WHITE,
            [u32::MAX, 0],
            image(1, 1, UiFormat::Color, vec![0; 4]),
            "are not within",
        ),
        (
            WHITE,
            [0, 0],
            image(1, 1, UiFormat::Coverage, vec![0]),
            "a part in Coverage",
        ),
        (
            WHITE,
            [0, 0],
            image(1, 1, UiFormat::Color, vec![0]),
            "has 1 bytes instead of 4",
        ),
    ] {
        let error = stage.scene.update_ui_texture(id, place, &part).unwrap_err();
        assert!(
            error.to_string().contains(message),
            "{error}, not {message}"
        );
    }
    assert!(stage.picture(&view) == picture);
}

#[test]
fn the_interface_lies_over_lines() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    let line = Line {
        cell: [0; 3],
        from: [-1.0, 0.0, -2.0].into(),
        to: [1.0, 0.0, -2.0].into(),
        color: [0.0, 1.0, 0.0, 1.0],
    };
    stage.scene.set_lines(&[line]).unwrap();
    let mesh = rect([150.0, 0.0, 170.0, 180.0], [200, 0, 0, 255], WHITE);
    stage.scene.set_ui(1.0, &[mesh]).unwrap();
    let picture = stage.picture(&View::default());
    let green = (88..92).any(|y| pixel(&picture, 120, y) == [0, 255, 0, 255]);
    assert!(green, "beside it the line is seen");
    assert!((0..180).all(|y| pixel(&picture, 160, y) == [200, 0, 0, 255]));
}

/// Panels over a scene: what is round, clipped, textured, see-through and glowing.
#[test]
fn golden_panels() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    let view = gallery::materials(&mut stage);
    let mut ramp = Vec::new();
    for y in 0..16_u32 {
        for x in 0..16_u32 {
            let (r, a) = (x as u8 * 17, y as u8 * 17);
            ramp.extend([(u16::from(r) * u16::from(a) / 255) as u8, a / 2, a, a]);
        }
    }
    let mut picture = image(16, 16, UiFormat::Color, ramp);
    picture.smooth = true;
    stage.scene.insert_ui_texture(PICTURE, &picture).unwrap();
    let wheel = UiMesh {
        vertices: std::iter::once([60.0, 60.0])
            .chain((0..24).map(|i| {
                let (sin, cos) = (i as f32 * std::f32::consts::TAU / 24.0).sin_cos();
                [60.0 + 30.0 * cos, 60.0 + 30.0 * sin]
            }))
            .enumerate()
            .map(|(i, position)| UiVertex {
                position,
                uv: [0.0; 2],
                color: [(i * 8) as u8, 90, 255 - (i * 10) as u8, 255],
            })
            .collect(),
        indices: (0..24).flat_map(|i| [0, 1 + i, 1 + (i + 1) % 24]).collect(),
        clip: UiRect {
            min: [20.0, 20.0],
            max: [80.0, 70.0],
        },
        texture: WHITE,
    };
    let meshes = [
        rect([8.0, 8.0, 140.0, 100.0], [20, 24, 30, 200], WHITE),
        wheel,
        rect([95.0, 20.0, 130.0, 90.0], [255; 4], PICTURE),
        rect([150.0, 8.0, 210.0, 40.0], [60, 40, 0, 0], WHITE),
    ];
    stage.scene.set_ui(1.5, &meshes).unwrap();
    let picture = stage.picture(&view);
    check("ui-panels", &stage, &picture);
}

/// What lies over the picture casts no shadow: maps that are kept stay.
#[test]
fn shadow_maps_are_kept_while_the_interface_changes() {
    let gpu = TestGpu::new();
    let mut stage = stage(&gpu);
    let view = gallery::lamps(&mut stage);
    stage.renderer.set_quality(Quality {
        shadows: Some(ShadowQuality {
            resolution: 256,
            light_resolution: 64,
            ..ShadowQuality::HIGH
        }),
        ..Quality::CPU
    });
    let mut drawn = |change: &dyn Fn(&mut Stage<'_>)| {
        change(&mut stage);
        stage.draw(&view);
        gpu.wait_idle().unwrap();
        let report = stage.renderer.report().unwrap().unwrap();
        report.culling.unwrap().shadows > 0
    };
    let show = |x: f32| {
        move |stage: &mut Stage<'_>| {
            let mesh = rect([x, 0.0, x + 9.0, 9.0], [9; 4], WHITE);
            stage.scene.set_ui(1.0, &[mesh]).unwrap();
        }
    };
    assert!(drawn(&show(0.0)), "the first frame");
    assert!(!drawn(&show(1.0)), "the interface moves");
    let texture = |stage: &mut Stage<'_>| {
        let white = image(1, 1, UiFormat::Color, vec![200; 4]);
        stage.scene.insert_ui_texture(WHITE, &white).unwrap();
        stage
            .scene
            .update_ui_texture(WHITE, [0, 0], &white)
            .unwrap();
    };
    assert!(!drawn(&texture), "a texture of it changes");
}
