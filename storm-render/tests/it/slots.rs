//! Every texture of a material has a UV set, a sampler and a transform of its own.
//!
//! One rule for all of them: a texture that is looked up otherwise gives the picture of one whose mesh has those UVs in set 0.

use glam::Vec3;
use storm_assets::{
    Anisotropy, Clearcoat, Filter, Handle, Image, Iridescence, Material, Mesh, MipFilter, Sampler,
    Sheen, Specular, TextureSlot, TextureTransform, Transmission, Volume, Wrap,
};
use storm_render::{ColorSpace, HdrPicture, HdrTarget, Renderer, RendererDesc, View};

use crate::{
    gallery::at,
    harness::{Stage, TestGpu},
    scenes,
};

const SIDE: u32 = 48;

/// A material that has one texture, in the place of its name.
type Place = (&'static str, ColorSpace, fn(TextureSlot) -> Material);

/// All places for textures.
const PLACES: &[Place] = &[
    ("base colour", ColorSpace::Srgb, |slot| Material {
        base_color_texture: Some(slot),
        ..Material::matte("", [1.0; 3], 0.6)
    }),
    ("metallic-roughness", ColorSpace::Linear, |slot| Material {
        metallic_roughness_texture: Some(slot),
        ..Material::default()
    }),
    ("normal", ColorSpace::Linear, |slot| Material {
        normal_texture: Some(slot),
        ..Material::matte("", [0.5; 3], 0.4)
    }),
    ("occlusion", ColorSpace::Linear, |slot| Material {
        occlusion_texture: Some(slot),
        ..Material::matte("", [0.5; 3], 0.4)
    }),
    ("emission", ColorSpace::Srgb, |slot| Material {
        emissive: [1.0; 3],
        emissive_texture: Some(slot),
        ..Material::matte("", [0.5; 3], 0.4)
    }),
    ("specular", ColorSpace::Linear, |slot| Material {
        ior: 2.0,
        specular: Some(Specular {
            texture: Some(slot),
            ..Specular::default()
        }),
        ..Material::matte("", [0.0; 3], 0.4)
    }),
    ("specular colour", ColorSpace::Srgb, |slot| Material {
        ior: 2.0,
        specular: Some(Specular {
            color_texture: Some(slot),
            ..Specular::default()
        }),
        ..Material::matte("", [0.0; 3], 0.4)
    }),
    ("clearcoat", ColorSpace::Linear, |slot| Material {
        clearcoat: Some(Clearcoat {
            texture: Some(slot),
            ..COAT
        }),
        ..Material::matte("", [0.0; 3], 0.9)
    }),
    ("clearcoat roughness", ColorSpace::Linear, |slot| Material {
        clearcoat: Some(Clearcoat {
            roughness: 1.0,
            roughness_texture: Some(slot),
            ..COAT
        }),
        ..Material::matte("", [0.0; 3], 0.9)
    }),
    ("clearcoat normal", ColorSpace::Linear, |slot| Material {
        clearcoat: Some(Clearcoat {
            normal_texture: Some(slot),
            ..COAT
        }),
        ..Material::matte("", [0.0; 3], 0.9)
    }),
    ("sheen colour", ColorSpace::Srgb, |slot| Material {
        sheen: Some(Sheen {
            color: [1.0; 3],
            color_texture: Some(slot),
            roughness: 1.0,
            roughness_texture: None,
        }),
        ..Material::matte("", [0.0; 3], 0.9)
    }),
    ("sheen roughness", ColorSpace::Linear, |slot| Material {
        sheen: Some(Sheen {
            color: [1.0; 3],
            color_texture: None,
            roughness: 1.0,
            roughness_texture: Some(slot),
        }),
        ..Material::matte("", [0.0; 3], 0.9)
    }),
    ("anisotropy", ColorSpace::Linear, |slot| Material {
        anisotropy: Some(Anisotropy {
            strength: 1.0,
            rotation: 0.0,
            texture: Some(slot),
        }),
        roughness: 0.3,
        ..Material::default()
    }),
    ("transmission", ColorSpace::Linear, |slot| Material {
        transmission: Some(Transmission {
            factor: 1.0,
            texture: Some(slot),
        }),
        ..Material::matte("", [0.2; 3], 0.0)
    }),
    ("thickness", ColorSpace::Linear, |slot| Material {
        transmission: Some(Transmission {
            factor: 1.0,
            texture: None,
        }),
        volume: Some(Volume {
            thickness: 2.0,
            thickness_texture: Some(slot),
            attenuation_distance: 1.0,
            attenuation_color: [0.3; 3],
        }),
        ior: 1.0,
        ..Material::matte("", [1.0; 3], 0.0)
    }),
    ("iridescence", ColorSpace::Linear, |slot| Material {
        iridescence: Some(Iridescence {
            texture: Some(slot),
            ..FILM
        }),
        base_color: [0.5, 0.5, 0.5, 1.0],
        roughness: 0.3,
        ..Material::default()
    }),
    ("film thickness", ColorSpace::Linear, |slot| Material {
        iridescence: Some(Iridescence {
            thickness_texture: Some(slot),
            ..FILM
        }),
        base_color: [0.5, 0.5, 0.5, 1.0],
        roughness: 0.3,
        ..Material::default()
    }),
];

const COAT: Clearcoat = Clearcoat {
    factor: 1.0,
    texture: None,
    roughness: 0.3,
    roughness_texture: None,
    normal_texture: None,
    normal_scale: 1.0,
};

const FILM: Iridescence = Iridescence {
    factor: 1.0,
    texture: None,
    ior: 1.9,
    thickness_min: 100.0,
    thickness_max: 700.0,
    thickness_texture: None,
};

/// Four quarters, each of another colour, and none turned or mirrored like another.
fn quarters() -> Image {
    let colors = [
        [255, 128, 64, 255],
        [40, 200, 128, 180],
        [128, 40, 220, 100],
        [200, 220, 255, 40],
    ];
    scenes::picture(16, |x, y| colors[(x / 8 + 2 * (y / 8)) as usize])
}

struct Bench<'a> {
    stage: Stage<'a>,
    target: HdrTarget,
    view: View,
}

