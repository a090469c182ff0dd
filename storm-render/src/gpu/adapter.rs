//! Choosing a physical device: what it must have, and which one wins.

use ash::{ext, khr, vk};

use super::instance::Instance;
use crate::error::{RenderError, Result};

/// A physical device that has all that is needed.
#[derive(Clone)]
pub(crate) struct Adapter {
    pub(crate) raw: vk::PhysicalDevice,
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) kind: vk::PhysicalDeviceType,
    pub(crate) api_version: u32,
    pub(crate) queue_family: u32,
    pub(crate) limits: vk::PhysicalDeviceLimits,
    pub(crate) anisotropy: bool,
    /// Whether it counts the work of passes.
    pub(crate) statistics: bool,
    /// Whether samples lie where the specification says.
    pub(crate) standard_samples: bool,
    pub(crate) device_memory: u64,
    /// Which caches of compiled pipelines its driver understands.
    pub(crate) cache_identity: [u8; 16],
    /// Whether the driver says how much memory it would give (`VK_EXT_memory_budget`).
    pub(crate) budget: bool,
    /// A family of queues that compute and do not draw, where there is one.
    pub(crate) compute_family: Option<u32>,
    /// Whether it can do what clusters need: 64-bit atomics in buffers, also from fragments, clip distances and ballots.
    pub(crate) clusters: bool,
    /// Whether it has mesh shaders (`VK_EXT_mesh_shader`).
    pub(crate) mesh_shaders: bool,
}

/// What devices are compared by: the greater one wins.
pub(crate) type Score = (u32, u32, u64);

/// Names the device to take, as [`GpuDesc::device`](crate::GpuDesc::device) does, which goes before it.
const VARIABLE: &str = "STORM_GPU";

