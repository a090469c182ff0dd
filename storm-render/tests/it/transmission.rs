//! What is seen through surfaces: thin walls, volumes that refract and absorb, blur, and colours that part.

use glam::{Mat4, Vec3};
use storm_assets::{
    AlphaMode, Handle, Material, TextureSlot, TextureTransform, Transmission, Volume,
};
use storm_render::{
    ColorSpace, DebugView, HdrPicture, HdrTarget, InstanceTransform, Projection, Quality, Renderer,
    RendererDesc, Sky, View,
};

use crate::{
    gallery::at,
    golden::check,
    harness::{SIZE, Stage, TestGpu},
    scenes,
};

/// Half the sides of the view, metres.
const HALF: [f32; 2] = [4.8, 2.7];
/// How high on the wall the step from light to dark is.
const STEP: f32 = 0.0;

const DARK: Sky = Sky {
    source: storm_render::SkySource::Gradient,
    sun_direction: Vec3::Y,
    sun_color: Vec3::ZERO,
    sun_radius: 0.01,
    haze: 0.0,
    zenith: Vec3::ZERO,
    horizon: Vec3::ZERO,
    ground: Vec3::ZERO,
    cloud_cover: 0.0,
    cloud_scale: 1.0,
    cloud_light: Vec3::ZERO,
    cloud_shade: Vec3::ZERO,
    seed: 1,
    fog_density: 0.0,
    fog_height: 100.0,
};

fn glass(volume: Option<Volume>, ior: f32) -> Material {
    Material {
        transmission: Some(Transmission {
            factor: 1.0,
            texture: None,
        }),
        volume,
        ior,
        ..Material::matte("", [1.0; 3], 0.0)
    }
}

fn view() -> View {
    View {
        projection: Projection::Orthographic {
            half_height: HALF[1],
            near: 0.1,
            far: 40.0,
        },
        ..View::look_at(Vec3::new(0.0, 0.0, 10.0), Vec3::ZERO)
    }
}

