//! The GPU that everything else is made on.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ash::vk;
use storm_assets::{Filter, MipFilter, Wrap};

use crate::{
    clusters::measure::{self, Crossover},
    error::Result,
    gpu::{
        adapter::Adapter,
        bindless::{Binding, Bindless},
        device::{Device, Heap},
        image::{Image, ImageDesc, Sampler},
        instance::Instance,
        pipeline_cache::PipelineCache,
        pools::PoolReport,
        swapchain::{self, Surface, Window},
    },
    target::WindowTarget,
};

/// What a [`Gpu`] should be.
#[derive(Clone, Debug, Default)]
pub struct GpuDesc {
    /// Turns the Khronos validation layer on. Its messages are counted and logged through `tracing`.
    pub validation: bool,
    /// Takes a device whose name contains this, whatever the case, and no other. Without it the environment variable
    /// `STORM_GPU` is such a name, and without that the best device is taken: a graphics card before what is beside the CPU,
    /// before a driver that draws on the CPU; of equals, the one that can do more and has more memory.
    pub device: Option<String>,
    /// What [`Gpu::pipeline_cache`] gave in an earlier run: pipelines are then made faster. Bytes that are not whole, or of
    /// another driver, are left aside.
    pub pipeline_cache: Vec<u8>,
}

/// What memory a [`Gpu`] has, and what it is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryReport {
    /// All heaps.
    pub heaps: Vec<Heap>,
    /// Bytes in use by this crate.
    pub allocated: u64,
    /// Bytes taken from the driver for them.
    pub reserved: u64,
    /// The same by how long what uses them lives.
    pub pools: Vec<PoolReport>,
    /// Bytes in use by purpose, the most first.
    pub purposes: Vec<(String, u64)>,
}

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuInfo {
    /// The device's name.
    pub name: String,
    /// The driver's name and version.
    pub driver: String,
    /// Major, minor and patch of the Vulkan version.
    pub api_version: (u32, u32, u32),
    /// Whether it is a driver that draws on the CPU.
    pub software: bool,
    /// Bytes of device memory.
    pub memory: u64,
}

impl GpuInfo {
    pub(crate) fn of(adapter: &Adapter) -> Self {
        let v = adapter.api_version;
        Self {
            name: adapter.name.clone(),
            driver: adapter.driver.clone(),
            api_version: (
                vk::api_version_major(v),
                vk::api_version_minor(v),
                vk::api_version_patch(v),
            ),
            software: adapter.kind == vk::PhysicalDeviceType::CPU,
            memory: adapter.device_memory,
        }
    }
}

struct Shared {
    bindless: Arc<Mutex<Bindless>>,
    /// Fill slots that nothing else is in; kept alive.
    _fillers: [Image; 2],
    _clamp: Sampler,
    /// By what they are; at most 108, since wraps and filters are few.
    samplers: Mutex<HashMap<storm_assets::Sampler, (u32, Sampler)>>,
    /// What draws clusters fastest, once it was measured.
    crossover: OnceLock<Crossover>,
    /// Counts how often shaders were replaced.
    #[cfg(feature = "hot-reload")]
    generation: std::sync::atomic::AtomicU64,
    device: Arc<Device>,
}

/// A Vulkan device, ready to draw. Clones are the same device; it goes when the last of its users goes.
#[derive(Clone)]
pub struct Gpu(Arc<Shared>);

/// Slot of the sampler that clamps and filters.
pub(crate) const CLAMP_SAMPLER: u32 = 0;

impl Gpu {
    /// What draws clusters fastest: measured when it is first asked for, in some tens of milliseconds.
    pub(crate) fn crossover(&self) -> Result<Crossover> {
        if let Some(known) = self.0.crossover.get() {
            return Ok(*known);
        }
        let found = measure::measure(self)?;
        // Where two measured at once the first stays.
        Ok(*self.0.crossover.get_or_init(|| found))
    }

    /// A device for drawing without a window. Needs no display.
    ///
    /// # Errors
    /// When there is no loader, no driver, no device that has what is needed, or no validation layer though it was
    /// asked for. Each error names what is missing.
    pub fn headless(desc: &GpuDesc) -> Result<Self> {
        let instance = Arc::new(Instance::new(desc.validation, &[])?);
        let adapter = Adapter::choose(&instance, desc.device.as_deref(), None)?;
        Self::new(&Device::new(instance, adapter)?, &desc.pipeline_cache)
    }

