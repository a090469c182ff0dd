//! Text as user-interface meshes (feature `text`): fonts that the program brings, lines with kerning, wrapping and
//! alignment, and an atlas of the glyphs that are in use.
//!
//! Fonts are bytes from outside: what is wrong with one is an error or a glyph that is not drawn, never a panic. There is no
//! shaping: each character is a glyph, from left to right; pairs are kerned by the table `kern`, not by `GPOS`.

mod atlas;
mod layout;

use ab_glyph::{Font, FontVec, PxScale, ScaleFont};

use self::atlas::{Atlas, Bitmap, GlyphKey};
pub use self::layout::{TextAlign, TextLayout, TextStyle};
use crate::{
    error::RenderError,
    scene::Scene,
    ui::{UiError, UiMesh, UiRect, UiTextureId, UiVertex},
};

/// The most bytes of one text.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// The largest glyphs, in pixels an em.
pub const TEXT_PIXELS_MAX: f32 = 256.0;
/// Outlines that reach farther than this many ems from their place are not drawn: no honest font has such.
const REACH_MAX: f32 = 4.0;
/// Places within a pixel, from left to right, that a glyph is drawn at.
const SUBPIXELS: f32 = 4.0;

/// Why text cannot be laid out or drawn.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The bytes are no TrueType or OpenType font that can be read.
    #[error("a font of {0} bytes cannot be read")]
    Font(usize),
    /// The font was not added to this [`Text`].
    #[error("there is no font {0}")]
    NoFont(u32),
    /// A size, width or line height is out of range.
    #[error("a {what} of {found} is not within {least} to {most}")]
    Range {
        /// What is.
        what: &'static str,
        /// How much it is.
        found: f32,
        /// The least that it may be.
        least: f32,
        /// The most that it may be.
        most: f32,
    },
    /// The text is too long.
    #[error("a text of {0} bytes is longer than {TEXT_BYTES_MAX}")]
    TooLong(usize),
    /// The glyphs of one frame do not fit the largest atlas.
    #[error("the glyphs of this frame do not fit an atlas of {0} pixels a side")]
    AtlasFull(u32),
    /// The renderer refuses the atlas.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// A font of a [`Text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FontId(u32);

/// A laid out text at its place.
#[derive(Clone, Copy, Debug)]
pub struct TextBlock<'a> {
    /// What it says.
    pub layout: &'a TextLayout,
    /// Its left top corner, points.
    pub position: [f32; 2],
    /// sRGB, premultiplied.
    pub color: [u8; 4],
    /// Nothing is drawn outside of it.
    pub clip: UiRect,
}

/// Fonts, and the glyphs of them that are in use.
///
/// ```no_run
/// use storm_render::{Gpu, GpuDesc, Scene, Text, TextBlock, TextStyle, UiRect, UiTextureId};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut scene = Scene::new(&Gpu::headless(&GpuDesc::default())?)?;
/// let mut text = Text::new(UiTextureId(7));
/// let font = text.add_font(std::fs::read("Some-Font.ttf")?)?;
/// let layout = text.layout("Good morning", &TextStyle::new(font, 18.0))?;
/// let block = TextBlock {
///     layout: &layout,
///     position: [20.0, 20.0],
///     color: [255; 4],
///     clip: UiRect::EVERYTHING,
/// };
/// // All text of a frame at once, with 2 pixels a point.
/// let meshes = text.meshes(&mut scene, 2.0, &[block])?;
/// scene.set_ui(2.0, &meshes)?;
/// # Ok(())
/// # }
/// ```
pub struct Text {
    fonts: Vec<FontVec>,
    atlas: Atlas,
    texture: UiTextureId,
}

impl Text {
    /// No fonts yet. The atlas is the user interface's texture of this number.
    #[must_use]
    pub fn new(texture: UiTextureId) -> Self {
        Self {
            fonts: Vec::new(),
            atlas: Atlas::new(),
            texture,
        }
    }

    /// Adds a font, from the bytes of a TrueType or OpenType file. Characters that a font lacks are taken from the first
    /// that has them.
    ///
    /// # Errors
    /// When the bytes are no such font.
    pub fn add_font(&mut self, bytes: Vec<u8>) -> Result<FontId, TextError> {
        let length = bytes.len();
        let font = FontVec::try_from_vec(bytes).map_err(|_| TextError::Font(length))?;
        // Sizes are divided by these.
        let em = font.units_per_em().unwrap_or(0.0);
        if !(em >= 1.0 && font.height_unscaled() >= 1.0) {
            return Err(TextError::Font(length));
        }
        self.fonts.push(font);
        Ok(FontId(self.fonts.len() as u32 - 1))
    }

    /// Breaks a text into lines and says where its glyphs are. Costs O(length); needs no device.
    ///
    /// # Errors
    /// When there is no such font, a number of the style is out of range, or the text is too long.
    pub fn layout(&self, text: &str, style: &TextStyle) -> Result<TextLayout, TextError> {
        layout::layout(&self.fonts, text, style)
    }