/// A wall that glows above its middle, and in front of it one square of glass of side 2, turned about +X.
fn scene(stage: &mut Stage<'_>, material: &Material, turn: f32, scale: f32) {
    stage.scene.set_sky(DARK);
    let glow = Material {
        emissive: [1.0, 0.8, 0.6],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    // Away from glass, nothing is black: parts of it can be told.
    let dim = Material {
        emissive: [0.1; 3],
        ..glow.clone()
    };
    for (name, y, material) in [("above", 20.0 + STEP, &glow), ("below", -20.0 + STEP, &dim)] {
        let place =
            Mat4::from_translation(Vec3::new(0.0, y, -4.0)) * Mat4::from_scale(Vec3::splat(20.0));
        stage.add(
            name,
            &scenes::quad(),
            material,
            InstanceTransform::from_mat4(place),
        );
    }
    let place = Mat4::from_rotation_x(turn) * Mat4::from_scale(Vec3::splat(scale));
    stage.add(
        "glass",
        &scenes::quad(),
        material,
        InstanceTransform::from_mat4(place),
    );
}

fn plain_renderer(stage: &mut Stage<'_>, multisampling: bool) {
    let desc = RendererDesc {
        multisampling,
        ..RendererDesc::default()
    };
    stage.renderer = Renderer::new(stage.gpu(), &desc).unwrap();
}

fn radiance(stage: &mut Stage<'_>) -> HdrPicture {
    let mut target = HdrTarget::new(stage.gpu(), SIZE.0, SIZE.1).unwrap();
    stage
        .renderer
        .render(&mut stage.scene, &view(), &mut target)
        .unwrap();
    target.read().unwrap()
}

fn pixel(picture: &HdrPicture, place: Vec3) -> Vec3 {
    let size = [SIZE.0 as f32, SIZE.1 as f32];
    let [x, y] = view().place_on_screen([0; 3], place, size).unwrap();
    let [r, g, b, _] = picture.pixels[y as usize * SIZE.0 as usize + x as usize];
    Vec3::new(r, g, b)
}

/// Where, up the glass, what is seen through it gets dark, by channel.
fn steps(picture: &HdrPicture) -> Vec3 {
    let mut steps = Vec3::ZERO;
    for channel in 0..3 {
        let height = |i: i32| i as f32 * 0.02;
        let dark = (-45..45)
            .rev()
            .find(|&i| {
                let seen = pixel(picture, Vec3::new(0.0, height(i), 0.0))[channel];
                seen < 0.3
            })
            .unwrap();
        steps[channel] = height(dark);
    }
    steps
}

const WALL: Vec3 = Vec3::new(1.0, 0.8, 0.6);

#[test]
fn a_thin_wall_lets_light_on_as_it_came() {
    let gpu = TestGpu::new();
    for multisampling in [true, false] {
        let mut stage = Stage::new(&gpu);
        plain_renderer(&mut stage, multisampling);
        scene(&mut stage, &glass(None, 1.5), 0.4, 1.0);
        let picture = radiance(&mut stage);
        // Four in a hundred are reflected, of a black room.
        let seen = pixel(&picture, Vec3::new(0.0, 0.5, 0.0));
        let wanted = WALL * 0.96;
        assert!(
            (seen - wanted).abs().max_element() < 0.01,
            "{seen}, not {wanted}"
        );
        let step = steps(&picture);
        assert!(
            (step - STEP).abs().max_element() < 0.05,
            "{step}: nothing is bent"
        );
        // The base colour tints, and what is not transmissive is as opaque as ever.
        let tinted = Material {
            base_color: [0.2, 0.5, 1.0, 1.0],
            ..glass(None, 1.5)
        };
        let handle = Handle::of("glass", "material");
        stage.scene.insert_material(handle, &tinted).unwrap();
        let seen = pixel(&radiance(&mut stage), Vec3::new(0.0, 0.5, 0.0));
        let wanted = WALL * 0.96 * Vec3::new(0.2, 0.5, 1.0);
        assert!(
            (seen - wanted).abs().max_element() < 0.01,
            "{seen}, not {wanted}"
        );
        let half = Material {
            transmission: Some(Transmission {
                factor: 0.5,
                texture: None,
            }),
            ..glass(None, 1.5)
        };
        stage.scene.insert_material(handle, &half).unwrap();
        let seen = pixel(&radiance(&mut stage), Vec3::new(0.0, 0.5, 0.0));
        assert!((seen - WALL * 0.48).abs().max_element() < 0.01, "{seen}");
        let opaque = Material {
            transmission: None,
            ..half
        };
        stage.scene.insert_material(handle, &opaque).unwrap();
        let seen = pixel(&radiance(&mut stage), Vec3::new(0.0, 0.5, 0.0));
        assert!(seen.max_element() < 0.01, "{seen}: a black room");
    }
}

/// Beer and Lambert: the colour after the distance is the one stated, after twice the distance its square.
#[test]
fn a_volume_absorbs_by_its_thickness_in_the_world() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let color = Vec3::new(0.9, 0.5, 0.2);
    let volume = |thickness| {
        glass(
            Some(Volume {
                thickness,
                attenuation_distance: 0.4,
                attenuation_color: color.into(),
                ..Volume::default()
            }),
            1.0,
        )
    };
    scene(&mut stage, &volume(0.4), 0.0, 1.0);
    let handle = Handle::of("glass", "material");
    for (thickness, scale, power) in [
        (0.4, 1.0, 1.0),
        (0.8, 1.0, 2.0),
        (0.2, 2.0, 1.0),
        (0.1, 2.0, 0.5),
    ] {
        stage
            .scene
            .insert_material(handle, &volume(thickness))
            .unwrap();
        let slot = storm_render::RenderSlot(2);
        let place = InstanceTransform::from_mat4(Mat4::from_scale(Vec3::splat(scale)));
        stage.scene.set_transform(slot, &place).unwrap();
        let seen = pixel(&radiance(&mut stage), Vec3::new(0.0, 0.5, 0.0));
        let wanted = WALL * color.powf(power);
        let off = (seen - wanted).abs().max_element();
        assert!(off < 0.01, "{thickness} × {scale}: {seen}, not {wanted}");
    }
}

