//! The user interface of a scene on the GPU: textures, vertices and indices in buffers that grow and are used again.
//! What is the same as before is not uploaded.

use std::{collections::HashMap, ops::Range, sync::Arc};

use ash::vk;
use storm_assets::{Filter, MipFilter, Sampler, Wrap};

use super::{Scene, arena::Table, upload::Uploads};
use crate::{
    context::Gpu,
    error::Result,
    gpu::{
        bindless::Binding,
        buffer::Buffer,
        image::{Image, ImageDesc},
    },
    ui::{self, UiError, UiFormat, UiImage, UiMesh, UiRect, UiTextureId, UiVertex},
};

struct Texture {
    image: Arc<Image>,
    slot: u32,
    sampler: u32,
    format: UiFormat,
}

/// One draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct UiDraw {
    pub(crate) clip: UiRect,
    texture: UiTextureId,
    pub(crate) first_index: u32,
    pub(crate) index_count: u32,
    pub(crate) first_vertex: u32,
}

#[cfg(test)]
impl UiDraw {
    pub(crate) fn with_clip(clip: UiRect) -> Self {
        Self {
            clip,
            texture: UiTextureId(0),
            first_index: 0,
            index_count: 3,
            first_vertex: 0,
        }
    }
}

/// A texture as the shader finds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UiSlots {
    pub(crate) image: u32,
    pub(crate) sampler: u32,
    pub(crate) coverage: bool,
}

/// What is drawn over the picture.
pub(crate) struct Overlay {
    gpu: Gpu,
    textures: HashMap<UiTextureId, Texture>,
    vertices: Table<UiVertex>,
    indices: Table<u32>,
    /// What the tables hold.
    written: (Vec<UiVertex>, Vec<u32>),
    draws: Vec<UiDraw>,
    pixels_per_point: f32,
    shown: bool,
}

