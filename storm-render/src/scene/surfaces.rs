//! Textures, samplers and materials on the GPU.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use ash::vk;
use bytemuck::{Pod, Zeroable};
use storm_assets::{AlphaMode, Handle, Image, Material, PixelFormat, TextureSlot};

use super::{
    arena::Table,
    layers::{self, Layers, SLOTS},
    layout::{
        HOW_TRANSFORM_SHIFT, HOW_UV_SHIFT, LAYER_TEXTURES, LayerInfo, MATERIAL_DOUBLE_SIDED,
        MATERIAL_LAYERS_SHIFT, MATERIAL_UNLIT, MaterialInfo, NONE, TextureRef, UvTransform,
    },
    upload::Uploads,
};
use crate::{
    context::Gpu,
    error::{RenderError, Result},
    gpu::{
        bindless::Binding,
        buffer::Buffer,
        custom::{SURFACE_PARAMETERS_MAX, SURFACE_TEXTURES_MAX, SurfaceShader},
        image::{self, ImageDesc},
    },
    spirv::SurfaceError,
    surface::Surface,
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
    layers::slots(material)
        .into_iter()
        .filter_map(|(slot, space)| slot.map(|slot| (slot.image, space)))
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
    /// Stays where the material goes and comes.
    surface: Option<Surface>,
    /// Of the value.
    layers: Layers,
    /// The number of its record of layers, from when it first had some.
    layers_number: Option<u32>,
    /// By place, the number of its texture's transform, from when that first had one.
    transforms: [Option<u32>; SLOTS],
}

impl MaterialEntry {
    fn textures(&self) -> impl Iterator<Item = TextureKey> + '_ {
        let own = self.surface.iter().flat_map(|surface| &surface.textures);
        textures_of(&self.value).chain(own.map(|(slot, space)| (slot.image, *space)))
    }
}

/// As `shaders/surface.glsl` has it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct SurfaceInfo {
    textures: [TextureRef; SURFACE_TEXTURES_MAX],
    parameters: [f32; SURFACE_PARAMETERS_MAX],
}

/// All textures and materials of a scene.
pub(crate) struct Surfaces {
    gpu: Gpu,
    textures: HashMap<TextureKey, Texture>,
    entries: Vec<MaterialEntry>,
    by_handle: HashMap<Handle<Material>, u32>,
    infos: Table<MaterialInfo>,
    layer_infos: Table<LayerInfo>,
    layer_count: u32,
    uv_transforms: Table<UvTransform>,
    transform_count: u32,
    /// By material; only those that have a surface are written.
    surface_infos: Table<SurfaceInfo>,
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
            layer_infos: Table::new(gpu.device(), "layers of materials", 16)?,
            layer_count: 0,
            uv_transforms: Table::new(gpu.device(), "transforms of textures", 64)?,
            // Number 0 stands for none.
            transform_count: 1,
            surface_infos: Table::new(gpu.device(), "surfaces", 16)?,
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
            surface: None,
            layers: Layers::default(),
            layers_number: None,
            transforms: [None; SLOTS],
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

    /// What a material has beyond the core, for the pipelines that draw it.
    pub(crate) fn layers(&self, index: u32) -> Layers {
        self.entries[index as usize].layers
    }

