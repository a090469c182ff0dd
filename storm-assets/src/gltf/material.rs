//! Samplers, textures and materials (glTF 2.0 §3.8, §3.9).

use super::{context::Context, cursor::Cursor, error::Problem};
use crate::{
    AlphaMode, Filter, Handle, Image, Library, Material, MipFilter, Sampler, TextureSlot, Wrap,
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
        let image = place.optional_index("source", images, "images")?;
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
    Ok(material)
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
        let Texture { image, sampler } = self.textures[index];
        let slot = image.map(|image| {
            self.image_used[image] = true;
            TextureSlot {
                image: image_handle(context, image),
                sampler,
                uv_set,
            }
        });
        Ok(Some((info, slot)))
    }
}

fn image_handle(context: &Context, index: usize) -> Handle<Image> {
    context.handle(&image_label(index))
}

/// Empties the texture slots whose picture was left out.
pub(super) fn drop_missing_images(material: &mut Material, library: &Library) {
    for slot in [
        &mut material.base_color_texture,
        &mut material.metallic_roughness_texture,
        &mut material.normal_texture,
        &mut material.occlusion_texture,
        &mut material.emissive_texture,
    ] {
        if slot.is_some_and(|slot| library.images.get(slot.image).is_none()) {
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
    let Some(place) = object.get(key)? else {
        return Ok(default);
    };
    let stated = place.floats::<N>()?;
    let clamped = stated.map(|channel| channel.clamp(0.0, 1.0));
    if clamped != stated {
        context.warn(place, || {
            format!("{stated:?} is out of range; {clamped:?} is used")
        });
    }
    Ok(clamped)
}
