//! Scenes that golden pictures are made of, and that tests draw in several ways to compare.

use glam::{Mat4, Quat, Vec3};
use storm_assets::{
    AlphaMode, Filter, Handle, Image, Material, Mesh, MeshLevel, MipFilter, MorphTarget, Sampler,
    TextureSlot, Topology, Wrap,
};
use storm_render::{ColorSpace, InstanceTransform, Light, Pose, Projection, Sky, Spot, View};

use crate::{harness::Stage, scenes};

/// Fills a stage, and says where from it is seen.
pub(crate) type Scene = fn(&mut Stage<'_>) -> View;

/// All scenes, by name.
pub(crate) const SCENES: [(&str, Scene); 13] = [
    ("materials", materials),
    ("textures", textures),
    ("normals", normals),
    ("transparency", transparency),
    ("shapes", shapes),
    ("storm", storm),
    ("city", city),
    ("lamps", lamps),
    ("thousand", thousand),
    ("levels", levels),
    ("deformed", deformed),
    ("layers", crate::extensions::layers),
    ("glass", crate::transmission::glass_balls),
];

pub(crate) fn at(x: f32, y: f32, z: f32) -> InstanceTransform {
    InstanceTransform::from_mat4(Mat4::from_translation(Vec3::new(x, y, z)))
}

/// Adds a picture, and gives the slot that a material samples it with.
fn texture(
    stage: &mut Stage<'_>,
    name: &str,
    space: ColorSpace,
    picture: &Image,
    sampler: Sampler,
) -> TextureSlot {
    let image = Handle::of(name, "image");
    stage.scene.insert_texture((image, space), picture).unwrap();
    TextureSlot {
        image,
        sampler,
        uv_set: 0,
        transform: storm_assets::TextureTransform::IDENTITY,
    }
}

pub(crate) const ORANGE: [u8; 4] = [230, 120, 40, 255];
pub(crate) const BLUE: [u8; 4] = [40, 90, 200, 255];

/// A floor to the horizon, and four samplers.
pub(crate) fn textures_in(stage: &mut Stage<'_>, colors: [[u8; 4]; 2]) -> View {
    let checker = scenes::checker(64, 2, colors);
    let slot = texture(
        stage,
        "floor",
        ColorSpace::Srgb,
        &checker,
        Sampler::default(),
    );
    let floor = Material {
        base_color_texture: Some(slot),
        ..Material::matte("floor", [1.0; 3], 0.9)
    };
    let mut quad = scenes::quad();
    quad.uvs[0].iter_mut().flatten().for_each(|c| *c *= 40.0);
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(40.0));
    stage.add("floor", &quad, &floor, InstanceTransform::from_mat4(flat));

    let small = scenes::picture(4, |x, y| [x as u8 * 80, y as u8 * 80, 128, 255]);
    let mut wide = scenes::quad();
    wide.uvs[0]
        .iter_mut()
        .flatten()
        .for_each(|c| *c = *c * 3.0 - 1.0);
    let samplers = [
        Sampler::default(),
        Sampler {
            wrap_u: Wrap::MirroredRepeat,
            wrap_v: Wrap::MirroredRepeat,
            ..Sampler::default()
        },
        Sampler {
            wrap_u: Wrap::ClampToEdge,
            wrap_v: Wrap::ClampToEdge,
            ..Sampler::default()
        },
        Sampler {
            mag: Filter::Nearest,
            min: Filter::Nearest,
            mip: MipFilter::None,
            ..Sampler::default()
        },
    ];
    for (i, sampler) in samplers.into_iter().enumerate() {
        let slot = texture(
            stage,
            &format!("small {i}"),
            ColorSpace::Srgb,
            &small,
            sampler,
        );
        let material = Material {
            base_color_texture: Some(slot),
            ..Material::matte("wall", [1.0; 3], 0.9)
        };
        stage.add(
            &format!("wall {i}"),
            &wide,
            &material,
            at(i as f32 * 2.4 - 3.6, 1.2, 0.0),
        );
    }
    View::look_at(Vec3::new(0.0, 2.0, 6.5), Vec3::new(0.0, 1.0, 0.0))
}

pub(crate) fn textures(stage: &mut Stage<'_>) -> View {
    textures_in(stage, [ORANGE, BLUE])
}

