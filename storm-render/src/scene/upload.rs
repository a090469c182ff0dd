//! What the CPU has for the GPU: bytes are copied once into mapped staging memory, and the next frame copies them from
//! there to where they belong.
//!
//! Copies take effect in the order in which they were asked for, also where they overlap.

use std::{collections::BTreeMap, sync::Arc};

use ash::vk;

use crate::{
    error::Result,
    gpu::{
        buffer::{Buffer, Memory},
        commands::{Access, Levels, Recorder},
        device::Device,
        image::Image,
    },
};

/// Bytes of one piece of staging memory; larger pictures get a piece of their own.
const CHUNK_BYTES: u64 = 4 << 20;
/// Offsets of copies into images are multiples of the pixel size and of this.
const ALIGNMENT: u64 = 16;

struct Chunk {
    buffer: Buffer,
    used: u64,
    /// The timeline value after which it may be written again.
    free_after: u64,
}

enum Step {
    /// From staging memory.
    Copy {
        chunk: vk::Buffer,
        to: vk::Buffer,
        regions: Vec<vk::BufferCopy>,
    },
    /// From one buffer to its larger successor. Owns it: other work on the device may be submitted and finished before
    /// this is recorded, and would take the buffer with it.
    Move { from: Buffer, to: vk::Buffer },
    /// What came before is finished first.
    Barrier,
    /// A picture: level 0 from staging memory, the others from it.
    Picture {
        chunk: vk::Buffer,
        offset: u64,
        image: Arc<Image>,
    },
}

/// Bytes on their way to the GPU.
pub(crate) struct Uploads {
    device: Arc<Device>,
    /// The last one is being filled.
    chunks: Vec<Chunk>,
    steps: Vec<Step>,
    /// Ranges written since the last barrier: by buffer and start, the end.
    written: BTreeMap<(vk::Buffer, u64), u64>,
    bytes: u64,
}

impl Uploads {
    pub(crate) fn new(device: &Arc<Device>) -> Self {
        Self {
            device: Arc::clone(device),
            chunks: Vec::new(),
            steps: Vec::new(),
            written: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes of staging memory held.
    #[cfg(test)]
    pub(crate) fn staging_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.buffer.size).sum()
    }