    /// A device that can draw to this window, and the window as a target.
    ///
    /// # Errors
    /// As [`Gpu::headless`], and when the window cannot be drawn to.
    pub fn windowed(desc: &GpuDesc, window: Arc<dyn Window>) -> Result<(Self, WindowTarget)> {
        let extensions = swapchain::extensions(&*window)?;
        let instance = Arc::new(Instance::new(desc.validation, extensions)?);
        let surface = Arc::new(Surface::new(&instance, window)?);
        let adapter = Adapter::choose(&instance, desc.device.as_deref(), Some(surface.raw))?;
        let gpu = Self::new(&Device::new(instance, adapter)?, &desc.pipeline_cache)?;
        let target = WindowTarget::new(&gpu, surface);
        Ok((gpu, target))
    }

    fn new(device: &Arc<Device>, pipeline_cache: &[u8]) -> Result<Self> {
        let cache = PipelineCache::new(device, pipeline_cache)?;
        let mut bindless = Bindless::new(device, cache)?;
        let filler = |cube| {
            Image::new(
                device,
                ImageDesc {
                    what: "an empty slot",
                    width: 1,
                    height: 1,
                    format: vk::Format::R8G8B8A8_UNORM,
                    usage: vk::ImageUsageFlags::SAMPLED,
                    mip_levels: 1,
                    samples: vk::SampleCountFlags::TYPE_1,
                    cube,
                },
            )
        };
        let fillers = [filler(false)?, filler(true)?];
        for (binding, filler) in [Binding::Images, Binding::Cubes].into_iter().zip(&fillers) {
            bindless.fill(binding, filler);
        }
        let clamp = vk::SamplerAddressMode::CLAMP_TO_EDGE;
        let info = vk::SamplerCreateInfo::default()
            .mag_filter(vk::Filter::LINEAR)
            .min_filter(vk::Filter::LINEAR)
            .mipmap_mode(vk::SamplerMipmapMode::LINEAR)
            .max_lod(vk::LOD_CLAMP_NONE)
            .address_mode_u(clamp)
            .address_mode_v(clamp)
            .address_mode_w(clamp);
        let sampler = Sampler::new(device, &info)?;
        bindless.fill_samplers(sampler.raw);
        let slot = bindless.take(Binding::Samplers)?;
        assert_eq!(slot, CLAMP_SAMPLER, "the first slot taken is the first");
        Ok(Self(Arc::new(Shared {
            crossover: OnceLock::new(),
            bindless: Arc::new(Mutex::new(bindless)),
            _fillers: fillers,
            _clamp: sampler,
            samplers: Mutex::default(),
            #[cfg(feature = "hot-reload")]
            generation: std::sync::atomic::AtomicU64::new(0),
            device: Arc::clone(device),
        })))
    }

    /// What the device says of itself.
    #[must_use]
    pub fn info(&self) -> GpuInfo {
        GpuInfo::of(&self.0.device.adapter)
    }

    /// How many messages the validation layer has had, and the first of them. 0 and none where it is off.
    #[must_use]
    pub fn validation_messages(&self) -> (u32, Vec<String>) {
        let messages = self.0.device.instance.messages();
        (messages.count(), messages.texts())
    }

