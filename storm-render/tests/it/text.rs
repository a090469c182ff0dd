//! Text as meshes of the user interface, from fonts that may be anything.

use glam::Vec3;
use storm_render::{
    FontId, RenderError, Text, TextAlign, TextBlock, TextError, TextLayout, TextStyle, UiError,
    UiRect, UiTextureId, View,
};

use crate::{
    gallery,
    golden::check,
    harness::{Stage, TestGpu, pixel},
};

const ATLAS: UiTextureId = UiTextureId(50);

fn text() -> (Text, FontId) {
    let mut text = Text::new(ATLAS);
    let font = text
        .add_font(epaint_default_fonts::UBUNTU_LIGHT.to_vec())
        .unwrap();
    (text, font)
}

fn block(layout: &TextLayout, position: [f32; 2], color: [u8; 4]) -> TextBlock<'_> {
    TextBlock {
        layout,
        position,
        color,
        clip: UiRect::EVERYTHING,
    }
}

#[test]
fn golden_paragraphs() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::materials(&mut stage);
    let (mut text, font) = text();
    text.add_font(epaint_default_fonts::NOTO_EMOJI_REGULAR.to_vec())
        .unwrap();
    let words = "Wrapped: AVATAR To Typography, each word on the line that it fits ☔";
    let style = |align| TextStyle {
        align,
        width: Some(92.0),
        ..TextStyle::new(font, 12.0)
    };
    let sides = [TextAlign::Left, TextAlign::Center, TextAlign::Right];
    let columns = sides.map(|align| text.layout(words, &style(align)).unwrap());
    let title = text
        .layout("Storm 0.1", &TextStyle::new(font, 40.0))
        .unwrap();
    let mut blocks: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(i, column)| block(column, [10.0 + 104.0 * i as f32, 100.0], [255; 4]))
        .collect();
    blocks.push(block(&title, [70.0, 8.0], [20, 30, 90, 255]));
    let meshes = text.meshes(&mut stage.scene, 1.0, &blocks).unwrap();
    stage.scene.set_ui(1.0, &meshes).unwrap();
    let picture = stage.picture(&view);
    check("ui-text", &stage, &picture);
}

/// Names above the balls of a scene.
#[test]
fn golden_labels() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = gallery::thousand(&mut stage);
    let (mut text, font) = text();
    let style = TextStyle::new(font, 11.0);
    let mut labels = Vec::new();
    for i in 0..12 {
        let place = Vec3::new(
            i as f32 * 4.0 - 22.0,
            1.0 + (i % 3) as f32,
            -12.0 * (i % 5) as f32,
        );
        // In points: the picture has 320 × 180 pixels, two of them a point.
        if let Some(at) = view.place_on_screen([0; 3], place, [160.0, 90.0]) {
            let layout = text.layout(&format!("No. {i}"), &style).unwrap();
            let position = layout.above(at);
            labels.push((layout, position));
        }
    }
    assert!(labels.len() > 3, "some are in view");
    let blocks: Vec<_> = labels
        .iter()
        .map(|(layout, position)| block(layout, *position, [255, 230, 120, 255]))
        .collect();
    let meshes = text.meshes(&mut stage.scene, 2.0, &blocks).unwrap();
    stage.scene.set_ui(2.0, &meshes).unwrap();
    let picture = stage.picture(&view);
    check("ui-labels", &stage, &picture);
}

#[test]
fn only_new_glyphs_are_uploaded() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let view = View::default();
    let (mut text, font) = text();
    let mut show = |words: &str, size: f32| {
        let layout = text.layout(words, &TextStyle::new(font, size)).unwrap();
        let blocks = [block(&layout, [10.0, 10.0], [255; 4])];
        let meshes = text.meshes(&mut stage.scene, 1.0, &blocks).unwrap();
        stage.scene.set_ui(1.0, &meshes).unwrap();
        let uploaded = stage.draw(&view).uploaded_bytes;
        let picture = stage.target.read().unwrap();
        (uploaded, picture)
    };
    let (first, picture) = show("steady", 24.0);
    assert!(first > 256 * 256, "the whole atlas: {first}");
    show("steady", 24.0);
    assert_eq!(show("steady", 24.0).0, 0, "nothing is new");
    let (bytes, _) = show("steadyQ", 24.0);
    assert!(
        (1..30_000).contains(&bytes),
        "one glyph more took {bytes} bytes"
    );
    // More glyphs than there is room for: earlier ones leave, and come back as they were.
    for size in 60..120 {
        show(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            size as f32,
        );
    }
    assert!(show("steady", 24.0).1 == picture);
}

