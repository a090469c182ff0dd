//! Materials, textures, samplers and images (glTF 2.0 §3.8, §3.9, the KHR_materials extensions).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{WriteError, Writer, list, name, number, numbers};
use crate::{
    AlphaMode, Filter, Handle, Image, Material, MipFilter, Sampler, TextureSlot, TextureTransform,
    Wrap,
};

/// Where materials stand in the file.
pub(super) struct Surfaces {
    values: Vec<Value>,
    /// `None` is the default material, which files do not write.
    places: BTreeMap<Handle<Material>, Option<usize>>,
}

impl Surfaces {
    /// The index that a primitive names.
    pub(super) fn place(&self, material: Handle<Material>) -> Option<usize> {
        self.places.get(&material).copied().flatten()
    }

    /// Puts the materials into the document.
    pub(super) fn finish(self, root: &mut Map<String, Value>) {
        list(root, "materials", self.values);
    }
}

/// Textures as they come up.
struct Textures {
    /// Index of each image among those of the file.
    images: BTreeMap<Handle<Image>, usize>,
    list: Vec<(usize, Sampler)>,
    places: BTreeMap<(usize, Sampler), usize>,
}

impl Textures {
    fn place(&mut self, slot: &TextureSlot, by: &str) -> Result<usize, WriteError> {
        let Some(&image) = self.images.get(&slot.image) else {
            return Err(WriteError::Missing {
                by: by.to_owned(),
                what: format!("image {}", slot.image.id()),
            });
        };
        let key = (image, slot.sampler);
        Ok(*self.places.entry(key).or_insert_with(|| {
            self.list.push(key);
            self.list.len() - 1
        }))
    }
}

