//! Memory by how long it lives: three allocators, so that what comes and goes with every size of a window leaves no holes
//! between what stays, and so that each can say how it stands.

use ash::vk;
use gpu_allocator::{
    AllocationSizes, AllocatorDebugSettings, AllocatorReport, MemoryLocation,
    vulkan::{Allocation, AllocationCreateDesc, AllocationScheme, Allocator, AllocatorCreateDesc},
};

use crate::error::{RenderError, Result};

/// How long what lies in a pool lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// Until it is taken away: meshes, textures, tables, targets.
    Permanent,
    /// As long as the plan of a frame: a frame's images and buffers, which other passes use in turn.
    Frame,
    /// Mapped for the CPU: on its way to the GPU, or back.
    Staging,
}

const ALL: [Lifetime; 3] = [Lifetime::Permanent, Lifetime::Frame, Lifetime::Staging];

const MIB: u64 = 1 << 20;

impl Lifetime {
    /// Blocks of memory taken from the driver: the first, and the largest that they grow to, of the device and of the host.
    fn block_sizes(self) -> AllocationSizes {
        let [device, device_most, host, host_most] = match self {
            Self::Permanent => [32, 256, 4, 32],
            Self::Frame => [16, 128, 4, 32],
            Self::Staging => [8, 64, 8, 64],
        };
        AllocationSizes::new(device * MIB, host * MIB)
            .with_max_device_memblock_size(device_most * MIB)
            .with_max_host_memblock_size(host_most * MIB)
    }
}

/// How a pool of memory stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolReport {
    /// How long what is in it lives.
    pub lifetime: Lifetime,
    /// Bytes in use.
    pub allocated: u64,
    /// Bytes taken from the driver.
    pub reserved: u64,
    /// Blocks that they were taken in.
    pub blocks: usize,
    /// The largest piece that could be handed out without asking the driver, bytes.
    pub largest_free: u64,
}

impl PoolReport {
    /// How much of what is free is not in the largest piece: 0 where it is in one piece, towards 1 where it is in crumbs. Blocks of
    /// several kinds of memory count as pieces of their own.
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        match self.reserved - self.allocated {
            0 => 0.0,
            free => 1.0 - self.largest_free as f64 / free as f64,
        }
    }

    fn of(lifetime: Lifetime, report: &AllocatorReport) -> Self {
        let largest = report.blocks.iter().map(|block| {
            let mut places: Vec<_> = report.allocations[block.allocations.clone()]
                .iter()
                .map(|place| (place.offset, place.size))
                .collect();
            largest_gap(block.size, &mut places)
        });
        Self {
            lifetime,
            allocated: report.total_allocated_bytes,
            reserved: report.total_capacity_bytes,
            blocks: report.blocks.len(),
            largest_free: largest.max().unwrap_or(0),
        }
    }
}

/// The longest stretch of a block that nothing lies in.
fn largest_gap(block: u64, places: &mut [(u64, u64)]) -> u64 {
    places.sort_unstable();
    let (mut end, mut largest) = (0, 0);
    for &(offset, size) in &*places {
        largest = largest.max(offset.saturating_sub(end));
        end = end.max(offset + size);
    }
    largest.max(block.saturating_sub(end))
}

/// A piece of memory, and whose.
pub(crate) struct Piece {
    allocation: Allocation,
    lifetime: Lifetime,
}

impl Piece {
    /// The memory object, and where the piece starts in it. It may only be bound, within the piece (invariant 7).
    pub(super) fn raw(&self) -> (vk::DeviceMemory, u64) {
        // SAFETY: callers only bind, at the start of the piece or within it.
        let memory = unsafe { self.allocation.memory() };
        (memory, self.allocation.offset())
    }

    pub(super) fn mapped(&self) -> Option<&[u8]> {
        self.allocation.mapped_slice()
    }

    pub(super) fn mapped_mut(&mut self) -> Option<&mut [u8]> {
        self.allocation.mapped_slice_mut()
    }
}

/// What memory is asked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) what: &'static str,
    pub(super) requirements: vk::MemoryRequirements,
    pub(super) location: MemoryLocation,
    /// Buffers, and not images.
    pub(super) linear: bool,
    pub(super) lifetime: Lifetime,
}

/// The pools of a device.
pub(crate) struct Pools([Allocator; 3]);

impl Pools {
    pub(super) fn new(
        instance: &ash::Instance,
        device: &ash::Device,
        physical_device: vk::PhysicalDevice,
    ) -> Result<Self> {
        let make = |lifetime: Lifetime| {
            Allocator::new(&AllocatorCreateDesc {
                instance: instance.clone(),
                device: device.clone(),
                physical_device,
                debug_settings: AllocatorDebugSettings::default(),
                buffer_device_address: true,
                allocation_sizes: lifetime.block_sizes(),
            })
            .map_err(|source| RenderError::Memory {
                what: "the allocator",
                source,
            })
        };
        let [permanent, frame, staging] = ALL.map(make);
        Ok(Self([permanent?, frame?, staging?]))
    }

    pub(super) fn allocate(&mut self, wanted: &Wanted) -> Result<Piece> {
        let Wanted { what, lifetime, .. } = *wanted;
        let allocation = self.0[lifetime as usize].allocate(&AllocationCreateDesc {
            name: what,
            requirements: wanted.requirements,
            location: wanted.location,
            linear: wanted.linear,
            allocation_scheme: AllocationScheme::GpuAllocatorManaged,
        });
        match allocation {
            Ok(allocation) => Ok(Piece {
                allocation,
                lifetime,
            }),
            Err(source) => Err(RenderError::Memory { what, source }),
        }
    }

    pub(super) fn free(&mut self, piece: Piece) {
        let pool = &mut self.0[piece.lifetime as usize];
        if let Err(error) = pool.free(piece.allocation) {
            tracing::error!(%error, "GPU memory could not be given back");
        }
    }

    /// How each stands, and how many bytes lie in them under each name.
    pub(crate) fn report(&self) -> (Vec<PoolReport>, Vec<(String, u64)>) {
        let reports: Vec<_> = self.0.iter().map(Allocator::generate_report).collect();
        let pools = ALL.iter().zip(&reports);
        let names = reports.iter().flat_map(|report| &report.allocations);
        (
            pools
                .map(|(&life, report)| PoolReport::of(life, report))
                .collect(),
            names
                .map(|place| (place.name.clone(), place.size))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_gap_of_a_block() {
        let cases = [
            (vec![], 100),
            (vec![(0, 100)], 0),
            (vec![(0, 10), (90, 10)], 80),
            (vec![(90, 10), (0, 10)], 80),
            (vec![(20, 10), (40, 30)], 30),
            (vec![(0, 40), (45, 10), (60, 30)], 10),
        ];
        for (mut places, expected) in cases {
            assert_eq!(largest_gap(100, &mut places), expected, "{places:?}");
        }
    }

    #[test]
    fn fragmentation_is_what_is_free_and_not_in_one_piece() {
        let report = |allocated, largest_free| PoolReport {
            lifetime: Lifetime::Permanent,
            allocated,
            reserved: 100,
            blocks: 1,
            largest_free,
        };
        for (allocated, largest_free, expected) in
            [(100, 0, 0.0), (0, 100, 0.0), (20, 80, 0.0), (20, 20, 0.75)]
        {
            let found = report(allocated, largest_free).fragmentation();
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
    }
}
