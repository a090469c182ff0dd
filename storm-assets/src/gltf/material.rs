//! Samplers, textures and materials (glTF 2.0 §3.8, §3.9).

use std::collections::BTreeSet;

use super::{context::Context, cursor::Cursor, error::Problem};
use crate::{
    AlphaMode, Anisotropy, Clearcoat, Filter, Handle, Image, Iridescence, Material, MipFilter,
    Sampler, Sheen, Specular, TextureSlot, TextureTransform, Transmission, Volume, Wrap,
};

/// A texture: what a material's texture info points to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Texture {
    /// Index into `images`; absent where only an unsupported extension says it.
    pub(super) image: Option<usize>,
    pub(super) sampler: Sampler,
}

/// The materials of a file and which images they use.
pub(super) struct Surfaces {
    pub(super) materials: Vec<Material>,
    /// For each image, whether a material uses it.
    pub(super) image_used: Vec<bool>,
}

/// The label of an image's id.
pub(super) fn image_label(index: usize) -> String {
    format!("image/{index}")
}

/// Reads samplers, textures and materials.
pub(super) fn read(context: &mut Context, root: Cursor<'_>) -> Result<Surfaces, Problem> {
    let samplers = context.list(root, "samplers", |_, place, _| sampler(place))?;
    let images = root.count("images")?;
    context
        .budget
        .values::<bool>(images, || "/images".to_owned())?;
    let textures = context.list(root, "textures", |context, place, _| {
        let mut image = place.optional_index("source", images, "images")?;
        for name in ["EXT_texture_webp", "KHR_texture_basisu"] {
            // A picture by an extension that is read wins over the one for readers without it.
            if let Some(extension) = context.extension(place, name)? {
                image = extension
                    .optional_index("source", images, "images")?
                    .or(image);
            }
        }
        let sampler = place.optional_index("sampler", samplers.len(), "samplers")?;
        if image.is_none() {
            let only_in = [
                "KHR_texture_basisu",
                "EXT_texture_webp",
                "MSFT_texture_dds",
                "EXT_texture_avif",
            ]
            .into_iter()
            .find(|name| matches!(place.extension(name), Ok(Some(_))));
            context.warn(place, || match only_in {
                Some(name) => {
                    format!("has an image by {name} only, which is not supported; left out")
                }
                None => "has no image; left out".to_owned(),
            });
        }
        Ok(Texture {
            image,
            sampler: sampler.map(|index| samplers[index]).unwrap_or_default(),
        })
    })?;
    let mut image_used = vec![false; images];
    let mut in_use = Textures {
        textures: &textures,
        image_used: &mut image_used,
    };
    let materials = context.list(root, "materials", |context, place, _| {
        material(context, place, &mut in_use)
    })?;
    Ok(Surfaces {
        materials,
        image_used,
    })
}

fn sampler(place: Cursor<'_>) -> Result<Sampler, Problem> {
    let wrap = |key: &str| -> Result<Wrap, Problem> {
        let Some(value) = place.get(key)? else {
            return Ok(Wrap::Repeat);
        };
        Ok(match value.unsigned()? {
            10497 => Wrap::Repeat,
            33648 => Wrap::MirroredRepeat,
            33071 => Wrap::ClampToEdge,
            _ => return Err(value.wrong("10497, 33648 or 33071")),
        })
    };
    let mag = match place.get("magFilter")? {
        None => Filter::Linear,
        Some(value) => match value.unsigned()? {
            9728 => Filter::Nearest,
            9729 => Filter::Linear,
            _ => return Err(value.wrong("9728 or 9729")),
        },
    };
    let (min, mip) = match place.get("minFilter")? {
        None => (Filter::Linear, MipFilter::Linear),
        Some(value) => match value.unsigned()? {
            9728 => (Filter::Nearest, MipFilter::None),
            9729 => (Filter::Linear, MipFilter::None),
            9984 => (Filter::Nearest, MipFilter::Nearest),
            9985 => (Filter::Linear, MipFilter::Nearest),
            9986 => (Filter::Nearest, MipFilter::Linear),
            9987 => (Filter::Linear, MipFilter::Linear),
            _ => return Err(value.wrong("9728, 9729, 9984, 9985, 9986 or 9987")),
        },
    };
    Ok(Sampler {
        wrap_u: wrap("wrapS")?,
        wrap_v: wrap("wrapT")?,
        mag,
        min,
        mip,
    })
}