impl Writer<'_> {
    /// Writes all materials that the file lists or a primitive names, with what they need.
    pub(super) fn materials(
        &mut self,
        root: &mut Map<String, Value>,
    ) -> Result<Surfaces, WriteError> {
        let file = self.file;
        let mut handles = file.materials.clone();
        let mut places: BTreeMap<_, _> = handles
            .iter()
            .enumerate()
            .map(|(index, handle)| (*handle, Some(index)))
            .collect();
        let drawn = file.meshes.iter().flat_map(|group| {
            let own = group.primitives.iter().map(|primitive| primitive.material);
            own.chain(group.variants.iter().map(|variant| variant.material))
        });
        for handle in drawn {
            places.entry(handle).or_insert_with(|| {
                if file
                    .library
                    .materials
                    .get(handle)
                    .is_some_and(|material| **material == Material::default())
                {
                    return None;
                }
                handles.push(handle);
                Some(handles.len() - 1)
            });
        }
        // A variant has to name a material, the default one too.
        for variant in file.meshes.iter().flat_map(|group| &group.variants) {
            let place = places.entry(variant.material).or_default();
            if place.is_none() {
                handles.push(variant.material);
                *place = Some(handles.len() - 1);
            }
        }
        let images = file
            .images
            .iter()
            .enumerate()
            .map(|(index, picture)| (picture.image, index));
        let mut textures = Textures {
            images: images.collect(),
            list: Vec::new(),
            places: BTreeMap::new(),
        };
        let mut values = Vec::with_capacity(handles.len());
        let mut colours = vec![false; file.images.len()];
        for (index, handle) in handles.iter().enumerate() {
            let Some(material) = file.library.materials.get(*handle) else {
                return Err(WriteError::Missing {
                    by: format!("material {index}"),
                    what: format!("the value of {}", handle.id()),
                });
            };
            for slot in material.colour_textures() {
                if let Some(image) = textures.images.get(&slot.image) {
                    colours[*image] = true;
                }
            }
            values.push(Value::Object(self.material(
                &mut textures,
                material,
                &format!("material {index}"),
            )?));
        }
        self.textures(root, &textures, &colours)?;
        Ok(Surfaces { values, places })
    }

    fn textures(
        &mut self,
        root: &mut Map<String, Value>,
        textures: &Textures,
        colours: &[bool],
    ) -> Result<(), WriteError> {
        let mut images = Vec::new();
        let mut media_types = Vec::new();
        for (index, picture) in self.file.images.iter().enumerate() {
            let Some(stored) = self.stored(index, colours[index])? else {
                if textures.list.iter().any(|(used, _)| *used == index) {
                    return Err(WriteError::Missing {
                        by: "a texture".to_owned(),
                        what: format!("the value of image {index}"),
                    });
                }
                self.left_out.push(format!(
                    "image {index}: nothing uses it and it was not read"
                ));
                self.image_places.push(None);
                media_types.push("");
                continue;
            };
            let mut image = Map::new();
            name(&mut image, &picture.name);
            image.insert("mimeType".to_owned(), json!(stored.media_type));
            image.insert(
                "bufferView".to_owned(),
                json!(self.binary.view(&stored.bytes)),
            );
            media_types.push(stored.media_type);
            self.image_places.push(Some(images.len()));
            images.push(Value::Object(image));
        }
        let mut samplers: Vec<Sampler> = Vec::new();
        let mut list_of_textures = Vec::new();
        for (image, sampler) in &textures.list {
            let mut texture = Map::new();
            let place = self.image_places[*image];
            if *sampler != Sampler::default() {
                let place = samplers
                    .iter()
                    .position(|other| other == sampler)
                    .unwrap_or_else(|| {
                        samplers.push(*sampler);
                        samplers.len() - 1
                    });
                texture.insert("sampler".to_owned(), json!(place));
            }
            let extension = match media_types[*image] {
                "image/webp" => Some("EXT_texture_webp"),
                "image/ktx2" => Some("KHR_texture_basisu"),
                _ => None,
            };
            match extension {
                Some(extension) => {
                    self.required.insert(extension.to_owned());
                    self.extend(&mut texture, extension, json!({ "source": place }));
                }
                None => {
                    texture.insert("source".to_owned(), json!(place));
                }
            }
            list_of_textures.push(Value::Object(texture));
        }
        list(
            root,
            "samplers",
            samplers.into_iter().map(sampler).collect(),
        );
        list(root, "textures", list_of_textures);
        list(root, "images", images);
        Ok(())
    }

    fn material(
        &mut self,
        textures: &mut Textures,
        material: &Material,
        by: &str,
    ) -> Result<Map<String, Value>, WriteError> {
        let mut out = Object {
            fields: Map::new(),
            writer: self,
            textures,
            by,
        };
        name(&mut out.fields, &material.name);
        let core = Material::default();
        let mut pbr = out.inner();
        pbr.list("baseColorFactor", &material.base_color, &core.base_color)?;
        pbr.number("metallicFactor", material.metallic, core.metallic)?;
        pbr.number("roughnessFactor", material.roughness, core.roughness)?;
        pbr.texture("baseColorTexture", &material.base_color_texture, None)?;
        pbr.texture(
            "metallicRoughnessTexture",
            &material.metallic_roughness_texture,
            None,
        )?;
        let pbr = pbr.fields;
        if !pbr.is_empty() {
            out.fields
                .insert("pbrMetallicRoughness".to_owned(), Value::Object(pbr));
        }
        out.texture(
            "normalTexture",
            &material.normal_texture,
            Some(("scale", material.normal_scale)),
        )?;
        out.texture(
            "occlusionTexture",
            &material.occlusion_texture,
            Some(("strength", material.occlusion_strength)),
        )?;
        out.texture("emissiveTexture", &material.emissive_texture, None)?;
        out.list("emissiveFactor", &material.emissive, &core.emissive)?;
        match material.alpha_mode {
            AlphaMode::Opaque => {}
            AlphaMode::Mask(cutoff) => {
                out.fields.insert("alphaMode".to_owned(), json!("MASK"));
                out.number("alphaCutoff", cutoff, 0.5)?;
            }
            AlphaMode::Blend => {
                out.fields.insert("alphaMode".to_owned(), json!("BLEND"));
            }
        }
        if material.double_sided {
            out.fields.insert("doubleSided".to_owned(), json!(true));
        }
        layers(&mut out, material)?;
        Ok(out.fields)
    }
}

