//! Textures, samplers and materials on the GPU.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ash::vk;
use storm_assets::{AlphaMode, Handle, Image, Material, PixelFormat, TextureSlot};

use super::{
    arena::Table,
    layout::{MaterialInfo, TextureRef},
    upload::Uploads,
};
use crate::{
    context::Gpu,
    error::{RenderError, Result},
    gpu::{
        bindless::Binding,
        buffer::Buffer,
        image::{self, ImageDesc},
    },
};

/// How the colours of a picture are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ColorSpace {
    /// As on a screen: base and emitted colours.
    Srgb,
    /// As numbers: normals, roughness, occlusion.
    Linear,
}

/// A picture as a material samples it.
pub type TextureKey = (Handle<Image>, ColorSpace);

/// The pictures that a material samples, each as it samples it.
pub fn textures_of(material: &Material) -> impl Iterator<Item = TextureKey> {
    slots_of(material)
        .into_iter()
        .filter_map(|(slot, space)| slot.map(|slot| (slot.image, space)))
}

/// In the order of [`MaterialInfo::textures`].
fn slots_of(material: &Material) -> [(Option<TextureSlot>, ColorSpace); 5] {
    [
        (material.base_color_texture, ColorSpace::Srgb),
        (material.metallic_roughness_texture, ColorSpace::Linear),
        (material.normal_texture, ColorSpace::Linear),
        (material.occlusion_texture, ColorSpace::Linear),
        (material.emissive_texture, ColorSpace::Srgb),
    ]
}

struct Texture {
    slot: u32,
    /// Kept alive; the slot refers to it.
    _image: Arc<image::Image>,
}

/// What decides how a material is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum AlphaClass {
    Opaque,
    Mask,
    Blend,
}

struct MaterialEntry {
    value: Material,
    present: bool,
}

/// All textures and materials of a scene.
pub(crate) struct Surfaces {
    gpu: Gpu,
    textures: HashMap<TextureKey, Texture>,
    entries: Vec<MaterialEntry>,
    by_handle: HashMap<Handle<Material>, u32>,
    infos: Table<MaterialInfo>,
    /// Textures that materials ask for and that are not there.
    missing: BTreeSet<TextureKey>,
}

