//! The pictures that come with the asset generator's models: where there is something, and in which colours.
//!
//! Their cameras are in `Manifest.json`; that they see 0.8 radians from top to bottom follows from the size of the unit square in them. Their light
//! is not stated, and behind the models is a photograph, so what is compared is what light does not change:
//! - the outline. The photograph is known where the models of other pictures leave it free; a picture has its model where it shows
//!   something else. Bound: of the pixels that are the model in one of the two pictures, 95 % are in both. The rest are edges: at 100 pixels a
//!   side, a square of 90 has 360 pixels of edge, 4 % of it, half of which may fall either way, and white parts of the photograph behind white parts of a model.
//! - the colours, as chromaticity (within 0.15 of each channel's part) or darkness, of pixels whose neighbours are the model too. Bound:
//!   95 % are alike. The rest are lines between two colours, which are a pixel wide, and colours that one light makes dark and another does not.

use std::{fs, path::Path};

use glam::Vec3;
use image::RgbaImage;
use storm_render::{Extractor, HdrTarget, Projection, Scene, Sky, View};
use storm_viewer::content::Content;

use crate::conformance::{Bench, data};

const SIDE: usize = 100;

type Pixels = Vec<Vec3>;

/// What a picture shows, in linear light and at `SIDE` pixels.
fn reference(path: &Path) -> Pixels {
    let picture: RgbaImage = image::open(path).unwrap().into_rgba8();
    let (width, height) = picture.dimensions();
    assert_eq!((width, height), (400, 400));
    let linear = |byte: u8| {
        let c = f32::from(byte) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    let block = |i: usize| {
        let (x, y) = (4 * (i % SIDE) as u32, 4 * (i / SIDE) as u32);
        let all = (0..16).map(|k| picture.get_pixel(x + k % 4, y + k / 4).0);
        all.map(|[r, g, b, _]| Vec3::new(linear(r), linear(g), linear(b)))
            .sum::<Vec3>()
            / 16.0
    };
    (0..SIDE * SIDE).map(block).collect()
}

/// Ours, under a sky that is the same from everywhere; and where the model is in it.
fn ours(bench: &mut Bench, content: &Content, distance: f32) -> (Pixels, Vec<bool>) {
    let view = View {
        projection: Projection::Perspective {
            yfov: 0.8,
            near: 0.01,
        },
        ..View::look_at(Vec3::new(0.0, 0.0, distance), Vec3::ZERO)
    };
    let mut target = HdrTarget::new(&bench.gpu, SIDE as u32, SIDE as u32).unwrap();
    let mut draw = |scene: &mut Scene, sky: Sky| -> Pixels {
        scene.set_sky(sky);
        bench.renderer.render(scene, &view, &mut target).unwrap();
        let picture = target.read().unwrap();
        picture
            .pixels
            .iter()
            .map(|[r, g, b, _]| Vec3::new(*r, *g, *b))
            .collect()
    };
    let mut scene = Scene::new(&bench.gpu).unwrap();
    let empty = draw(&mut scene, Sky::default());
    Extractor::new()
        .extract(content.world(), content.library(), &mut scene)
        .unwrap();
    let shown = draw(&mut scene, Sky::default());
    let even = Sky {
        sun_color: Vec3::ZERO,
        haze: 0.0,
        zenith: Vec3::ONE,
        horizon: Vec3::ONE,
        ground: Vec3::ONE,
        ..Sky::default()
    };
    let colors = draw(&mut scene, even);
    let model = empty
        .iter()
        .zip(&shown)
        .map(|(a, b)| (*a - *b).abs().max_element() > 0.02);
    let model = model.collect();
    (colors, model)
}

/// Whether two colours are alike whatever light they are seen in: both dark, or of one chromaticity.
fn alike(a: Vec3, b: Vec3) -> bool {
    const DARK: f32 = 0.12;
    let (bright, dim) = (
        a.max_element().max(b.max_element()),
        a.max_element().min(b.max_element()),
    );
    if dim < DARK {
        return bright < 2.0 * DARK;
    }
    (a / a.element_sum() - b / b.element_sum())
        .abs()
        .max_element()
        < 0.15
}

/// Pixels whose neighbours are the model too.
fn inside(model: &[bool]) -> impl Iterator<Item = usize> + '_ {
    (0..SIDE * SIDE).filter(|i| {
        let (x, y) = (i % SIDE, i / SIDE);
        let in_picture = (1..SIDE - 1).contains(&x) && (1..SIDE - 1).contains(&y);
        in_picture
            && [i - 1, i + 1, i - SIDE, i + SIDE, *i]
                .iter()
                .all(|&j| model[j])
    })
}

#[test]
fn the_generators_pictures_are_ours() {
    let Some(folder) = data("gltf-asset-generator/Output/Positive") else {
        return println!("skipped: STORM_TEST_DATA is not set");
    };
    let mut bench = Bench::new();
    let mut rows = Vec::new();
    let mut groups: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    groups.sort();
    for group in groups {
        let Ok(text) = fs::read(group.join("Manifest.json")) else {
            continue;
        };
        let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
        for model in manifest["models"].as_array().into_iter().flatten() {
            let Some(picture) = model["sampleImageName"].as_str() else {
                continue;
            };
            let picture = group.join(picture);
            if !picture.exists() {
                continue;
            }
            let name = model["fileName"].as_str().unwrap().to_owned();
            let place = &model["camera"]["translation"];
            assert_eq!(
                (place[0].as_f64(), place[1].as_f64()),
                (Some(0.0), Some(0.0)),
                "{name}"
            );
            let distance = place[2].as_f64().unwrap() as f32;
            let content =
                Content::load(&group.join(&name), None).unwrap_or_else(|error| panic!("{error}"));
            let (colors, model) = ours(&mut bench, &content, distance);
            rows.push((name, reference(&picture), colors, model));
        }
    }
    assert!(rows.len() >= 19, "only {} pictures", rows.len());
    let (count, texts) = bench.gpu.validation_messages();
    assert_eq!(count, 0, "the validation layer says: {texts:#?}");

    // The photograph, where models leave it free.
    let photograph: Vec<Option<Vec3>> = (0..SIDE * SIDE)
        .map(|i| {
            let free = rows.iter().filter(|(_, _, _, model)| !model[i]);
            let mut seen: Vec<Vec3> = free.map(|(_, reference, ..)| reference[i]).collect();
            seen.sort_by(|a, b| a.element_sum().total_cmp(&b.element_sum()));
            (seen.len() >= 3).then(|| seen[seen.len() / 2])
        })
        .collect();
    let mut problems = Vec::new();
    for (name, reference, colors, model) in &rows {
        let (mut both, mut either) = (0, 0);
        for i in 0..SIDE * SIDE {
            if let Some(behind) = photograph[i] {
                let there = (reference[i] - behind).abs().max_element() > 0.02;
                both += usize::from(there && model[i]);
                either += usize::from(there || model[i]);
            }
        }
        let places: Vec<usize> = inside(model).collect();
        let same = places
            .iter()
            .filter(|&&i| alike(reference[i], colors[i]))
            .count();
        let outline = both as f32 / either.max(1) as f32;
        let colored = same as f32 / places.len().max(1) as f32;
        if either < 300 || outline < 0.95 || places.len() < 300 || colored < 0.95 {
            let (here, all) = (either, places.len());
            problems.push(format!(
                "{name}: outline {outline:.3} of {here}, colours {colored:.3} of {all}"
            ));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