/// Snell: light that leaves towards the eye at an angle came at another, which moves what is seen by the thickness.
#[test]
fn a_volume_bends_what_is_seen_by_its_index() {
    let gpu = TestGpu::new();
    let mut shown = Vec::new();
    for (ior, thickness, dispersion) in [
        (1.0, 1.0, 0.0),
        (1.5, 1.0, 0.0),
        (1.5, 0.5, 0.0),
        (2.2, 1.0, 0.0),
        (2.2, 1.0, 20.0),
    ] {
        let mut stage = Stage::new(&gpu);
        plain_renderer(&mut stage, false);
        let turn = 0.7_f32;
        let material = Material {
            dispersion,
            ..glass(
                Some(Volume {
                    thickness,
                    ..Volume::default()
                }),
                ior,
            )
        };
        scene(&mut stage, &material, turn, 1.0);
        let step = steps(&radiance(&mut stage));
        // The normal leans towards -Y; the ray goes on in the glass at this angle to it, and ends after the thickness.
        let half_spread = (ior - 1.0) * 0.025 * dispersion;
        let moved = Vec3::from([-1.0, 0.0, 1.0].map(|side| {
            let inside = (turn.sin() / (ior + side * half_spread)).asin();
            thickness * (turn - inside).sin()
        }));
        // It leans towards the normal, upwards: what is seen through the glass is seen lower.
        let wanted = STEP - moved;
        let off = (step - wanted).abs().max_element();
        assert!(
            off < 0.06,
            "{ior}, {thickness}, {dispersion}: {step}, not {wanted}"
        );
        shown.push(step);
    }
    let [flat, glass, .., parted] = &shown[..] else {
        unreachable!()
    };
    assert!((glass - flat).length() > 0.3);
    assert!(parted.x - parted.z > 0.12, "blue is bent more: {parted}");
    assert!((glass.x - glass.z).abs() < 0.03, "{glass}");
}

#[test]
fn rough_glass_blurs_and_low_indices_blur_less() {
    let gpu = TestGpu::new();
    let contrast = |roughness: f32, ior: f32| {
        let mut stage = Stage::new(&gpu);
        let material = Material {
            roughness,
            ..glass(None, ior)
        };
        scene(&mut stage, &material, 0.0, 1.0);
        let picture = radiance(&mut stage);
        let seen = [0.3, -0.3].map(|y| pixel(&picture, Vec3::new(0.0, y, 0.0)).y);
        seen[0] - seen[1]
    };
    let [clear, dull, matt] = [0.0, 0.5, 0.9].map(|roughness| contrast(roughness, 1.5));
    assert!(
        clear > 0.65 && dull < 0.8 * clear && matt < 0.5 * dull,
        "{clear} {dull} {matt}"
    );
    assert!(contrast(0.5, 1.1) > 1.1 * dull);
}