/// Two walls of round bumps, with tangents and without, and a pipe with a normal map. `green` scales the map's Y.
pub(crate) fn normals_in(stage: &mut Stage<'_>, green: f32) -> View {
    let bumps = scenes::bumps(128, 4);
    let slot = texture(
        stage,
        "bumps",
        ColorSpace::Linear,
        &bumps,
        Sampler::default(),
    );
    let material = Material {
        normal_texture: Some(slot),
        ..Material::matte("bumps", [0.6, 0.6, 0.6], 0.35)
    };
    let mut plain = scenes::quad();
    let mut tangents = scenes::quad();
    tangents.tangents = vec![[1.0, 0.0, 0.0, 1.0]; 4];
    let mut sphere = scenes::sphere(32, 64);
    if green < 0.0 {
        // Upside down in the picture is the other way round in the map.
        plain.uvs[0].iter_mut().for_each(|uv| uv[1] = -uv[1]);
        tangents.tangents.iter_mut().for_each(|t| t[3] = -1.0);
        sphere.tangents.iter_mut().for_each(|t| t[3] = -1.0);
    }
    stage.add("plain", &plain, &material, at(-2.3, 0.0, 0.0));
    stage.add("tangents", &tangents, &material, at(0.0, 0.0, 0.0));
    stage.add("sphere", &sphere, &material, at(2.3, 0.0, 0.0));
    View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
}

pub(crate) fn normals(stage: &mut Stage<'_>) -> View {
    normals_in(stage, 1.0)
}

pub(crate) fn materials(stage: &mut Stage<'_>) -> View {
    let sphere = scenes::sphere(32, 64);
    for metallic in 0..2 {
        for step in 0..5 {
            let roughness = step as f32 / 4.0;
            let base_color = [0.9, 0.5, 0.2, 1.0];
            let material = Material {
                base_color,
                metallic: metallic as f32,
                roughness,
                ..Material::default()
            };
            let place = at(step as f32 * 2.2 - 4.4, metallic as f32 * 2.2 - 1.1, 0.0);
            stage.add(
                &format!("{metallic} {roughness}"),
                &sphere,
                &material,
                place,
            );
        }
    }
    View::look_at(Vec3::new(0.0, 1.0, 9.0), Vec3::ZERO)
}

pub(crate) fn transparency(stage: &mut Stage<'_>) -> View {
    stage.add(
        "back",
        &scenes::cube(),
        &Material::matte("back", [0.8, 0.8, 0.7], 0.8),
        at(0.0, 0.0, -3.0),
    );
    // Near ones first: they have to be sorted.
    for i in 0..4 {
        let mut base_color = [0.2, 0.2, 0.2, 0.5];
        base_color[i % 3] = 0.9;
        let material = Material {
            base_color,
            alpha_mode: AlphaMode::Blend,
            double_sided: true,
            ..Material::matte("", [0.0; 3], 0.5)
        };
        stage.add(
            &format!("pane {i}"),
            &scenes::quad(),
            &material,
            at(i as f32 * 0.6 - 1.8, 0.0, 1.0 - i as f32 * 0.5),
        );
    }
    let disc = scenes::picture(64, |x, y| {
        let (x, y) = (x as f32 - 31.5, y as f32 - 31.5);
        [
            60,
            160,
            60,
            (255.0 - (x * x + y * y).sqrt() * 8.0).max(0.0) as u8,
        ]
    });
    let slot = texture(stage, "disc", ColorSpace::Srgb, &disc, Sampler::default());
    let mask = Material {
        base_color_texture: Some(slot),
        alpha_mode: AlphaMode::Mask(0.5),
        double_sided: true,
        ..Material::matte("mask", [1.0; 3], 0.8)
    };
    stage.add("mask", &scenes::quad(), &mask, at(2.4, 0.0, 0.0));
    View::look_at(Vec3::new(0.6, 0.8, 5.0), Vec3::new(0.4, 0.0, 0.0))
}

