//! Materials with surfaces of one's own: what they are, and the headers that their shaders are written against.

use storm_assets::TextureSlot;

use crate::{gpu::custom::SurfaceShader, scene::ColorSpace};

/// What a material's instances are drawn with instead of the material alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// The function.
    pub shader: SurfaceShader,
    /// Textures of its own, at most [`SURFACE_TEXTURES_MAX`](crate::SURFACE_TEXTURES_MAX): number 0 is the first. They are
    /// inserted into the scene like all others; what is not there yet is white. UV sets are the function's to choose.
    pub textures: Vec<(TextureSlot, ColorSpace)>,
    /// Numbers by name; those that are not named are 0.
    pub parameters: Vec<(String, f32)>,
}

macro_rules! headers {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../shaders/", $name)))),*]
    };
}

/// The header `surface.glsl` and what it includes, by name: to be written into a folder that the compiler searches, where
/// the sources of this crate are not at hand.
#[must_use]
pub fn surface_headers() -> &'static [(&'static str, &'static str)] {
    headers![
        "surface.glsl",
        "common.glsl",
        "atmosphere.glsl",
        "layers.glsl",
        "sheen.glsl",
        "iridescence.glsl",
        "sky.glsl",
        "lighting.glsl",
        "shadows.glsl",
        "texture.glsl",
        "scene_fragment.glsl",
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_a_header_includes_is_published() {
        let headers = surface_headers();
        for (number, (name, text)) in headers.iter().enumerate() {
            assert!(
                headers[..number].iter().all(|(other, _)| other != name),
                "{name} is there twice"
            );
            let included = text
                .lines()
                .filter_map(|line| line.strip_prefix("#include \""));
            for other in included.filter_map(|rest| rest.strip_suffix('"')) {
                assert!(
                    headers.iter().any(|(name, _)| *name == other),
                    "{name} includes {other}"
                );
            }
        }
    }
}
