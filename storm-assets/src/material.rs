//! The metallic-roughness material of glTF 2.0, as plain values.

use crate::{
    Anisotropy, Clearcoat, Handle, Image, Iridescence, Sampler, Sheen, Specular, Transmission,
    Volume,
};

/// What the alpha of a material means.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum AlphaMode {
    /// Nothing: the surface is opaque.
    #[default]
    Opaque,
    /// The surface is there where alpha is at least this cutoff, and opaque.
    Mask(f32),
    /// The surface is blended over what is behind it.
    Blend,
}

/// Where a material looks a texture up: `offset + rotate(rotation) · (scale · uv)` (KHR_texture_transform).
///
/// ```
/// use storm_assets::TextureTransform;
///
/// let turned = TextureTransform { rotation: std::f32::consts::FRAC_PI_2, offset: [0.0, 1.0], ..TextureTransform::IDENTITY };
/// let [u, v] = turned.apply([1.0, 0.0]);
/// assert!((u - 0.0).abs() < 1e-6 && (v - 0.0).abs() < 1e-6, "the lower left corner is where the upper right one was");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureTransform {
    /// Added last, in widths and heights of the picture.
    pub offset: [f32; 2],
    /// Counter-clockwise as seen in the picture (V grows downwards), radians.
    pub rotation: f32,
    /// Multiplied first.
    pub scale: [f32; 2],
}

impl TextureTransform {
    /// Changes nothing.
    pub const IDENTITY: Self = Self {
        offset: [0.0; 2],
        rotation: 0.0,
        scale: [1.0; 2],
    };

    /// The two rows of the affine matrix: `[u', v'] = rows · [u, v, 1]`.
    #[must_use]
    pub fn rows(&self) -> [[f32; 3]; 2] {
        let (sin, cos) = self.rotation.sin_cos();
        let [x, y] = self.scale;
        [
            [cos * x, sin * y, self.offset[0]],
            [-sin * x, cos * y, self.offset[1]],
        ]
    }

    /// Moves one UV.
    #[must_use]
    pub fn apply(&self, [u, v]: [f32; 2]) -> [f32; 2] {
        self.rows().map(|[x, y, offset]| x * u + y * v + offset)
    }
}

impl Default for TextureTransform {
    fn default() -> Self {
        Self::IDENTITY
    }
}

/// A texture as a material uses it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureSlot {
    /// The picture.
    pub image: Handle<Image>,
    /// How it is sampled.
    pub sampler: Sampler,
    /// Which of the mesh's UV sets it is looked up with.
    pub uv_set: u32,
    /// How the UVs are moved before.
    pub transform: TextureTransform,
}

/// A surface: metallic-roughness, after glTF 2.0 §3.9, with the layers of the KHR_materials extensions.
///
/// Factors are linear. Colours of textures are sRGB in `base_color_texture`, `emissive_texture` and the colour textures of `specular` and
/// `sheen`, linear in the rest. A layer that is `None` is not there; a renderer that does not know a layer leaves it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// For people; need not be unique.
    pub name: String,
    /// Linear RGBA, multiplied with the texture and the vertex colour.
    pub base_color: [f32; 4],
    /// Base colour, sRGB with straight alpha.
    pub base_color_texture: Option<TextureSlot>,
    /// 0 dielectric to 1 metal, multiplied with the texture's blue channel.
    pub metallic: f32,
    /// Perceptual roughness, 0 mirror to 1 matt, multiplied with the texture's green channel.
    pub roughness: f32,
    /// Metalness in blue, roughness in green.
    pub metallic_roughness_texture: Option<TextureSlot>,
    /// Tangent-space normals: +X right, +Y up, +Z out of the surface, each stored as `(n + 1) / 2`.
    pub normal_texture: Option<TextureSlot>,
    /// Multiplies X and Y of the normal texture.
    pub normal_scale: f32,
    /// Ambient occlusion in red.
    pub occlusion_texture: Option<TextureSlot>,
    /// 0 leaves occlusion out, 1 applies it in full.
    pub occlusion_strength: f32,
    /// Linear RGB of emitted light, multiplied with the texture; may exceed 1.
    pub emissive: [f32; 3],
    /// Emitted colour, sRGB.
    pub emissive_texture: Option<TextureSlot>,
    /// What alpha means.
    pub alpha_mode: AlphaMode,
    /// Whether back faces are drawn, lit with the normal turned round.
    pub double_sided: bool,
    /// Whether the base colour is shown as it is, without any light (KHR_materials_unlit); nothing below counts then.
    pub unlit: bool,
    /// Multiplies `emissive`, from 0 (KHR_materials_emissive_strength).
    pub emissive_strength: f32,
    /// Index of refraction, from 1; 0 reflects everything at every angle (KHR_materials_ior).
    pub ior: f32,
    /// 20 over the Abbe number, from 0: how far colours part in a volume (KHR_materials_dispersion).
    pub dispersion: f32,
    /// Dielectric reflection.
    pub specular: Option<Specular>,
    /// A clear layer on top.
    pub clearcoat: Option<Clearcoat>,
    /// Cloth fibres.
    pub sheen: Option<Sheen>,
    /// Light that passes through.
    pub transmission: Option<Transmission>,
    /// What is below the surface.
    pub volume: Option<Volume>,
    /// Stretched reflections.
    pub anisotropy: Option<Anisotropy>,
    /// A thin film.
    pub iridescence: Option<Iridescence>,
}