pub(crate) fn shapes(stage: &mut Stage<'_>) -> View {
    // One sided, seen from the front and from behind; the latter is not there.
    let red = Material::matte("red", [0.7, 0.1, 0.1], 0.7);
    stage.add("front", &scenes::quad(), &red, at(-5.2, 1.2, 0.0));
    let turned = Mat4::from_translation(Vec3::new(-2.6, 1.2, 0.0)) * Mat4::from_rotation_y(3.0);
    stage.add(
        "behind",
        &scenes::quad(),
        &red,
        InstanceTransform::from_mat4(turned),
    );
    // Mirrored: the same box, with its faces still outside.
    let green = Material::matte("green", [0.1, 0.5, 0.2], 0.7);
    for (name, x, scale) in [("box", 0.0, 0.8), ("mirrored", 2.4, -0.8)] {
        let place = Mat4::from_scale_rotation_translation(
            Vec3::new(scale, 0.8, 0.8),
            Quat::from_rotation_y(0.6),
            Vec3::new(x, 1.2, 0.0),
        );
        stage.add(
            name,
            &scenes::cube(),
            &green,
            InstanceTransform::from_mat4(place),
        );
    }
    // No normals: faces are flat.
    let faceted = Mesh {
        normals: Vec::new(),
        tangents: Vec::new(),
        ..scenes::sphere(8, 12)
    };
    stage.add(
        "faceted",
        &faceted,
        &Material::matte("", [0.6, 0.5, 0.3], 0.6),
        at(4.8, 1.2, 0.0),
    );

    let colored = Mesh {
        colors: vec![
            [1.0, 0.0, 0.0, 1.0],
            [0.0, 1.0, 0.0, 1.0],
            [0.0, 0.0, 1.0, 1.0],
            [1.0; 4],
        ],
        ..scenes::quad()
    };
    let white = Material::matte("white", [1.0; 3], 0.9);
    stage.add("colours", &colored, &white, at(-5.2, -1.2, 0.0));
    let lines: Vec<_> = (0..48)
        .map(|i| i as f32 / 48.0 * std::f32::consts::TAU)
        .map(|a| [a.cos(), a.sin(), 0.0])
        .collect();
    let indices = (0..48).flat_map(|i| [i, (i + 17) % 48]).collect();
    let lines = Mesh {
        topology: Topology::Lines,
        positions: lines,
        indices,
        ..Mesh::default()
    };
    stage.add(
        "lines",
        &lines,
        &Material::matte("", [0.05, 0.05, 0.3], 1.0),
        at(-2.6, -1.2, 0.0),
    );
    let points: Vec<_> = (0..900)
        .map(|i| {
            [
                (i % 30) as f32 / 15.0 - 1.0,
                (i / 30) as f32 / 15.0 - 1.0,
                0.0,
            ]
        })
        .collect();
    let points = Mesh {
        topology: Topology::Points,
        indices: (0..900).collect(),
        positions: points,
        ..Mesh::default()
    };
    stage.add(
        "points",
        &points,
        &Material::matte("", [0.3, 0.05, 0.05], 1.0),
        at(0.0, -1.2, 0.0),
    );
    let glow = Material {
        emissive: [3.0, 1.6, 0.4],
        ..Material::matte("glow", [0.0; 3], 1.0)
    };
    stage.add("glow", &scenes::sphere(16, 32), &glow, at(2.4, -1.2, 0.0));

    let projection = Projection::Orthographic {
        half_height: 3.2,
        near: 0.1,
        far: 20.0,
    };
    View {
        projection,
        ..View::look_at(Vec3::new(-0.1, 0.5, 8.0), Vec3::new(-0.1, 0.1, 0.0))
    }
}

pub(crate) fn storm(stage: &mut Stage<'_>) -> View {
    stage.scene.set_sky(Sky::stormy(3));
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(2000.0));
    let water = Material::matte("water", [0.01, 0.03, 0.04], 0.12);
    stage.add(
        "water",
        &scenes::quad(),
        &water,
        InstanceTransform::from_mat4(flat),
    );
    let stone = Material::matte("stone", [0.35, 0.33, 0.31], 0.9);
    for i in 0..12 {
        let distance = 8.0 * 1.45_f32.powi(i);
        let scale = Mat4::from_scale(Vec3::new(1.5, 4.0, 1.5));
        let place =
            Mat4::from_translation(Vec3::new((i % 3) as f32 * 6.0 - 6.0, 2.0, -distance)) * scale;
        stage.add(
            &format!("stone {i}"),
            &scenes::cube(),
            &stone,
            InstanceTransform::from_mat4(place),
        );
    }
    let lamp = Light {
        cell: [0; 3],
        translation: Vec3::new(-2.0, 3.0, -6.0),
        color: Vec3::new(30.0, 16.0, 6.0),
        range: 30.0,
        spot: None,
    };
    let beam = Spot {
        direction: Vec3::new(0.3, -0.5, -1.0),
        inner: 0.2,
        outer: 0.3,
    };
    let beam = Light {
        translation: Vec3::new(4.0, 6.0, -4.0),
        color: Vec3::splat(150.0),
        spot: Some(beam),
        ..lamp
    };
    stage.scene.set_lights(&[lamp, beam]).unwrap();
    let view = View::look_at(Vec3::new(0.0, 4.0, 4.0), Vec3::new(0.0, 5.0, -20.0));
    View {
        exposure: 1.4,
        ..view
    }
}