impl Surfaces {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self {
            gpu: gpu.clone(),
            textures: HashMap::new(),
            entries: Vec::new(),
            by_handle: HashMap::new(),
            infos: Table::new(gpu.device(), "materials", 256)?,
            missing: BTreeSet::new(),
        })
    }

    /// The number of a material. One that is not there yet looks like glTF's default.
    pub(crate) fn index_of(
        &mut self,
        uploads: &mut Uploads,
        handle: Handle<Material>,
    ) -> Result<u32> {
        if let Some(&index) = self.by_handle.get(&handle) {
            return Ok(index);
        }
        let index = self.entries.len() as u32;
        self.entries.push(MaterialEntry {
            value: Material::default(),
            present: false,
        });
        // Nobody gets a number that the table has no row for.
        if let Err(error) = self.upload(uploads, index) {
            self.entries.pop();
            return Err(error);
        }
        self.by_handle.insert(handle, index);
        Ok(index)
    }

    pub(crate) fn has_material(&self, handle: Handle<Material>) -> bool {
        self.by_handle
            .get(&handle)
            .is_some_and(|&index| self.entries[index as usize].present)
    }

    pub(crate) fn has_texture(&self, key: TextureKey) -> bool {
        self.textures.contains_key(&key)
    }

    /// Textures that materials ask for and that are not there.
    pub(crate) fn missing(&self) -> impl Iterator<Item = TextureKey> + '_ {
        self.missing.iter().copied()
    }

    pub(crate) fn class(&self, index: u32) -> (AlphaClass, bool) {
        let material = &self.entries[index as usize].value;
        let class = match material.alpha_mode {
            AlphaMode::Opaque => AlphaClass::Opaque,
            AlphaMode::Mask(_) => AlphaClass::Mask,
            AlphaMode::Blend => AlphaClass::Blend,
        };
        (class, material.double_sided)
    }

    pub(crate) fn insert_material(
        &mut self,
        uploads: &mut Uploads,
        handle: Handle<Material>,
        material: &Material,
    ) -> Result<()> {
        let index = self.index_of(uploads, handle)?;
        self.entries[index as usize] = MaterialEntry {
            value: material.clone(),
            present: true,
        };
        self.forget_unwanted();
        self.upload(uploads, index)
    }

    pub(crate) fn remove_material(
        &mut self,
        uploads: &mut Uploads,
        handle: Handle<Material>,
    ) -> Result<()> {
        let Some(&index) = self.by_handle.get(&handle) else {
            return Ok(());
        };
        self.entries[index as usize] = MaterialEntry {
            value: Material::default(),
            present: false,
        };
        self.forget_unwanted();
        self.upload(uploads, index)
    }

    /// What no material asks for any more is not missing.
    fn forget_unwanted(&mut self) {
        if !self.missing.is_empty() {
            let entries = &self.entries;
            let wanted = |key: &TextureKey| {
                entries
                    .iter()
                    .any(|entry| textures_of(&entry.value).any(|used| used == *key))
            };
            self.missing.retain(wanted);
        }
    }

    pub(crate) fn remove_texture(&mut self, uploads: &mut Uploads, key: TextureKey) -> Result<()> {
        if let Some(old) = self.textures.remove(&key) {
            self.gpu
                .with_bindless(|bindless| bindless.free(Binding::Images, old.slot));
            self.upload_users(uploads, key)?;
        }
        Ok(())
    }

    /// Uploads the materials that sample a texture.
    fn upload_users(&mut self, uploads: &mut Uploads, key: TextureKey) -> Result<()> {
        for index in 0..self.entries.len() as u32 {
            if textures_of(&self.entries[index as usize].value).any(|used| used == key) {
                self.upload(uploads, index)?;
            }
        }
        Ok(())
    }

    pub(crate) fn insert_texture(
        &mut self,
        uploads: &mut Uploads,
        key: TextureKey,
        picture: &Image,
    ) -> Result<()> {
        let (width, height) = (picture.width(), picture.height());
        let format = match (picture.format(), key.1) {
            (PixelFormat::Rgba8, ColorSpace::Srgb) => vk::Format::R8G8B8A8_SRGB,
            (PixelFormat::Rgba8, ColorSpace::Linear) => vk::Format::R8G8B8A8_UNORM,
            _ => return Err(RenderError::UnknownFormat),
        };
        let image = Arc::new(image::Image::new(
            self.gpu.device(),
            ImageDesc {
                what: "a texture",
                width,
                height,
                format,
                usage: vk::ImageUsageFlags::SAMPLED
                    | vk::ImageUsageFlags::TRANSFER_DST
                    | vk::ImageUsageFlags::TRANSFER_SRC,
                mip_levels: image::mip_levels(width, height),
                samples: vk::SampleCountFlags::TYPE_1,
                cube: false,
            },
        )?);
        uploads.write_image(Arc::clone(&image), picture.pixels())?;
        // A new slot, also where there was a picture before: frames in flight still read the old one.
        let slot = self
            .gpu
            .with_bindless(|bindless| bindless.add_image(Binding::Images, &image))?;
        let texture = Texture {
            slot,
            _image: image,
        };
        let old = self.textures.insert(key, texture);
        let wanted = self.missing.remove(&key) || old.is_some();
        if let Some(old) = old {
            self.gpu
                .with_bindless(|bindless| bindless.free(Binding::Images, old.slot));
        }
        tracing::trace!(slot, width, height, "texture");
        // Otherwise no material asks for it yet.
        if wanted {
            self.upload_users(uploads, key)
        } else {
            Ok(())
        }
    }

    fn upload(&mut self, uploads: &mut Uploads, index: u32) -> Result<()> {
        let material = self.entries[index as usize].value.clone();
        let mut textures = [TextureRef::NONE; 5];
        for (texture, (slot, space)) in textures.iter_mut().zip(slots_of(&material)) {
            let Some(slot) = slot else { continue };
            match self
                .textures
                .get(&(slot.image, space))
                .map(|texture| texture.slot)
            {
                Some(image) => {
                    let sampler = self.gpu.sampler(slot.sampler)?;
                    *texture = TextureRef {
                        image,
                        sampler_and_uv: sampler | slot.uv_set.min(1) << 16,
                    };
                }
                None => {
                    self.missing.insert((slot.image, space));
                }
            }
        }
        let (alpha_mode, alpha_cutoff) = match material.alpha_mode {
            AlphaMode::Opaque => (0, 0.0),
            AlphaMode::Mask(cutoff) => (1, cutoff),
            AlphaMode::Blend => (2, 0.0),
        };
        let info = MaterialInfo {
            base_color: material.base_color,
            emissive: material.emissive,
            alpha_cutoff,
            metallic: material.metallic,
            roughness: material.roughness,
            normal_scale: material.normal_scale,
            occlusion_strength: material.occlusion_strength,
            textures,
            alpha_mode,
            padding: 0,
        };
        self.infos.write(uploads, index, &[info])
    }

    /// Materials that have a number.
    pub(crate) fn count(&self) -> u32 {
        self.entries.len() as u32
    }

    pub(crate) fn infos(&self) -> &Buffer {
        self.infos.buffer()
    }
}

impl Drop for Surfaces {
    fn drop(&mut self) {
        self.gpu.with_bindless(|bindless| {
            for texture in self.textures.values() {
                bindless.free(Binding::Images, texture.slot);
            }
        });
    }
}