impl<'a> Bench<'a> {
    fn new(gpu: &'a TestGpu) -> Self {
        let mut stage = Stage::new(gpu);
        let desc = RendererDesc {
            multisampling: false,
            ..RendererDesc::default()
        };
        stage.renderer = Renderer::new(gpu, &desc).unwrap();
        for space in [ColorSpace::Srgb, ColorSpace::Linear] {
            let key = (Handle::of("quarters", "image"), space);
            stage.scene.insert_texture(key, &quarters()).unwrap();
        }
        let plain = Material::default();
        stage.add("quad", &scenes::quad(), &plain, at(0.0, 0.0, 0.0));
        Self {
            stage,
            target: HdrTarget::new(gpu, SIDE, SIDE).unwrap(),
            view: View::look_at(Vec3::new(0.4, 0.9, 2.4), Vec3::ZERO),
        }
    }

    fn picture(&mut self, mesh: &Mesh, material: &Material) -> HdrPicture {
        let Stage {
            scene, renderer, ..
        } = &mut self.stage;
        scene.insert_mesh(Handle::of("quad", "mesh"), mesh).unwrap();
        scene
            .insert_material(Handle::of("quad", "material"), material)
            .unwrap();
        renderer
            .render(scene, &self.view, &mut self.target)
            .unwrap();
        self.target.read().unwrap()
    }
}

fn slot() -> TextureSlot {
    TextureSlot {
        image: Handle::of("quarters", "image"),
        // Nothing between two colours, so that nothing depends on how finely a filter counts.
        sampler: Sampler {
            mag: Filter::Nearest,
            min: Filter::Nearest,
            mip: MipFilter::None,
            ..Sampler::default()
        },
        uv_set: 0,
        transform: TextureTransform::IDENTITY,
    }
}