impl Overlay {
    pub(super) fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self {
            gpu: gpu.clone(),
            textures: HashMap::new(),
            vertices: Table::new(gpu.device(), "UI vertices", 1024)?,
            indices: Table::new(gpu.device(), "UI indices", 4096)?,
            written: (Vec::new(), Vec::new()),
            draws: Vec::new(),
            pixels_per_point: 1.0,
            shown: true,
        })
    }

    /// Whether there is something to draw.
    pub(crate) fn is_shown(&self) -> bool {
        self.shown && !self.draws.is_empty()
    }

    pub(crate) fn pixels_per_point(&self) -> f32 {
        self.pixels_per_point
    }

    pub(crate) fn vertices(&self) -> &Buffer {
        self.vertices.buffer()
    }

    pub(crate) fn indices(&self) -> &Buffer {
        self.indices.buffer()
    }

    /// The draws whose texture is still there.
    pub(crate) fn draws(&self) -> impl Iterator<Item = (UiDraw, UiSlots)> + '_ {
        self.draws.iter().filter_map(|draw| {
            let texture = self.textures.get(&draw.texture)?;
            let slots = UiSlots {
                image: texture.slot,
                sampler: texture.sampler,
                coverage: texture.format == UiFormat::Coverage,
            };
            Some((*draw, slots))
        })
    }

    fn insert_texture(
        &mut self,
        uploads: &mut Uploads,
        id: UiTextureId,
        picture: &UiImage,
    ) -> Result<()> {
        picture.check()?;
        let image = Arc::new(Image::new(
            self.gpu.device(),
            ImageDesc {
                what: "a UI texture",
                width: picture.width,
                height: picture.height,
                // Colours stay as they are stored: interfaces are blended as screens take them.
                format: match picture.format {
                    UiFormat::Color => vk::Format::R8G8B8A8_UNORM,
                    UiFormat::Coverage => vk::Format::R8_UNORM,
                },
                usage: vk::ImageUsageFlags::SAMPLED | vk::ImageUsageFlags::TRANSFER_DST,
                mip_levels: 1,
                samples: vk::SampleCountFlags::TYPE_1,
                cube: false,
            },
        )?);
        let filter = if picture.smooth {
            Filter::Linear
        } else {
            Filter::Nearest
        };
        let sampler = self.gpu.sampler(Sampler {
            wrap_u: Wrap::ClampToEdge,
            wrap_v: Wrap::ClampToEdge,
            min: filter,
            mag: filter,
            mip: MipFilter::None,
        })?;
        uploads.write_image(Arc::clone(&image), &picture.pixels)?;
        // A new slot, also where there was a picture before: frames in flight still read the old one.
        let slot = self
            .gpu
            .with_bindless(|bindless| bindless.add_image(Binding::Images, &image))?;
        self.remove_texture(id);
        let texture = Texture {
            image,
            slot,
            sampler,
            format: picture.format,
        };
        self.textures.insert(id, texture);
        Ok(())
    }

    fn update_texture(
        &mut self,
        uploads: &mut Uploads,
        id: UiTextureId,
        [x, y]: [u32; 2],
        part: &UiImage,
    ) -> Result<()> {
        part.check()?;
        let texture = self.textures.get(&id).ok_or(UiError::NoTexture(id))?;
        if part.format != texture.format {
            return Err(UiError::Format {
                found: part.format,
                expected: texture.format,
            }
            .into());
        }
        let of = [texture.image.desc.width, texture.image.desc.height];
        let fits =
            |from: u32, size: u32, limit| from.checked_add(size).is_some_and(|end| end <= limit);
        if !fits(x, part.width, of[0]) || !fits(y, part.height, of[1]) {
            return Err(UiError::Outside {
                x,
                y,
                width: part.width,
                height: part.height,
                of,
            }
            .into());
        }
        let place = vk::Rect2D {
            offset: vk::Offset2D {
                x: x as i32,
                y: y as i32,
            },
            extent: vk::Extent2D {
                width: part.width,
                height: part.height,
            },
        };
        uploads.write_part(Arc::clone(&texture.image), place, &part.pixels)
    }

    fn remove_texture(&mut self, id: UiTextureId) {
        if let Some(old) = self.textures.remove(&id) {
            self.gpu
                .with_bindless(|bindless| bindless.free(Binding::Images, old.slot));
        }
    }

    fn set(
        &mut self,
        uploads: &mut Uploads,
        pixels_per_point: f32,
        meshes: &[UiMesh],
    ) -> Result<()> {
        ui::check(pixels_per_point, meshes)?;
        let unknown = meshes
            .iter()
            .find(|mesh| !self.textures.contains_key(&mesh.texture));
        if let Some(mesh) = unknown {
            return Err(UiError::NoTexture(mesh.texture).into());
        }
        let (mut vertices, mut indices, mut draws) = (Vec::new(), Vec::new(), Vec::new());
        for mesh in meshes.iter().filter(|mesh| !mesh.indices.is_empty()) {
            draws.push(UiDraw {
                clip: mesh.clip,
                texture: mesh.texture,
                first_index: indices.len() as u32,
                index_count: mesh.indices.len() as u32,
                first_vertex: vertices.len() as u32,
            });
            vertices.extend_from_slice(&mesh.vertices);
            indices.extend_from_slice(&mesh.indices);
        }
        // Where the device has no room left nothing is drawn, rather than half of each.
        self.draws.clear();
        let (vertices_before, indices_before) = std::mem::take(&mut self.written);
        write_changed(&mut self.vertices, uploads, &vertices_before, &vertices)?;
        write_changed(&mut self.indices, uploads, &indices_before, &indices)?;
        self.written = (vertices, indices);
        self.draws = draws;
        self.pixels_per_point = pixels_per_point;
        Ok(())
    }
}

/// Uploads what differs from what is there, from the first such record to the last.
fn write_changed<T: bytemuck::Pod>(
    table: &mut Table<T>,
    uploads: &mut Uploads,
    before: &[T],
    now: &[T],
) -> Result<()> {
    let changed = changed(before, now);
    if changed.is_empty() {
        return Ok(());
    }
    table.write(uploads, changed.start as u32, &now[changed])
}

/// The records of `now` that are not those of `before`.
fn changed<T: bytemuck::Pod>(before: &[T], now: &[T]) -> Range<usize> {
    let same = |(a, b): (&T, &T)| bytemuck::bytes_of(a) == bytemuck::bytes_of(b);
    let start = before
        .iter()
        .zip(now)
        .take_while(|&pair| same(pair))
        .count();
    if before.len() < now.len() {
        return start..now.len();
    }
    let tail = before[start..now.len()]
        .iter()
        .zip(&now[start..])
        .rev()
        .take_while(|&pair| same(pair))
        .count();
    start..now.len() - tail
}