/// A street between blocks of houses that hide most of what there is, with lamps, masked hedges, panes and distant specks.
pub(crate) fn city(stage: &mut Stage<'_>) -> View {
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(400.0));
    let ground = Material::matte("ground", [0.25, 0.26, 0.24], 0.9);
    stage.add(
        "ground",
        &scenes::quad(),
        &ground,
        InstanceTransform::from_mat4(flat),
    );
    let walls = [[0.6, 0.5, 0.4], [0.45, 0.45, 0.5], [0.55, 0.35, 0.3]];
    for i in 0..24 {
        for j in 0..24 {
            let (x, z) = (i as f32 * 12.0 - 138.0, -(j as f32) * 12.0 + 4.0);
            let height = 4.0 + ((i * 7 + j * 13) % 9) as f32;
            let place = Mat4::from_translation(Vec3::new(x, height, z))
                * Mat4::from_scale(Vec3::new(4.0, height, 4.0));
            let material = Material::matte("wall", walls[(i + j) % 3], 0.8);
            let name = format!("wall {}", (i + j) % 3);
            stage.add(
                &name,
                &scenes::cube(),
                &material,
                InstanceTransform::from_mat4(place),
            );
            // Too small to be seen from afar.
            stage.add(
                "bolt",
                &scenes::sphere(6, 8),
                &ground,
                InstanceTransform::from_mat4(
                    Mat4::from_translation(Vec3::new(x + 5.0, 1.0, z))
                        * Mat4::from_scale(Vec3::splat(0.05)),
                ),
            );
        }
    }
    for j in 0..10 {
        let pane = Material {
            base_color: [0.2, 0.5, 0.8, 0.4],
            alpha_mode: AlphaMode::Blend,
            double_sided: true,
            ..Material::matte("pane", [0.0; 3], 0.2)
        };
        stage.add(
            "pane",
            &scenes::quad(),
            &pane,
            at(1.5, 1.0, 2.0 - 12.0 * j as f32),
        );
    }
    View::look_at(Vec3::new(-0.3, 1.8, 14.0), Vec3::new(0.2, 3.0, -20.0))
}

/// A floor with things on it, a lamp among them, and a spot light above; the sun is low.
pub(crate) fn lamps(stage: &mut Stage<'_>) -> View {
    let floor = Material::matte("floor", [0.6, 0.6, 0.58], 0.9);
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(30.0));
    stage.add(
        "floor",
        &scenes::quad(),
        &floor,
        InstanceTransform::from_mat4(flat),
    );
    let clay = Material::matte("clay", [0.7, 0.4, 0.3], 0.7);
    for i in 0..7 {
        let a = i as f32 * std::f32::consts::TAU / 7.0;
        let place = Mat4::from_translation(Vec3::new(a.sin() * 2.2, 0.6, a.cos() * 2.2))
            * Mat4::from_rotation_y(a * 1.7)
            * Mat4::from_scale(Vec3::new(0.25, 0.6, 0.25));
        stage.add(
            "post",
            &scenes::cube(),
            &clay,
            InstanceTransform::from_mat4(place),
        );
    }
    let ball =
        Mat4::from_translation(Vec3::new(-4.2, 0.9, -1.0)) * Mat4::from_scale(Vec3::splat(0.9));
    stage.add(
        "ball",
        &scenes::sphere(24, 48),
        &clay,
        InstanceTransform::from_mat4(ball),
    );
    let disc = scenes::picture(64, |x, y| {
        let holes = (x / 8 + y / 8) % 2 == 0;
        [40, 110, 40, if holes { 255 } else { 0 }]
    });
    let slot = texture(
        stage,
        "lattice",
        ColorSpace::Srgb,
        &disc,
        Sampler::default(),
    );
    let lattice = Material {
        base_color_texture: Some(slot),
        alpha_mode: AlphaMode::Mask(0.5),
        double_sided: true,
        ..Material::matte("lattice", [1.0; 3], 0.8)
    };
    stage.add("lattice", &scenes::quad(), &lattice, at(4.0, 1.0, -1.0));
    stage.scene.set_sky(Sky {
        sun_direction: Vec3::new(0.5, 0.35, 0.45),
        sun_color: Vec3::new(1.6, 1.4, 1.1),
        zenith: Vec3::splat(0.05),
        horizon: Vec3::splat(0.08),
        ground: Vec3::splat(0.04),
        ..Sky::default()
    });
    let lamp = Light {
        cell: [0; 3],
        translation: Vec3::new(0.0, 0.8, 0.0),
        color: Vec3::new(4.0, 2.2, 1.0),
        range: 9.0,
        spot: None,
    };
    let beam = Light {
        translation: Vec3::new(-4.5, 5.0, 2.5),
        color: Vec3::new(8.0, 14.0, 30.0),
        range: 14.0,
        spot: Some(Spot {
            direction: Vec3::new(0.1, -1.0, -0.6),
            inner: 0.3,
            outer: 0.42,
        }),
        ..lamp
    };
    stage.scene.set_lights(&[lamp, beam]).unwrap();
    View::look_at(Vec3::new(1.5, 5.0, 8.5), Vec3::new(-0.3, 0.4, -0.3))
}

