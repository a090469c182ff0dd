//! Pictures of radiance: what a frame is before exposure and tone mapping, for programs that do that themselves.
#![expect(
    private_interfaces,
    reason = "the trait is sealed: nobody outside sees these types"
)]

use ash::vk;

use crate::{
    context::Gpu,
    error::{RenderError, Result},
    gpu::{
        buffer::{Buffer, Memory},
        commands::Recorder,
        image::{Image, ImageDesc},
    },
    target::{Canvas, Target, sealed},
};

/// The format of radiance in memory: what half floats of the scene hold, without loss.
pub(crate) const RADIANCE_FORMAT: vk::Format = vk::Format::R32G32B32A32_SFLOAT;
const PIXEL_BYTES: u64 = 16;

/// A picture in linear colours, as large as they are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HdrPicture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Rows from the top: red, green and blue (linear, Rec. 709), 0 to 65504 each, and 1.
    pub pixels: Vec<[f32; 4]>,
}

/// A picture of radiance in memory. Samples of a pixel are averaged, bloom and fog are in it; exposure and tone mapping are
/// not, and neither are lines, passes of one's own and the user interface.
///
/// ```no_run
/// use storm_render::{Gpu, GpuDesc, HdrTarget, Renderer, RendererDesc, Scene, View};
///
/// # fn main() -> Result<(), storm_render::RenderError> {
/// let gpu = Gpu::headless(&GpuDesc::default())?;
/// let mut renderer = Renderer::new(&gpu, &RendererDesc::default())?;
/// let mut scene = Scene::new(&gpu)?;
/// let mut target = HdrTarget::new(&gpu, 320, 180)?;
/// renderer.render(&mut scene, &View::default(), &mut target)?;
/// let brightest = target.read()?.pixels.iter().map(|pixel| pixel[1]).fold(0.0, f32::max);
/// # let _ = brightest;
/// # Ok(())
/// # }
/// ```
pub struct HdrTarget {
    image: Image,
    readback: Buffer,
    /// The timeline value of the last frame; 0 before the first.
    value: u64,
    gpu: Gpu,
}

impl HdrTarget {
    /// A picture of this size, in pixels.
    ///
    /// # Errors
    /// When a side is 0 or more than the device can do, or there is no memory left.
    pub fn new(gpu: &Gpu, width: u32, height: u32) -> Result<Self> {
        let limit = storm_assets::Image::SIDE_MAX;
        if width > limit || height > limit {
            return Err(RenderError::Size {
                width,
                height,
                limit,
            });
        }
        let image = Image::new(
            gpu.device(),
            ImageDesc {
                what: "a picture of radiance",
                width,
                height,
                format: RADIANCE_FORMAT,
                usage: vk::ImageUsageFlags::COLOR_ATTACHMENT | vk::ImageUsageFlags::TRANSFER_SRC,
                mip_levels: 1,
                samples: vk::SampleCountFlags::TYPE_1,
                cube: false,
            },
        )?;
        let bytes = u64::from(width) * u64::from(height) * PIXEL_BYTES;
        let what = "reading radiance back";
        Ok(Self {
            image,
            readback: Buffer::new(gpu.device(), what, bytes, Memory::Readback)?,
            value: 0,
            gpu: gpu.clone(),
        })
    }

    /// Waits for the last frame and gives its picture. Before the first frame it is black.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn read(&self) -> Result<HdrPicture> {
        let (width, height) = (self.image.desc.width, self.image.desc.height);
        let count = width as usize * height as usize;
        let mut pixels = vec![[0.0, 0.0, 0.0, 1.0]; count];
        if self.value != 0 {
            self.gpu.device().wait(self.value)?;
            bytemuck::cast_slice_mut(&mut pixels).copy_from_slice(self.readback.mapped());
        }
        Ok(HdrPicture {
            width,
            height,
            pixels,
        })
    }
}

impl Target for HdrTarget {}

impl sealed::Target for HdrTarget {
    fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    fn begin(&mut self) -> Result<Option<Canvas>> {
        Ok(Some(Canvas {
            image: self.image.raw,
            view: self.image.view,
            format: RADIANCE_FORMAT,
            extent: vk::Extent2D {
                width: self.image.desc.width,
                height: self.image.desc.height,
            },
            acquired: None,
        }))
    }

    fn read_back(&mut self, canvas: &Canvas, recorder: &mut Recorder) {
        recorder.copy_from_image(canvas.image, canvas.extent, &self.readback);
    }

    fn submitted(&mut self, _canvas: &Canvas, value: u64) -> Result<()> {
        self.value = value;
        Ok(())
    }

    fn format(&self) -> vk::Format {
        RADIANCE_FORMAT
    }
}
