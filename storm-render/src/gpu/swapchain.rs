//! A window's surface and its swapchain.

use std::sync::Arc;

use ash::vk;
use raw_window_handle::{HasDisplayHandle, HasWindowHandle};

use super::{
    device::{Device, Garbage},
    instance::Instance,
    present::PresentMode,
};
use crate::error::{RenderError, Result};

/// A window that can be drawn to.
pub trait Window: HasDisplayHandle + HasWindowHandle + Send + Sync + 'static {}
impl<T: HasDisplayHandle + HasWindowHandle + Send + Sync + 'static> Window for T {}

/// A surface, and the window that it must not outlive.
pub(crate) struct Surface {
    pub(crate) raw: vk::SurfaceKHR,
    instance: Arc<Instance>,
    _window: Arc<dyn Window>,
}

/// The instance extensions that a window's display needs.
pub(crate) fn extensions(window: &dyn Window) -> Result<&'static [*const std::ffi::c_char]> {
    let display = window
        .display_handle()
        .map_err(|error| RenderError::Surface(error.to_string()))?;
    ash_window::enumerate_required_extensions(display.as_raw()).map_err(|result| {
        RenderError::Surface(format!("its window system is unknown to Vulkan ({result})"))
    })
}

impl Surface {
    pub(crate) fn new(instance: &Arc<Instance>, window: Arc<dyn Window>) -> Result<Self> {
        let lost = |error: raw_window_handle::HandleError| RenderError::Surface(error.to_string());
        let display = window.display_handle().map_err(lost)?.as_raw();
        let handle = window.window_handle().map_err(lost)?.as_raw();
        // SAFETY: the handles are valid as long as the window, which this surface keeps alive; the instance was made
        // with the extensions of this display (invariant 5).
        let raw = unsafe {
            ash_window::create_surface(&instance.entry, &instance.raw, display, handle, None)
        }
        .map_err(RenderError::vulkan("creating the window surface"))?;
        Ok(Self {
            raw,
            instance: Arc::clone(instance),
            _window: window,
        })
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        if let Some(loader) = &self.instance.surface {
            // SAFETY: swapchains of the surface hold an `Arc` of it, so they are gone (invariant 1).
            unsafe { loader.destroy_surface(self.raw, None) };
        }
    }
}

/// One image of a swapchain, acquired to be drawn to.
#[derive(Clone, Copy)]
pub(crate) struct Acquired {
    pub(crate) index: u32,
    pub(crate) image: vk::Image,
    pub(crate) view: vk::ImageView,
    /// Signalled when the image may be written.
    pub(crate) ready: vk::Semaphore,
    /// To be signalled when it has been.
    pub(crate) rendered: vk::Semaphore,
}

/// The images that a window shows in turn.
pub(crate) struct Swapchain {
    pub(crate) raw: vk::SwapchainKHR,
    pub(crate) format: vk::Format,
    pub(crate) extent: vk::Extent2D,
    /// What it came to.
    pub(crate) mode: PresentMode,
    images: Vec<(vk::Image, vk::ImageView, vk::Semaphore)>,
    /// Used in turn; one more than images, so that one that is waited for is never signalled again.
    ready: Vec<vk::Semaphore>,
    turn: usize,
    device: Arc<Device>,
    _surface: Arc<Surface>,
}

