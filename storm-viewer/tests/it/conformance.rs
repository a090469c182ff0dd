//! The Khronos "Test" models say themselves whether they are drawn right: by ticks, by pairs that have to look alike, by colours. Here
//! those marks are read out of pictures, at places of the models that are projected into them.
//!
//! Places are in the models' own metres, as their nodes have them. All models are seen from +Z without perspective, so that what is
//! alike in a model is alike in the picture.

use std::path::PathBuf;

use glam::Vec3;
use storm_assets::Image;
use storm_render::{
    Extractor, Gpu, GpuDesc, HdrPicture, HdrTarget, ImageTarget, Projection, Quality, Renderer,
    RendererDesc, Scene, Sky, ToneMap, View,
};
use storm_viewer::content::Content;

const SIDE: u32 = 320;
const SKIPPED: &str = "skipped: STORM_TEST_DATA is not set";

pub(crate) fn data(path: &str) -> Option<PathBuf> {
    let data = std::env::var_os("STORM_TEST_DATA").filter(|data| !data.is_empty());
    data.map(|data| PathBuf::from(data).join("assets").join(path))
}

/// One device and renderer for all models.
pub(crate) struct Bench {
    pub(crate) gpu: Gpu,
    pub(crate) renderer: Renderer,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let desc = GpuDesc {
            validation: true,
            ..GpuDesc::default()
        };
        let gpu =
            Gpu::headless(&desc).unwrap_or_else(|error| panic!("{error}: run `./storm doctor`"));
        let desc = RendererDesc {
            quality: Quality::CPU,
            ..RendererDesc::default()
        };
        let renderer = Renderer::new(&gpu, &desc).unwrap();
        Self { gpu, renderer }
    }

    fn shot(&mut self, content: &Content, sky: Sky, view: View) -> Shot {
        let mut target = HdrTarget::new(&self.gpu, SIDE, SIDE).unwrap();
        let mut scene = Scene::new(&self.gpu).unwrap();
        scene.set_sky(sky);
        Extractor::new()
            .extract(content.world(), content.library(), &mut scene)
            .unwrap();
        self.renderer
            .render(&mut scene, &view, &mut target)
            .unwrap();
        let picture = target.read().unwrap();
        let (count, texts) = self.gpu.validation_messages();
        assert_eq!(count, 0, "the validation layer says: {texts:#?}");
        Shot { picture, view }
    }

    /// A model seen from +Z, from its middle to `half` metres up and down.
    fn front(&mut self, model: &str, sky: Sky, middle: [f32; 2], half: f32) -> Option<Shot> {
        let content = load(model)?;
        Some(self.shot(&content, sky, front(middle, half)))
    }
}

fn load(model: &str) -> Option<Content> {
    let file = match model {
        "TextureTransformTest" => format!("{model}/glTF/{model}.gltf"),
        _ => format!("{model}/glTF-Binary/{model}.glb"),
    };
    let path = data(&format!("gltf-sample-assets/Models/{file}"))?;
    Some(Content::load(&path, None).unwrap_or_else(|error| panic!("{error}")))
}

fn front([x, y]: [f32; 2], half_height: f32) -> View {
    View {
        projection: Projection::Orthographic {
            half_height,
            near: 0.1,
            far: 200.0,
        },
        ..View::look_at(Vec3::new(x, y, 100.0), Vec3::new(x, y, 0.0))
    }
}

/// No light but what things emit.
fn dark() -> Sky {
    Sky {
        sun_color: Vec3::ZERO,
        haze: 0.0,
        zenith: Vec3::ZERO,
        horizon: Vec3::ZERO,
        ground: Vec3::ZERO,
        ..Sky::default()
    }
}

/// The same from everywhere.
fn even() -> Sky {
    Sky {
        zenith: Vec3::ONE,
        horizon: Vec3::ONE,
        ground: Vec3::ONE,
        ..dark()
    }
}

struct Shot {
    picture: HdrPicture,
    view: View,
}

