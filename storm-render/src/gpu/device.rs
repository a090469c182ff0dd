//! The logical device: its queues, one timeline that counts submissions, and the trash of what it no longer needs.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use ash::{ext, khr, vk};

use super::{
    adapter::{self, Adapter},
    instance::Instance,
    pools::{Piece, Pools},
    submit::{Lane, timeline_semaphore},
};
use crate::error::{RenderError, Result};

/// How long a submission may take before the driver is taken to hang. A CPU driver on a loaded machine needs long.
const GPU_TIMEOUT_NS: u64 = 120_000_000_000;

/// A handle whose destruction waits for the GPU.
pub(crate) enum Garbage {
    Buffer(vk::Buffer, Piece),
    Image(vk::Image, Piece),
    ImageView(vk::ImageView),
    Sampler(vk::Sampler),
    Pipeline(vk::Pipeline),
    CommandPool(vk::CommandPool),
    Semaphore(vk::Semaphore),
    /// Memory of its own that things were placed in, all of them given up before.
    Memory(Piece),
    /// Buffers and images in such memory.
    PlacedBuffer(vk::Buffer),
    PlacedImage(vk::Image),
    DescriptorPool(vk::DescriptorPool),
    QueryPool(vk::QueryPool),
}

/// A heap of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heap {
    /// Bytes in all.
    pub size: u64,
    /// Whether it is the GPU's own.
    pub device_local: bool,
    /// Bytes that this process may use of it, as the driver sees it now; `None` where it does not say.
    pub budget: Option<u64>,
    /// Bytes that this process uses of it, as the driver counts; `None` where it does not say.
    pub usage: Option<u64>,
}

/// A device in use. Shared by everything made from it.
pub(crate) struct Device {
    pub(crate) raw: ash::Device,
    /// Present when the device was made for a surface.
    pub(crate) swapchain: Option<khr::swapchain::Device>,
    /// Present where the adapter has mesh shaders.
    pub(crate) mesh: Option<ext::mesh_shader::Device>,
    pub(crate) adapter: Adapter,
    pub(super) queue: Mutex<vk::Queue>,
    families: Vec<u32>,
    /// A queue that only computes, where there is one.
    pub(super) compute: Option<Mutex<vk::Queue>>,
    /// What counts the parts of a frame, of each queue.
    pub(super) lanes: [Lane; 2],
    pub(super) timeline: vk::Semaphore,
    /// The timeline value that the next submission will signal.
    pub(super) next_value: AtomicU64,
    /// Recorders that have begun and not yet submitted.
    recording: AtomicU64,
    /// `None` only while dropping: the pools must go before the device.
    pools: Mutex<Option<Pools>>,
    trash: Mutex<Vec<(u64, Garbage)>>,
    /// Set when the driver says so, or a test.
    lost: AtomicBool,
    /// Pipelines made from it so far.
    pipelines: AtomicU64,
    pub(crate) instance: Arc<Instance>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere does not make handles invalid.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    pub(crate) fn new(instance: Arc<Instance>, adapter: Adapter) -> Result<Arc<Self>> {
        let priorities = [1.0];
        let families: Vec<u32> = std::iter::once(adapter.queue_family)
            .chain(adapter.compute_family)
            .collect();
        let queues: Vec<_> = families
            .iter()
            .map(|&family| {
                vk::DeviceQueueCreateInfo::default()
                    .queue_family_index(family)
                    .queue_priorities(&priorities)
            })
            .collect();
        let mut extensions: Vec<_> = instance
            .surface
            .iter()
            .map(|_| khr::swapchain::NAME.as_ptr())
            .collect();
        if adapter.budget {
            extensions.push(ext::memory_budget::NAME.as_ptr());
        }
        if adapter.mesh_shaders {
            extensions.push(ext::mesh_shader::NAME.as_ptr());
        }
        let (core, mut v12, mut v13) = adapter::enabled(&adapter);
        let mut mesh = vk::PhysicalDeviceMeshShaderFeaturesEXT::default().mesh_shader(true);
        let mut info = vk::DeviceCreateInfo::default()
            .queue_create_infos(&queues)
            .enabled_extension_names(&extensions)
            .enabled_features(&core)
            .push_next(&mut v12)
            .push_next(&mut v13);
        if adapter.mesh_shaders {
            info = info.push_next(&mut mesh);
        }
        // SAFETY: the adapter was found to have this queue family, these features and extensions (invariant 5); all
        // structures are borrowed beyond the call (invariant 4).
        let raw = unsafe { instance.raw.create_device(adapter.raw, &info, None) }
            .map_err(RenderError::vulkan("creating the device"))?;
        // SAFETY: the family was asked for above, with one queue.
        let queue = unsafe { raw.get_device_queue(adapter.queue_family, 0) };

        let compute = adapter.compute_family.map(|family| {
            // SAFETY: the family was asked for above, with one queue.
            Mutex::new(unsafe { raw.get_device_queue(family, 0) })
        });
        let timeline = timeline_semaphore(&raw)?;
        let lanes = [
            Lane::new(timeline_semaphore(&raw)?),
            Lane::new(timeline_semaphore(&raw)?),
        ];
        let pools = Pools::new(&instance.raw, &raw, adapter.raw)?;
        Ok(Arc::new(Self {
            swapchain: instance
                .surface
                .as_ref()
                .map(|_| khr::swapchain::Device::new(&instance.raw, &raw)),
            mesh: adapter
                .mesh_shaders
                .then(|| ext::mesh_shader::Device::new(&instance.raw, &raw)),
            raw,
            families,
            compute,
            lanes,
            adapter,
            queue: Mutex::new(queue),
            timeline,
            next_value: AtomicU64::new(1),
            recording: AtomicU64::new(0),
            pools: Mutex::new(Some(pools)),
            trash: Mutex::new(Vec::new()),
            lost: AtomicBool::new(false),
            pipelines: AtomicU64::new(0),
            instance,
        }))
    }