    pub(crate) fn insert_material(
        &mut self,
        uploads: &mut Uploads,
        handle: Handle<Material>,
        material: &Material,
    ) -> Result<()> {
        let index = self.index_of(uploads, handle)?;
        let entry = &mut self.entries[index as usize];
        (entry.value, entry.present) = (material.clone(), true);
        entry.layers = Layers::of(material);
        if layers::has_too_many_uv_sets(material) {
            let name = &material.name;
            tracing::warn!(
                "material '{name}' uses more than 8 UV sets; its further textures read the first"
            );
        }
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
        let entry = &mut self.entries[index as usize];
        (entry.value, entry.present) = (Material::default(), false);
        entry.layers = Layers::default();
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
                    .any(|entry| entry.textures().any(|used| used == *key))
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
            if self.entries[index as usize]
                .textures()
                .any(|used| used == key)
            {
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

    /// Where a texture is found; one that is not there is missed.
    fn texture_ref(&mut self, slot: &TextureSlot, space: ColorSpace) -> Result<TextureRef> {
        let key = (slot.image, space);
        let Some(texture) = self.textures.get(&key) else {
            self.missing.insert(key);
            return Ok(TextureRef::NONE);
        };
        Ok(TextureRef {
            image: texture.slot,
            how: self.gpu.sampler(slot.sampler)?,
        })
    }

    /// The same for a material's own texture, with the UVs that it is looked up with and their transform.
    fn slot_ref(
        &mut self,
        uploads: &mut Uploads,
        index: u32,
        place: usize,
        (slot, space): (&TextureSlot, ColorSpace),
    ) -> Result<TextureRef> {
        let found = self.texture_ref(slot, space)?;
        let entry = &mut self.entries[index as usize];
        let uv = layers::uv_place(&entry.value, slot);
        let mut transform = 0;
        let rows = slot.transform.rows();
        if rows != layers::IDENTITY {
            transform = match entry.transforms[place] {
                Some(number) => number,
                None if self.transform_count >> (32 - HOW_TRANSFORM_SHIFT) != 0 => {
                    return Err(RenderError::OutOfSpace {
                        what: "transforms of textures",
                        needed: u64::from(self.transform_count) + 1,
                        limit: 1 << (32 - HOW_TRANSFORM_SHIFT),
                    });
                }
                None => self.transform_count,
            };
            self.uv_transforms
                .write(uploads, transform, &[UvTransform { rows }])?;
            if entry.transforms[place].replace(transform).is_none() {
                self.transform_count += 1;
            }
        }
        Ok(TextureRef {
            how: found.how | uv << HOW_UV_SHIFT | transform << HOW_TRANSFORM_SHIFT,
            ..found
        })
    }

    /// Gives a material a surface of its user's, or takes it away.
    pub(crate) fn set_surface(
        &mut self,
        uploads: &mut Uploads,
        handle: Handle<Material>,
        surface: Option<&Surface>,
    ) -> Result<()> {
        if let Some(surface) = surface {
            if surface.textures.len() > SURFACE_TEXTURES_MAX {
                return Err(SurfaceError::Textures {
                    found: surface.textures.len(),
                    limit: SURFACE_TEXTURES_MAX,
                }
                .into());
            }
            let unknown = |(name, _): &&(String, f32)| surface.shader.number(name).is_none();
            if let Some((name, _)) = surface.parameters.iter().find(unknown) {
                return Err(SurfaceError::NoParameter(name.clone()).into());
            }
        }
        let index = self.index_of(uploads, handle)?;
        self.entries[index as usize].surface = surface.cloned();
        self.forget_unwanted();
        self.upload(uploads, index)
    }

    /// Sets a parameter of a material's surface.
    pub(crate) fn set_surface_parameter(
        &mut self,
        uploads: &mut Uploads,
        handle: Handle<Material>,
        name: &str,
        value: f32,
    ) -> Result<()> {
        let index = self.by_handle.get(&handle).copied();
        let surface = index.and_then(|index| self.entries[index as usize].surface.as_mut());
        let (Some(index), Some(surface)) = (index, surface) else {
            return Err(SurfaceError::NoParameter(name.to_owned()).into());
        };
        if surface.shader.number(name).is_none() {
            return Err(SurfaceError::NoParameter(name.to_owned()).into());
        }
        match surface
            .parameters
            .iter_mut()
            .find(|(known, _)| known == name)
        {
            Some((_, old)) => *old = value,
            None => surface.parameters.push((name.to_owned(), value)),
        }
        self.upload(uploads, index)
    }

    /// The shader of a material's surface.
    pub(crate) fn surface_of(&self, index: u32) -> Option<&SurfaceShader> {
        let surface = self.entries[index as usize].surface.as_ref();
        surface.map(|surface| &surface.shader)
    }

    /// The shader with this number, of those that materials have.
    pub(crate) fn surface_shader(&self, id: u64) -> Option<&SurfaceShader> {
        (0..self.count())
            .filter_map(|index| self.surface_of(index))
            .find(|shader| shader.id() == id)
    }

    pub(crate) fn surface_infos(&self) -> &Buffer {
        self.surface_infos.buffer()
    }

    fn upload(&mut self, uploads: &mut Uploads, index: u32) -> Result<()> {
        let material = self.entries[index as usize].value.clone();
        let mut textures = [TextureRef::NONE; SLOTS];
        for (place, (slot, space)) in layers::slots(&material).into_iter().enumerate() {
            if let Some(slot) = slot {
                textures[place] = self.slot_ref(uploads, index, place, (&slot, space))?;
            }
        }
        let mut layers_number = NONE;
        if layers::has_record(&material) {
            let entry = &mut self.entries[index as usize];
            layers_number = entry.layers_number.unwrap_or(self.layer_count);
            let mut of_layers = [TextureRef::NONE; LAYER_TEXTURES];
            of_layers.copy_from_slice(&textures[SLOTS - LAYER_TEXTURES..]);
            let info = layers::record(&material, of_layers);
            self.layer_infos.write(uploads, layers_number, &[info])?;
            if entry.layers_number.replace(layers_number).is_none() {
                self.layer_count += 1;
            }
        }
        if let Some(surface) = self.entries[index as usize].surface.clone() {
            let mut info = SurfaceInfo::zeroed();
            info.textures = [TextureRef::NONE; SURFACE_TEXTURES_MAX];
            for (texture, (slot, space)) in info.textures.iter_mut().zip(&surface.textures) {
                *texture = self.texture_ref(slot, *space)?;
            }
            for (name, value) in &surface.parameters {
                let number = surface.shader.number(name);
                let number = number.ok_or_else(|| SurfaceError::NoParameter(name.clone()))?;
                info.parameters[number] = *value;
            }
            self.surface_infos.write(uploads, index, &[info])?;
        }
        let alpha_cutoff = match material.alpha_mode {
            AlphaMode::Mask(cutoff) => cutoff,
            AlphaMode::Opaque | AlphaMode::Blend => 0.0,
        };
        let [a, b, c, d, e, ..] = textures;
        let bits = [
            (material.unlit, MATERIAL_UNLIT),
            (material.double_sided, MATERIAL_DOUBLE_SIDED),
        ];
        let flags: u32 = bits.iter().filter(|(on, _)| *on).map(|(_, bit)| bit).sum();
        let layers = u32::from(Layers::of(&material).0);
        let flags = flags | layers << MATERIAL_LAYERS_SHIFT;
        let info = MaterialInfo {
            base_color: material.base_color,
            emissive: if material.unlit {
                [0.0; 3]
            } else {
                material.emissive.map(|c| c * material.emissive_strength)
            },
            alpha_cutoff,
            metallic: material.metallic,
            roughness: material.roughness,
            normal_scale: material.normal_scale,
            occlusion_strength: material.occlusion_strength,
            textures: [a, b, c, d, e],
            flags,
            layers: layers_number,
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

    pub(crate) fn layer_infos(&self) -> &Buffer {
        self.layer_infos.buffer()
    }

    pub(crate) fn uv_transforms(&self) -> &Buffer {
        self.uv_transforms.buffer()
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