impl Shot {
    /// Radiance at a place of the model.
    fn at(&self, place: Vec3) -> Vec3 {
        let [x, y] = self
            .view
            .place_on_screen([0; 3], place, [SIDE as f32; 2])
            .unwrap();
        let [r, g, b, _] = self.picture.pixels[y as usize * SIDE as usize + x as usize];
        Vec3::new(r, g, b)
    }

    fn xy(&self, x: f32, y: f32) -> Vec3 {
        self.at(Vec3::new(x, y, 0.0))
    }

    /// Radiance at an even grid over a square around a place.
    fn grid(&self, x: f32, y: f32, half: f32) -> Vec<Vec3> {
        let steps = || (-7..=7).map(|i| half * i as f32 / 7.0);
        let all = steps().flat_map(|dy| steps().map(move |dx| (dx, dy)));
        all.map(|(dx, dy)| self.xy(x + dx, y + dy)).collect()
    }

    fn mean(&self, x: f32, y: f32, half: f32) -> Vec3 {
        let grid = self.grid(x, y, half);
        grid.iter().sum::<Vec3>() / grid.len() as f32
    }

    /// How much two squares of one size differ, of what they show.
    fn difference(&self, a: [f32; 2], b: [f32; 2], half: f32) -> f32 {
        let [a, b] = [a, b].map(|[x, y]| self.grid(x, y, half));
        let off: Vec3 = a.iter().zip(&b).map(|(a, b)| (*a - *b).abs()).sum();
        let all: Vec3 = a.iter().sum();
        off.element_sum() / all.element_sum().max(1e-6)
    }
}

/// How much of its light is of one channel.
fn part(c: Vec3, channel: usize) -> f32 {
    c[channel] / c.element_sum().max(1e-6)
}

fn is_green(c: Vec3) -> bool {
    c.y > 0.1 && c.y > 2.0 * c.x && c.y > 2.0 * c.z
}

#[test]
fn texture_transform_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("TextureTransformTest", even(), [0.0, -0.25], 1.6) else {
        return println!("{SKIPPED}");
    };
    // Offsets show the quarter of the picture that has the tick, each on a ground of its own.
    let [u, v, uv] = [-1.1, 0.0, 1.1].map(|x| shot.xy(x - 0.4, 0.15));
    assert!(is_green(u), "offset in U: {u}");
    assert!(part(v, 2) > 0.6, "offset in V: {v}");
    assert!(
        uv.x < 0.1 * uv.y && uv.z > 0.5 * uv.y,
        "offset in both: {uv}"
    );
    // The arrow's tip is up and left of the tick, and at none of the other marks.
    let dark = |[x, y]: [f32; 2]| {
        let grid = shot.grid(x - 0.05, y + 0.12, 0.06);
        grid.iter().filter(|c| c.max_element() < 0.1).count()
    };
    for (what, tick, other) in [
        ("rotation", [-1.179, -1.066], Some([-0.822, -0.828])),
        ("scale", [0.019, -0.569], Some([0.278, -0.828])),
        ("all", [1.03, -0.8], None),
    ] {
        let seen = dark(tick);
        assert!(seen > 20, "{what}: the arrow is at the tick: {seen}");
        if let Some(other) = other {
            assert_eq!(dark(other), 0, "{what}: the arrow is elsewhere");
        }
    }
}

