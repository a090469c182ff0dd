//! What Vulkan offers on this machine, for people who want to know why something cannot be drawn.

use ash::vk;

use crate::{
    context::GpuInfo,
    error::{RenderError, Result},
    gpu::{
        adapter::Adapter,
        instance::{self, Instance},
    },
};

/// What Vulkan offers on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// Major, minor and patch of the Vulkan version that the loader has.
    pub loader_version: (u32, u32, u32),
    /// Whether the Khronos validation layer is installed.
    pub validation: bool,
    /// All devices, in the order of the drivers; none where there is no driver.
    pub devices: Vec<DeviceSurvey>,
}

/// One device of a [`Survey`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceSurvey {
    /// What the device says of itself.
    pub info: GpuInfo,
    /// What it is.
    pub kind: DeviceKind,
    /// What is missing, by the names that Vulkan gives; `None` where it can be used.
    pub refusal: Option<String>,
    /// Whether [`Gpu::headless`](crate::Gpu::headless) takes it where none is named.
    pub chosen: bool,
    /// The longest side of a picture, pixels.
    pub image_side_max: u32,
    /// The most samples a pixel.
    pub samples_max: u32,
    /// Whether textures seen at an angle stay sharp.
    pub anisotropy: bool,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceKind {
    /// A graphics card.
    Discrete,
    /// Beside the CPU.
    Integrated,
    /// Part of a virtual machine.
    Virtual,
    /// A driver that draws on the CPU.
    Cpu,
    /// None of these.
    Other,
}

impl Survey {
    /// Asks the loader and all drivers. Makes no device.
    ///
    /// # Errors
    /// When there is no loader, or it or a driver fails. A machine without drivers is no error.
    ///
    /// ```no_run
    /// for device in storm_render::Survey::new()?.devices {
    ///     println!("{}: {}", device.info.name, device.refusal.as_deref().unwrap_or("usable"));
    /// }
    /// # Ok::<(), storm_render::RenderError>(())
    /// ```
    pub fn new() -> Result<Self> {
        let entry = instance::load()?;
        let version = instance::loader_version(&entry)?;
        let found = match Instance::new(false, &[]).and_then(|instance| Adapter::all(&instance)) {
            Err(RenderError::NoDriver) => Vec::new(),
            found => found?,
        };
        let usable = || found.iter().filter(|(_, refusal)| refusal.is_none());
        let best = usable().map(|(adapter, _)| adapter.score()).max();
        // As `Adapter::choose`: of equals, the first.
        let chosen = found
            .iter()
            .position(|(adapter, refusal)| refusal.is_none() && Some(adapter.score()) == best);
        let devices = found
            .iter()
            .enumerate()
            .map(|(index, (adapter, refusal))| {
                let samples = adapter.limits.framebuffer_color_sample_counts
                    & adapter.limits.framebuffer_depth_sample_counts;
                DeviceSurvey {
                    info: GpuInfo::of(adapter),
                    kind: match adapter.kind {
                        vk::PhysicalDeviceType::DISCRETE_GPU => DeviceKind::Discrete,
                        vk::PhysicalDeviceType::INTEGRATED_GPU => DeviceKind::Integrated,
                        vk::PhysicalDeviceType::VIRTUAL_GPU => DeviceKind::Virtual,
                        vk::PhysicalDeviceType::CPU => DeviceKind::Cpu,
                        _ => DeviceKind::Other,
                    },
                    refusal: refusal.clone(),
                    chosen: chosen == Some(index),
                    image_side_max: adapter.limits.max_image_dimension2_d,
                    // The bits are the counts.
                    samples_max: samples.as_raw().checked_ilog2().map_or(1, |log| 1 << log),
                    anisotropy: adapter.anisotropy,
                }
            })
            .collect();
        Ok(Self {
            loader_version: (
                vk::api_version_major(version),
                vk::api_version_minor(version),
                vk::api_version_patch(version),
            ),
            validation: instance::offers_validation(&entry)?,
            devices,
        })
    }
}