/// A feature by the name that Vulkan gives it, and whether the device has it.
type Feature = (&'static str, vk::Bool32);

/// The feature structures, filled by the driver. [`Features::required`] and [`enabled`] must name the same ones.
#[derive(Default)]
struct Features {
    core: vk::PhysicalDeviceFeatures,
    v11: vk::PhysicalDeviceVulkan11Features<'static>,
    v12: vk::PhysicalDeviceVulkan12Features<'static>,
    v13: vk::PhysicalDeviceVulkan13Features<'static>,
}

impl Features {
    fn of(instance: &Instance, device: vk::PhysicalDevice) -> Self {
        let mut features = Self::default();
        let mut head = vk::PhysicalDeviceFeatures2::default()
            .push_next(&mut features.v11)
            .push_next(&mut features.v12)
            .push_next(&mut features.v13);
        // SAFETY: the device comes from this instance, whose version is 1.3 or later; the chain is borrowed
        // mutably through the call (invariant 4).
        unsafe {
            instance
                .raw
                .get_physical_device_features2(device, &mut head)
        };
        features.core = head.features;
        features
    }

    fn required(&self) -> [Feature; 16] {
        [
            (
                "drawIndirectFirstInstance",
                self.core.draw_indirect_first_instance,
            ),
            ("independentBlend", self.core.independent_blend),
            ("multiDrawIndirect", self.core.multi_draw_indirect),
            ("shaderInt64", self.core.shader_int64),
            ("drawIndirectCount", self.v12.draw_indirect_count),
            ("bufferDeviceAddress", self.v12.buffer_device_address),
            ("scalarBlockLayout", self.v12.scalar_block_layout),
            ("timelineSemaphore", self.v12.timeline_semaphore),
            ("runtimeDescriptorArray", self.v12.runtime_descriptor_array),
            (
                "descriptorBindingPartiallyBound",
                self.v12.descriptor_binding_partially_bound,
            ),
            (
                "descriptorBindingSampledImageUpdateAfterBind",
                self.v12.descriptor_binding_sampled_image_update_after_bind,
            ),
            (
                "descriptorBindingUpdateUnusedWhilePending",
                self.v12.descriptor_binding_update_unused_while_pending,
            ),
            (
                "shaderSampledImageArrayNonUniformIndexing",
                self.v12.shader_sampled_image_array_non_uniform_indexing,
            ),
            ("dynamicRendering", self.v13.dynamic_rendering),
            ("synchronization2", self.v13.synchronization2),
            ("maintenance4", self.v13.maintenance4),
        ]
    }
}

/// The features that are turned on: exactly the required ones, and of those that are not what the device has.
pub(crate) fn enabled(
    adapter: &Adapter,
) -> (
    vk::PhysicalDeviceFeatures,
    vk::PhysicalDeviceVulkan12Features<'static>,
    vk::PhysicalDeviceVulkan13Features<'static>,
) {
    let core = vk::PhysicalDeviceFeatures::default()
        .draw_indirect_first_instance(true)
        .independent_blend(true)
        .multi_draw_indirect(true)
        .shader_int64(true)
        .sampler_anisotropy(adapter.anisotropy)
        .pipeline_statistics_query(adapter.statistics)
        .fragment_stores_and_atomics(adapter.clusters)
        .shader_clip_distance(adapter.clusters);
    let v12 = vk::PhysicalDeviceVulkan12Features::default()
        .draw_indirect_count(true)
        .buffer_device_address(true)
        .scalar_block_layout(true)
        .timeline_semaphore(true)
        .runtime_descriptor_array(true)
        .descriptor_binding_partially_bound(true)
        .descriptor_binding_sampled_image_update_after_bind(true)
        .descriptor_binding_update_unused_while_pending(true)
        .shader_sampled_image_array_non_uniform_indexing(true)
        .shader_buffer_int64_atomics(adapter.clusters);
    let v13 = vk::PhysicalDeviceVulkan13Features::default()
        .dynamic_rendering(true)
        .synchronization2(true)
        .maintenance4(true);
    (core, v12, v13)
}

impl Adapter {
    /// The best device that has everything; of equals, the one that the driver lists first.
    ///
    /// `wanted` restricts the choice to devices whose name contains it, whatever the case; without it the environment
    /// variable `STORM_GPU` does. `surface` restricts it to devices that can present there.
    pub(crate) fn choose(
        instance: &Instance,
        wanted: Option<&str>,
        surface: Option<vk::SurfaceKHR>,
    ) -> Result<Self> {
        let devices = Self::list(instance)?;
        if devices.is_empty() {
            return Err(RenderError::NoDriver);
        }
        let variable = std::env::var(VARIABLE).unwrap_or_default();
        let wanted = wanted.or(Some(variable.as_str()).filter(|name| !name.is_empty()));
        let mut found = Vec::new();
        let mut best: Option<Self> = None;
        let mut refusals = Vec::new();
        for device in devices {
            let mut adapter = Self::describe(instance, device);
            found.push(adapter.name.clone());
            if wanted.is_some_and(|wanted| !adapter.is_called(wanted)) {
                continue;
            }
            match adapter.fit(instance, surface) {
                Ok(()) => {
                    tracing::info!(device = adapter.name, score = ?adapter.score(), "usable Vulkan device");
                    if best
                        .as_ref()
                        .is_none_or(|best| adapter.score() > best.score())
                    {
                        best = Some(adapter);
                    }
                }
                Err(refusal) => {
                    tracing::info!(refusal, "Vulkan device refused");
                    refusals.push(refusal);
                }
            }
        }
        let adapter = match (best, wanted) {
            (Some(best), _) => best,
            (None, Some(wanted)) if refusals.is_empty() => {
                return Err(RenderError::NoSuchDevice {
                    wanted: wanted.to_owned(),
                    found,
                });
            }
            (None, _) => return Err(RenderError::NoDevice(refusals)),
        };
        tracing::info!(
            device = adapter.name,
            driver = adapter.driver,
            kind = ?adapter.kind,
            memory = adapter.device_memory,
            by_name = wanted,
            "Vulkan device chosen"
        );
        Ok(adapter)
    }

    fn is_called(&self, wanted: &str) -> bool {
        self.name.to_lowercase().contains(&wanted.to_lowercase())
    }

    /// Kind first, then what it can do beyond what is needed, then memory.
    pub(crate) fn score(&self) -> Score {
        let kind = match self.kind {
            vk::PhysicalDeviceType::DISCRETE_GPU => 4,
            vk::PhysicalDeviceType::INTEGRATED_GPU => 3,
            vk::PhysicalDeviceType::VIRTUAL_GPU => 2,
            vk::PhysicalDeviceType::CPU => 1,
            _ => 0,
        };
        let features = u32::from(self.anisotropy)
            + u32::from(self.standard_samples)
            + u32::from(self.budget)
            + u32::from(self.compute_family.is_some());
        (kind, features, self.device_memory)
    }

    /// All devices of the machine, in the drivers' order, each with what it lacks, if anything.
    pub(crate) fn all(instance: &Instance) -> Result<Vec<(Self, Option<String>)>> {
        let examine = |raw| {
            let mut adapter = Self::describe(instance, raw);
            let refusal = adapter.fit(instance, None).err();
            (adapter, refusal)
        };
        Ok(Self::list(instance)?.into_iter().map(examine).collect())
    }

    fn list(instance: &Instance) -> Result<Vec<vk::PhysicalDevice>> {
        // SAFETY: the instance is alive (invariant 1).
        unsafe { instance.raw.enumerate_physical_devices() }.map_err(|result| match result {
            vk::Result::ERROR_INITIALIZATION_FAILED => RenderError::NoDriver,
            result => RenderError::vulkan("listing Vulkan devices")(result),
        })
    }

    /// What a device says of itself, whether it can be used or not. Its queue family is found by `fit`.
    fn describe(instance: &Instance, raw: vk::PhysicalDevice) -> Self {
        let text = |bytes: Result<&std::ffi::CStr, _>| -> String {
            bytes.map_or_else(
                |_: std::ffi::FromBytesUntilNulError| "?".into(),
                |s| s.to_string_lossy().into_owned(),
            )
        };
        // SAFETY: the device comes from this instance (invariant 1).
        let basic = unsafe { instance.raw.get_physical_device_properties(raw) };
        let mut driver = String::new();
        let (mut anisotropy, mut statistics, mut clusters) = (false, false, false);
        // Older devices do not know the structures.
        if basic.api_version >= vk::API_VERSION_1_3 {
            let mut properties = vk::PhysicalDeviceDriverProperties::default();
            let mut subgroups = vk::PhysicalDeviceSubgroupProperties::default();
            let mut head = vk::PhysicalDeviceProperties2::default()
                .push_next(&mut properties)
                .push_next(&mut subgroups);
            // SAFETY: as above; the chain is borrowed through the call (invariant 4).
            unsafe { instance.raw.get_physical_device_properties2(raw, &mut head) };
            driver = format!(
                "{} {}",
                text(properties.driver_name_as_c_str()),
                text(properties.driver_info_as_c_str())
            );
            let Features { core, v12, .. } = Features::of(instance, raw);
            clusters = v12.shader_buffer_int64_atomics == vk::TRUE
                && core.fragment_stores_and_atomics == vk::TRUE
                && core.shader_clip_distance == vk::TRUE
                && subgroups
                    .supported_operations
                    .contains(vk::SubgroupFeatureFlags::BALLOT)
                && subgroups
                    .supported_stages
                    .contains(vk::ShaderStageFlags::COMPUTE);
            anisotropy = core.sampler_anisotropy == vk::TRUE;
            // Mesa's CPU driver (25.0) crashes in such queries where a picture has one sample a pixel.
            statistics = core.pipeline_statistics_query == vk::TRUE
                && basic.device_type != vk::PhysicalDeviceType::CPU;
        }
        // SAFETY: the device comes from this instance (invariant 1).
        let memory = unsafe { instance.raw.get_physical_device_memory_properties(raw) };
        let device_memory = memory
            .memory_heaps_as_slice()
            .iter()
            .filter(|heap| heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL))
            .map(|heap| heap.size)
            .sum();
        Self {
            raw,
            name: text(basic.device_name_as_c_str()),
            driver,
            kind: basic.device_type,
            api_version: basic.api_version,
            queue_family: 0,
            limits: basic.limits,
            anisotropy,
            statistics,
            standard_samples: basic.limits.standard_sample_locations == vk::TRUE,
            device_memory,
            cache_identity: basic.pipeline_cache_uuid,
            budget: false,
            compute_family: None,
            clusters,
            mesh_shaders: false,
        }
    }

    /// Checks that the device has all that is needed, and picks its queue family. The error says what is missing.
    fn fit(&mut self, instance: &Instance, surface: Option<vk::SurfaceKHR>) -> Result<(), String> {
        let Self {
            raw, api_version, ..
        } = *self;
        let (name, driver) = (&self.name, &self.driver);
        if api_version < vk::API_VERSION_1_3 {
            let (major, minor) = (
                vk::api_version_major(api_version),
                vk::api_version_minor(api_version),
            );
            return Err(format!("{name} has Vulkan {major}.{minor}, 1.3 is needed"));
        }
        let features = Features::of(instance, raw);
        let lacks: Vec<&str> = features
            .required()
            .into_iter()
            .filter(|(_, has)| *has == vk::FALSE)
            .map(|(name, _)| name)
            .collect();
        if !lacks.is_empty() {
            return Err(format!("{name} ({driver}) lacks {}", lacks.join(", ")));
        }

        // SAFETY: the device comes from this instance (invariant 1).
        let extensions = unsafe { instance.raw.enumerate_device_extension_properties(raw) }
            .map_err(|result| format!("{name} does not list its extensions: {result}"))?;
        let offers = |wanted| {
            extensions
                .iter()
                .any(|extension| extension.extension_name_as_c_str() == Ok(wanted))
        };
        if surface.is_some() && !offers(khr::swapchain::NAME) {
            return Err(format!("{name} cannot present to a window"));
        }
        let budget = offers(ext::memory_budget::NAME);
        self.mesh_shaders = offers(ext::mesh_shader::NAME) && has_mesh_shaders(instance, raw);

        // SAFETY: the device comes from this instance (invariant 1).
        let families = unsafe {
            instance
                .raw
                .get_physical_device_queue_family_properties(raw)
        };
        let needed = vk::QueueFlags::GRAPHICS | vk::QueueFlags::COMPUTE;
        self.queue_family = (0..families.len() as u32)
            .filter(|&family| families[family as usize].queue_flags.contains(needed))
            .find(|&family| match (&instance.surface, surface) {
                (Some(loader), Some(surface)) => {
                    // SAFETY: device, family and surface all come from this instance (invariants 1, 5).
                    unsafe { loader.get_physical_device_surface_support(raw, family, surface) }
                        .unwrap_or(false)
                }
                _ => true,
            })
            .ok_or_else(|| format!("{name} has no queue that draws, computes and presents"))?;
        self.compute_family = (0..families.len() as u32).find(|&family| {
            let flags = families[family as usize].queue_flags;
            flags.contains(vk::QueueFlags::COMPUTE) && !flags.contains(vk::QueueFlags::GRAPHICS)
        });
        self.budget = budget;
        Ok(())
    }
}

/// Whether a device that offers the extension can run the mesh shaders of this crate: groups of 128 with as many vertices and triangles.
fn has_mesh_shaders(instance: &Instance, device: vk::PhysicalDevice) -> bool {
    let mut features = vk::PhysicalDeviceMeshShaderFeaturesEXT::default();
    let mut head = vk::PhysicalDeviceFeatures2::default().push_next(&mut features);
    // SAFETY: the device comes from this instance (invariant 1) and offers the extension; the chain is borrowed through the
    // call (invariant 4).
    unsafe {
        instance
            .raw
            .get_physical_device_features2(device, &mut head)
    };
    let mut limits = vk::PhysicalDeviceMeshShaderPropertiesEXT::default();
    let mut head = vk::PhysicalDeviceProperties2::default().push_next(&mut limits);
    // SAFETY: as above.
    unsafe {
        instance
            .raw
            .get_physical_device_properties2(device, &mut head)
    };
    features.mesh_shader == vk::TRUE
        && limits.max_mesh_work_group_invocations >= 128
        && limits.max_mesh_output_vertices >= 128
        && limits.max_mesh_output_primitives >= 128
}
