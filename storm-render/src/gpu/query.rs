//! What the GPU counts: a stamp of time between passes, and work in each.

use std::sync::Arc;

use ash::vk;

use super::device::{Device, Garbage};
use crate::error::{RenderError, Result};

/// The most stamps of a frame.
pub(crate) const STAMPS_MAX: u32 = 64;

/// Stamps of a frame in flight.
pub(crate) struct Stamps {
    pub(crate) raw: vk::QueryPool,
    device: Arc<Device>,
}

impl Stamps {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        let info = vk::QueryPoolCreateInfo::default()
            .query_type(vk::QueryType::TIMESTAMP)
            .query_count(STAMPS_MAX);
        // SAFETY: no condition beyond a live device; invariant 4.
        let raw = unsafe { device.raw.create_query_pool(&info, None) }
            .map_err(RenderError::vulkan("creating a query pool"))?;
        Ok(Self {
            raw,
            device: Arc::clone(device),
        })
    }

    /// The first `count` stamps, in nanoseconds, once the frame that wrote them is done.
    pub(crate) fn read(&self, count: u32) -> Result<Vec<f64>> {
        let mut ticks = vec![0_u64; count.min(STAMPS_MAX) as usize];
        if ticks.is_empty() {
            return Ok(Vec::new());
        }
        // SAFETY: the frame wrote so many stamps and is done (the caller has seen the timeline pass it), so they are there;
        // the slice is as long as what is asked for.
        let read = unsafe {
            self.device.raw.get_query_pool_results(
                self.raw,
                0,
                &mut ticks,
                vk::QueryResultFlags::TYPE_64,
            )
        };
        read.map_err(RenderError::vulkan("reading times"))?;
        let period = f64::from(self.device.adapter.limits.timestamp_period);
        Ok(ticks.into_iter().map(|tick| tick as f64 * period).collect())
    }
}

/// What is counted of a pass, in the order in which drivers give it.
const COUNTED: vk::QueryPipelineStatisticFlags = vk::QueryPipelineStatisticFlags::from_raw(
    vk::QueryPipelineStatisticFlags::INPUT_ASSEMBLY_VERTICES.as_raw()
        | vk::QueryPipelineStatisticFlags::CLIPPING_PRIMITIVES.as_raw()
        | vk::QueryPipelineStatisticFlags::FRAGMENT_SHADER_INVOCATIONS.as_raw()
        | vk::QueryPipelineStatisticFlags::COMPUTE_SHADER_INVOCATIONS.as_raw(),
);

/// Counters of the passes of a frame in flight.
pub(crate) struct Counters {
    pub(crate) raw: vk::QueryPool,
    device: Arc<Device>,
}

impl Counters {
    /// Counters, where the device has them.
    pub(crate) fn new(device: &Arc<Device>) -> Result<Option<Self>> {
        if !device.adapter.statistics {
            return Ok(None);
        }
        let info = vk::QueryPoolCreateInfo::default()
            .query_type(vk::QueryType::PIPELINE_STATISTICS)
            .pipeline_statistics(COUNTED)
            .query_count(STAMPS_MAX);
        // SAFETY: the feature is on where the adapter has it (invariant 5); invariant 4.
        let raw = unsafe { device.raw.create_query_pool(&info, None) }
            .map_err(RenderError::vulkan("creating a query pool"))?;
        Ok(Some(Self {
            raw,
            device: Arc::clone(device),
        }))
    }

    /// Of the first `count` passes: vertices, primitives that reached the screen, fragments, and threads of compute
    /// shaders, once the frame that counted them is done.
    pub(crate) fn read(&self, count: u32) -> Result<Vec<[u64; 4]>> {
        let mut counted = vec![[0_u64; 4]; count.min(STAMPS_MAX) as usize];
        if counted.is_empty() {
            return Ok(Vec::new());
        }
        // SAFETY: the frame ended so many queries and is done (the caller has seen the timeline pass it); each element has
        // room for the four figures that were asked for.
        let read = unsafe {
            self.device.raw.get_query_pool_results(
                self.raw,
                0,
                &mut counted,
                vk::QueryResultFlags::TYPE_64,
            )
        };
        read.map_err(RenderError::vulkan("reading counters"))?;
        Ok(counted)
    }
}

impl Drop for Counters {
    fn drop(&mut self) {
        self.device.discard(Garbage::QueryPool(self.raw));
    }
}

impl Drop for Stamps {
    fn drop(&mut self) {
        self.device.discard(Garbage::QueryPool(self.raw));
    }
}