fn material(
    context: &mut Context,
    place: Cursor<'_>,
    textures: &mut Textures<'_>,
) -> Result<Material, Problem> {
    let mut material = Material {
        name: context.name(place)?,
        ..Material::default()
    };
    if let Some(pbr) = place.get("pbrMetallicRoughness")? {
        if let Some((_, texture)) = textures.slot(context, pbr, "baseColorTexture")? {
            material.base_color_texture = texture;
        }
        if let Some((_, texture)) = textures.slot(context, pbr, "metallicRoughnessTexture")? {
            material.metallic_roughness_texture = texture;
        }
        material.base_color = colour(context, pbr, "baseColorFactor", [1.0; 4])?;
        material.metallic = context.factor(pbr, "metallicFactor", 1.0, 0.0..=1.0)?;
        material.roughness = context.factor(pbr, "roughnessFactor", 1.0, 0.0..=1.0)?;
    }
    if let Some((info, texture)) = textures.slot(context, place, "normalTexture")? {
        material.normal_texture = texture;
        material.normal_scale = info.optional_float("scale")?.unwrap_or(1.0);
    }
    if let Some((info, texture)) = textures.slot(context, place, "occlusionTexture")? {
        material.occlusion_texture = texture;
        material.occlusion_strength = context.factor(info, "strength", 1.0, 0.0..=1.0)?;
    }
    if let Some((_, texture)) = textures.slot(context, place, "emissiveTexture")? {
        material.emissive_texture = texture;
    }
    material.emissive = colour(context, place, "emissiveFactor", [0.0; 3])?;
    let cutoff = context.factor(place, "alphaCutoff", 0.5, 0.0..=f32::MAX)?;
    material.alpha_mode = match place.get("alphaMode")? {
        None => AlphaMode::Opaque,
        Some(mode) => match mode.text()? {
            "OPAQUE" => AlphaMode::Opaque,
            "MASK" => AlphaMode::Mask(cutoff),
            "BLEND" => AlphaMode::Blend,
            _ => return Err(mode.wrong("OPAQUE, MASK or BLEND")),
        },
    };
    material.double_sided = place.optional_bool("doubleSided")?.unwrap_or(false);
    layers(context, place, textures, &mut material)?;
    Ok(material)
}

/// From 0, without an end.
const POSITIVE: std::ops::RangeInclusive<f32> = 0.0..=f32::MAX;

/// The KHR_materials extensions.
fn layers(
    context: &mut Context,
    place: Cursor<'_>,
    textures: &mut Textures<'_>,
    material: &mut Material,
) -> Result<(), Problem> {
    let unit = 0.0..=1.0;
    material.unlit = match context.extension(place, "KHR_materials_unlit")? {
        Some(extension) if !extension.is_object() => return Err(extension.wrong("an object")),
        extension => extension.is_some(),
    };
    if let Some(place) = context.extension(place, "KHR_materials_emissive_strength")? {
        material.emissive_strength = context.factor(place, "emissiveStrength", 1.0, POSITIVE)?;
    }
    if let Some(place) = context.extension(place, "KHR_materials_ior")? {
        let mirror = place.optional_float("ior")? == Some(0.0);
        material.ior = match mirror {
            true => 0.0,
            false => context.factor(place, "ior", 1.5, 1.0..=f32::MAX)?,
        };
    }
    if let Some(place) = context.extension(place, "KHR_materials_dispersion")? {
        material.dispersion = context.factor(place, "dispersion", 0.0, POSITIVE)?;
    }
    if let Some(place) = context.extension(place, "KHR_materials_specular")? {
        material.specular = Some(Specular {
            factor: context.factor(place, "specularFactor", 1.0, unit.clone())?,
            texture: textures.layer(context, place, "specularTexture")?,
            color: clamped(context, place, "specularColorFactor", [1.0; 3], POSITIVE)?,
            color_texture: textures.layer(context, place, "specularColorTexture")?,
        });
    }
    if let Some(place) = context.extension(place, "KHR_materials_clearcoat")? {
        let normal = textures.slot(context, place, "clearcoatNormalTexture")?;
        let scale = match normal {
            Some((info, _)) => info.optional_float("scale")?,
            None => None,
        };
        material.clearcoat = Some(Clearcoat {
            factor: context.factor(place, "clearcoatFactor", 0.0, unit.clone())?,
            texture: textures.layer(context, place, "clearcoatTexture")?,
            roughness: context.factor(place, "clearcoatRoughnessFactor", 0.0, unit.clone())?,
            roughness_texture: textures.layer(context, place, "clearcoatRoughnessTexture")?,
            normal_texture: normal.and_then(|(_, slot)| slot),
            normal_scale: scale.unwrap_or(1.0),
        });
    }
    if let Some(place) = context.extension(place, "KHR_materials_sheen")? {
        material.sheen = Some(Sheen {
            color: colour(context, place, "sheenColorFactor", [0.0; 3])?,
            color_texture: textures.layer(context, place, "sheenColorTexture")?,
            roughness: context.factor(place, "sheenRoughnessFactor", 0.0, unit.clone())?,
            roughness_texture: textures.layer(context, place, "sheenRoughnessTexture")?,
        });
    }
    if let Some(place) = context.extension(place, "KHR_materials_transmission")? {
        material.transmission = Some(Transmission {
            factor: context.factor(place, "transmissionFactor", 0.0, unit.clone())?,
            texture: textures.layer(context, place, "transmissionTexture")?,
        });
    }
    if let Some(place) = context.extension(place, "KHR_materials_volume")? {
        let distance = f32::MIN_POSITIVE..=f32::INFINITY;
        material.volume = Some(Volume {
            thickness: context.factor(place, "thicknessFactor", 0.0, POSITIVE)?,
            thickness_texture: textures.layer(context, place, "thicknessTexture")?,
            attenuation_distance: context.factor(
                place,
                "attenuationDistance",
                f32::INFINITY,
                distance,
            )?,
            attenuation_color: colour(context, place, "attenuationColor", [1.0; 3])?,
        });
    }
    if let Some(place) = context.extension(place, "KHR_materials_anisotropy")? {
        material.anisotropy = Some(Anisotropy {
            strength: context.factor(place, "anisotropyStrength", 0.0, unit.clone())?,
            rotation: place.optional_float("anisotropyRotation")?.unwrap_or(0.0),
            texture: textures.layer(context, place, "anisotropyTexture")?,
        });
    }
    if let Some(place) = context.extension(place, "KHR_materials_iridescence")? {
        material.iridescence = Some(Iridescence {
            factor: context.factor(place, "iridescenceFactor", 0.0, unit)?,
            texture: textures.layer(context, place, "iridescenceTexture")?,
            ior: context.factor(place, "iridescenceIor", 1.3, 1.0..=f32::MAX)?,
            thickness_min: context.factor(place, "iridescenceThicknessMinimum", 100.0, POSITIVE)?,
            thickness_max: context.factor(place, "iridescenceThicknessMaximum", 400.0, POSITIVE)?,
            thickness_texture: textures.layer(context, place, "iridescenceThicknessTexture")?,
        });
    }
    Ok(())
}