/// A dark plain with a thousand small lights of many colours, and a few spot lights.
pub(crate) fn thousand(stage: &mut Stage<'_>) -> View {
    let floor = Material::matte("floor", [0.7; 3], 0.6);
    let flat =
        Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2) * Mat4::from_scale(Vec3::splat(200.0));
    stage.add(
        "floor",
        &scenes::quad(),
        &floor,
        InstanceTransform::from_mat4(flat),
    );
    for i in 0..40 {
        let place = at((i % 8) as f32 * 5.0 - 17.0, 1.0, -(i / 8) as f32 * 6.0);
        stage.add("ball", &scenes::sphere(12, 24), &floor, place);
    }
    stage.scene.set_sky(Sky {
        sun_color: Vec3::ZERO,
        zenith: Vec3::splat(0.004),
        horizon: Vec3::splat(0.01),
        ground: Vec3::splat(0.004),
        ..Sky::default()
    });
    let lights: Vec<_> = (0..1000)
        .map(|i| {
            let hue = i as f32 * 2.4;
            let channel = |turn: f32| (hue + turn).cos() * 0.5 + 0.5;
            Light {
                cell: [0; 3],
                translation: Vec3::new(
                    (i % 40) as f32 * 1.6 - 31.0,
                    0.3 + (i % 7) as f32 * 0.3,
                    4.0 - (i / 40) as f32 * 2.1,
                ),
                color: Vec3::new(channel(0.0), channel(2.1), channel(4.2)) * 1.4,
                range: 2.0 + (i % 5) as f32 * 0.4,
                spot: (i % 9 == 0).then_some(Spot {
                    direction: Vec3::NEG_Y,
                    inner: 0.4,
                    outer: 0.8,
                }),
            }
        })
        .collect();
    stage.scene.set_lights(&lights).unwrap();
    View::look_at(Vec3::new(0.0, 5.0, 9.0), Vec3::new(0.0, 0.0, -8.0))
}

/// A ball of 8,192 triangles that has five coarser levels, of vertices of their own.
pub(crate) fn ball_with_levels() -> Mesh {
    let mut ball = scenes::sphere(64, 64);
    for segments in [32, 16, 8, 6, 4] {
        let coarse = scenes::sphere(segments, segments);
        let first = ball.positions.len() as u32;
        ball.positions.extend(&coarse.positions);
        ball.normals.extend(&coarse.normals);
        ball.tangents.extend(&coarse.tangents);
        ball.uvs[0].extend(&coarse.uvs[0]);
        // As far as the middle of a facet is below the sphere.
        let half = std::f32::consts::PI / segments as f32;
        ball.levels.push(MeshLevel {
            indices: coarse.indices.iter().map(|index| first + index).collect(),
            error: 1.0 - half.cos() * (0.5 * half).cos(),
        });
    }
    ball
}

