//! The cache of compiled pipelines, and the bytes that it is kept in between runs.
//!
//! Drivers check only a short header of what they are given. So the bytes go out with a header of our own (which device
//! and driver, how long, a checksum), and what does not match comes back as an empty cache: never as an error, and never
//! to the driver.

use std::sync::Arc;

use ash::vk;

use super::device::Device;
use crate::error::{RenderError, Result};

const MAGIC: &[u8; 8] = b"stormpc1";
const HEADER: usize = 8 + 16 + 8 + 8;

/// FNV-1a, 64 bits: finds accidents, not malice.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// What the driver is to be given of kept bytes: nothing, unless they are whole and of this device and driver.
fn accepted<'a>(kept: &'a [u8], identity: &[u8; 16]) -> &'a [u8] {
    let Some((header, data)) = kept.split_at_checked(HEADER) else {
        return &[];
    };
    let number = |at: usize| header[at..at + 8].try_into().map_or(0, u64::from_le_bytes);
    let matches = &header[..8] == MAGIC
        && header[8..24] == identity[..]
        && number(24) == data.len() as u64
        && number(32) == checksum(data);
    if matches { data } else { &[] }
}

/// Puts the header before a driver's bytes.
fn sealed(data: &[u8], identity: &[u8; 16]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(HEADER + data.len());
    kept.extend_from_slice(MAGIC);
    kept.extend_from_slice(identity);
    kept.extend_from_slice(&(data.len() as u64).to_le_bytes());
    kept.extend_from_slice(&checksum(data).to_le_bytes());
    kept.extend_from_slice(data);
    kept
}

/// A cache of pipelines.
pub(crate) struct PipelineCache {
    pub(crate) raw: vk::PipelineCache,
    device: Arc<Device>,
}

impl PipelineCache {
    /// A cache from bytes that an earlier run kept, or an empty one.
    pub(crate) fn new(device: &Arc<Device>, kept: &[u8]) -> Result<Self> {
        let data = accepted(kept, &device.adapter.cache_identity);
        if !kept.is_empty() {
            tracing::debug!(
                kept = kept.len(),
                accepted = data.len(),
                "pipeline cache of an earlier run"
            );
        }
        let info = vk::PipelineCacheCreateInfo::default().initial_data(data);
        // SAFETY: the data is empty, or whole and from this very driver (checked above); invariant 4.
        let raw = unsafe { device.raw.create_pipeline_cache(&info, None) }
            .map_err(RenderError::vulkan("creating the pipeline cache"))?;
        Ok(Self {
            raw,
            device: Arc::clone(device),
        })
    }

    /// The bytes to keep.
    pub(crate) fn data(&self) -> Result<Vec<u8>> {
        // SAFETY: the cache is alive; drivers synchronise access to it.
        let data = unsafe { self.device.raw.get_pipeline_cache_data(self.raw) }
            .map_err(RenderError::vulkan("reading the pipeline cache"))?;
        Ok(sealed(&data, &self.device.adapter.cache_identity))
    }
}

impl Drop for PipelineCache {
    fn drop(&mut self) {
        // SAFETY: pipelines do not need the cache that they were made with.
        unsafe { self.device.raw.destroy_pipeline_cache(self.raw, None) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_bytes_of_the_same_driver_are_accepted() {
        let (identity, other) = ([7; 16], [8; 16]);
        let kept = sealed(b"compiled", &identity);
        assert_eq!(accepted(&kept, &identity), b"compiled");
        assert_eq!(accepted(&kept, &other), b"", "another driver");
        assert_eq!(accepted(&[], &identity), b"");
        for length in 0..kept.len() {
            assert_eq!(accepted(&kept[..length], &identity), b"", "cut to {length}");
        }
        for at in 0..kept.len() {
            let mut bad = kept.clone();
            bad[at] ^= 0x40;
            assert_eq!(accepted(&bad, &identity), b"", "byte {at} is wrong");
        }
    }
}