#[test]
fn unlit_test() {
    let mut bench = Bench::new();
    let Some(content) = load("UnlitTest") else {
        return println!("{SKIPPED}");
    };
    let view = front([0.0; 2], 2.6);
    for sky in [dark(), Sky::default()] {
        let shot = bench.shot(&content, sky, view);
        for (x, wanted) in [
            (-1.2, Vec3::new(1.0, 0.217_637_6, 0.0)),
            (1.2, Vec3::new(0.0, 0.217_637_6, 1.0)),
        ] {
            for c in shot.grid(x, 0.0, 0.5) {
                let off = (c - wanted).abs().max_element();
                assert!(off < 1.0 / 512.0, "{c}, not {wanted}");
            }
        }
    }
    // On the screen too, to the last step.
    let mut target = ImageTarget::new(&bench.gpu, SIDE, SIDE).unwrap();
    let mut scene = Scene::new(&bench.gpu).unwrap();
    Extractor::new()
        .extract(content.world(), content.library(), &mut scene)
        .unwrap();
    let view = View {
        tone_map: ToneMap::None,
        ..view
    };
    bench
        .renderer
        .render(&mut scene, &view, &mut target)
        .unwrap();
    let picture: Image = target.read().unwrap();
    let pixel = |x: u32| {
        let at = (SIDE / 2 * SIDE + x) as usize * 4;
        [
            picture.pixels()[at],
            picture.pixels()[at + 1],
            picture.pixels()[at + 2],
        ]
    };
    let left = pixel(SIDE / 2 - 74);
    assert!(
        left[0] == 255 && left[1].abs_diff(128) <= 1 && left[2] == 0,
        "{left:?}"
    );
}

#[test]
fn emissive_strength_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("EmissiveStrengthTest", dark(), [0.0; 2], 8.5) else {
        return println!("{SKIPPED}");
    };
    let cubes = [-6.0, -3.0, 0.0, 3.0, 6.0].map(|x| shot.mean(x, 0.0, 0.3));
    for (i, cube) in cubes.iter().enumerate() {
        let wanted = cubes[0] * (1 << i) as f32;
        let off = (*cube - wanted).abs().max_element();
        assert!(off < 0.01 * wanted.max_element(), "×{}: {cube}", 1 << i);
    }
    assert!(cubes[0].max_element() > 0.5, "{cubes:?}");
}

/// Rows by factor and by texture are alike, and rise from left to right. They are 40 pixels apart.
#[test]
fn specular_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("SpecularTest", Sky::default(), [0.105, 0.0], 0.44) else {
        return println!("{SKIPPED}");
    };
    let columns = [-0.115, -0.005, 0.105, 0.215, 0.325];
    for (factor, texture) in [(0.33, 0.22), (0.11, 0.0), (-0.11, -0.22)] {
        let light = |x: f32, y: f32| shot.mean(x, y, 0.03).element_sum();
        let mut last = 0.0;
        for (number, x) in columns.into_iter().enumerate() {
            let here = light(x, factor);
            assert!(
                here > last || number == 0,
                "{factor}, {number}: more than before: {here}, {last}"
            );
            last = here;
            // The textures hold 8 bits of colours.
            let off = (here - light(x, texture)).abs();
            assert!(
                off < 0.04 * here + 0.002,
                "{factor}, {number}: {off} of {here}"
            );
        }
    }
    // The first of each row reflects nothing where it faces the eye, the yellow ones reflect no blue.
    for y in [0.33, 0.22, 0.11, 0.0] {
        assert!(shot.mean(-0.115, y, 0.01).max_element() < 0.004, "{y}");
    }
    let yellow = shot.mean(0.325, -0.11, 0.02);
    assert!(yellow.z < 0.1 * yellow.x, "{yellow}");
    // Colours over 1 make mirrors.
    let mirror = shot.mean(0.325, -0.33, 0.02);
    assert!(mirror.min_element() > 0.2, "{mirror}");
}