/// The same whatever the frame is made of, and where other things are around.
#[test]
fn what_is_behind_is_seen_in_every_kind_of_frame() {
    let gpu = TestGpu::new();
    let pane = Material {
        base_color: [0.0, 0.0, 1.0, 0.5],
        alpha_mode: AlphaMode::Blend,
        emissive: [0.0, 0.4, 0.0],
        ..Material::matte("", [0.0; 3], 1.0)
    };
    for multisampling in [true, false] {
        for (name, quality) in [
            ("cpu", Quality::CPU),
            ("high", Quality::HIGH),
            (
                "weighted",
                Quality {
                    weighted_blending: true,
                    ..Quality::CPU
                },
            ),
            (
                "temporal",
                Quality {
                    temporal: true,
                    ..Quality::CPU
                },
            ),
            (
                "no culling",
                Quality {
                    culling: storm_render::Culling::Off,
                    ..Quality::CPU
                },
            ),
        ] {
            let mut stage = Stage::new(&gpu);
            plain_renderer(&mut stage, multisampling);
            stage.renderer.set_quality(quality);
            scene(&mut stage, &glass(None, 1.5), 0.0, 1.0);
            // Blended in front of glass and behind it, and glass behind glass.
            stage.add("front", &scenes::quad(), &pane, at(1.0, 0.0, 1.0));
            stage.add("behind", &scenes::quad(), &pane, at(-1.4, 0.0, -1.0));
            let red = Material {
                base_color: [1.0, 0.0, 0.0, 1.0],
                ..glass(None, 1.5)
            };
            stage.add(
                "glass behind glass",
                &scenes::quad(),
                &red,
                at(0.0, 1.4, -2.0),
            );
            // Those that go on from the frame before need a few.
            for _ in 0..if quality.temporal { 4 } else { 0 } {
                radiance(&mut stage);
            }
            let picture = radiance(&mut stage);
            let beside = pixel(&picture, Vec3::new(3.0, 0.5, 0.0));
            assert!(
                (beside - WALL).abs().max_element() < 0.01,
                "{name}: {beside}"
            );
            let through = pixel(&picture, Vec3::new(-0.2, 0.2, 0.0));
            let wanted = WALL * 0.96;
            assert!(
                (through - wanted).abs().max_element() < 0.02,
                "{name}: {through}"
            );
            // Half of the pane's own light, over half of what is seen through the glass.
            let over = pixel(&picture, Vec3::new(0.8, 0.2, 0.0));
            assert!(
                over.x < 0.6 && over.y > 0.3,
                "{name}: the pane in front: {over}"
            );
            // The nearer glass shows what is opaque, and hides the farther.
            let two = pixel(&picture, Vec3::new(-0.2, 0.7, 0.0));
            assert!((two - wanted).abs().max_element() < 0.02, "{name}: {two}");
            let red = pixel(&picture, Vec3::new(-0.2, 1.8, 0.0));
            assert!(red.x > 0.9 && red.y < 0.05, "{name}: {red}");
        }
    }
}

/// What is shown instead of colours needs no copy of what is behind.
#[test]
fn debug_views_show_glass_like_anything_else() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    scene(&mut stage, &glass(None, 1.5), 0.0, 1.0);
    for quality in [Quality::CPU, Quality::HIGH] {
        stage.renderer.set_quality(quality);
        for debug in [DebugView::Normals, DebugView::Overdraw, DebugView::None] {
            let view = View { debug, ..view() };
            let picture = stage.picture(&view);
            let [middle, beside] = [[160, 90], [300, 90]].map(|[x, y]| {
                let [r, g, b, _] = crate::harness::pixel(&picture, x, y);
                [r, g, b]
            });
            let wall = debug == DebugView::Normals;
            assert!(wall || middle != beside, "{debug:?}: {middle:?}");
        }
    }
}

#[test]
fn the_sky_is_seen_where_nothing_else_is_behind() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    let sky = Sky {
        zenith: Vec3::new(0.2, 0.4, 0.8),
        horizon: Vec3::new(0.2, 0.4, 0.8),
        ground: Vec3::new(0.2, 0.4, 0.8),
        ..DARK
    };
    stage.scene.set_sky(sky);
    let material = glass(None, 1.5);
    stage.add("glass", &scenes::quad(), &material, at(0.0, 0.0, 0.0));
    let picture = radiance(&mut stage);
    let seen = pixel(&picture, Vec3::ZERO);
    // What is not reflected passes, and both are the sky.
    assert!((seen - sky.zenith).abs().max_element() < 0.005, "{seen}");
}

