//! What a material is beyond the metallic-roughness of glTF's core: which of it there is, and the record that shaders read.
//!
//! Pipelines are made for what a material has, so a layer that it has not costs nothing. A layer whose factor is 0 is not there.

use storm_assets::{Material, TextureSlot};

use super::{
    layout::{COAT_HAS_OWN_FRAME, LAYER_TEXTURES, LayerInfo, TextureRef, UVS_MAX},
    surfaces::ColorSpace,
};

/// A material's textures: the five of the core, then those of layers, in the order of `Material::textures`.
pub(crate) const SLOTS: usize = 5 + LAYER_TEXTURES;

/// Bits of [`Layers`]; `shaders/scene_fragment.glsl` has them in the constant of a pipeline.
pub(crate) const TRANSFORMS: u8 = 1;
/// More than two UV sets reach fragments.
pub(crate) const UV_SETS: u8 = 2;
/// The IOR or the dielectric reflection is not that of the core.
pub(crate) const SPECULAR: u8 = 4;
pub(crate) const CLEARCOAT: u8 = 8;
pub(crate) const SHEEN: u8 = 16;
pub(crate) const ANISOTROPY: u8 = 32;
pub(crate) const IRIDESCENCE: u8 = 64;
pub(crate) const TRANSMISSION: u8 = 128;

/// What a material has beyond the core, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Layers(pub(crate) u8);

impl Layers {
    pub(crate) fn of(material: &Material) -> Self {
        let textures = || material.textures();
        let turned = textures().any(|slot| slot.transform.rows() != IDENTITY);
        let many = uv_sets(material)[2..].iter().any(|set| set.is_some());
        let lit = !material.unlit;
        let clearcoat = material.clearcoat.is_some_and(|layer| layer.factor > 0.0);
        let sheen = material.sheen.is_some_and(|layer| layer.color != [0.0; 3]);
        let anisotropy = material.anisotropy.is_some_and(|l| l.strength > 0.0);
        let iridescence = material.iridescence.is_some_and(|l| l.factor > 0.0);
        let transmission = material.transmission.is_some_and(|l| l.factor > 0.0);
        let specular = material.specular.is_some() || material.ior != 1.5;
        let bits = [
            (turned, TRANSFORMS),
            (many, UV_SETS),
            (lit && specular, SPECULAR),
            (lit && clearcoat, CLEARCOAT),
            (lit && sheen, SHEEN),
            (lit && anisotropy, ANISOTROPY),
            (lit && iridescence, IRIDESCENCE),
            (lit && transmission, TRANSMISSION),
        ];
        Self(bits.iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum())
    }

