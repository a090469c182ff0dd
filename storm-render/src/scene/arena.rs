//! Device memory that grows: tables of records, and arenas in which ranges come and go.

use std::{collections::BTreeMap, sync::Arc};

use bytemuck::NoUninit;

use super::upload::Uploads;
use crate::{
    error::{RenderError, Result},
    gpu::{
        buffer::{Buffer, Memory},
        device::Device,
    },
};

/// No single buffer is larger: many drivers allocate no more at once.
const BUFFER_BYTES_MAX: u64 = 1 << 31;

/// A device buffer that is replaced by one of at least twice its size when it is full.
pub(crate) struct GrowingBuffer {
    buffer: Buffer,
    what: &'static str,
    device: Arc<Device>,
}

impl GrowingBuffer {
    pub(crate) fn new(device: &Arc<Device>, what: &'static str, bytes: u64) -> Result<Self> {
        Ok(Self {
            buffer: Buffer::new(device, what, bytes, Memory::Device)?,
            what,
            device: Arc::clone(device),
        })
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Makes room for `bytes`. What is there stays there.
    ///
    /// # Errors
    /// When `bytes` is over [`BUFFER_BYTES_MAX`], or the device has no memory left.
    pub(crate) fn reserve(&mut self, uploads: &mut Uploads, bytes: u64) -> Result<()> {
        if bytes <= self.buffer.size {
            return Ok(());
        }
        if bytes > BUFFER_BYTES_MAX {
            return Err(RenderError::OutOfSpace {
                what: self.what,
                needed: bytes,
                limit: BUFFER_BYTES_MAX,
            });
        }
        let size = bytes.next_power_of_two().min(BUFFER_BYTES_MAX);
        let larger = Buffer::new(&self.device, self.what, size, Memory::Device)?;
        let smaller = std::mem::replace(&mut self.buffer, larger);
        uploads.grow(smaller, &self.buffer);
        Ok(())
    }
}

/// A growing table of records of one type, by index.
pub(crate) struct Table<T> {
    buffer: GrowingBuffer,
    marker: std::marker::PhantomData<T>,
}

impl<T: NoUninit> Table<T> {
    pub(crate) fn new(device: &Arc<Device>, what: &'static str, records: u64) -> Result<Self> {
        let buffer = GrowingBuffer::new(device, what, records * size_of::<T>() as u64)?;
        Ok(Self {
            buffer,
            marker: std::marker::PhantomData,
        })
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        self.buffer.buffer()
    }

    /// Uploads records, the first to `index`. Makes room where there is none.
    pub(crate) fn write(&mut self, uploads: &mut Uploads, index: u32, records: &[T]) -> Result<()> {
        let size = size_of::<T>() as u64;
        let start = u64::from(index) * size;
        self.buffer
            .reserve(uploads, start + records.len() as u64 * size)?;
        uploads.write(self.buffer.buffer(), start, bytemuck::cast_slice(records))
    }
}

/// Ranges of a growing space: first fit, neighbours joined when freed.
#[derive(Debug, Default)]
pub(crate) struct Ranges {
    /// Start and length of what is free below `end`.
    free: BTreeMap<u32, u32>,
    end: u32,
}

impl Ranges {
    /// A range of `len` units that nobody else has; `None` when the space of `u32` is used up.
    pub(crate) fn allocate(&mut self, len: u32) -> Option<u32> {
        let fit = self
            .free
            .iter()
            .find(|(_, free)| **free >= len)
            .map(|(start, free)| (*start, *free));
        if let Some((start, free)) = fit {
            self.free.remove(&start);
            if free > len {
                self.free.insert(start + len, free - len);
            }
            return Some(start);
        }
        let start = self.end;
        self.end = start.checked_add(len)?;
        Some(start)
    }

    /// Gives a range back, as it was handed out.
    pub(crate) fn free(&mut self, mut start: u32, mut len: u32) {
        if len == 0 {
            return;
        }
        if let Some(after) = self.free.remove(&(start + len)) {
            len += after;
        }
        if let Some((&before, &free)) = self.free.range(..start).next_back()
            && before + free == start
        {
            self.free.remove(&before);
            start = before;
            len += free;
        }
        if start + len == self.end {
            self.end = start;
        } else {
            self.free.insert(start, len);
        }
    }

    /// One past the highest unit in use.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_neighbours_join() {
        let mut ranges = Ranges::default();
        let [a, b, c] = [10, 20, 30].map(|len| ranges.allocate(len).unwrap());
        ranges.free(a, 10);
        ranges.free(b, 20);
        assert_eq!(ranges.allocate(30), Some(0), "10 and 20 make 30");
        ranges.free(c, 30);
        ranges.free(0, 30);
        assert_eq!(ranges.end(), 0, "all given back");
        assert!(ranges.free.is_empty());
    }

    #[test]
    fn ranges_never_overlap() {
        // A table of 4096 units says who owns what.
        let (mut ranges, mut owner, mut held) = (Ranges::default(), vec![None; 4096], Vec::new());
        let mut random = 0x2545_f491_u32;
        for id in 0..2000_usize {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            if held.len() > 40 || random.is_multiple_of(3) && !held.is_empty() {
                let (start, len): (u32, u32) = held.swap_remove(random as usize % held.len());
                ranges.free(start, len);
                owner[start as usize..(start + len) as usize].fill(None);
            } else {
                let len = random % 64 + 1;
                let start = ranges.allocate(len).unwrap();
                let units = &mut owner[start as usize..(start + len) as usize];
                assert!(units.iter().all(Option::is_none), "{start}+{len} is taken");
                units.fill(Some(id));
                held.push((start, len));
            }
        }
    }

    #[test]
    fn the_space_of_u32_runs_out() {
        let mut ranges = Ranges::default();
        assert_eq!(ranges.allocate(u32::MAX), Some(0));
        assert_eq!(ranges.allocate(1), None);
    }
}