/// A square with these UV sets, in the order of its corners.
fn square(sets: &[[[f32; 2]; 4]]) -> Mesh {
    Mesh {
        uvs: sets.iter().map(|set| set.to_vec()).collect(),
        ..scenes::quad()
    }
}

const UPRIGHT: [[f32; 2]; 4] = [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]];
/// A quarter turn, mirrored, larger than the picture.
const ODD: [[f32; 2]; 4] = [[0.1, -0.4], [0.1, 1.3], [1.2, 1.3], [1.2, -0.4]];
const NOWHERE: [[f32; 2]; 4] = [[0.5; 2]; 4];

/// How much two pictures differ, on average over pixels and channels.
fn difference(a: &HdrPicture, b: &HdrPicture) -> f32 {
    let pairs = a.pixels.iter().flatten().zip(b.pixels.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / (4 * a.pixels.len()) as f32
}

#[test]
fn every_texture_has_a_uv_set_of_its_own() {
    let gpu = TestGpu::new();
    let mut bench = Bench::new(&gpu);
    for (name, _, material) in PLACES {
        let wanted = bench.picture(&square(&[ODD]), &material(slot()));
        let upright = bench.picture(&square(&[UPRIGHT]), &material(slot()));
        let seen = difference(&wanted, &upright);
        assert!(seen > 3e-4, "{name}: the texture shows: {seen}");
        for set in [1, 2, 6] {
            let mut sets = vec![UPRIGHT; 7];
            sets[set] = ODD;
            let slot = TextureSlot {
                uv_set: set as u32,
                ..slot()
            };
            let found = bench.picture(&square(&sets[..=set]), &material(slot));
            assert_eq!(difference(&wanted, &found), 0.0, "{name}: set {set}");
        }
    }
}

/// Five textures of the core, each with another set: more than the two that plain materials have.
#[test]
fn more_than_two_uv_sets_reach_one_material() {
    let gpu = TestGpu::new();
    let mut bench = Bench::new(&gpu);
    let with = |sets: [u32; 5]| {
        let [a, b, c, d, e] = sets.map(|uv_set| Some(TextureSlot { uv_set, ..slot() }));
        Material {
            base_color_texture: a,
            metallic_roughness_texture: b,
            normal_texture: c,
            occlusion_texture: d,
            emissive_texture: e,
            emissive: [0.3; 3],
            ..Material::default()
        }
    };
    let wanted = bench.picture(&square(&[UPRIGHT, ODD]), &with([0, 1, 0, 1, 0]));
    let sets = [NOWHERE, UPRIGHT, ODD, NOWHERE, UPRIGHT, ODD, UPRIGHT];
    let found = bench.picture(&square(&sets), &with([4, 2, 1, 5, 6]));
    assert_eq!(difference(&wanted, &found), 0.0);
    // Each of them counts.
    for place in 0..5 {
        let mut wrong = [4, 2, 1, 5, 6];
        wrong[place] = 3;
        let found = bench.picture(&square(&sets), &with(wrong));
        assert!(difference(&wanted, &found) > 0.004, "place {place}");
    }
}

#[test]
fn every_texture_has_a_transform_of_its_own() {
    let gpu = TestGpu::new();
    let mut bench = Bench::new(&gpu);
    let transform = TextureTransform {
        offset: [0.25, -0.13],
        rotation: 0.7,
        scale: [1.5, -0.8],
    };
    for (name, _, material) in PLACES {
        let moved = UPRIGHT.map(|uv| transform.apply(uv));
        let wanted = bench.picture(&square(&[moved]), &material(slot()));
        let plain = bench.picture(&square(&[UPRIGHT]), &material(slot()));
        let slot = TextureSlot {
            transform,
            ..slot()
        };
        let found = bench.picture(&square(&[UPRIGHT]), &material(slot));
        let (right, seen) = (difference(&wanted, &found), difference(&wanted, &plain));
        // A pixel on an edge between two colours may fall on either side.
        assert!(right < 0.05 * seen, "{name}: {right} of {seen}");
    }
}

/// The mesh's tangents follow its UVs: a map that is turned turns its normals against them.
#[test]
fn a_turned_normal_map_turns_its_normals() {
    let gpu = TestGpu::new();
    let mut bench = Bench::new(&gpu);
    for transform in [
        TextureTransform {
            rotation: 1.1,
            ..TextureTransform::IDENTITY
        },
        TextureTransform {
            scale: [-1.0, 1.0],
            ..TextureTransform::IDENTITY
        },
        TextureTransform {
            rotation: -0.4,
            scale: [1.0, -1.0],
            ..TextureTransform::IDENTITY
        },
    ] {
        let slot = TextureSlot {
            transform,
            ..slot()
        };
        let material = Material {
            normal_texture: Some(slot),
            ..Material::matte("", [0.5; 3], 0.4)
        };
        // Without tangents the frame is that of the moved UVs on the screen.
        let wanted = bench.picture(&square(&[UPRIGHT]), &material);
        let mut mesh = square(&[UPRIGHT]);
        mesh.tangents = vec![[1.0, 0.0, 0.0, 1.0]; 4];
        let found = bench.picture(&mesh, &material);
        let plain = Material {
            normal_texture: None,
            ..material
        };
        let seen = difference(&wanted, &bench.picture(&mesh, &plain));
        let right = difference(&wanted, &found);
        assert!(right < 0.03 * seen, "{transform:?}: {right} of {seen}");
    }
}

#[test]
fn every_texture_has_a_sampler_of_its_own() {
    let gpu = TestGpu::new();
    let mut bench = Bench::new(&gpu);
    // UVs past the edges, where samplers that repeat and that do not differ.
    let far = UPRIGHT.map(|uv| uv.map(|c| c * 3.0 - 1.0));
    let both = Material {
        base_color_texture: Some(TextureSlot {
            sampler: Sampler {
                wrap_u: Wrap::ClampToEdge,
                wrap_v: Wrap::ClampToEdge,
                ..slot().sampler
            },
            ..slot()
        }),
        emissive_texture: Some(slot()),
        emissive: [0.5; 3],
        ..Material::matte("", [1.0; 3], 0.6)
    };
    let found = bench.picture(&square(&[far]), &both);
    let clamped = Material {
        emissive_texture: both.base_color_texture,
        ..both.clone()
    };
    let repeated = Material {
        base_color_texture: both.emissive_texture,
        ..both.clone()
    };
    for other in [&clamped, &repeated] {
        let other = bench.picture(&square(&[far]), other);
        assert!(difference(&found, &other) > 0.01);
    }
}

/// What a masked material's holes are, depth and shadows ask too.
#[test]
fn holes_follow_the_uv_set_and_the_transform() {
    let gpu = TestGpu::new();
    let mut bench = Bench::new(&gpu);
    let masked = |slot: TextureSlot| Material {
        base_color_texture: Some(slot),
        alpha_mode: storm_assets::AlphaMode::Mask(0.5),
        ..Material::matte("", [1.0; 3], 0.6)
    };
    let wanted = bench.picture(&square(&[ODD]), &masked(slot()));
    let third = TextureSlot {
        uv_set: 2,
        ..slot()
    };
    let found = bench.picture(&square(&[UPRIGHT, UPRIGHT, ODD]), &masked(third));
    assert_eq!(difference(&wanted, &found), 0.0);
    let transform = TextureTransform {
        offset: [0.5, 0.0],
        ..TextureTransform::IDENTITY
    };
    let moved = UPRIGHT.map(|uv| transform.apply(uv));
    let wanted = bench.picture(&square(&[moved]), &masked(slot()));
    let turned = TextureSlot {
        transform,
        ..slot()
    };
    let found = bench.picture(&square(&[UPRIGHT]), &masked(turned));
    assert_eq!(difference(&wanted, &found), 0.0);
}