    /// The meshes of all text of a frame, and the atlas with its glyphs in the scene. Only new glyphs are drawn, and only
    /// they are uploaded. What was made earlier is stale once the atlas has grown or was cleared: make all text of a frame
    /// at once.
    ///
    /// # Errors
    /// When glyphs are larger than [`TEXT_PIXELS_MAX`], do not fit the largest atlas, or the device has no room left.
    pub fn meshes(
        &mut self,
        scene: &mut Scene,
        pixels_per_point: f32,
        blocks: &[TextBlock<'_>],
    ) -> Result<Vec<UiMesh>, TextError> {
        if !(0.01..=100.0).contains(&pixels_per_point) {
            return Err(RenderError::from(UiError::PixelsPerPoint(pixels_per_point)).into());
        }
        for block in blocks {
            let found = block.layout.size_points() * pixels_per_point;
            if found > TEXT_PIXELS_MAX {
                return Err(TextError::Range {
                    what: "text size in pixels",
                    found,
                    least: 0.0,
                    most: TEXT_PIXELS_MAX,
                });
            }
            if block.layout.fonts_needed() > self.fonts.len() as u32 {
                return Err(TextError::NoFont(block.layout.fonts_needed() - 1));
            }
        }
        let placed = |block: &TextBlock<'_>| -> Vec<(GlyphKey, [f32; 2])> {
            let size = block.layout.size_points() * pixels_per_point;
            let at = |glyph: &layout::PlacedGlyph| {
                let x = (block.position[0] + glyph.at[0]) * pixels_per_point;
                let y = ((block.position[1] + glyph.at[1]) * pixels_per_point).round();
                let steps = (x * SUBPIXELS).round();
                let whole = (steps / SUBPIXELS).floor();
                let key = GlyphKey {
                    font: glyph.font,
                    glyph: glyph.glyph,
                    size: size.to_bits(),
                    subpixel: (steps - whole * SUBPIXELS) as u8,
                };
                (key, [whole, y])
            };
            block.layout.glyphs().iter().map(at).collect()
        };
        let placed: Vec<_> = blocks.iter().map(placed).collect();
        let fonts = &self.fonts;
        let keys = placed.iter().flatten().map(|(key, _)| *key);
        self.atlas.prepare(keys, |key| draw_glyph(fonts, key))?;
        self.atlas.upload(scene, self.texture)?;
        let meshes = blocks
            .iter()
            .zip(&placed)
            .filter(|(_, glyphs)| !glyphs.is_empty());
        Ok(meshes
            .map(|(block, glyphs)| self.mesh(block, glyphs, pixels_per_point))
            .collect())
    }

    fn mesh(
        &self,
        block: &TextBlock<'_>,
        glyphs: &[(GlyphKey, [f32; 2])],
        pixels_per_point: f32,
    ) -> UiMesh {
        let side = self.atlas.side() as f32;
        let (mut vertices, mut indices) = (Vec::new(), Vec::new());
        for (key, [x, y]) in glyphs {
            let Some(place) = self.atlas.place(*key) else {
                continue;
            };
            let first = vertices.len() as u32;
            for [right, down] in [[0, 0], [1, 0], [1, 1], [0, 1]] {
                let across = (place.width * right) as f32;
                let along = (place.height * down) as f32;
                vertices.push(UiVertex {
                    position: [
                        (x + place.left as f32 + across) / pixels_per_point,
                        (y + place.top as f32 + along) / pixels_per_point,
                    ],
                    uv: [
                        (place.x as f32 + across) / side,
                        (place.y as f32 + along) / side,
                    ],
                    color: block.color,
                });
            }
            indices.extend([0, 1, 2, 0, 2, 3].map(|corner| first + corner));
        }
        UiMesh {
            vertices,
            indices,
            clip: block.clip,
            texture: self.texture,
        }
    }
}

/// The scale at which an em of a font has this size.
fn scale_of(font: &FontVec, em_size: f32) -> PxScale {
    let em = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(em_size * font.height_unscaled() / em)
}

/// The pixels of a glyph; `None` where it has none.
fn draw_glyph(fonts: &[FontVec], key: GlyphKey) -> Option<Bitmap> {
    let font = fonts.get(key.font as usize)?;
    let size = f32::from_bits(key.size);
    let scaled = font.as_scaled(scale_of(font, size));
    let mut glyph = scaled.scaled_glyph(' ');
    glyph.id = ab_glyph::GlyphId(key.glyph);
    glyph.position = ab_glyph::point(f32::from(key.subpixel) / SUBPIXELS, 0.0);
    let outlined = scaled.outline_glyph(glyph)?;
    let bounds = outlined.px_bounds();
    let reach = size * REACH_MAX + 2.0;
    let near = |edge: f32| edge.abs() <= reach;
    // Not a number is near nothing.
    if ![bounds.min, bounds.max]
        .iter()
        .all(|p| near(p.x) && near(p.y))
    {
        return None;
    }
    let (width, height) = (bounds.width() as u32, bounds.height() as u32);
    if width == 0 || height == 0 {
        return None;
    }
    let mut pixels = vec![0; width as usize * height as usize];
    outlined.draw(|x, y, covered| {
        if x < width
            && let Some(pixel) = pixels.get_mut((y * width + x) as usize)
        {
            *pixel = (covered.clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    });
    Some(Bitmap {
        left: bounds.min.x as i32,
        top: bounds.min.y as i32,
        width,
        height,
        pixels,
    })
}