    /// Takes the device to be lost from now on.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
    }

    /// Fails where the device is lost: nothing is asked of the driver any more.
    pub(super) fn check(&self, doing: &'static str) -> Result<()> {
        if self.lost.load(Ordering::Acquire) {
            return Err(RenderError::DeviceLost(doing));
        }
        Ok(())
    }

    /// What became of a call: the device may have been lost in it.
    pub(super) fn outcome<T>(
        &self,
        result: ash::prelude::VkResult<T>,
        doing: &'static str,
    ) -> Result<T> {
        if matches!(result, Err(vk::Result::ERROR_DEVICE_LOST)) {
            self.lose();
        }
        result.map_err(RenderError::vulkan(doing))
    }

    /// Counts a pipeline.
    pub(crate) fn made_pipeline(&self) {
        self.pipelines.fetch_add(1, Ordering::Relaxed);
    }

    /// Pipelines made so far.
    pub(crate) fn pipelines_made(&self) -> u64 {
        self.pipelines.load(Ordering::Relaxed)
    }

    /// How large each heap of memory is, and, where the driver says so, how much of it this process may use and does.
    pub(crate) fn heaps(&self) -> Vec<Heap> {
        let mut budget = vk::PhysicalDeviceMemoryBudgetPropertiesEXT::default();
        let mut head = vk::PhysicalDeviceMemoryProperties2::default();
        if self.adapter.budget {
            head = head.push_next(&mut budget);
        }
        // SAFETY: the device comes from this instance (invariant 1); the extension is on where its structure is in the
        // chain (invariant 5), which outlives the call (invariant 4).
        unsafe {
            self.instance
                .raw
                .get_physical_device_memory_properties2(self.adapter.raw, &mut head)
        };
        let properties = head.memory_properties;
        let heaps = properties.memory_heaps_as_slice().iter().enumerate();
        heaps
            .map(|(i, heap)| Heap {
                size: heap.size,
                device_local: heap.flags.contains(vk::MemoryHeapFlags::DEVICE_LOCAL),
                budget: self.adapter.budget.then(|| budget.heap_budget[i]),
                usage: self.adapter.budget.then(|| budget.heap_usage[i]),
            })
            .collect()
    }

    /// The queue families that share buffers and the graph's images.
    pub(crate) fn families(&self) -> &[u32] {
        &self.families
    }

    /// Runs `f` with the pools of memory.
    pub(crate) fn with_pools<T>(&self, f: impl FnOnce(&mut Pools) -> T) -> T {
        // They are taken out only in `drop`, when nobody else holds the device.
        f(lock(&self.pools)
            .as_mut()
            .expect("the pools live as long as the device"))
    }

    /// The timeline value that the next submission will signal.
    pub(crate) fn next_value(&self) -> u64 {
        self.next_value.load(Ordering::Acquire)
    }

    /// The timeline value that the GPU has reached.
    pub(crate) fn completed(&self) -> Result<u64> {
        self.check("reading the timeline")?;
        // SAFETY: the semaphore is a timeline semaphore of this device (invariant 1).
        let value = unsafe { self.raw.get_semaphore_counter_value(self.timeline) };
        self.outcome(value, "reading the timeline")
    }

    /// Waits until the GPU has finished the submission that signals `value`.
    pub(crate) fn wait(&self, value: u64) -> Result<()> {
        self.check("waiting for the GPU")?;
        let (semaphores, values) = ([self.timeline], [value]);
        let info = vk::SemaphoreWaitInfo::default()
            .semaphores(&semaphores)
            .values(&values);
        // SAFETY: the semaphore is a timeline semaphore of this device (invariants 1, 4).
        let waited = unsafe { self.raw.wait_semaphores(&info, GPU_TIMEOUT_NS) };
        self.outcome(waited, "waiting for the GPU")
    }

    /// Says that commands are being recorded, until [`Device::recorded`]: handles given up meanwhile may be in them.
    pub(crate) fn recording(&self) {
        self.recording.fetch_add(1, Ordering::AcqRel);
    }

    /// Says that these commands are submitted, or never will be.
    pub(crate) fn recorded(&self) {
        self.recording.fetch_sub(1, Ordering::AcqRel);
    }

    /// The timeline value after which nothing can use a handle that is given up now.
    pub(crate) fn last_use(&self) -> u64 {
        // Read in this order: commands that are submitted in between are counted either way.
        let recording = self.recording.load(Ordering::Acquire) > 0;
        // Commands recorded but not yet submitted signal the next value.
        self.next_value() - u64::from(!recording)
    }

    /// Has a handle destroyed once the GPU can no longer use it (invariant 2): at once where it is done already, or else
    /// when a frame collects. So what comes and goes between frames does not pile up.
    pub(crate) fn discard(&self, garbage: Garbage) {
        let last_use = self.last_use();
        match self.completed() {
            Ok(completed) if last_use <= completed => self.destroy(garbage),
            _ => lock(&self.trash).push((last_use, garbage)),
        }
    }

    /// Destroys what the GPU has finished with. Called once a frame.
    pub(crate) fn collect(&self) -> Result<()> {
        let completed = self.completed()?;
        let done: Vec<_> = lock(&self.trash)
            .extract_if(.., |(value, _)| *value <= completed)
            .collect();
        for (_, garbage) in done {
            self.destroy(garbage);
        }
        Ok(())
    }

    fn destroy(&self, garbage: Garbage) {
        let piece = match garbage {
            Garbage::Buffer(buffer, piece) => {
                // SAFETY: invariant 2: the GPU is done with it, and its owner gave it up.
                unsafe { self.raw.destroy_buffer(buffer, None) };
                Some(piece)
            }
            Garbage::Image(image, piece) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_image(image, None) };
                Some(piece)
            }
            Garbage::ImageView(view) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_image_view(view, None) };
                None
            }
            Garbage::Sampler(sampler) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_sampler(sampler, None) };
                None
            }
            Garbage::Pipeline(pipeline) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_pipeline(pipeline, None) };
                None
            }
            Garbage::CommandPool(pool) => {
                // SAFETY: invariant 2; this frees its command buffers too.
                unsafe { self.raw.destroy_command_pool(pool, None) };
                None
            }
            Garbage::Semaphore(semaphore) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_semaphore(semaphore, None) };
                None
            }
            Garbage::Memory(piece) => Some(piece),
            Garbage::PlacedBuffer(buffer) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_buffer(buffer, None) };
                None
            }
            Garbage::PlacedImage(image) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_image(image, None) };
                None
            }
            Garbage::QueryPool(pool) => {
                // SAFETY: invariant 2.
                unsafe { self.raw.destroy_query_pool(pool, None) };
                None
            }
            Garbage::DescriptorPool(pool) => {
                // SAFETY: invariant 2; this frees its sets too.
                unsafe { self.raw.destroy_descriptor_pool(pool, None) };
                None
            }
        };
        if let Some(piece) = piece
            && let Some(pools) = lock(&self.pools).as_mut()
        {
            pools.free(piece);
        }
    }

    /// Waits until the GPU has nothing left to do.
    pub(crate) fn wait_idle(&self) -> Result<()> {
        let _queue = lock(&self.queue);
        let _compute = self.compute.as_ref().map(lock);
        // Also where it was said to be lost: what is in flight has to end before anything is destroyed.
        // SAFETY: the queues are locked, so nobody submits meanwhile (invariant 3).
        let idle = unsafe { self.raw.device_wait_idle() };
        self.outcome(idle, "waiting for the device")?;
        self.check("waiting for the device")
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // A lost device cannot be waited for, and its handles may be destroyed all the same.
        match self.wait_idle() {
            Ok(()) | Err(RenderError::DeviceLost(_)) => {}
            Err(error) => tracing::error!(%error, "the device was not idle when it went"),
        }
        for (_, garbage) in std::mem::take(&mut *lock(&self.trash)) {
            self.destroy(garbage);
        }
        // The pools free their memory blocks here, while the device is alive.
        drop(lock(&self.pools).take());
        for semaphore in [
            self.timeline,
            self.lanes[0].semaphore,
            self.lanes[1].semaphore,
        ] {
            // SAFETY: idle (above); made by this device.
            unsafe { self.raw.destroy_semaphore(semaphore, None) };
        }
        // SAFETY: everything made from the device held an `Arc` of it and is gone (invariant 1).
        unsafe { self.raw.destroy_device(None) };
    }
}
