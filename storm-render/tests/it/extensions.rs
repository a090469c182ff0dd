//! Each material extension drawn with and without, side by side with what it must change: regions of the pictures are named by where
//! they lie on a ball, so no pixel is measured by hand.

use glam::Vec3;
use storm_assets::{
    Anisotropy, Clearcoat, Handle, Image, Iridescence, Material, Mesh, Sampler, Sheen, Specular,
    TextureSlot, TextureTransform, Wrap,
};
use storm_render::{ColorSpace, HdrPicture, HdrTarget, Projection, Sky, ToneMap, View};

use crate::{
    gallery::{BLUE, ORANGE, at},
    golden::check,
    harness::{SIZE, Stage, TestGpu},
    scenes,
};

const SUN: Vec3 = Vec3::new(-0.5, 0.7, 0.8);
const COLUMNS: usize = 6;

/// A ball with and without an extension.
struct Pair {
    name: &'static str,
    on: Material,
    off: Material,
}

fn slot(name: &str) -> TextureSlot {
    TextureSlot {
        image: Handle::of(name, "image"),
        sampler: Sampler::default(),
        uv_set: 0,
        transform: TextureTransform::IDENTITY,
    }
}

fn pairs() -> Vec<Pair> {
    let black = Material::matte("", [0.0; 3], 0.4);
    let rough = Material::matte("", [0.02; 3], 0.95);
    let brass = Material {
        metallic: 1.0,
        roughness: 0.25,
        ..Material::matte("", [0.9, 0.7, 0.4], 0.25)
    };
    let red = Material::matte("", [0.6, 0.1, 0.1], 0.5);
    let coat = Clearcoat {
        factor: 1.0,
        roughness: 0.1,
        ..Clearcoat::default()
    };
    let halves = Material {
        base_color_texture: Some(slot("halves")),
        ..Material::matte("", [1.0; 3], 0.9)
    };
    let with_slot = |slot: TextureSlot| Material {
        base_color_texture: Some(slot),
        ..halves.clone()
    };
    let pair = |name, on, off: &Material| Pair {
        name,
        on,
        off: off.clone(),
    };
    vec![
        pair(
            "specular",
            Material {
                specular: Some(Specular {
                    color: [1.0, 0.1, 0.1],
                    ..Specular::default()
                }),
                ..black.clone()
            },
            &black,
        ),
        pair(
            "ior",
            Material {
                ior: 1.0,
                ..black.clone()
            },
            &black,
        ),
        pair(
            "clearcoat",
            Material {
                clearcoat: Some(coat),
                ..rough.clone()
            },
            &rough,
        ),
        pair(
            "clearcoat normal",
            Material {
                clearcoat: Some(Clearcoat {
                    normal_texture: Some(slot("bumps")),
                    ..coat
                }),
                ..rough.clone()
            },
            &Material {
                clearcoat: Some(coat),
                ..rough.clone()
            },
        ),
        pair(
            "sheen",
            Material {
                sheen: Some(Sheen {
                    color: [0.2, 0.9, 0.3],
                    roughness: 0.4,
                    ..Sheen::default()
                }),
                ..rough.clone()
            },
            &rough,
        ),
        pair(
            "anisotropy",
            Material {
                anisotropy: Some(Anisotropy {
                    strength: 0.8,
                    ..Anisotropy::default()
                }),
                ..brass.clone()
            },
            &brass,
        ),
        pair(
            "iridescence",
            Material {
                iridescence: Some(Iridescence {
                    factor: 1.0,
                    ior: 1.8,
                    thickness_max: 420.0,
                    ..Iridescence::default()
                }),
                roughness: 0.15,
                ..brass.clone()
            },
            &Material {
                roughness: 0.15,
                ..brass.clone()
            },
        ),
        pair(
            "unlit",
            Material {
                unlit: true,
                ..red.clone()
            },
            &red,
        ),
        pair(
            "emissive strength",
            Material {
                emissive: [0.2, 0.1, 0.05],
                emissive_strength: 4.0,
                ..black.clone()
            },
            &Material {
                emissive: [0.2, 0.1, 0.05],
                ..black
            },
        ),
        pair(
            "texture transform",
            with_slot(TextureSlot {
                transform: TextureTransform {
                    offset: [0.5, 0.0],
                    ..TextureTransform::IDENTITY
                },
                ..slot("halves")
            }),
            &halves,
        ),
        pair(
            "uv set",
            with_slot(TextureSlot {
                uv_set: 2,
                ..slot("halves")
            }),
            &halves,
        ),
        pair(
            "sampler",
            with_slot(TextureSlot {
                uv_set: 1,
                sampler: Sampler {
                    wrap_u: Wrap::ClampToEdge,
                    ..Sampler::default()
                },
                ..slot("halves")
            }),
            &with_slot(TextureSlot {
                uv_set: 1,
                ..slot("halves")
            }),
        ),
    ]
}