#[test]
fn light_passes_what_is_transmissive_and_lamps_shine_through() {
    let gpu = TestGpu::new();
    let mut stage = Stage::new(&gpu);
    stage.renderer.set_quality(Quality {
        shadows: Some(storm_render::ShadowQuality::LOW),
        ..Quality::CPU
    });
    stage.scene.set_sky(Sky {
        sun_direction: Vec3::Z,
        sun_color: Vec3::ONE,
        ..DARK
    });
    let white = Material::matte("", [1.0; 3], 1.0);
    let wall =
        Mat4::from_translation(Vec3::new(0.0, 0.0, -1.0)) * Mat4::from_scale(Vec3::splat(20.0));
    stage.add(
        "wall",
        &scenes::quad(),
        &white,
        InstanceTransform::from_mat4(wall),
    );
    let lit = pixel(&radiance(&mut stage), Vec3::new(0.0, 0.0, 0.0));
    stage.add(
        "glass",
        &scenes::quad(),
        &glass(None, 1.5),
        at(0.0, 0.0, 0.0),
    );
    let seen = pixel(&radiance(&mut stage), Vec3::new(0.0, 0.6, 0.0));
    assert!(seen.y > 0.9 * lit.y, "no shadow on the wall: {seen}, {lit}");

    // Seen from the dark side, rough glass glows where the sun is behind it.
    let back = |material: Material, sun_direction: Vec3| {
        let mut stage = Stage::new(&gpu);
        stage.scene.set_sky(Sky {
            sun_direction,
            sun_color: Vec3::ONE,
            ..DARK
        });
        stage.add("glass", &scenes::quad(), &material, at(0.0, 0.0, 0.0));
        pixel(&radiance(&mut stage), Vec3::ZERO)
    };
    let rough = Material {
        roughness: 0.6,
        ..glass(None, 1.5)
    };
    let behind = Vec3::new(0.3, 0.2, -1.0);
    let through = back(rough.clone(), behind);
    let opaque = back(
        Material {
            transmission: None,
            ..rough
        },
        behind,
    );
    assert!(through.y > 0.1 && opaque.y < 1e-3, "{through}, {opaque}");
}

/// Balls over a floor of tiles: thin, thick, rough, coloured and parting, with and without transmission.
fn balls(stage: &mut Stage<'_>, on: bool) -> View {
    let tiles = scenes::checker(64, 2, [[230, 230, 230, 255], [40, 60, 90, 255]]);
    let image = Handle::of("tiles", "image");
    let key = (image, ColorSpace::Srgb);
    stage.scene.insert_texture(key, &tiles).unwrap();
    let slot = TextureSlot {
        image,
        sampler: storm_assets::Sampler::default(),
        uv_set: 0,
        transform: TextureTransform {
            scale: [12.0; 2],
            ..TextureTransform::IDENTITY
        },
    };
    let floor = Material {
        base_color_texture: Some(slot),
        ..Material::matte("", [1.0; 3], 0.9)
    };
    let flat =
        Mat4::from_translation(Vec3::new(0.0, 0.0, -2.5)) * Mat4::from_scale(Vec3::splat(9.0));
    stage.add(
        "tiles",
        &scenes::quad(),
        &floor,
        InstanceTransform::from_mat4(flat),
    );
    let thick = Volume {
        thickness: 1.4,
        ..Volume::default()
    };
    let amber = Volume {
        attenuation_color: [0.9, 0.5, 0.1],
        attenuation_distance: 1.0,
        ..thick
    };
    let kinds = [
        glass(None, 1.5),
        glass(Some(thick), 1.5),
        Material {
            roughness: 0.35,
            ..glass(Some(thick), 1.5)
        },
        glass(Some(amber), 1.5),
        Material {
            dispersion: 6.0,
            ..glass(Some(thick), 1.6)
        },
    ];
    for (i, material) in kinds.into_iter().enumerate() {
        let material = Material {
            transmission: material.transmission.filter(|_| on),
            ..material
        };
        let x = 2.2 * i as f32 - 4.4;
        stage.add(
            &format!("ball {i}"),
            &scenes::sphere(32, 64),
            &material,
            at(x, 0.0, 0.0),
        );
    }
    View::look_at(Vec3::new(0.0, 0.6, 9.5), Vec3::ZERO)
}