    /// Waits until the device has nothing left to do.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn wait_idle(&self) -> Result<()> {
        self.0.device.wait_idle()
    }

    /// What memory there is, and what it is used for.
    #[must_use]
    pub fn memory(&self) -> MemoryReport {
        let (pools, places) = self.0.device.with_pools(|pools| pools.report());
        let mut purposes = HashMap::<String, u64>::new();
        for (name, bytes) in places {
            *purposes.entry(name).or_default() += bytes;
        }
        let mut purposes: Vec<_> = purposes.into_iter().collect();
        purposes.sort_unstable_by(|(a, x), (b, y)| y.cmp(x).then_with(|| a.cmp(b)));
        MemoryReport {
            heaps: self.0.device.heaps(),
            allocated: pools.iter().map(|pool| pool.allocated).sum(),
            reserved: pools.iter().map(|pool| pool.reserved).sum(),
            pools,
            purposes,
        }
    }

    /// Compiled pipelines, to be kept between runs and given back as [`GpuDesc::pipeline_cache`].
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn pipeline_cache(&self) -> Result<Vec<u8>> {
        self.with_bindless(|bindless| bindless.cache.data())
    }

    /// How many pipelines were made so far. A scene makes none after its first frames: each new one may take long.
    #[must_use]
    pub fn pipelines_made(&self) -> u64 {
        self.0.device.pipelines_made()
    }

    /// Takes the device to be lost, as if its driver had reset it: every call that needs it fails with
    /// [`RenderError::DeviceLost`](crate::RenderError::DeviceLost) from now on. For tests of what one does then: make a new
    /// [`Gpu`], and everything that was made from the old one.
    pub fn lose(&self) {
        self.0.device.lose();
    }

    /// Has renderers use other shaders from their next frame on.
    #[cfg(feature = "hot-reload")]
    pub(crate) fn replace_shaders(&self, shaders: Vec<(&'static str, Vec<u8>)>) {
        self.with_bindless(|bindless| {
            for (name, spirv) in shaders {
                bindless.replace(name, spirv);
            }
        });
        let generation = &self.0.generation;
        generation.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
    }

    /// How often shaders were replaced.
    pub(crate) fn shader_generation(&self) -> u64 {
        #[cfg(feature = "hot-reload")]
        return self.0.generation.load(std::sync::atomic::Ordering::Acquire);
        #[cfg(not(feature = "hot-reload"))]
        0
    }

    pub(crate) fn device(&self) -> &Arc<Device> {
        &self.0.device
    }

    pub(crate) fn bindless(&self) -> &Arc<Mutex<Bindless>> {
        &self.0.bindless
    }

    /// The slot of a sampler; made when it is first asked for.
    pub(crate) fn sampler(&self, sampler: storm_assets::Sampler) -> Result<u32> {
        let mut samplers = self
            .0
            .samplers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((slot, _)) = samplers.get(&sampler) {
            return Ok(*slot);
        }
        let made = Sampler::new(
            self.device(),
            &sampler_info(sampler, &self.device().adapter),
        )?;
        let slot = self.with_bindless(|bindless| {
            let slot = bindless.take(Binding::Samplers)?;
            bindless.set_sampler(slot, made.raw);
            Ok::<_, crate::RenderError>(slot)
        })?;
        samplers.insert(sampler, (slot, made));
        Ok(slot)
    }

    /// Runs `f` with the descriptor set.
    pub(crate) fn with_bindless<T>(&self, f: impl FnOnce(&mut Bindless) -> T) -> T {
        f(&mut self
            .0
            .bindless
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }
}

fn sampler_info(
    sampler: storm_assets::Sampler,
    adapter: &Adapter,
) -> vk::SamplerCreateInfo<'static> {
    let wrap = |wrap| match wrap {
        Wrap::Repeat => vk::SamplerAddressMode::REPEAT,
        Wrap::MirroredRepeat => vk::SamplerAddressMode::MIRRORED_REPEAT,
        Wrap::ClampToEdge => vk::SamplerAddressMode::CLAMP_TO_EDGE,
    };
    let filter = |filter| match filter {
        Filter::Nearest => vk::Filter::NEAREST,
        Filter::Linear => vk::Filter::LINEAR,
    };
    let (mip, most) = match sampler.mip {
        // Level 0 only, while minification still follows `min`.
        MipFilter::None => (vk::SamplerMipmapMode::NEAREST, 0.25),
        MipFilter::Nearest => (vk::SamplerMipmapMode::NEAREST, vk::LOD_CLAMP_NONE),
        MipFilter::Linear => (vk::SamplerMipmapMode::LINEAR, vk::LOD_CLAMP_NONE),
    };
    // On a CPU driver each of the extra samples costs as much as the first.
    let anisotropic = adapter.anisotropy
        && adapter.kind != vk::PhysicalDeviceType::CPU
        && sampler.mip == MipFilter::Linear
        && sampler.min == Filter::Linear;
    vk::SamplerCreateInfo::default()
        .address_mode_u(wrap(sampler.wrap_u))
        .address_mode_v(wrap(sampler.wrap_v))
        .mag_filter(filter(sampler.mag))
        .min_filter(filter(sampler.min))
        .mipmap_mode(mip)
        .max_lod(most)
        .anisotropy_enable(anisotropic)
        .max_anisotropy(adapter.limits.max_sampler_anisotropy.min(8.0))
}
