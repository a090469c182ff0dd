//! Where pictures go: an image in memory, or a window. Both are drawn to by the same code.
#![expect(
    private_interfaces,
    reason = "the trait is sealed: nobody outside sees these types"
)]

use std::sync::Arc;

use ash::vk;
use storm_assets::PixelFormat;

use crate::{
    context::Gpu,
    error::{RenderError, Result},
    gpu::{
        buffer::{Buffer, Memory},
        commands::Recorder,
        image::{Image, ImageDesc},
        present::PresentMode,
        swapchain::{Acquired, Surface, Swapchain},
    },
};

/// The format of pictures in memory: sRGB, eight bits a channel.
const IMAGE_FORMAT: vk::Format = vk::Format::R8G8B8A8_SRGB;

/// An image to draw to, as a pass sees it.
#[derive(Clone, Copy)]
pub(crate) struct Canvas {
    pub(crate) image: vk::Image,
    pub(crate) view: vk::ImageView,
    pub(crate) format: vk::Format,
    pub(crate) extent: vk::Extent2D,
    /// Present for a window, where the picture is shown; elsewhere it is copied.
    pub(crate) acquired: Option<Acquired>,
}

impl Canvas {
    /// Whether the picture is shown rather than copied.
    pub(crate) fn presented(&self) -> bool {
        self.acquired.is_some()
    }
}

/// Something that a [`Renderer`](crate::Renderer) draws to: [`ImageTarget`] or [`WindowTarget`].
pub trait Target: sealed::Target {}

pub(crate) mod sealed {
    use super::{Canvas, Gpu, Recorder, Result};

    pub trait Target {
        /// The device that it is of.
        fn gpu(&self) -> &Gpu;
        /// What to draw to now; `None` while there is nothing to draw to.
        fn begin(&mut self) -> Result<Option<Canvas>>;
        /// Records what is done with the picture once it is drawn, which [`Canvas::presented`] tells the graph.
        fn read_back(&mut self, canvas: &Canvas, recorder: &mut Recorder);
        /// After submission as `value` on the timeline.
        fn submitted(&mut self, canvas: &Canvas, value: u64) -> Result<()>;
        /// The format that pipelines draw in.
        fn format(&self) -> ash::vk::Format;
    }
}

/// A picture in memory.
pub struct ImageTarget {
    image: Image,
    readback: Buffer,
    /// The timeline value of the last frame; 0 before the first.
    value: u64,
    gpu: Gpu,
}

impl ImageTarget {
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
                what: "a picture",
                width,
                height,
                format: IMAGE_FORMAT,
                usage: vk::ImageUsageFlags::COLOR_ATTACHMENT | vk::ImageUsageFlags::TRANSFER_SRC,
                mip_levels: 1,
                samples: vk::SampleCountFlags::TYPE_1,
                cube: false,
            },
        )?;
        let bytes = u64::from(width) * u64::from(height) * 4;
        let readback = Buffer::new(
            gpu.device(),
            "reading a picture back",
            bytes,
            Memory::Readback,
        )?;
        Ok(Self {
            image,
            readback,
            value: 0,
            gpu: gpu.clone(),
        })
    }

    /// Waits for the last frame and gives its picture: sRGB, opaque. Before the first frame it is black.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn read(&self) -> Result<storm_assets::Image> {
        let (width, height) = (self.image.desc.width, self.image.desc.height);
        let pixels = if self.value == 0 {
            [0, 0, 0, 255].repeat(width as usize * height as usize)
        } else {
            self.gpu.device().wait(self.value)?;
            self.readback.mapped().to_vec()
        };
        storm_assets::Image::new(width, height, PixelFormat::Rgba8, pixels).map_err(|_| {
            RenderError::Size {
                width,
                height,
                limit: storm_assets::Image::SIDE_MAX,
            }
        })
    }
}

impl Target for ImageTarget {}