/// A coated surface is its base, dimmed by what the coat reflects, and the coat on a black one.
#[test]
fn clear_coat_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("ClearCoatTest", Sky::default(), [0.0, 0.0], 6.2) else {
        return println!("{SKIPPED}");
    };
    // The row of partial coats has a coat of alpha to compare with, which shows the sky behind.
    for (row, y) in [
        ("simple", 5.25),
        ("roughness", 1.05),
        ("base normals", -1.05),
        ("shared normals", -3.15),
        ("coat normals", -5.25),
    ] {
        let [base, coated, coat] = [-2.1, 0.0, 2.1].map(|x| shot.grid(x, y, 0.85));
        let (mut right, mut added, mut all) = (0, 0.0, 0.0);
        for ((base, coated), coat) in base.iter().zip(&coated).zip(&coat) {
            // A coat leaves most of what is below it, and adds no light of its own.
            let below = *coated - *coat;
            let slack = 0.1 * *coated + 0.005;
            let low = (below - 0.6 * *base + slack).min_element();
            let high = (*base - below + slack).min_element();
            right += usize::from(low >= 0.0 && high >= 0.0);
            added += (*coated - *base).max_element().max(0.0);
            all += coated.max_element();
        }
        assert!(
            right * 20 >= base.len() * 17,
            "{row}: {right} of {}",
            base.len()
        );
        assert!(
            added > 0.02 * all,
            "{row}: the coat shows: {added} of {all}"
        );
    }
}

/// The highlight of a lamp at the eye is round without anisotropy, and longer the more there is.
#[test]
fn anisotropy_strength_test() {
    let mut bench = Bench::new();
    let sky = Sky {
        sun_direction: Vec3::Z,
        sun_color: Vec3::ONE,
        ..dark()
    };
    let Some(shot) = bench.front("AnisotropyStrengthTest", sky, [0.0, 3.0], 3.8) else {
        return println!("{SKIPPED}");
    };
    let brightness = |x: f32, y: f32| shot.xy(x, y).element_sum();
    let mut last = 0.0;
    for row in 0..7 {
        let y = row as f32;
        let x = -1.0;
        let along = brightness(x + 0.2, y).max(1e-4) / brightness(x, y + 0.2).max(1e-4);
        let stretch = along.max(1.0 / along);
        match row {
            0 => assert!(stretch < 1.3, "round: {stretch}"),
            _ => assert!(stretch > last * 0.98, "row {row}: {stretch} after {last}"),
        }
        last = stretch;
    }
    assert!(last > 3.0, "long: {last}");
}

#[test]
fn transmission_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("TransmissionTest", Sky::default(), [0.0, 0.1], 0.62) else {
        return println!("{SKIPPED}");
    };
    // Tiles of the cloth behind are seen through the clear balls, and less through the rough ones.
    let edges = |x: f32, y: f32| {
        let grid = shot.grid(x, y, 0.06);
        let steps = grid.windows(2).map(|pair| (pair[0].x - pair[1].x).abs());
        let mut sharp: Vec<_> = steps.collect();
        sharp.sort_by(f32::total_cmp);
        // The sharpest tenth, relative to all the light.
        let mean = grid.iter().map(|c| c.x).sum::<f32>() / grid.len() as f32;
        sharp[sharp.len() * 9 / 10] / mean
    };
    let (clear, rough) = (edges(-0.367, 0.226), edges(-0.367, 0.0));
    assert!(clear > 0.1 && rough < 0.8 * clear, "{clear}, {rough}");
    let yellow = shot.mean(-0.367, 0.226, 0.05);
    assert!(
        yellow.z < 0.3 * yellow.x && yellow.y > 0.6 * yellow.x,
        "{yellow}"
    );
    // Behind the metal ones nothing is seen.
    let metal = shot.mean(-0.367, -0.234, 0.05);
    assert!(metal.z < 0.4 * metal.x, "{metal}");
}

/// What each row shows is what stands beside it, 64 pixels further.
#[test]
fn texture_settings_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("TextureSettingsTest", even(), [0.0, -0.58], 5.365) else {
        return println!("{SKIPPED}");
    };
    for y in [2.545, 1.52, 0.467, -0.57, -1.604, -2.641, -3.678, -4.715] {
        let (test, sample) = ([0.455, y], [2.601, y]);
        let off = shot.difference(test, sample, 0.4);
        assert!(off < 0.12, "row at {y}: {off}");
        let green = shot
            .grid(0.455, y, 0.4)
            .into_iter()
            .filter(|c| is_green(*c));
        assert!(green.count() > 10, "row at {y}: a tick or a field of green");
    }
}