#[test]
fn text_covers_what_its_outline_covers() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let (mut text, font) = text();
    let plain = stage.picture(&View::default());
    let layout = text.layout("I", &TextStyle::new(font, 120.0)).unwrap();
    let blocks = [block(&layout, [100.0, 20.0], [255, 0, 0, 255])];
    let meshes = text.meshes(&mut stage.scene, 1.0, &blocks).unwrap();
    stage.scene.set_ui(1.0, &meshes).unwrap();
    let picture = stage.picture(&View::default());
    // The stem of an I: one run of red, as high as a capital letter is, seven tenths of an em.
    let red = |x, y| pixel(&picture, x, y) == [255, 0, 0, 255];
    let column = (100..140).find(|&x| red(x, 90)).expect("the stem is there");
    let height = (0..180).filter(|&y| red(column, y)).count();
    assert!((76..=92).contains(&height), "{height} pixels of 120 an em");
    let width = (100..140).filter(|&x| red(x, 90)).count();
    assert!((5..=14).contains(&width), "a light stem: {width}");
    assert_eq!(pixel(&picture, 99, 90), pixel(&plain, 99, 90));
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let (mut text, font) = text();
    let layout = text.layout("a", &TextStyle::new(font, 200.0)).unwrap();
    let blocks = [block(&layout, [0.0; 2], [255; 4])];
    let error = text.meshes(&mut stage.scene, 2.0, &blocks).unwrap_err();
    assert!(
        error.to_string().contains("a text size in pixels of 400"),
        "{error}"
    );
    let error = text
        .meshes(&mut stage.scene, f32::NAN, &blocks)
        .unwrap_err();
    let wrong = TextError::Render(RenderError::Ui(UiError::PixelsPerPoint(f32::NAN)));
    assert_eq!(error.to_string(), wrong.to_string());
    let mut other = Text::new(ATLAS);
    let error = other.meshes(&mut stage.scene, 1.0, &blocks).unwrap_err();
    assert!(matches!(error, TextError::NoFont(0)), "{error}");
    // Far away, and not a number: nothing is drawn, or it is said why.
    for position in [
        [1e9, 0.0],
        [f32::NAN, 0.0],
        [f32::INFINITY, f32::NEG_INFINITY],
    ] {
        let layout = text.layout("a", &TextStyle::new(font, 20.0)).unwrap();
        let blocks = [block(&layout, position, [255; 4])];
        let meshes = text.meshes(&mut stage.scene, 1.0, &blocks).unwrap();
        let _ = stage.scene.set_ui(1.0, &meshes);
        stage.draw(&View::default());
    }
}

#[test]
fn hostile_fonts_are_errors_or_draw_something() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let good = epaint_default_fonts::UBUNTU_LIGHT;
    for bytes in [
        &[][..],
        b"OTTO",
        b"not a font",
        &good[..64],
        &good[..good.len() / 3],
    ] {
        let result = Text::new(ATLAS).add_font(bytes.to_vec());
        let cut_short = matches!(result, Err(TextError::Font(n)) if n == bytes.len());
        // What is cut behind its tables' beginnings may still be read, as far as it goes.
        assert!(cut_short || bytes.len() > 1000, "{} bytes", bytes.len());
    }
    let mut random = 0x9e37_79b9_u32;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random
    };
    let mut read = 0;
    for round in 0..200 {
        let mut bytes = good.to_vec();
        // Mostly among the tables' heads, where it hurts.
        for _ in 0..1 + round % 40 {
            let range = if round % 2 == 0 {
                2000
            } else {
                bytes.len() as u32
            };
            let at = (next() % range) as usize;
            bytes[at] = next() as u8;
        }
        let mut text = Text::new(ATLAS);
        let Ok(font) = text.add_font(bytes) else {
            continue;
        };
        read += 1;
        let style = TextStyle {
            width: Some(100.0),
            ..TextStyle::new(font, 30.0)
        };
        let layout = text.layout("Hostile fonts: Äß@&%gjQ ffi", &style).unwrap();
        let blocks = [block(&layout, [10.0, 10.0], [255; 4])];
        match text.meshes(&mut stage.scene, 1.0, &blocks) {
            Ok(meshes) => stage.scene.set_ui(1.0, &meshes).unwrap(),
            Err(error) => println!("{round}: {error}"),
        }
    }
    stage.draw(&View::default());
    assert!(read > 20, "{read} could be read");
}