/// Where the ball of a pair is.
fn middle(number: usize) -> Vec3 {
    let (column, row) = (number % COLUMNS, number / COLUMNS);
    Vec3::new(column as f32 * 2.3 - 5.75, 1.15 - row as f32 * 2.3, 0.0)
}

/// A ball whose second UV set runs over the edge of pictures, and whose third is half a picture further.
fn ball() -> Mesh {
    let mut ball = scenes::sphere(48, 96);
    let moved = |by: [f32; 2]| {
        let set = ball.uvs[0].iter();
        set.map(|[u, v]| [u + by[0], v + by[1]]).collect()
    };
    let more = [moved([1.0, 0.0]), moved([0.5, 0.0])];
    ball.uvs.extend(more);
    ball
}

fn balls(stage: &mut Stage<'_>, on: bool) -> View {
    // Left half orange, right half blue, and not a pixel between.
    let halves = scenes::picture(64, |x, _| if x < 32 { ORANGE } else { BLUE });
    let bumps = scenes::bumps(128, 6);
    let add = |stage: &mut Stage<'_>, name: &str, space, picture: &Image| {
        let key = (Handle::of(name, "image"), space);
        stage.scene.insert_texture(key, picture).unwrap();
    };
    add(stage, "halves", ColorSpace::Srgb, &halves);
    add(stage, "bumps", ColorSpace::Linear, &bumps);
    let mesh = ball();
    for (number, pair) in pairs().into_iter().enumerate() {
        let material = if on { pair.on } else { pair.off };
        let at = middle(number);
        stage.add(pair.name, &mesh, &material, self::at(at.x, at.y, at.z));
    }
    stage.scene.set_sky(Sky {
        sun_direction: SUN,
        ..Sky::default()
    });
    View {
        projection: Projection::Orthographic {
            half_height: 3.9,
            near: 0.1,
            far: 40.0,
        },
        ..View::look_at(Vec3::new(0.0, 0.0, 20.0), Vec3::ZERO)
    }
}

/// All balls with their extensions.
pub(crate) fn layers(stage: &mut Stage<'_>) -> View {
    balls(stage, true)
}

/// A drawn scene, and where its balls are in it.
struct Seen {
    picture: HdrPicture,
    view: View,
}

impl Seen {
    fn new(stage: &mut Stage<'_>, view: View) -> Self {
        let mut target = HdrTarget::new(stage.gpu(), SIZE.0, SIZE.1).unwrap();
        stage
            .renderer
            .render(&mut stage.scene, &view, &mut target)
            .unwrap();
        Self {
            picture: target.read().unwrap(),
            view,
        }
    }

