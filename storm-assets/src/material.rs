//! The metallic-roughness material of glTF 2.0, as plain values.

use crate::{Handle, Image, Sampler};

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

/// A texture as a material uses it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureSlot {
    /// The picture.
    pub image: Handle<Image>,
    /// How it is sampled.
    pub sampler: Sampler,
    /// Which of the mesh's UV sets it is looked up with.
    pub uv_set: u32,
}

/// A surface: metallic-roughness, after glTF 2.0 §3.9.
///
/// Factors are linear. Colours of textures are sRGB in `base_color_texture` and `emissive_texture`, linear in the rest.
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

    /// The texture slots in use, in a fixed order.
    pub fn textures(&self) -> impl Iterator<Item = &TextureSlot> {
        [
            &self.base_color_texture,
            &self.metallic_roughness_texture,
            &self.normal_texture,
            &self.occlusion_texture,
            &self.emissive_texture,
        ]
        .into_iter()
        .flatten()
    }
}