/// The KHR_materials extensions.
fn layers(out: &mut Object<'_, '_>, material: &Material) -> Result<(), WriteError> {
    if material.unlit {
        out.layer("KHR_materials_unlit", |_| Ok(()))?;
    }
    if material.emissive_strength != 1.0 {
        out.layer("KHR_materials_emissive_strength", |layer| {
            layer.number("emissiveStrength", material.emissive_strength, 1.0)
        })?;
    }
    if material.ior != 1.5 {
        out.layer("KHR_materials_ior", |layer| {
            layer.number("ior", material.ior, 1.5)
        })?;
    }
    if material.dispersion != 0.0 {
        out.layer("KHR_materials_dispersion", |layer| {
            layer.number("dispersion", material.dispersion, 0.0)
        })?;
    }
    if let Some(specular) = &material.specular {
        out.layer("KHR_materials_specular", |layer| {
            layer.number("specularFactor", specular.factor, 1.0)?;
            layer.texture("specularTexture", &specular.texture, None)?;
            layer.list("specularColorFactor", &specular.color, &[1.0; 3])?;
            layer.texture("specularColorTexture", &specular.color_texture, None)
        })?;
    }
    if let Some(coat) = &material.clearcoat {
        out.layer("KHR_materials_clearcoat", |layer| {
            layer.number("clearcoatFactor", coat.factor, 0.0)?;
            layer.texture("clearcoatTexture", &coat.texture, None)?;
            layer.number("clearcoatRoughnessFactor", coat.roughness, 0.0)?;
            layer.texture("clearcoatRoughnessTexture", &coat.roughness_texture, None)?;
            layer.texture(
                "clearcoatNormalTexture",
                &coat.normal_texture,
                Some(("scale", coat.normal_scale)),
            )
        })?;
    }
    if let Some(sheen) = &material.sheen {
        out.layer("KHR_materials_sheen", |layer| {
            layer.list("sheenColorFactor", &sheen.color, &[0.0; 3])?;
            layer.texture("sheenColorTexture", &sheen.color_texture, None)?;
            layer.number("sheenRoughnessFactor", sheen.roughness, 0.0)?;
            layer.texture("sheenRoughnessTexture", &sheen.roughness_texture, None)
        })?;
    }
    if let Some(transmission) = &material.transmission {
        out.layer("KHR_materials_transmission", |layer| {
            layer.number("transmissionFactor", transmission.factor, 0.0)?;
            layer.texture("transmissionTexture", &transmission.texture, None)
        })?;
    }
    if let Some(volume) = &material.volume {
        out.layer("KHR_materials_volume", |layer| {
            layer.number("thicknessFactor", volume.thickness, 0.0)?;
            layer.texture("thicknessTexture", &volume.thickness_texture, None)?;
            if volume.attenuation_distance != f32::INFINITY {
                layer.number(
                    "attenuationDistance",
                    volume.attenuation_distance,
                    f32::INFINITY,
                )?;
            }
            layer.list("attenuationColor", &volume.attenuation_color, &[1.0; 3])
        })?;
    }
    if let Some(anisotropy) = &material.anisotropy {
        out.layer("KHR_materials_anisotropy", |layer| {
            layer.number("anisotropyStrength", anisotropy.strength, 0.0)?;
            layer.number("anisotropyRotation", anisotropy.rotation, 0.0)?;
            layer.texture("anisotropyTexture", &anisotropy.texture, None)
        })?;
    }
    if let Some(film) = &material.iridescence {
        out.layer("KHR_materials_iridescence", |layer| {
            layer.number("iridescenceFactor", film.factor, 0.0)?;
            layer.texture("iridescenceTexture", &film.texture, None)?;
            layer.number("iridescenceIor", film.ior, 1.3)?;
            layer.number("iridescenceThicknessMinimum", film.thickness_min, 100.0)?;
            layer.number("iridescenceThicknessMaximum", film.thickness_max, 400.0)?;
            layer.texture("iridescenceThicknessTexture", &film.thickness_texture, None)
        })?;
    }
    Ok(())
}