    /// Radiance around where a ball's surface looks in this direction.
    fn towards(&self, name: &str, normal: Vec3) -> Vec3 {
        let number = pairs().iter().position(|pair| pair.name == name).unwrap();
        let place = middle(number) + normal.normalize();
        let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
        let size = [width as f32, height as f32];
        let [x, y] = self.view.place_on_screen([0; 3], place, size).unwrap();
        let mut sum = Vec3::ZERO;
        for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let (x, y) = ((x - 0.5) as usize + i, (y - 0.5) as usize + j);
            let [r, g, b, _] = self.picture.pixels[y * width + x];
            sum += 0.25 * Vec3::new(r, g, b);
        }
        sum
    }

    fn brightness(&self, name: &str, normal: Vec3) -> f32 {
        self.towards(name, normal)
            .dot(Vec3::new(0.2126, 0.7152, 0.0722))
    }
}

/// Where a ball mirrors the sun.
fn highlight() -> Vec3 {
    SUN.normalize() + Vec3::Z
}

const MIDDLE: Vec3 = Vec3::Z;
/// On the side away from the sun, where the ball is seen edge on.
const RIM: Vec3 = Vec3::new(0.85, -0.35, 0.39);

#[test]
fn each_extension_changes_what_it_says() {
    let gpu = TestGpu::new();
    let [on, off] = [true, false].map(|on| {
        let mut stage = Stage::new(&gpu);
        let view = balls(&mut stage, on);
        let picture = stage.picture(&view);
        let name = if on { "layers" } else { "layers-off" };
        check(name, &stage, &picture);
        Seen::new(&mut stage, view)
    });

    let [with, without] = [&on, &off].map(|seen| seen.towards("specular", highlight()));
    assert!(
        without.x / without.y < 1.1,
        "reflection has no colour of its own: {without}"
    );
    assert!(with.x > 4.0 * with.y, "reflection is red: {with}");
    // At grazing angles all of it is reflected, in no colour.
    let [with, without] = [&on, &off].map(|seen| seen.towards("specular", RIM));
    assert!(
        with.y / with.x > 0.3 && without.x / without.y < 1.1,
        "{with}"
    );

    // Towards the rim Schlick's approximation reflects whatever the index; the extension asks for it all the same.
    for normal in [highlight(), MIDDLE] {
        let [with, without] = [&on, &off].map(|seen| seen.brightness("ior", normal));
        assert!(
            without > 0.02 && with < 0.06 * without,
            "an index of 1 reflects nothing: {with}, {without}"
        );
    }

    let [with, without] = [&on, &off].map(|seen| seen.brightness("clearcoat", highlight()));
    assert!(
        with > 4.0 * without && with > without + 0.5,
        "{with}, {without}"
    );

    // Bumps of the coat show another part of the sky each, below the highlight too; the base is smooth.
    let flat = (
        off.brightness("clearcoat normal", highlight()),
        off.brightness("clearcoat", highlight()),
    );
    assert!(
        flat.0 > 4.0 * flat.1,
        "without the map there is the coat: {flat:?}"
    );
    let spread = |seen: &Seen| {
        let around: Vec<f32> = (0..40)
            .map(|i| {
                let turn = 2.4 * i as f32;
                let out = 0.75 * (i as f32 / 40.0).sqrt();
                let normal = Vec3::new(out * turn.cos(), out * turn.sin() - 0.1, 0.6);
                seen.brightness("clearcoat normal", normal)
            })
            .collect();
        let mean = around.iter().sum::<f32>() / 40.0;
        around.iter().map(|b| (b - mean).abs()).sum::<f32>() / (40.0 * mean)
    };
    assert!(
        spread(&on) > 1.3 * spread(&off),
        "{} {}",
        spread(&on),
        spread(&off)
    );

    let [with, without] = [&on, &off].map(|seen| seen.towards("sheen", RIM));
    assert!(
        with.y > without.y + 0.05 && with.y > 2.0 * with.x,
        "{with}, {without}"
    );
    let [with, without] = [&on, &off].map(|seen| seen.brightness("sheen", MIDDLE));
    assert!(
        (with - without).abs() < 0.08,
        "not in the middle: {with}, {without}"
    );

    // The tangent runs around the ball's axis, left to right: so does the highlight.
    let reach = |seen: &Seen, along: Vec3| {
        let top = seen.brightness("anisotropy", highlight());
        let far = seen.brightness("anisotropy", highlight().normalize() + 0.28 * along);
        far / top
    };
    let [across, up] = [Vec3::X, Vec3::Y].map(|along| reach(&on, along));
    let [across_off, up_off] = [Vec3::X, Vec3::Y].map(|along| reach(&off, along));
    assert!(across > 1.5 * up, "stretched: {across}, {up}");
    assert!(
        (0.6..1.6).contains(&(across_off / up_off)),
        "round: {across_off}, {up_off}"
    );

    let hue = |c: Vec3| {
        let c = c / c.max_element();
        (3.0_f32.sqrt() * (c.y - c.z)).atan2(2.0 * c.x - c.y - c.z)
    };
    let turned = |seen: &Seen| {
        let slanted = Vec3::new(0.2, -0.9, 0.42);
        let hues = [MIDDLE, slanted].map(|normal| hue(seen.towards("iridescence", normal)));
        (hues[0] - hues[1]).abs()
    };
    assert!(turned(&on) > 0.6, "another hue by angle: {}", turned(&on));
    assert!(turned(&off) < 0.6, "{}", turned(&off));

    for normal in [highlight(), MIDDLE, RIM] {
        let [with, without] = [&on, &off].map(|seen| seen.towards("unlit", normal));
        let color = Vec3::new(0.6, 0.1, 0.1);
        assert!((with - color).abs().max_element() < 1.0 / 1024.0, "{with}");
        assert!((without - color).abs().max_element() > 0.02, "{without}");
    }

    let [with, without] = [&on, &off].map(|seen| seen.towards("emissive strength", MIDDLE));
    let more = with - without;
    let wanted = Vec3::new(0.2, 0.1, 0.05) * 3.0;
    assert!((more - wanted).abs().max_element() < 0.002, "{more}");

    // In front the ball shows the seam of UV 0 and 1: left of it the picture ends, right of it it begins.
    let left = Vec3::new(-0.5, 0.0, 0.87);
    let right = Vec3::new(0.5, 0.0, 0.87);
    let orange = |c: Vec3| c.x > 2.0 * c.z;
    let blue = |c: Vec3| c.z > 2.0 * c.x;
    for name in ["texture transform", "uv set"] {
        let swapped = orange(on.towards(name, left)) && blue(on.towards(name, right));
        let plain = blue(off.towards(name, left)) && orange(off.towards(name, right));
        assert!(swapped && plain, "{name}");
    }
    assert!(
        blue(on.towards("sampler", right)),
        "the last column goes on"
    );
    assert!(
        orange(off.towards("sampler", right)),
        "the first comes again"
    );
}

/// What is shown of unlit surfaces is their base colour to the last step, whatever the light.
#[test]
fn an_unlit_surface_is_its_base_colour() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let unlit = Material {
        unlit: true,
        emissive: [1.0; 3],
        ..Material::matte("", [0.5, 0.25, 0.0], 0.5)
    };
    stage.add("unlit", &scenes::sphere(8, 16), &unlit, at(0.0, 0.0, 0.0));
    let view = View {
        tone_map: ToneMap::None,
        ..View::look_at(Vec3::new(0.0, 0.0, 3.0), Vec3::ZERO)
    };
    for sun_color in [Vec3::ZERO, Vec3::splat(9.0)] {
        stage.scene.set_sky(Sky {
            sun_color,
            ..Sky::default()
        });
        let picture = stage.picture(&view);
        let [r, g, b, _] = crate::harness::pixel(&picture, 160, 90);
        // 0.5 is 187.5 in sRGB, 0.25 is 137.
        assert!(
            (187..=188).contains(&r) && (136..=138).contains(&g) && b == 0,
            "{r} {g} {b}"
        );
    }
}