    pub(crate) fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// [`storm_assets::TextureTransform::rows`] of a transform that changes nothing.
pub(crate) const IDENTITY: [[f32; 3]; 2] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

/// A material's textures and how each is stored, by place.
pub(crate) fn slots(material: &Material) -> [(Option<TextureSlot>, ColorSpace); SLOTS] {
    use ColorSpace::{Linear, Srgb};
    let specular = material.specular.unwrap_or_default();
    let clearcoat = material.clearcoat.unwrap_or_default();
    let sheen = material.sheen.unwrap_or_default();
    let iridescence = material.iridescence.unwrap_or_default();
    [
        (material.base_color_texture, Srgb),
        (material.metallic_roughness_texture, Linear),
        (material.normal_texture, Linear),
        (material.occlusion_texture, Linear),
        (material.emissive_texture, Srgb),
        (specular.texture, Linear),
        (specular.color_texture, Srgb),
        (clearcoat.texture, Linear),
        (clearcoat.roughness_texture, Linear),
        (clearcoat.normal_texture, Linear),
        (sheen.color_texture, Srgb),
        (sheen.roughness_texture, Linear),
        (material.transmission.unwrap_or_default().texture, Linear),
        (
            material.volume.unwrap_or_default().thickness_texture,
            Linear,
        ),
        (material.anisotropy.unwrap_or_default().texture, Linear),
        (iridescence.texture, Linear),
        (iridescence.thickness_texture, Linear),
    ]
}

/// The mesh's UV sets that reach fragments, by place: sets 0 and 1 stay where plain meshes have them, except that the base
/// colour's set, which depth and shadows read too, is one of the first two.
fn uv_sets(material: &Material) -> [Option<u32>; UVS_MAX] {
    let mut places = [None; UVS_MAX];
    let mut used: Vec<u32> = Vec::new();
    for slot in material.textures() {
        if !used.contains(&slot.uv_set) {
            used.push(slot.uv_set);
        }
    }
    let base = material.base_color_texture.map(|slot| slot.uv_set);
    if let Some(base) = base.filter(|&set| set > 1) {
        let place = usize::from(used.contains(&0) && !used.contains(&1));
        places[place] = Some(base);
    }
    for (place, set) in [(0, 0), (1, 1)] {
        if used.contains(&set) && places[place].is_none() {
            places[place] = Some(set);
        }
    }
    for set in used {
        if !places.contains(&Some(set))
            && let Some(free) = places.iter_mut().find(|place| place.is_none())
        {
            *free = Some(set);
        }
    }
    places
}

/// Whether a material's textures use more UV sets than can reach fragments.
pub(crate) fn has_too_many_uv_sets(material: &Material) -> bool {
    let places = uv_sets(material);
    material
        .textures()
        .any(|slot| !places.contains(&Some(slot.uv_set)))
}

/// Which of the UVs that reach fragments a texture is looked up with.
pub(crate) fn uv_place(material: &Material, slot: &TextureSlot) -> u32 {
    let places = uv_sets(material);
    // One that is too many reads the first.
    let place = places.iter().position(|&set| set == Some(slot.uv_set));
    place.unwrap_or(0) as u32
}

/// Whether a material's UVs are the mesh's first two sets, in their order.
fn plain_uvs(material: &Material) -> bool {
    material.textures().all(|slot| slot.uv_set < 2)
}

/// Whether shaders need a record of a material's layers.
pub(crate) fn has_record(material: &Material) -> bool {
    Layers::of(material).0 & !TRANSFORMS != 0 || !plain_uvs(material)
}

/// The record of a material's layers. `textures` are those of layers, by place.
pub(crate) fn record(material: &Material, textures: [TextureRef; LAYER_TEXTURES]) -> LayerInfo {
    let specular = material.specular.unwrap_or_default();
    let clearcoat = material.clearcoat.unwrap_or_default();
    let sheen = material.sheen.unwrap_or_default();
    let volume = material.volume.unwrap_or_default();
    let anisotropy = material.anisotropy.unwrap_or_default();
    let iridescence = material.iridescence.unwrap_or_default();
    let mut uv_sets_of = [0, 1, 2, 3, 4, 5, 6, 7];
    for (place, set) in uv_sets_of.iter_mut().zip(uv_sets(material)) {
        if let Some(set) = set {
            *place = u8::try_from(set).unwrap_or(u8::MAX);
        }
    }
    let coat_set = clearcoat.normal_texture.map(|slot| slot.uv_set);
    let own_frame = coat_set.is_some() && coat_set != material.tangent_uv_set();
    let r = (material.ior - 1.0) / (material.ior + 1.0);
    let distance = volume.attenuation_distance;
    // KHR_materials_volume: c is what white light has turned to after the distance, so what is lost is -ln c / distance.
    let absorption = volume.attenuation_color.map(|c| {
        if distance > 0.0 && distance.is_finite() {
            -c.clamp(1e-6, 1.0).ln() / distance
        } else {
            0.0
        }
    });
    let (sin, cos) = anisotropy.rotation.sin_cos();
    LayerInfo {
        uv_sets: uv_sets_of,
        flags: if own_frame { COAT_HAS_OWN_FRAME } else { 0 },
        ior: material.ior,
        specular_color: specular.color,
        specular: specular.factor,
        sheen_color: sheen.color,
        sheen_roughness: sheen.roughness,
        clearcoat: clearcoat.factor,
        clearcoat_roughness: clearcoat.roughness,
        clearcoat_normal_scale: clearcoat.normal_scale,
        dielectric_f0: r * r,
        absorption,
        thickness: volume.thickness,
        transmission: material.transmission.unwrap_or_default().factor,
        dispersion: material.dispersion,
        anisotropy: anisotropy.strength,
        iridescence: iridescence.factor,
        anisotropy_rotation: [cos, sin],
        film_thickness: [iridescence.thickness_min, iridescence.thickness_max],
        film_ior: iridescence.ior,
        padding: 0,
        textures,
    }
}

#[cfg(test)]
mod tests {
    use storm_assets::{
        Anisotropy, Clearcoat, Handle, Iridescence, Sampler, Sheen, Specular, TextureTransform,
        Transmission, Volume,
    };

    use super::*;

    fn slot(uv_set: u32) -> Option<TextureSlot> {
        Some(TextureSlot {
            image: Handle::of("layers", "image"),
            sampler: Sampler::default(),
            uv_set,
            transform: TextureTransform::IDENTITY,
        })
    }

    #[test]
    fn what_is_not_there_asks_for_nothing() {
        let nothing = Material {
            clearcoat: Some(Clearcoat::default()),
            sheen: Some(Sheen::default()),
            transmission: Some(Transmission::default()),
            volume: Some(Volume::default()),
            anisotropy: Some(Anisotropy::default()),
            iridescence: Some(Iridescence::default()),
            normal_texture: slot(1),
            ..Material::default()
        };
        assert_eq!(Layers::of(&nothing), Layers::default());
        assert!(!has_record(&nothing));
    }