impl Scene {
    /// Gives a texture of the interface its picture, in place of the one that it had.
    ///
    /// # Errors
    /// When the bytes do not fit the size, the picture is larger than the device allows, or there is no room left. What was
    /// there stays then.
    pub fn insert_ui_texture(&mut self, id: UiTextureId, picture: &UiImage) -> Result<()> {
        let overlay = &mut self.overlay;
        self.uploads
            .beside_the_scene(|uploads| overlay.insert_texture(uploads, id, picture))
    }

    /// Changes a part of a texture: the one whose left top pixel is at `place`, in pixels from the left and from the top.
    /// Only its bytes are uploaded.
    ///
    /// # Errors
    /// When there is no such texture, it has another format, or the part does not lie within it.
    pub fn update_ui_texture(
        &mut self,
        id: UiTextureId,
        place: [u32; 2],
        part: &UiImage,
    ) -> Result<()> {
        let overlay = &mut self.overlay;
        self.uploads
            .beside_the_scene(|uploads| overlay.update_texture(uploads, id, place, part))
    }

    /// Takes a texture away, if it is there. What is painted with it is not drawn until it comes back.
    pub fn remove_ui_texture(&mut self, id: UiTextureId) {
        self.overlay.remove_texture(id);
    }

    /// Sets the interface that is drawn over the picture, after tone mapping and lines, mesh after mesh, with this many pixels a
    /// point. Colours are blended as a screen takes them (sRGB, premultiplied), which is what interface libraries expect.
    /// What is the same as before is not uploaded. No meshes take it away.
    ///
    /// ```no_run
    /// use storm_render::{Gpu, GpuDesc, Scene, UiFormat, UiImage, UiMesh, UiRect, UiTextureId, UiVertex};
    ///
    /// # fn main() -> Result<(), storm_render::RenderError> {
    /// let mut scene = Scene::new(&Gpu::headless(&GpuDesc::default())?)?;
    /// let white = UiTextureId(0);
    /// scene.insert_ui_texture(white, &UiImage {
    ///     width: 1,
    ///     height: 1,
    ///     format: UiFormat::Color,
    ///     pixels: vec![255; 4],
    ///     smooth: false,
    /// })?;
    /// let corner = |x, y| UiVertex { position: [x, y], uv: [0.0; 2], color: [0, 60, 0, 128] };
    /// scene.set_ui(1.0, &[UiMesh {
    ///     vertices: vec![corner(10.0, 10.0), corner(110.0, 10.0), corner(10.0, 60.0)],
    ///     indices: vec![0, 1, 2],
    ///     clip: UiRect::EVERYTHING,
    ///     texture: white,
    /// }])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When something of it is not well-formed ([`UiError`]): the interface that was there stays. When there is no room left
    /// there is none afterwards.
    pub fn set_ui(&mut self, pixels_per_point: f32, meshes: &[UiMesh]) -> Result<()> {
        let overlay = &mut self.overlay;
        self.uploads
            .beside_the_scene(|uploads| overlay.set(uploads, pixels_per_point, meshes))
    }

    /// Whether the interface is drawn, from the next frame on. It is kept meanwhile.
    pub fn show_ui(&mut self, shown: bool) {
        self.overlay.shown = shown;
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        self.gpu.with_bindless(|bindless| {
            for texture in self.textures.values() {
                bindless.free(Binding::Images, texture.slot);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_between_what_did_not() {
        for (before, now, range) in [
            (&[1_u32, 2, 3, 4][..], &[1_u32, 2, 3, 4][..], 4..4),
            (&[1, 2, 3, 4], &[1, 9, 3, 4], 1..2),
            (&[1, 2, 3, 4], &[9, 2, 3, 8], 0..4),
            (&[1, 2], &[1, 2, 3], 2..3),
            (&[1, 2, 3], &[1, 2], 2..2),
            (&[], &[5], 0..1),
            (&[5], &[], 0..0),
        ] {
            assert_eq!(changed(before, now), range, "{before:?} → {now:?}");
        }
    }
}
