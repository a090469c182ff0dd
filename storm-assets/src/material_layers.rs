//! What the material extensions of glTF add to a [`Material`](crate::Material): one struct an extension, with its defaults.

use crate::TextureSlot;

/// A layer of dielectric reflection with its own strength and colour (KHR_materials_specular).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Specular {
    /// Strength of dielectric reflection, 0 to 1, multiplied with the texture's alpha channel.
    pub factor: f32,
    /// Strength in alpha.
    pub texture: Option<TextureSlot>,
    /// Linear RGB of reflection at normal incidence, from 0; may exceed 1.
    pub color: [f32; 3],
    /// Colour of reflection, sRGB.
    pub color_texture: Option<TextureSlot>,
}

impl Default for Specular {
    fn default() -> Self {
        Self {
            factor: 1.0,
            texture: None,
            color: [1.0; 3],
            color_texture: None,
        }
    }
}

/// A clear dielectric layer (IOR 1.5) on top of all others (KHR_materials_clearcoat).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clearcoat {
    /// How much of the surface it covers, 0 to 1, multiplied with the texture's red channel.
    pub factor: f32,
    /// Coverage in red.
    pub texture: Option<TextureSlot>,
    /// Perceptual roughness, 0 to 1, multiplied with the texture's green channel.
    pub roughness: f32,
    /// Roughness in green.
    pub roughness_texture: Option<TextureSlot>,
    /// Tangent-space normals of the layer; without one it follows the geometry, not the base's normal texture.
    pub normal_texture: Option<TextureSlot>,
    /// Multiplies X and Y of the normal texture.
    pub normal_scale: f32,
}

impl Default for Clearcoat {
    fn default() -> Self {
        Self {
            factor: 0.0,
            texture: None,
            roughness: 0.0,
            roughness_texture: None,
            normal_texture: None,
            normal_scale: 1.0,
        }
    }
}

/// Back-scattering of cloth fibres (KHR_materials_sheen).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sheen {
    /// Linear RGB, each 0 to 1; black is no sheen.
    pub color: [f32; 3],
    /// Colour, sRGB.
    pub color_texture: Option<TextureSlot>,
    /// Perceptual roughness, 0 to 1, multiplied with the texture's alpha channel.
    pub roughness: f32,
    /// Roughness in alpha.
    pub roughness_texture: Option<TextureSlot>,
}

/// Light that passes through the surface without being absorbed by it (KHR_materials_transmission).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transmission {
    /// Share of light that is not reflected and passes, 0 to 1, multiplied with the texture's red channel.
    pub factor: f32,
    /// Share in red.
    pub texture: Option<TextureSlot>,
}

/// What is below the surface (KHR_materials_volume).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Volume {
    /// Thickness below the surface in the space of the mesh, metres, multiplied with the texture's green channel; 0 is a thin wall.
    pub thickness: f32,
    /// Thickness in green.
    pub thickness_texture: Option<TextureSlot>,
    /// Mean distance that light travels before it meets a particle, metres, over 0; infinite where nothing absorbs.
    pub attenuation_distance: f32,
    /// Linear RGB that white light has turned to after `attenuation_distance`.
    pub attenuation_color: [f32; 3],
}

impl Default for Volume {
    fn default() -> Self {
        Self {
            thickness: 0.0,
            thickness_texture: None,
            attenuation_distance: f32::INFINITY,
            attenuation_color: [1.0; 3],
        }
    }
}

/// Reflections that are stretched along a direction (KHR_materials_anisotropy).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Anisotropy {
    /// 0 to 1, multiplied with the texture's blue channel.
    pub strength: f32,
    /// From the tangent towards the bitangent, radians, counter-clockwise.
    pub rotation: f32,
    /// Direction as `(x + 1) / 2` in red and green, relative to `rotation`; strength in blue.
    pub texture: Option<TextureSlot>,
}

/// A thin film whose colour depends on the angle (KHR_materials_iridescence).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Iridescence {
    /// 0 to 1, multiplied with the texture's red channel.
    pub factor: f32,
    /// Factor in red.
    pub texture: Option<TextureSlot>,
    /// Index of refraction of the film, from 1.
    pub ior: f32,
    /// Thickness of the film in nanometres where the texture's green channel is 0.
    pub thickness_min: f32,
    /// Thickness of the film in nanometres where it is 1, and where there is no texture.
    pub thickness_max: f32,
    /// Thickness in green.
    pub thickness_texture: Option<TextureSlot>,
}

impl Default for Iridescence {
    fn default() -> Self {
        Self {
            factor: 0.0,
            texture: None,
            ior: 1.3,
            thickness_min: 100.0,
            thickness_max: 400.0,
            thickness_texture: None,
        }
    }
}