    /// Bytes asked to be uploaded since this was last asked.
    pub(crate) fn take_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    /// Uploads `bytes` to `to`, from `offset` on.
    pub(crate) fn write(&mut self, to: &Buffer, mut offset: u64, mut bytes: &[u8]) -> Result<()> {
        assert!(
            offset + bytes.len() as u64 <= to.size,
            "uploads stay within their buffer"
        );
        while !bytes.is_empty() {
            let (chunk, at, space) = self.space(4)?;
            let (now, later) = bytes.split_at(bytes.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            let len = now.len() as u64;
            self.push_copy(
                chunk,
                to.raw,
                vk::BufferCopy {
                    src_offset: at,
                    dst_offset: offset,
                    size: len,
                },
            );
            self.used(len);
            offset += len;
            bytes = later;
        }
        Ok(())
    }

    /// Uploads a picture and makes its mip levels. The image must be new.
    pub(crate) fn write_image(&mut self, image: Arc<Image>, pixels: &[u8]) -> Result<()> {
        let (chunk, offset, space) = self.space(pixels.len() as u64)?;
        space[..pixels.len()].copy_from_slice(pixels);
        self.used(pixels.len() as u64);
        self.steps.push(Step::Picture {
            chunk,
            offset,
            image,
        });
        Ok(())
    }

    /// Moves the contents of a buffer to its successor, after what was asked before.
    pub(crate) fn grow(&mut self, from: Buffer, to: &Buffer) {
        self.barrier();
        let to = to.raw;
        self.steps.push(Step::Move { from, to });
        self.barrier();
    }

    fn barrier(&mut self) {
        self.written.clear();
        if !matches!(self.steps.last(), None | Some(Step::Barrier)) {
            self.steps.push(Step::Barrier);
        }
    }

    /// Staging memory of at least `least` bytes: its buffer, where it starts there, and the bytes.
    fn space(&mut self, least: u64) -> Result<(vk::Buffer, u64, &mut [u8])> {
        let fits = |chunk: &Chunk| chunk.used + least <= chunk.buffer.size;
        if !self.chunks.last().is_some_and(fits) {
            // A chunk that is pending (`free_after` at its highest) or still read by the GPU is not free.
            let completed = self.device.completed()?;
            let free = self
                .chunks
                .iter()
                .position(|c| c.free_after <= completed && c.buffer.size >= least);
            let chunk = if let Some(index) = free {
                Chunk {
                    used: 0,
                    ..self.chunks.remove(index)
                }
            } else {
                let size = least.max(CHUNK_BYTES);
                Chunk {
                    buffer: Buffer::new(&self.device, "staging", size, Memory::Upload)?,
                    used: 0,
                    free_after: 0,
                }
            };
            self.chunks.push(Chunk {
                free_after: u64::MAX,
                ..chunk
            });
        }
        let chunk = self
            .chunks
            .last_mut()
            .expect("pushed above if there was none");
        chunk.free_after = u64::MAX;
        let (raw, used) = (chunk.buffer.raw, chunk.used);
        // `used` grows only by what was written: invariant 6 of the GPU layer holds from here on.
        Ok((raw, used, &mut chunk.buffer.mapped_mut()[used as usize..]))
    }

    fn used(&mut self, len: u64) {
        let chunk = self.chunks.last_mut().expect("space was taken from it");
        chunk.used = (chunk.used + len)
            .next_multiple_of(ALIGNMENT)
            .min(chunk.buffer.size);
        self.bytes += len;
    }

    fn push_copy(&mut self, chunk: vk::Buffer, to: vk::Buffer, region: vk::BufferCopy) {
        let (start, end) = (region.dst_offset, region.dst_offset + region.size);
        // Ranges written do not overlap, so only the last one that starts before `end` can reach into this one.
        let overlaps = self
            .written
            .range((to, 0)..(to, end))
            .next_back()
            .is_some_and(|(_, &written_end)| written_end > start);
        if overlaps {
            self.barrier();
        }
        match self.steps.last_mut() {
            Some(Step::Copy {
                chunk: last_chunk,
                to: last_to,
                regions,
            }) if *last_chunk == chunk && *last_to == to => {
                let last = regions.last_mut().expect("copies have a region");
                if last.dst_offset + last.size == start
                    && last.src_offset + last.size == region.src_offset
                {
                    last.size += region.size;
                    if let Some(last_end) = self.written.get_mut(&(to, last.dst_offset)) {
                        *last_end = end;
                    }
                    return;
                }
                regions.push(region);
            }
            _ => self.steps.push(Step::Copy {
                chunk,
                to,
                regions: vec![region],
            }),
        }
        self.written.insert((to, start), end);
    }

    /// Records all copies, to be submitted as `value` on the timeline. Waiting for earlier readers, and having later ones
    /// wait, is the caller's.
    pub(crate) fn record(&mut self, recorder: &mut Recorder, value: u64) {
        if self.steps.is_empty() {
            return;
        }
        for step in self.steps.drain(..) {
            match step {
                Step::Copy { chunk, to, regions } => recorder.copy_buffer(chunk, to, &regions),
                Step::Move { from, to } => {
                    let region = vk::BufferCopy {
                        size: from.size,
                        ..Default::default()
                    };
                    recorder.copy_buffer(from.raw, to, &[region]);
                }
                Step::Barrier => {
                    recorder.memory_barrier(
                        Access::COPY_WRITE,
                        Access::COPY_WRITE.and(Access::COPY_READ),
                    );
                }
                Step::Picture {
                    chunk,
                    offset,
                    image,
                } => record_picture(recorder, chunk, offset, &image),
            }
        }
        self.written.clear();
        for chunk in &mut self.chunks {
            if chunk.free_after == u64::MAX {
                chunk.free_after = value;
                // Full, so that the next write looks for a free one.
                chunk.used = chunk.buffer.size;
            }
        }
        // Large pieces are for loading: they are not kept.
        self.chunks.retain(|chunk| chunk.buffer.size <= CHUNK_BYTES);
    }
}

fn record_picture(recorder: &mut Recorder, chunk: vk::Buffer, offset: u64, image: &Image) {
    let of = (image.raw, image.desc.format);
    let (source, target) = (
        vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
        vk::ImageLayout::TRANSFER_DST_OPTIMAL,
    );
    let read = (
        Access::FRAGMENT_READ.and(Access::COMPUTE_READ),
        vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL,
    );
    let levels = image.desc.mip_levels;
    recorder.image_barrier(
        of,
        Levels::ALL,
        (Access::NONE, vk::ImageLayout::UNDEFINED),
        (Access::COPY_WRITE, target),
    );
    recorder.copy_to_image(chunk, offset, image, 0);
    for level in 1..levels {
        recorder.image_barrier(
            of,
            Levels::one(level - 1),
            (Access::COPY_WRITE, target),
            (Access::COPY_READ, source),
        );
        recorder.halve_level(image, level);
        recorder.image_barrier(
            of,
            Levels::one(level - 1),
            (Access::COPY_READ, source),
            read,
        );
    }
    recorder.image_barrier(
        of,
        Levels::one(levels - 1),
        (Access::COPY_WRITE, target),
        read,
    );
}