/// A field of balls, near and far, solid, masked and blended, over a floor.
pub(crate) fn levels(stage: &mut Stage<'_>) -> View {
    let ball = ball_with_levels();
    let colors = [[0.8, 0.3, 0.2], [0.3, 0.6, 0.8], [0.7, 0.7, 0.3]];
    let modes = [AlphaMode::Opaque, AlphaMode::Mask(0.5), AlphaMode::Blend];
    for row in 0..12 {
        for column in 0..7 {
            let kind = (row + column) % 3;
            let material = Material {
                alpha_mode: modes[kind],
                ..Material::matte("", colors[kind], 0.4)
            };
            let distance = 1.5_f32.powi(row as i32);
            let x = (column as f32 - 3.0) * (1.5 + 0.4 * distance);
            let place = at(x, 0.0, -4.0 - 3.0 * distance);
            stage.add(&format!("ball {kind}"), &ball, &material, place);
        }
    }
    let flat = Mat4::from_translation(Vec3::new(0.0, -1.0, 0.0))
        * Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2)
        * Mat4::from_scale(Vec3::splat(300.0));
    let grey = Material::matte("", [0.5; 3], 0.9);
    let floor = InstanceTransform::from_mat4(flat);
    stage.add("floor", &scenes::quad(), &grey, floor);
    View::look_at(Vec3::new(0.0, 4.0, 5.0), Vec3::new(0.0, 0.0, -12.0))
}

/// Arms that bend, an arm that is mirrored, a ball that swells, blended and masked ones, and the same at rest, over a floor in the sun.
pub(crate) fn deformed(stage: &mut Stage<'_>) -> View {
    let colors = [
        [0.8, 0.3, 0.2],
        [0.3, 0.6, 0.8],
        [0.7, 0.7, 0.3],
        [0.5, 0.3, 0.7],
    ];
    let arm = scenes::arm(8, 24);
    for (number, bend) in [0.0, 0.1, 0.2, -0.2].into_iter().enumerate() {
        let material = Material::matte("", colors[number], 0.5);
        let mirror = if number == 3 { -1.0 } else { 1.0 };
        let place = Mat4::from_translation(Vec3::new(number as f32 * 2.0 - 4.0, -1.0, 0.0))
            * Mat4::from_scale(Vec3::new(mirror, 1.0, 1.0));
        let place = InstanceTransform::from_mat4(place);
        let slot = stage.add(&format!("arm {number}"), &arm, &material, place);
        let joints = scenes::bent(8, bend);
        let pose = Pose {
            slots: &[slot],
            joints: &joints,
            weights: &[],
        };
        stage.scene.set_pose(&pose).unwrap();
    }
    let mut ball = scenes::sphere(24, 24);
    ball.morph_targets = vec![
        MorphTarget {
            positions: ball.positions.iter().map(|p| [p[0], 0.0, p[2]]).collect(),
            normals: ball.normals.iter().map(|n| [0.0, n[1], 0.0]).collect(),
            tangents: Vec::new(),
        },
        MorphTarget {
            positions: ball
                .positions
                .iter()
                .map(|p| [0.0, (p[1] * 9.0).sin() * 0.2, 0.0])
                .collect(),
            ..MorphTarget::default()
        },
    ];
    let modes = [AlphaMode::Opaque, AlphaMode::Mask(0.5), AlphaMode::Blend];
    for (number, weights) in [[0.0, 0.0], [0.5, 0.0], [0.0, 1.0]].into_iter().enumerate() {
        let material = Material {
            alpha_mode: modes[number],
            base_color: [0.3, 0.7, 0.4, 0.6],
            ..Material::matte("", [0.3, 0.7, 0.4], 0.3)
        };
        let place = at(number as f32 * 3.0 - 3.0, 0.0, 3.0);
        let slot = stage.add(&format!("ball {number}"), &ball, &material, place);
        let pose = Pose {
            slots: &[slot],
            joints: &[],
            weights: &weights,
        };
        stage.scene.set_pose(&pose).unwrap();
    }
    let flat = Mat4::from_translation(Vec3::new(0.0, -1.0, 0.0))
        * Mat4::from_rotation_x(-std::f32::consts::FRAC_PI_2)
        * Mat4::from_scale(Vec3::splat(30.0));
    let grey = Material::matte("", [0.5; 3], 0.9);
    stage.add(
        "floor",
        &scenes::quad(),
        &grey,
        InstanceTransform::from_mat4(flat),
    );
    View::look_at(Vec3::new(0.5, 4.0, 11.0), Vec3::new(-0.3, 0.8, 0.0))
}