/// Glass of all kinds, and a pane in front of it.
pub(crate) fn glass_balls(stage: &mut Stage<'_>) -> View {
    let view = balls(stage, true);
    let pane = Material {
        base_color: [0.8, 0.3, 0.2, 0.4],
        alpha_mode: AlphaMode::Blend,
        double_sided: true,
        ..Material::matte("", [0.0; 3], 0.4)
    };
    stage.add("pane", &scenes::quad(), &pane, at(-2.2, 0.6, 1.6));
    view
}

#[test]
fn golden_transmission() {
    let gpu = TestGpu::new();
    for (name, on) in [("transmission", true), ("transmission-off", false)] {
        let mut stage = Stage::new(&gpu);
        let view = balls(&mut stage, on);
        let picture = stage.picture(&view);
        check(name, &stage, &picture);
    }
}

/// A material that becomes glass, coated, opaque, and glass again, goes and comes back, while the picture changes its size: each picture is the one that
/// a scene with that material from the beginning gives.
#[test]
fn a_material_that_changes_its_layers_leaves_nothing_behind() {
    let gpu = TestGpu::new();
    let handle = Handle::of("glass", "material");
    let opaque = Material::matte("", [0.2, 0.5, 0.2], 0.5);
    let coated = Material {
        clearcoat: Some(storm_assets::Clearcoat {
            factor: 1.0,
            ..Default::default()
        }),
        ..opaque.clone()
    };
    let clear = glass(None, 1.5);
    let thick = glass(
        Some(Volume {
            thickness: 1.0,
            attenuation_distance: 0.5,
            attenuation_color: [0.5, 0.9, 0.5],
            ..Volume::default()
        }),
        1.5,
    );
    let blended = Material {
        alpha_mode: AlphaMode::Blend,
        base_color: [1.0, 1.0, 1.0, 0.5],
        ..clear.clone()
    };
    let turned = View::look_at(Vec3::new(2.0, 1.0, 5.0), Vec3::ZERO);
    let pictures = |stage: &mut Stage<'_>, size: (u32, u32)| {
        [view(), turned].map(|view| {
            let mut target = HdrTarget::new(stage.gpu(), size.0, size.1).unwrap();
            stage
                .renderer
                .render(&mut stage.scene, &view, &mut target)
                .unwrap();
            target.read().unwrap().pixels
        })
    };
    for quality in [
        Quality::CPU,
        Quality {
            temporal: false,
            ..Quality::HIGH
        },
    ] {
        let mut stage = Stage::new(&gpu);
        plain_renderer(&mut stage, true);
        stage.renderer.set_quality(quality);
        scene(&mut stage, &opaque, 0.3, 1.0);
        let order = [
            (&opaque, (64, 36)),
            (&clear, (64, 36)),
            (&clear, (33, 65)),
            (&coated, (1, 1)),
            (&thick, (96, 54)),
            (&blended, (96, 54)),
            (&opaque, (48, 27)),
            (&thick, (48, 27)),
        ];
        for (step, (material, size)) in order.into_iter().enumerate() {
            if step % 3 == 2 {
                stage.scene.remove_material(handle).unwrap();
                let _ = pictures(&mut stage, size);
            }
            stage.scene.insert_material(handle, material).unwrap();
            let found = pictures(&mut stage, size);
            let mut fresh = Stage::new(&gpu);
            plain_renderer(&mut fresh, true);
            fresh.renderer.set_quality(quality);
            scene(&mut fresh, material, 0.3, 1.0);
            let expected = pictures(&mut fresh, size);
            for (which, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let off = found
                    .iter()
                    .flatten()
                    .zip(expected.iter().flatten())
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max);
                assert!(off < 1e-3, "step {step}, view {which}: off by {off}");
            }
        }
    }
}