#[test]
fn texture_coordinate_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("TextureCoordinateTest", even(), [0.0; 2], 1.4) else {
        return println!("{SKIPPED}");
    };
    let corners = [[-0.7, 0.7], [0.7, 0.7], [-0.7, -0.7], [0.7, -0.7]];
    let [yellow, orange, blue, green] = corners.map(|[x, y]| shot.xy(x, y - 0.15));
    assert!(
        yellow.x > 0.5 && yellow.y > 0.5 && yellow.z < 0.1,
        "{yellow}"
    );
    assert!(orange.x > 3.0 * orange.y && orange.z < 0.1, "{orange}");
    assert!(blue.z > 3.0 * blue.y && blue.x < 0.1, "{blue}");
    assert!(is_green(green), "{green}");
    // Marks at the outer corners are black and white, the inner corners have black angles.
    for [x, y] in corners {
        let out = |along: f32| shot.grid(x + along * x.signum(), y + along * y.signum(), 0.06);
        let black = |c: &&Vec3| c.max_element() < 0.15;
        assert!(
            out(0.42).iter().filter(black).count() > 20,
            "{x} {y}: outside"
        );
        assert!(
            out(-0.46).iter().filter(black).count() > 5,
            "{x} {y}: inside"
        );
        assert_eq!(out(0.0).iter().filter(black).count(), 0, "{x} {y}: between");
    }
}

/// Texels between two colours are mixed as light and not as bytes.
#[test]
fn texture_linear_interpolation_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("TextureLinearInterpolationTest", even(), [0.0, 0.2], 3.4) else {
        return println!("{SKIPPED}");
    };
    let off = shot.difference([-1.5, -1.0], [1.5, -1.0], 0.6);
    assert!(off < 0.02, "{off}");
    assert!(is_green(shot.xy(1.5, -1.0)));
}

/// Balls of vertices and balls of a normal map, side by side: MikkTSpace tangents, made by the reader.
#[test]
fn normal_tangent_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("NormalTangentTest", Sky::default(), [0.0, -0.125], 1.2) else {
        return println!("{SKIPPED}");
    };
    for column in [-0.8, 0.0, 0.8] {
        for row in 0..5 {
            let y = 0.8 - 0.4 * row as f32;
            let off = shot.difference([column - 0.155, y], [column + 0.155, y], 0.09);
            // Mirrors show the faces of the balls' vertices.
            let bound = if column > 0.4 { 0.3 } else { 0.12 };
            assert!(off < bound, "{column}, {row}: {off}");
        }
    }
}

/// How far up each panel is filled says where its alpha is cut off.
#[test]
fn alpha_blend_mode_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("AlphaBlendModeTest", even(), [0.0, 1.0], 4.6) else {
        return println!("{SKIPPED}");
    };
    // Stripes are of green and blue, and no red; marble is of all.
    let color = |x: f32, t: f32| {
        let grid = shot.grid(x, 0.1 + 1.87 * t, 0.12);
        let stripes = grid.iter().map(|c| (1.0 - c.x / c.y).max(0.0));
        stripes.sum::<f32>() / grid.len() as f32
    };
    for t in [0.1, 0.3, 0.5, 0.7, 0.9] {
        assert!(color(-3.0, t) > 0.2, "opaque at {t}: {}", color(-3.0, t));
        for (x, cutoff) in [(0.0, 0.25), (1.5, 0.5), (3.0, 0.75_f32)] {
            let (alpha, seen) = (1.0 - t, color(x, t));
            if (alpha - cutoff).abs() > 0.1 {
                let there = seen > 0.13;
                assert_eq!(
                    there,
                    alpha > cutoff,
                    "cut off at {cutoff}, alpha {alpha}: {seen}"
                );
            }
        }
    }
    let blend = [0.1, 0.5, 0.9].map(|t| color(-1.5, t));
    assert!(
        blend[0] > 1.2 * blend[1] && blend[1] > 1.4 * blend[2],
        "{blend:?}"
    );
}