/// An object of a material that is being filled.
struct Object<'w, 'g> {
    fields: Map<String, Value>,
    writer: &'w mut Writer<'g>,
    textures: &'w mut Textures,
    by: &'w str,
}

impl<'g> Object<'_, 'g> {
    /// An object within this one, to be put in by the caller.
    fn inner(&mut self) -> Object<'_, 'g> {
        Object {
            fields: Map::new(),
            writer: self.writer,
            textures: self.textures,
            by: self.by,
        }
    }

    fn layer(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut Object<'_, 'g>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let mut inner = self.inner();
        fill(&mut inner)?;
        let fields = inner.fields;
        self.writer
            .extend(&mut self.fields, name, Value::Object(fields));
        Ok(())
    }

    fn number(&mut self, key: &str, value: f32, default: f32) -> Result<(), WriteError> {
        if value != default {
            let value = number(value, || format!("{key} of {}", self.by))?;
            self.fields.insert(key.to_owned(), value);
        }
        Ok(())
    }

    fn list(&mut self, key: &str, values: &[f32], default: &[f32]) -> Result<(), WriteError> {
        if values != default {
            let values = numbers(values, || format!("{key} of {}", self.by))?;
            self.fields.insert(key.to_owned(), values);
        }
        Ok(())
    }

    /// A texture info; `factor` is what it says beside the texture, 1 by default.
    fn texture(
        &mut self,
        key: &str,
        slot: &Option<TextureSlot>,
        factor: Option<(&str, f32)>,
    ) -> Result<(), WriteError> {
        let Some(slot) = slot else {
            return Ok(());
        };
        let mut info = self.inner();
        info.fields.insert(
            "index".to_owned(),
            json!(info.textures.place(slot, info.by)?),
        );
        if slot.uv_set != 0 {
            info.fields
                .insert("texCoord".to_owned(), json!(slot.uv_set));
        }
        if let Some((key, value)) = factor {
            info.number(key, value, 1.0)?;
        }
        let TextureTransform {
            offset,
            rotation,
            scale,
        } = slot.transform;
        if slot.transform != TextureTransform::IDENTITY {
            info.layer("KHR_texture_transform", |layer| {
                layer.list("offset", &offset, &[0.0; 2])?;
                layer.number("rotation", rotation, 0.0)?;
                layer.list("scale", &scale, &[1.0; 2])
            })?;
        }
        let fields = info.fields;
        self.fields.insert(key.to_owned(), Value::Object(fields));
        Ok(())
    }
}

fn sampler(sampler: Sampler) -> Value {
    let wrap = |wrap| match wrap {
        Wrap::Repeat => 10497,
        Wrap::MirroredRepeat => 33648,
        Wrap::ClampToEdge => 33071,
    };
    let min = match (sampler.min, sampler.mip) {
        (Filter::Nearest, MipFilter::None) => 9728,
        (Filter::Linear, MipFilter::None) => 9729,
        (Filter::Nearest, MipFilter::Nearest) => 9984,
        (Filter::Linear, MipFilter::Nearest) => 9985,
        (Filter::Nearest, MipFilter::Linear) => 9986,
        (Filter::Linear, MipFilter::Linear) => 9987,
    };
    let mag = match sampler.mag {
        Filter::Nearest => 9728,
        Filter::Linear => 9729,
    };
    json!({ "wrapS": wrap(sampler.wrap_u), "wrapT": wrap(sampler.wrap_v), "magFilter": mag, "minFilter": min })
}