impl Default for Material {
    /// The default material of glTF 2.0: white, fully metallic, fully rough.
    fn default() -> Self {
        Self {
            name: String::new(),
            base_color: [1.0; 4],
            base_color_texture: None,
            metallic: 1.0,
            roughness: 1.0,
            metallic_roughness_texture: None,
            normal_texture: None,
            normal_scale: 1.0,
            occlusion_texture: None,
            occlusion_strength: 1.0,
            emissive: [0.0; 3],
            emissive_texture: None,
            alpha_mode: AlphaMode::Opaque,
            double_sided: false,
            unlit: false,
            emissive_strength: 1.0,
            ior: 1.5,
            dispersion: 0.0,
            specular: None,
            clearcoat: None,
            sheen: None,
            transmission: None,
            volume: None,
            anisotropy: None,
            iridescence: None,
        }
    }
}

impl Material {
    /// A dielectric of one linear colour.
    #[must_use]
    pub fn matte(name: &str, rgb: [f32; 3], roughness: f32) -> Self {
        let [r, g, b] = rgb;
        Self {
            name: name.to_owned(),
            base_color: [r, g, b, 1.0],
            metallic: 0.0,
            roughness,
            ..Self::default()
        }
    }

    /// The texture slots in use, in a fixed order: the five of core glTF, then those of the layers.
    pub fn textures(&self) -> impl Iterator<Item = &TextureSlot> {
        let specular = self.specular.as_ref();
        let clearcoat = self.clearcoat.as_ref();
        let sheen = self.sheen.as_ref();
        let iridescence = self.iridescence.as_ref();
        [
            Some(&self.base_color_texture),
            Some(&self.metallic_roughness_texture),
            Some(&self.normal_texture),
            Some(&self.occlusion_texture),
            Some(&self.emissive_texture),
            specular.map(|layer| &layer.texture),
            specular.map(|layer| &layer.color_texture),
            clearcoat.map(|layer| &layer.texture),
            clearcoat.map(|layer| &layer.roughness_texture),
            clearcoat.map(|layer| &layer.normal_texture),
            sheen.map(|layer| &layer.color_texture),
            sheen.map(|layer| &layer.roughness_texture),
            self.transmission.as_ref().map(|layer| &layer.texture),
            self.volume.as_ref().map(|layer| &layer.thickness_texture),
            self.anisotropy.as_ref().map(|layer| &layer.texture),
            iridescence.map(|layer| &layer.texture),
            iridescence.map(|layer| &layer.thickness_texture),
        ]
        .into_iter()
        .flatten()
        .flatten()
    }

    /// The texture slots in use whose colours are sRGB.
    pub fn colour_textures(&self) -> impl Iterator<Item = &TextureSlot> {
        let specular = self.specular.as_ref();
        let sheen = self.sheen.as_ref();
        [
            self.base_color_texture.as_ref(),
            self.emissive_texture.as_ref(),
            specular.and_then(|layer| layer.color_texture.as_ref()),
            sheen.and_then(|layer| layer.color_texture.as_ref()),
        ]
        .into_iter()
        .flatten()
    }

    /// Every texture slot that there is, used or not, to be changed; in the order of [`Material::textures`].
    pub fn textures_mut(&mut self) -> impl Iterator<Item = &mut Option<TextureSlot>> {
        let mut slots = vec![
            &mut self.base_color_texture,
            &mut self.metallic_roughness_texture,
            &mut self.normal_texture,
            &mut self.occlusion_texture,
            &mut self.emissive_texture,
        ];
        if let Some(layer) = &mut self.specular {
            slots.extend([&mut layer.texture, &mut layer.color_texture]);
        }
        if let Some(layer) = &mut self.clearcoat {
            slots.extend([
                &mut layer.texture,
                &mut layer.roughness_texture,
                &mut layer.normal_texture,
            ]);
        }
        if let Some(layer) = &mut self.sheen {
            slots.extend([&mut layer.color_texture, &mut layer.roughness_texture]);
        }
        slots.extend(self.transmission.as_mut().map(|layer| &mut layer.texture));
        slots.extend(
            self.volume
                .as_mut()
                .map(|layer| &mut layer.thickness_texture),
        );
        slots.extend(self.anisotropy.as_mut().map(|layer| &mut layer.texture));
        if let Some(layer) = &mut self.iridescence {
            slots.extend([&mut layer.texture, &mut layer.thickness_texture]);
        }
        slots.into_iter()
    }

    /// The UV set that tangents are made for: that of the normal texture, else of the clear coat's, else of the anisotropy's, else 0 where
    /// the anisotropy has no texture; `None` where nothing needs tangents.
    #[must_use]
    pub fn tangent_uv_set(&self) -> Option<u32> {
        let clearcoat = self.clearcoat.and_then(|layer| layer.normal_texture);
        let slot = self.normal_texture.or(clearcoat);
        match (slot, self.anisotropy) {
            (Some(slot), _) => Some(slot.uv_set),
            (None, Some(layer)) => Some(layer.texture.map_or(0, |slot| slot.uv_set)),
            (None, None) => None,
        }
    }
}