/// Each arrow points at a target of its own colour, on all six sides of the box.
#[test]
fn orientation_test() {
    let mut bench = Bench::new();
    let Some(content) = load("OrientationTest") else {
        return println!("{SKIPPED}");
    };
    for (name, normal, arrow, target) in [
        ("X1", Vec3::X, [5.0, 0.819, -0.574], [5.0, 2.946, -2.138]),
        (
            "X2",
            Vec3::NEG_X,
            [-5.0, 0.996, 0.087],
            [-5.0, 3.515, 0.344],
        ),
        ("Y1", Vec3::Y, [0.94, 5.0, -0.342], [3.343, 5.0, -1.347]),
        (
            "Y2",
            Vec3::NEG_Y,
            [-0.208, -5.0, 0.978],
            [-0.819, -5.0, 3.464],
        ),
        ("Z1", Vec3::Z, [-0.259, 0.966, 5.0], [-1.019, 3.427, 5.0]),
        (
            "Z2",
            Vec3::NEG_Z,
            [0.292, 0.956, -5.0],
            [1.152, 3.396, -5.0],
        ),
    ] {
        let mut view = front([0.0; 2], 6.0);
        let up = if normal.y == 0.0 { Vec3::Y } else { Vec3::Z };
        let eye = normal * 50.0 + up * 0.01;
        view = View {
            projection: view.projection,
            ..View::look_at(eye, up * 0.01)
        };
        let shot = bench.shot(&content, even(), view);
        let [at, to] = [Vec3::from(arrow), Vec3::from(target)];
        let [a, b] = [at, to].map(|place| shot.at(place));
        let hue = |c: Vec3| c / c.max_element();
        assert!(
            (hue(a) - hue(b)).abs().max_element() < 0.1,
            "{name}: {a} and {b}"
        );
        // From the arrow's middle to its target its colour never ends for long.
        let along = (0..=20).map(|i| shot.at(at.lerp(to, i as f32 / 20.0)));
        let same = along
            .filter(|c| (hue(*c) - hue(a)).abs().max_element() < 0.15)
            .count();
        assert!(same >= 15, "{name}: {same} of 21");
    }
}

#[test]
fn negative_scale_test() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("NegativeScaleTest", Sky::default(), [0.0; 2], 4.7) else {
        return println!("{SKIPPED}");
    };
    // Ticks in front, behind and as they have to be.
    for y in [2.68, 1.52] {
        let sample = [3.827, y];
        for x in [0.008, 1.9] {
            let off = shot.difference([x, y], sample, 0.36);
            assert!(off < 0.1, "{x} {y}: {off}");
            let green = shot.grid(x, y, 0.36).into_iter().filter(|c| is_green(*c));
            assert!(green.count() > 10, "{x} {y}: a tick");
        }
    }
    for y in [-1.0, -2.25, -3.5] {
        let off = shot.difference([1.0, y], [3.0, y], 0.3);
        assert!(off < 0.02, "balls at {y}: {off}");
    }
}

/// The film of the second head has many hues, and without the extension it has few.
#[test]
fn iridescence_suzanne() {
    let mut bench = Bench::new();
    let Some(shot) = bench.front("IridescenceSuzanne", even(), [0.0; 2], 4.6) else {
        return println!("{SKIPPED}");
    };
    let hues = |x: f32| {
        let mut found = [false; 6];
        for c in shot.grid(x, 0.0, 0.8) {
            let (low, high) = (c.min_element(), c.max_element());
            if high > 1.3 * low {
                let hue = (3.0_f32.sqrt() * (c.y - c.z)).atan2(2.0 * c.x - c.y - c.z);
                found[((hue / std::f32::consts::TAU).rem_euclid(1.0) * 6.0) as usize % 6] = true;
            }
        }
        found.iter().filter(|found| **found).count()
    };
    assert!(hues(0.0) >= 3, "{}", hues(0.0));
}
