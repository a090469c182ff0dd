//! What the layers of materials reflect, held against the specifications' formulas on the CPU: towards the sun, and of a white sky.

use glam::{DVec3, Mat4, Vec3};
use storm_assets::{Anisotropy, Clearcoat, Handle, Iridescence, Material, Sheen, Specular};
use storm_render::{
    HdrTarget, InstanceTransform, Light, Projection, RenderSlot, Renderer, RendererDesc, Sky, View,
};

use crate::{
    brdf::{self, Matter, PLAIN},
    harness::{Stage, TestGpu},
    scenes,
};

/// A small square that fills a picture, seen from +Z without perspective and turned about +Y.
struct Patch<'a> {
    stage: Stage<'a>,
    target: HdrTarget,
    slot: RenderSlot,
}

const DARK: Sky = Sky {
    source: storm_render::SkySource::Gradient,
    sun_direction: Vec3::Z,
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

const WHITE: Sky = Sky {
    zenith: Vec3::ONE,
    horizon: Vec3::ONE,
    ground: Vec3::ONE,
    ..DARK
};

impl<'a> Patch<'a> {
    fn new(gpu: &'a TestGpu) -> Self {
        let mut stage = Stage::new(gpu);
        let desc = RendererDesc {
            multisampling: false,
            ..RendererDesc::default()
        };
        stage.renderer = Renderer::new(gpu, &desc).unwrap();
        let mut quad = scenes::quad();
        quad.tangents = vec![[1.0, 0.0, 0.0, 1.0]; 4];
        let place = InstanceTransform::IDENTITY;
        let slot = stage.add("patch", &quad, &Material::default(), place);
        Self {
            stage,
            target: HdrTarget::new(gpu, 4, 4).unwrap(),
            slot,
        }
    }

    /// Radiance of the patch, turned by `turn` radians.
    fn radiance(&mut self, material: &Material, turn: f32) -> DVec3 {
        let Stage {
            scene, renderer, ..
        } = &mut self.stage;
        let handle = Handle::of("patch", "material");
        scene.insert_material(handle, material).unwrap();
        let place = InstanceTransform::from_mat4(Mat4::from_rotation_y(turn));
        scene.set_transform(self.slot, &place).unwrap();
        let view = View {
            projection: Projection::Orthographic {
                half_height: 0.01,
                near: 0.1,
                far: 10.0,
            },
            ..View::look_at(Vec3::new(0.0, 0.0, 5.0), Vec3::ZERO)
        };
        renderer.render(scene, &view, &mut self.target).unwrap();
        let [r, g, b, _] = self.target.read().unwrap().pixels[5];
        DVec3::new(r.into(), g.into(), b.into())
    }
}

/// The material that a surface of the reference is in glTF's terms.
fn material(m: &Matter) -> Material {
    let color = |c: DVec3| c.as_vec3().into();
    let [r, g, b] = color(m.base);
    let (factor, roughness) = m.coat;
    let (strength, rotation) = m.anisotropy;
    let (film, ior, thickness) = m.film;
    Material {
        base_color: [r, g, b, 1.0],
        metallic: m.metallic as f32,
        roughness: m.roughness as f32,
        ior: m.ior as f32,
        specular: Some(Specular {
            factor: m.specular as f32,
            color: color(m.specular_color),
            ..Specular::default()
        }),
        clearcoat: Some(Clearcoat {
            factor: factor as f32,
            roughness: roughness as f32,
            ..Clearcoat::default()
        }),
        sheen: Some(Sheen {
            color: color(m.sheen.0),
            roughness: m.sheen.1 as f32,
            ..Sheen::default()
        }),
        anisotropy: Some(Anisotropy {
            strength: strength as f32,
            rotation: rotation as f32,
            texture: None,
        }),
        iridescence: Some(Iridescence {
            factor: film as f32,
            ior: ior as f32,
            thickness_max: thickness as f32,
            ..Iridescence::default()
        }),
        ..Material::default()
    }
}

/// A surface of each kind, by name.
fn kinds() -> Vec<(&'static str, Matter)> {
    let red = DVec3::new(0.9, 0.2, 0.1);
    let gold = DVec3::new(1.0, 0.77, 0.34);
    let metal = Matter {
        base: gold,
        metallic: 1.0,
        ..PLAIN
    };
    vec![
        ("plain", PLAIN),
        ("ior 1", Matter { ior: 1.0, ..PLAIN }),
        ("ior 2.4", Matter { ior: 2.4, ..PLAIN }),
        ("ior 0", Matter { ior: 0.0, ..PLAIN }),
        (
            "specular 0.3",
            Matter {
                specular: 0.3,
                ..PLAIN
            },
        ),
        (
            "specular 0",
            Matter {
                specular: 0.0,
                ..PLAIN
            },
        ),
        (
            "coloured specular",
            Matter {
                specular_color: red * 4.0,
                ..PLAIN
            },
        ),
        (
            "half metal",
            Matter {
                metallic: 0.5,
                base: gold,
                ..PLAIN
            },
        ),
        (
            "coat",
            Matter {
                coat: (1.0, 0.3),
                roughness: 0.9,
                ..PLAIN
            },
        ),
        (
            "half a coat on metal",
            Matter {
                coat: (0.5, 0.5),
                ..metal
            },
        ),
        (
            "sheen",
            Matter {
                sheen: (red, 0.5),
                ..PLAIN
            },
        ),
        (
            "rough sheen under a coat",
            Matter {
                sheen: (red, 0.9),
                coat: (0.8, 0.4),
                ..PLAIN
            },
        ),
        (
            "fine sheen",
            Matter {
                sheen: (DVec3::ONE, 0.25),
                base: DVec3::ZERO,
                ..PLAIN
            },
        ),
        (
            "anisotropy",
            Matter {
                anisotropy: (0.6, 0.0),
                roughness: 0.4,
                ..metal
            },
        ),
        (
            "turned anisotropy",
            Matter {
                anisotropy: (0.8, 0.9),
                roughness: 0.4,
                ..metal
            },
        ),
        (
            "film",
            Matter {
                film: (1.0, 1.6, 380.0),
                ..PLAIN
            },
        ),
        (
            "film on metal",
            Matter {
                film: (1.0, 1.33, 550.0),
                base: red,
                metallic: 1.0,
                ..PLAIN
            },
        ),
        (
            "half a film on half a metal",
            Matter {
                film: (0.5, 1.8, 250.0),
                base: gold,
                metallic: 0.5,
                ..PLAIN
            },
        ),
    ]
}

const TURNS: [f32; 3] = [0.0, 0.6, -1.1];

/// Along the patch's tangent, bitangent and normal.
fn local(turn: f32, w: DVec3) -> DVec3 {
    let (sin, cos) = f64::from(turn).sin_cos();
    DVec3::new(cos * w.x - sin * w.z, w.y, sin * w.x + cos * w.z)
}

#[test]
fn layers_reflect_the_sun_as_the_specifications_say() {
    let gpu = TestGpu::new();
    let mut patch = Patch::new(&gpu);
    for (name, matter) in kinds() {
        let material = material(&matter);
        for (i, to_sun) in [[0.1, 0.2, 1.0], [-0.8, 0.3, 0.5], [0.5, -0.7, 0.25]]
            .map(|l| DVec3::from(l).normalize())
            .into_iter()
            .enumerate()
        {
            patch.stage.scene.set_lights(&[]).unwrap();
            let sun_direction = to_sun.as_vec3();
            // One case is lit by a lamp instead, as far away as makes no difference in angle.
            let lamp = i == 2;
            patch.stage.scene.set_sky(Sky {
                sun_direction,
                sun_color: if lamp { Vec3::ZERO } else { Vec3::ONE },
                ..DARK
            });
            if lamp {
                let light = Light {
                    cell: [0; 3],
                    translation: sun_direction * 1e3,
                    color: Vec3::splat(1e6),
                    range: f32::INFINITY,
                    spot: None,
                };
                patch.stage.scene.set_lights(&[light]).unwrap();
            }
            for turn in TURNS {
                let (v, l) = (local(turn, DVec3::Z), local(turn, to_sun));
                let wanted = if l.z > 0.0 {
                    matter.reflects(v, l) * l.z
                } else {
                    DVec3::ZERO
                };
                let found = patch.radiance(&material, turn);
                let off = (found - wanted).abs().max_element();
                // Half floats, and a table of sheen between 64 entries.
                let bound = 0.01 * wanted.max_element() + 2e-4;
                assert!(
                    off <= bound,
                    "{name}, sun {i}, {turn}: {found}, not {wanted}"
                );
            }
        }
    }
}

#[test]
fn no_layer_reflects_more_of_a_white_sky_than_there_is() {
    let gpu = TestGpu::new();
    let mut patch = Patch::new(&gpu);
    patch.stage.scene.set_sky(WHITE);
    let mut most = (0.0, String::new());
    for (name, kind) in kinds() {
        for roughness in [0.0, 0.3, 0.7, 1.0] {
            let white = Matter {
                base: DVec3::ONE,
                roughness,
                ..kind
            };
            for turn in [0.0, 0.8, 1.3, 1.5] {
                let found = patch.radiance(&material(&white), turn).max_element();
                if found > most.0 {
                    most = (found, format!("{name} {roughness} {turn}"));
                }
            }
        }
    }
    assert!(most.0 < 1.005, "{}: {}", most.1, most.0);
}

/// What a layer alone adds to a black surface under a white sky is the integral of its reflection over the hemisphere.
#[test]
fn layers_reflect_a_white_sky_as_the_integral_does() {
    let gpu = TestGpu::new();
    let mut patch = Patch::new(&gpu);
    patch.stage.scene.set_sky(WHITE);
    let black = Matter {
        base: DVec3::ZERO,
        ..PLAIN
    };
    let none = Matter {
        specular: 0.0,
        ..black
    };
    for (name, matter) in [
        (
            "specular",
            Matter {
                ior: 1.8,
                roughness: 0.4,
                ..black
            },
        ),
        (
            "rough specular",
            Matter {
                ior: 2.0,
                roughness: 0.8,
                ..black
            },
        ),
        (
            "coat",
            Matter {
                coat: (1.0, 0.4),
                ..none
            },
        ),
        (
            "sheen",
            Matter {
                sheen: (DVec3::ONE, 0.5),
                ..none
            },
        ),
        (
            "fine sheen",
            Matter {
                sheen: (DVec3::ONE, 0.3),
                ..none
            },
        ),
        (
            "rough sheen",
            Matter {
                sheen: (DVec3::ONE, 1.0),
                ..none
            },
        ),
        (
            "anisotropy",
            Matter {
                anisotropy: (0.7, 0.3),
                ior: 1.8,
                roughness: 0.4,
                ..black
            },
        ),
        (
            "film",
            Matter {
                film: (1.0, 1.6, 380.0),
                roughness: 0.4,
                ..black
            },
        ),
    ] {
        for turn in [0.0, 0.6, 1.1] {
            let v = local(turn, DVec3::Z);
            let wanted = if matter.sheen.0 == DVec3::ZERO {
                let once = brdf::of_white_sky(|l| matter.reflects(v, l));
                // What facets reflect more than once, as Fdez-Agüera 2019 has it from what white ones do once.
                let white = Matter {
                    ior: 0.0,
                    film: PLAIN.film,
                    ..matter
                };
                let all = brdf::of_white_sky(|l| white.reflects(v, l)).x;
                let r = ((matter.ior - 1.0) / (matter.ior + 1.0)).powi(2);
                let mean = r + (1.0 - r) / 21.0;
                let further = (1.0 - all) * mean / (1.0 - mean * (1.0 - all));
                once * if matter.coat.0 > 0.0 {
                    1.0
                } else {
                    1.0 + further
                }
            } else {
                DVec3::splat(brdf::sheen_albedo(matter.sheen.1, v.z))
            };
            let found = patch.radiance(&material(&matter), turn);
            let off = (found - wanted).abs().max_element();
            // A table of 64 entries; a stretched lobe stands as an even one of its mean width, and a film as what it is in the
            // middle of the lobe.
            let part = match matter {
                _ if matter.anisotropy.0 > 0.0 => 0.2,
                _ if matter.film.0 > 0.0 => 0.12,
                _ => 0.03,
            };
            let bound = part * wanted.max_element() + 2e-3;
            assert!(off <= bound, "{name}, {turn}: {found}, not {wanted}");
        }
    }
}