impl Swapchain {
    /// A swapchain for the surface at its present size, or `None` while the window has no area.
    pub(crate) fn new(
        device: &Arc<Device>,
        surface: &Arc<Surface>,
        wanted: vk::Extent2D,
        mode: PresentMode,
        old: Option<&Self>,
    ) -> Result<Option<Self>> {
        let loader = surface
            .instance
            .surface
            .as_ref()
            .ok_or_else(|| RenderError::Surface("headless".into()))?;
        let swapchains = device
            .swapchain
            .as_ref()
            .ok_or_else(|| RenderError::Surface("headless".into()))?;
        let physical = device.adapter.raw;
        let failed = RenderError::vulkan("asking about the window surface");
        // SAFETY: device and surface are of one instance (invariants 1, 5).
        let capabilities =
            unsafe { loader.get_physical_device_surface_capabilities(physical, surface.raw) }
                .map_err(&failed)?;
        // SAFETY: as above.
        let formats = unsafe { loader.get_physical_device_surface_formats(physical, surface.raw) }
            .map_err(&failed)?;
        // SAFETY: as above.
        let modes =
            unsafe { loader.get_physical_device_surface_present_modes(physical, surface.raw) }
                .map_err(&failed)?;
        let mode = mode.among(&modes);
        let srgb = [vk::Format::B8G8R8A8_SRGB, vk::Format::R8G8B8A8_SRGB];
        let format = formats
            .iter()
            .find(|f| {
                srgb.contains(&f.format) && f.color_space == vk::ColorSpaceKHR::SRGB_NONLINEAR
            })
            .ok_or_else(|| RenderError::Surface("it offers no 8-bit sRGB format".into()))?;

        let clamp = |value: u32, min: u32, max: u32| value.max(min).min(max);
        let (min, max) = (capabilities.min_image_extent, capabilities.max_image_extent);
        let extent = if capabilities.current_extent.width == u32::MAX {
            vk::Extent2D {
                width: clamp(wanted.width, min.width, max.width),
                height: clamp(wanted.height, min.height, max.height),
            }
        } else {
            capabilities.current_extent
        };
        if extent.width == 0 || extent.height == 0 {
            return Ok(None);
        }
        let count = mode.images(capabilities.min_image_count, capabilities.max_image_count);
        let alpha = [
            vk::CompositeAlphaFlagsKHR::OPAQUE,
            vk::CompositeAlphaFlagsKHR::INHERIT,
        ]
        .into_iter()
        .find(|alpha| capabilities.supported_composite_alpha.contains(*alpha))
        .unwrap_or(vk::CompositeAlphaFlagsKHR::OPAQUE);
        let info = vk::SwapchainCreateInfoKHR::default()
            .surface(surface.raw)
            .min_image_count(count)
            .image_format(format.format)
            .image_color_space(format.color_space)
            .image_extent(extent)
            .image_array_layers(1)
            .image_usage(vk::ImageUsageFlags::COLOR_ATTACHMENT)
            .pre_transform(capabilities.current_transform)
            .composite_alpha(alpha)
            .present_mode(mode.raw())
            .clipped(true)
            .old_swapchain(old.map_or(vk::SwapchainKHR::null(), |old| old.raw));
        // SAFETY: all choices are among those the surface offers; the old swapchain is of the same surface.
        let raw = unsafe { swapchains.create_swapchain(&info, None) }
            .map_err(RenderError::vulkan("creating the swapchain"))?;
        let mut this = Self {
            raw,
            format: format.format,
            extent,
            mode,
            images: Vec::new(),
            ready: Vec::new(),
            turn: 0,
            device: Arc::clone(device),
            _surface: Arc::clone(surface),
        };
        // SAFETY: made above.
        let images = unsafe { swapchains.get_swapchain_images(raw) }
            .map_err(RenderError::vulkan("listing the images of the swapchain"))?;
        for image in images {
            let info = vk::ImageViewCreateInfo::default()
                .image(image)
                .view_type(vk::ImageViewType::TYPE_2D)
                .format(this.format)
                .subresource_range(vk::ImageSubresourceRange {
                    aspect_mask: vk::ImageAspectFlags::COLOR,
                    base_mip_level: 0,
                    level_count: 1,
                    base_array_layer: 0,
                    layer_count: 1,
                });
            // SAFETY: the image is of the swapchain, in its own format.
            let view = unsafe { device.raw.create_image_view(&info, None) }
                .map_err(RenderError::vulkan("creating a view of the swapchain"))?;
            let rendered = semaphore(device)?;
            this.images.push((image, view, rendered));
            this.ready.push(semaphore(device)?);
        }
        this.ready.push(semaphore(device)?);
        Ok(Some(this))
    }

    /// The next image to draw to, or `None` when the swapchain no longer fits its surface.
    pub(crate) fn acquire(&mut self) -> Result<Option<Acquired>> {
        let Some(swapchains) = &self.device.swapchain else {
            return Ok(None);
        };
        self.turn = (self.turn + 1) % self.ready.len();
        let ready = self.ready[self.turn];
        // SAFETY: the semaphore's last wait was submitted at least as many frames ago as there are images, and an
        // image is only acquired again after that frame was shown.
        match unsafe { swapchains.acquire_next_image(self.raw, u64::MAX, ready, vk::Fence::null()) }
        {
            Ok((index, _suboptimal)) => {
                let (image, view, rendered) = self.images[index as usize];
                Ok(Some(Acquired {
                    index,
                    image,
                    view,
                    ready,
                    rendered,
                }))
            }
            Err(vk::Result::ERROR_OUT_OF_DATE_KHR) => Ok(None),
            Err(result) => Err(RenderError::vulkan("acquiring an image of the swapchain")(
                result,
            )),
        }
    }
}

fn semaphore(device: &Device) -> Result<vk::Semaphore> {
    // SAFETY: no condition beyond a live device.
    unsafe {
        device
            .raw
            .create_semaphore(&vk::SemaphoreCreateInfo::default(), None)
    }
    .map_err(RenderError::vulkan("creating a semaphore"))
}

impl Drop for Swapchain {
    fn drop(&mut self) {
        // Presentation is not on the timeline: wait for all of it. Happens on resize and at the end only.
        if let Err(error) = self.device.wait_idle()
            // One that is lost is idle.
            && !matches!(error, RenderError::DeviceLost(_))
        {
            tracing::error!(%error, "the device was not idle when its swapchain went");
        }
        for (_, view, rendered) in self.images.drain(..) {
            self.device.discard(Garbage::ImageView(view));
            self.device.discard(Garbage::Semaphore(rendered));
        }
        for ready in self.ready.drain(..) {
            self.device.discard(Garbage::Semaphore(ready));
        }
        if let Some(swapchains) = &self.device.swapchain {
            // SAFETY: idle (above), so no image of it is in use.
            unsafe { swapchains.destroy_swapchain(self.raw, None) };
        }
    }
}