    #[test]
    fn each_layer_asks_for_itself() {
        let plain = Material::default;
        let turned = slot(0).map(|slot| TextureSlot {
            transform: TextureTransform {
                rotation: 0.5,
                ..TextureTransform::IDENTITY
            },
            ..slot
        });
        let cases = [
            (
                Material {
                    base_color_texture: turned,
                    ..plain()
                },
                TRANSFORMS,
            ),
            (
                Material {
                    ior: 1.3,
                    ..plain()
                },
                SPECULAR,
            ),
            (
                Material {
                    specular: Some(Specular::default()),
                    ..plain()
                },
                SPECULAR,
            ),
            (
                Material {
                    clearcoat: Some(Clearcoat {
                        factor: 0.5,
                        ..Default::default()
                    }),
                    ..plain()
                },
                CLEARCOAT,
            ),
            (
                Material {
                    sheen: Some(Sheen {
                        color: [0.0, 0.1, 0.0],
                        ..Default::default()
                    }),
                    ..plain()
                },
                SHEEN,
            ),
            (
                Material {
                    anisotropy: Some(Anisotropy {
                        strength: 0.5,
                        ..Default::default()
                    }),
                    ..plain()
                },
                ANISOTROPY,
            ),
            (
                Material {
                    iridescence: Some(Iridescence {
                        factor: 0.5,
                        ..Default::default()
                    }),
                    ..plain()
                },
                IRIDESCENCE,
            ),
            (
                Material {
                    transmission: Some(Transmission {
                        factor: 0.5,
                        texture: None,
                    }),
                    ..plain()
                },
                TRANSMISSION,
            ),
        ];
        for (material, bit) in cases {
            assert_eq!(Layers::of(&material), Layers(bit));
            let unlit = Material {
                unlit: true,
                ..material
            };
            assert_eq!(
                Layers::of(&unlit),
                Layers(bit & TRANSFORMS),
                "unlit has no layers"
            );
        }
    }

    /// Base colour, metalness and roughness, normal, occlusion, emission, by UV set.
    fn uses(sets: [u32; 5]) -> Material {
        Material {
            base_color_texture: slot(sets[0]),
            metallic_roughness_texture: slot(sets[1]),
            normal_texture: slot(sets[2]),
            occlusion_texture: slot(sets[3]),
            emissive_texture: slot(sets[4]),
            ..Material::default()
        }
    }

    #[test]
    fn every_set_in_use_has_a_place() {
        for (sets, places, many) in [
            ([0, 0, 0, 0, 0], [0, 0, 0, 0, 0], false),
            ([1, 0, 1, 0, 1], [1, 0, 1, 0, 1], false),
            ([0, 3, 0, 3, 3], [0, 1, 0, 1, 1], false),
            ([3, 1, 1, 1, 1], [0, 1, 1, 1, 1], false),
            ([3, 0, 0, 0, 0], [1, 0, 0, 0, 0], false),
            ([5, 0, 1, 2, 3], [0, 2, 1, 3, 4], true),
            ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], true),
        ] {
            let material = uses(sets);
            let found: Vec<_> = material
                .textures()
                .map(|slot| uv_place(&material, slot))
                .collect();
            assert_eq!(found, places, "{sets:?}");
            assert_eq!(Layers::of(&material).has(UV_SETS), many, "{sets:?}");
            let info = record(&material, [TextureRef::NONE; LAYER_TEXTURES]);
            for (set, place) in sets.iter().zip(places) {
                assert_eq!(u32::from(info.uv_sets[place as usize]), *set, "{sets:?}");
            }
            assert_eq!(has_record(&material), sets.iter().any(|&set| set > 1));
            assert!(uv_place(&material, &material.base_color_texture.unwrap()) < 2);
        }
    }

    #[test]
    fn a_ninth_uv_set_is_one_too_many() {
        let with = |count: u32| {
            let layer = Clearcoat {
                texture: slot(5),
                roughness_texture: slot(6),
                normal_texture: slot(7),
                ..Clearcoat::default()
            };
            Material {
                clearcoat: Some(layer),
                sheen: Some(Sheen {
                    color_texture: slot(count - 1),
                    ..Sheen::default()
                }),
                ..uses([0, 1, 2, 3, 4])
            }
        };
        assert!(!has_too_many_uv_sets(&with(8)));
        let nine = with(9);
        assert!(has_too_many_uv_sets(&nine));
        let ninth = nine.sheen.unwrap().color_texture.unwrap();
        assert_eq!(uv_place(&nine, &ninth), 0, "it reads the first");
    }

    #[test]
    fn light_is_absorbed_as_the_volume_says() {
        let material = Material {
            volume: Some(Volume {
                attenuation_distance: 2.0,
                attenuation_color: [1.0, 0.5, 0.0],
                ..Volume::default()
            }),
            ..Material::default()
        };
        let info = record(&material, [TextureRef::NONE; LAYER_TEXTURES]);
        let after = |metres: f32| info.absorption.map(|a| (-a * metres).exp());
        assert_eq!(after(2.0)[0], 1.0);
        assert!((after(2.0)[1] - 0.5).abs() < 1e-6 && (after(4.0)[1] - 0.25).abs() < 1e-6);
        assert!(after(2.0)[2] <= 1.001e-6);
        let clear = record(&Material::default(), [TextureRef::NONE; LAYER_TEXTURES]);
        assert_eq!(clear.absorption, [0.0; 3]);
        assert!((clear.dielectric_f0 - 0.04).abs() < 1e-7);
    }
}