impl sealed::Target for ImageTarget {
    fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    fn begin(&mut self) -> Result<Option<Canvas>> {
        Ok(Some(Canvas {
            image: self.image.raw,
            view: self.image.view,
            format: IMAGE_FORMAT,
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
        IMAGE_FORMAT
    }
}

/// A window.
pub struct WindowTarget {
    swapchain: Option<Swapchain>,
    stale: bool,
    /// An image of the swapchain is taken and not yet presented.
    acquired: bool,
    size: vk::Extent2D,
    mode: PresentMode,
    format: vk::Format,
    surface: Arc<Surface>,
    gpu: Gpu,
}

impl WindowTarget {
    pub(crate) fn new(gpu: &Gpu, surface: Arc<Surface>) -> Self {
        Self {
            swapchain: None,
            stale: true,
            acquired: false,
            size: vk::Extent2D {
                width: 1280,
                height: 720,
            },
            mode: PresentMode::default(),
            format: vk::Format::UNDEFINED,
            surface,
            gpu: gpu.clone(),
        }
    }

    /// Says that the window now has this size, in pixels. A size of 0 (minimised) draws nothing until it changes.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.size = vk::Extent2D { width, height };
        self.stale = true;
    }

    /// Says when pictures are shown, from the next frame on. Where the window cannot do it, what takes its place is told at
    /// [`PresentMode`].
    pub fn set_present_mode(&mut self, mode: PresentMode) {
        self.stale |= std::mem::replace(&mut self.mode, mode) != mode;
    }

    /// When pictures are shown: what [`WindowTarget::set_present_mode`] came to. `None` before the first frame.
    #[must_use]
    pub fn present_mode(&self) -> Option<PresentMode> {
        self.swapchain.as_ref().map(|swapchain| swapchain.mode)
    }

    /// Makes the swapchain anew where it no longer fits; gives whether there is one.
    fn refresh(&mut self) -> Result<bool> {
        if self.stale {
            if self.size.width == 0 || self.size.height == 0 {
                return Ok(false);
            }
            let old = self.swapchain.take();
            let device = self.gpu.device();
            self.swapchain =
                Swapchain::new(device, &self.surface, self.size, self.mode, old.as_ref())?;
            if let Some(swapchain) = &self.swapchain {
                self.format = swapchain.format;
                self.stale = false;
            }
        }
        Ok(self.swapchain.is_some())
    }
}

impl Target for WindowTarget {}

impl sealed::Target for WindowTarget {
    fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    fn begin(&mut self) -> Result<Option<Canvas>> {
        // The frame before failed after it had taken an image, which was never shown. The swapchain has few: with all
        // of them taken it would wait for ever.
        self.stale |= std::mem::take(&mut self.acquired);
        // Twice at most: an out-of-date swapchain is made anew once a frame.
        for _ in 0..2 {
            if !self.refresh()? {
                return Ok(None);
            }
            if let Some(swapchain) = &mut self.swapchain
                && let Some(acquired) = swapchain.acquire()?
            {
                self.acquired = true;
                return Ok(Some(Canvas {
                    image: acquired.image,
                    view: acquired.view,
                    format: swapchain.format,
                    extent: swapchain.extent,
                    acquired: Some(acquired),
                }));
            }
            self.stale = true;
        }
        Ok(None)
    }

    fn read_back(&mut self, _: &Canvas, _: &mut Recorder) {}

    fn submitted(&mut self, canvas: &Canvas, _value: u64) -> Result<()> {
        self.acquired = false;
        if let (Some(swapchain), Some(acquired)) = (&self.swapchain, canvas.acquired) {
            self.stale |=
                self.gpu
                    .device()
                    .present(swapchain.raw, acquired.index, acquired.rendered)?;
        }
        Ok(())
    }

    fn format(&self) -> vk::Format {
        self.format
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GpuDesc, Instance, InstanceTransform, Renderer, RendererDesc, Scene, View};

    /// A window that is minimised for as long as it lives.
    struct Minimised(Gpu);

    impl Target for Minimised {}

    impl sealed::Target for Minimised {
        fn gpu(&self) -> &Gpu {
            &self.0
        }
        fn begin(&mut self) -> Result<Option<Canvas>> {
            Ok(None)
        }
        fn read_back(&mut self, _: &Canvas, _: &mut Recorder) {}
        fn submitted(&mut self, _: &Canvas, _: u64) -> Result<()> {
            Ok(())
        }
        fn format(&self) -> vk::Format {
            vk::Format::UNDEFINED
        }
    }

    #[test]
    fn what_moves_behind_a_minimised_window_does_not_pile_up() {
        let gpu = Gpu::headless(&GpuDesc::default()).unwrap();
        let mut scene = Scene::new(&gpu).unwrap();
        let mut renderer = Renderer::new(&gpu, &RendererDesc::default()).unwrap();
        let instance = Instance {
            mesh: storm_assets::Handle::of("minimised", "mesh"),
            material: storm_assets::Handle::of("minimised", "material"),
            transform: InstanceTransform::IDENTITY,
        };
        let first = scene.add(&instance).unwrap();
        for _ in 1..10_000 {
            scene.add(&instance).unwrap();
        }
        let all = vec![InstanceTransform::IDENTITY; 10_000];
        let mut target = Minimised(gpu.clone());
        for _ in 0..100 {
            scene.set_transforms(first, &all).unwrap();
            let stats = renderer
                .render(&mut scene, &View::default(), &mut target)
                .unwrap();
            assert!(!stats.drawn && stats.uploaded_bytes >= 640_000);
        }
        let staging = scene.uploads.staging_bytes();
        assert!(staging <= 16 << 20, "{staging} bytes wait for a frame");
    }
}