/// The textures of a file, and which images they lead to.
struct Textures<'t> {
    textures: &'t [Texture],
    image_used: &'t mut [bool],
}

/// A texture info, and the texture unless it has no image.
type Slot<'a> = Option<(Cursor<'a>, Option<TextureSlot>)>;

impl Textures<'_> {
    /// Reads the texture info `key` of `object`.
    fn slot<'a>(
        &mut self,
        context: &Context,
        object: Cursor<'a>,
        key: &str,
    ) -> Result<Slot<'a>, Problem> {
        let Some(info) = object.get(key)? else {
            return Ok(None);
        };
        let index = info
            .required("index")?
            .index(self.textures.len(), "textures")?;
        let uv_set = match info.get("texCoord")? {
            None => 0,
            Some(place) => {
                u32::try_from(place.unsigned()?).map_err(|_| place.wrong("a smaller number"))?
            }
        };
        let mut transform = TextureTransform::IDENTITY;
        let mut uv_set = uv_set;
        if let Some(place) = context.extension(info, "KHR_texture_transform")? {
            transform = TextureTransform {
                offset: place.optional_floats::<2>("offset")?.unwrap_or([0.0; 2]),
                rotation: place.optional_float("rotation")?.unwrap_or(0.0),
                scale: place.optional_floats::<2>("scale")?.unwrap_or([1.0; 2]),
            };
            if let Some(place) = place.get("texCoord")? {
                uv_set = u32::try_from(place.unsigned()?)
                    .map_err(|_| place.wrong("a smaller number"))?;
            }
        }
        let Texture { image, sampler } = self.textures[index];
        let slot = image.map(|image| {
            self.image_used[image] = true;
            TextureSlot {
                image: image_handle(context, image),
                sampler,
                uv_set,
                transform,
            }
        });
        Ok(Some((info, slot)))
    }

    /// The texture info `key` of a layer, which says nothing but where the texture is.
    fn layer(
        &mut self,
        context: &Context,
        object: Cursor<'_>,
        key: &str,
    ) -> Result<Option<TextureSlot>, Problem> {
        Ok(self
            .slot(context, object, key)?
            .and_then(|(_, texture)| texture))
    }
}

fn image_handle(context: &Context, index: usize) -> Handle<Image> {
    context.handle(&image_label(index))
}

/// Empties the texture slots whose picture was left out.
pub(super) fn drop_images(material: &mut Material, left_out: &BTreeSet<Handle<Image>>) {
    for slot in material.textures_mut() {
        if slot.is_some_and(|slot| left_out.contains(&slot.image)) {
            *slot = None;
        }
    }
}

/// A linear colour, each channel in 0 to 1.
fn colour<const N: usize>(
    context: &mut Context,
    object: Cursor<'_>,
    key: &str,
    default: [f32; N],
) -> Result<[f32; N], Problem> {
    clamped(context, object, key, default, 0.0..=1.0)
}

/// A linear colour, each channel within `range`.
fn clamped<const N: usize>(
    context: &mut Context,
    object: Cursor<'_>,
    key: &str,
    default: [f32; N],
    range: std::ops::RangeInclusive<f32>,
) -> Result<[f32; N], Problem> {
    let Some(place) = object.get(key)? else {
        return Ok(default);
    };
    let stated = place.floats::<N>()?;
    let clamped = stated.map(|channel| channel.clamp(*range.start(), *range.end()));
    if clamped != stated {
        context.warn(place, || {
            format!("{stated:?} is out of range; {clamped:?} is used")
        });
    }
    Ok(clamped)
}
