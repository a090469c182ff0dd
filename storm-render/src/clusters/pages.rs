//! Memory for pages: blocks of device memory in which pages come and go.

use std::sync::Arc;

use crate::{
    error::{RenderError, Result},
    gpu::{
        buffer::{Buffer, Memory},
        device::Device,
    },
    scene::arena::Ranges,
};

/// Bytes of a block.
const BLOCK_BYTES: u64 = 16 << 20;
/// Pages begin at multiples of this.
const UNIT: u64 = 16;

/// Where a page lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PagePlace {
    block: u32,
    first: u32,
    units: u32,
}

/// All blocks. What is given back is handed out again at once: the uploads of a frame wait for the reads of those before.
pub(crate) struct PagePool {
    blocks: Vec<(Buffer, Ranges)>,
    /// Bytes of pages that are there.
    used: u64,
    device: Arc<Device>,
}

impl PagePool {
    pub(crate) fn new(device: &Arc<Device>) -> Self {
        Self {
            blocks: Vec::new(),
            used: 0,
            device: Arc::clone(device),
        }
    }

    /// Bytes of the pages that are there.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Room for a page of so many bytes, at most [`BLOCK_BYTES`].
    pub(crate) fn allocate(&mut self, bytes: u64) -> Result<PagePlace> {
        let units = bytes.div_ceil(UNIT);
        let whole = BLOCK_BYTES / UNIT;
        if units > whole {
            return Err(RenderError::OutOfSpace {
                what: "a page of clusters",
                needed: bytes,
                limit: BLOCK_BYTES,
            });
        }
        let units = units as u32;
        for (number, (_, ranges)) in (0..).zip(&mut self.blocks) {
            if let Some(first) = ranges.allocate(units) {
                if u64::from(first) + u64::from(units) <= whole {
                    return Ok(self.taken(number, first, units));
                }
                ranges.free(first, units);
            }
        }
        let buffer = Buffer::new(&self.device, "cluster pages", BLOCK_BYTES, Memory::Device)?;
        let mut ranges = Ranges::default();
        let first = ranges.allocate(units).unwrap_or(0);
        self.blocks.push((buffer, ranges));
        Ok(self.taken(self.blocks.len() as u32 - 1, first, units))
    }

    fn taken(&mut self, block: u32, first: u32, units: u32) -> PagePlace {
        self.used += u64::from(units) * UNIT;
        PagePlace {
            block,
            first,
            units,
        }
    }

    /// Gives a page back, as it was handed out.
    pub(crate) fn free(&mut self, place: PagePlace) {
        self.used -= u64::from(place.units) * UNIT;
        self.blocks[place.block as usize]
            .1
            .free(place.first, place.units);
    }

    /// The buffer that a page lies in, and where.
    pub(crate) fn place(&self, place: PagePlace) -> (&Buffer, u64) {
        let buffer = &self.blocks[place.block as usize].0;
        (buffer, u64::from(place.first) * UNIT)
    }

    /// Its address.
    pub(crate) fn address(&self, place: PagePlace) -> u64 {
        let (buffer, offset) = self.place(place);
        buffer.address + offset
    }
}
