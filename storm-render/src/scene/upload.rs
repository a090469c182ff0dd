//! What the CPU has for the GPU: bytes are copied once into mapped staging memory, and the next frame copies them from
//! there to where they belong.
//!
//! Copies take effect in the order in which they were asked for, also where they overlap.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::{
    layout::InstanceTransform,
    moves::{self, Known, Moved, Moves},
};
use crate::{
    context::Gpu,
    error::Result,
    gpu::{
        bindless::Bindless,
        buffer::{Buffer, Memory},
        commands::{Access, Levels, Recorder},
        device::Device,
        image::Image,
        pipeline::Pipeline,
    },
    shaders,
};

/// Bytes of one piece of staging memory; larger pictures get a piece of their own.
const CHUNK_BYTES: u64 = 4 << 20;
/// Offsets of copies into images are multiples of the pixel size and of this.
const ALIGNMENT: u64 = 16;
/// Rows of transforms that are staged at once: no piece of staging memory for them is larger than 72 MiB.
const MOVES_MAX: usize = 1 << 20;
/// Frames that a large piece for transforms is kept while nobody asks for it.
const KEPT_FRAMES: u32 = 8;
const ROW_BYTES: u64 = size_of::<InstanceTransform>() as u64;
const SLOT_BYTES: u64 = 4;

struct Chunk {
    buffer: Buffer,
    used: u64,
    /// The timeline value after which it may be written again.
    free_after: u64,
    /// Frames for which it is kept if nobody asks for it, however large it is.
    kept: u32,
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
    /// Transforms from staging memory to their slots; addresses.
    Scatter(ScatterPush),
    /// What came before is finished first.
    Barrier,
    /// A picture: level 0 from staging memory, the others from it.
    Picture {
        chunk: vk::Buffer,
        offset: u64,
        image: Arc<Image>,
    },
    /// A part of a picture that has no other levels.
    Part {
        chunk: vk::Buffer,
        offset: u64,
        image: Arc<Image>,
        place: vk::Rect2D,
    },
}

/// As `shaders/scatter.comp` has it.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct ScatterPush {
    rows: u64,
    slots: u64,
    table: u64,
    count: u32,
    padding: u32,
}

/// Bytes on their way to the GPU.
pub(crate) struct Uploads {
    device: Arc<Device>,
    /// The last one is being filled.
    chunks: Vec<Chunk>,
    steps: Vec<Step>,
    /// Buffers that nobody has any more, and that steps may still name.
    retired: Vec<Buffer>,
    /// Ranges written since the last barrier: by buffer and start, the end.
    written: BTreeMap<(vk::Buffer, u64), u64>,
    bytes: u64,
    /// Which scene's it is, and how often something was written.
    version: (u64, u64),
    /// Whether rows were scattered since the last barrier.
    scattered: bool,
    scatter: Pipeline,
}

impl Uploads {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let device = gpu.device();
        let scatter = gpu
            .with_bindless(|bindless| Pipeline::compute(device, bindless, shaders::SCATTER_COMP))?;
        Ok(Self {
            device: Arc::clone(device),
            chunks: Vec::new(),
            steps: Vec::new(),
            retired: Vec::new(),
            written: BTreeMap::new(),
            bytes: 0,
            version: (SERIAL.fetch_add(1, Ordering::Relaxed), 0),
            scattered: false,
            scatter,
        })
    }

    /// Another pair of numbers after each write, and for each scene.
    pub(crate) fn version(&self) -> (u64, u64) {
        self.version
    }

    /// Writes what only lies over the picture: the version stays, and with it what is kept of the scene.
    pub(crate) fn beside_the_scene<R>(&mut self, write: impl FnOnce(&mut Self) -> R) -> R {
        let version = self.version;
        let result = write(self);
        self.version = version;
        result
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

    /// Uploads a part of a picture that has one level, after what was asked before.
    pub(crate) fn write_part(
        &mut self,
        image: Arc<Image>,
        place: vk::Rect2D,
        pixels: &[u8],
    ) -> Result<()> {
        let (chunk, offset, space) = self.space(pixels.len() as u64)?;
        space[..pixels.len()].copy_from_slice(pixels);
        self.used(pixels.len() as u64);
        self.steps.push(Step::Part {
            chunk,
            offset,
            image,
            place,
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

    /// Moves rows of transforms to their slots of `table`. Gives what became of each piece.
    pub(crate) fn moves<F: Fn(usize) -> u32 + Sync>(
        &mut self,
        table: &Buffer,
        moves: &Moves<'_, F>,
        ranges: &[Range<usize>],
        known: Known<'_>,
    ) -> Result<Vec<Moved>> {
        let mut all = Vec::new();
        for ranges in moves::cut(ranges, MOVES_MAX) {
            self.moves_batch(table, moves, &ranges, known, &mut all)?;
        }
        Ok(all)
    }

    fn moves_batch<F: Fn(usize) -> u32 + Sync>(
        &mut self,
        table: &Buffer,
        moves: &Moves<'_, F>,
        ranges: &[Range<usize>],
        known: Known<'_>,
        all: &mut Vec<Moved>,
    ) -> Result<()> {
        let rows: usize = ranges.iter().map(Range::len).sum();
        let row_bytes = rows as u64 * ROW_BYTES;
        let (chunk, offset, space) = self.space(row_bytes + rows as u64 * SLOT_BYTES)?;
        let (row_space, rest) = space.split_at_mut(row_bytes as usize);
        let slot_space = &mut rest[..rows * SLOT_BYTES as usize];
        // Chunks start at, and what is taken of them is a multiple of, 16 bytes: both casts are aligned.
        let moved = moves::write(
            moves,
            ranges,
            known,
            bytemuck::cast_slice_mut(row_space),
            bytemuck::cast_slice_mut(slot_space),
        );
        let address = self.last_chunk().buffer.address + offset;
        self.last_chunk().kept = KEPT_FRAMES;
        self.take(row_bytes + rows as u64 * SLOT_BYTES);
        for (index, piece) in moved.iter().enumerate() {
            let start = moves::piece_start(index) as u64;
            let count = u64::from(piece.count);
            self.version.1 += 1;
            self.bytes += count * ROW_BYTES;
            if let Some(first) = piece.run {
                self.push_copy(
                    chunk,
                    table.raw,
                    vk::BufferCopy {
                        src_offset: offset + start * ROW_BYTES,
                        dst_offset: u64::from(first) * ROW_BYTES,
                        size: count * ROW_BYTES,
                    },
                );
            } else if count > 0 {
                self.bytes += count * SLOT_BYTES;
                self.push_scatter(ScatterPush {
                    rows: address + start * ROW_BYTES,
                    slots: address + row_bytes + start * SLOT_BYTES,
                    table: table.address,
                    count: piece.count,
                    padding: 0,
                });
            }
        }
        all.extend(moved);
        Ok(())
    }

    fn push_scatter(&mut self, push: ScatterPush) {
        match self.steps.last_mut() {
            // Of one table and with neighbouring rows: one dispatch.
            Some(Step::Scatter(last))
                if last.table == push.table
                    && last.rows + u64::from(last.count) * ROW_BYTES == push.rows
                    && last.slots + u64::from(last.count) * SLOT_BYTES == push.slots =>
            {
                last.count += push.count;
                return;
            }
            // Where it writes is not known here.
            _ => self.barrier(),
        }
        self.steps.push(Step::Scatter(push));
        self.scattered = true;
    }

    fn barrier(&mut self) {
        self.written.clear();
        self.scattered = false;
        if !matches!(self.steps.last(), None | Some(Step::Barrier)) {
            self.steps.push(Step::Barrier);
        }
    }

    /// Staging memory of at least `least` bytes: its buffer, where it starts there, and the bytes.
    fn space(&mut self, least: u64) -> Result<(vk::Buffer, u64, &mut [u8])> {
        // What is taken next starts at a multiple of the alignment: see `take`.
        let fits = |chunk: &Chunk| chunk.used + least <= chunk.buffer.size;
        if !self.chunks.last().is_some_and(fits) {
            // A chunk that is pending (`free_after` at its highest) or still read by the GPU is not free.
            let completed = self.device.completed()?;
            let free = (0..self.chunks.len())
                .filter(|&index| {
                    let chunk = &self.chunks[index];
                    chunk.free_after <= completed && chunk.buffer.size >= least
                })
                .min_by_key(|&index| self.chunks[index].buffer.size);
            let chunk = if let Some(index) = free {
                Chunk {
                    used: 0,
                    ..self.chunks.remove(index)
                }
            } else {
                let size = least.next_multiple_of(CHUNK_BYTES);
                Chunk {
                    buffer: Buffer::new(&self.device, "staging", size, Memory::Upload)?,
                    used: 0,
                    free_after: 0,
                    kept: 0,
                }
            };
            self.chunks.push(Chunk {
                free_after: u64::MAX,
                ..chunk
            });
        }
        let chunk = self.last_chunk();
        chunk.free_after = u64::MAX;
        let (raw, used) = (chunk.buffer.raw, chunk.used);
        // `used` grows only by what was written: invariant 6 of the GPU layer holds from here on.
        Ok((raw, used, &mut chunk.buffer.mapped_mut()[used as usize..]))
    }

    /// The chunk that is being filled, once space was asked for.
    fn last_chunk(&mut self) -> &mut Chunk {
        self.chunks
            .last_mut()
            .expect("asking for space makes a chunk if there is none")
    }

    /// Takes space that was asked for, and written to.
    fn used(&mut self, len: u64) {
        self.take(len);
        self.version.1 += 1;
        self.bytes += len;
    }

    fn take(&mut self, len: u64) {
        let chunk = self.last_chunk();
        chunk.used = (chunk.used + len)
            .next_multiple_of(ALIGNMENT)
            .min(chunk.buffer.size);
    }

    fn push_copy(&mut self, chunk: vk::Buffer, to: vk::Buffer, region: vk::BufferCopy) {
        let (start, end) = (region.dst_offset, region.dst_offset + region.size);
        // Ranges written do not overlap, so only the last one that starts before `end` can reach into this one.
        let overlaps = self
            .written
            .range((to, 0)..(to, end))
            .next_back()
            .is_some_and(|(_, &written_end)| written_end > start);
        if overlaps || self.scattered {
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

    /// Gives a buffer up once what is on its way to it has been recorded.
    pub(crate) fn retire(&mut self, buffer: Buffer) {
        self.retired.push(buffer);
    }

    /// Records all copies, to be submitted as `value` on the timeline. Waiting for earlier readers, and having later ones
    /// wait, is the caller's.
    pub(crate) fn record(&mut self, recorder: &mut Recorder, bindless: &Bindless, value: u64) {
        for chunk in &mut self.chunks {
            if chunk.free_after == u64::MAX {
                chunk.free_after = value;
                // Full, so that the next write looks for a free one.
                chunk.used = chunk.buffer.size;
            } else {
                chunk.kept = chunk.kept.saturating_sub(1);
            }
        }
        // Large pieces are for loading and are not kept, but those for transforms, while things move.
        self.chunks
            .retain(|chunk| chunk.buffer.size <= CHUNK_BYTES || chunk.kept > 0);
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
                Step::Scatter(push) => {
                    recorder.bind_pipeline(&self.scatter);
                    recorder.push_constants(bindless, &push);
                    // Four invocations a row, 256 a group.
                    recorder.dispatch(push.count.div_ceil(64), 1, 1);
                }
                Step::Barrier => {
                    let writes = Access::COPY_WRITE.and(Access::COMPUTE_WRITE);
                    recorder.memory_barrier(writes, writes.and(Access::COPY_READ));
                }
                Step::Picture {
                    chunk,
                    offset,
                    image,
                } => record_picture(recorder, chunk, offset, &image),
                Step::Part {
                    chunk,
                    offset,
                    image,
                    place,
                } => record_part(recorder, chunk, offset, &image, place),
            }
        }
        self.retired.clear();
        self.written.clear();
        self.scattered = false;
    }
}

fn record_part(
    recorder: &mut Recorder,
    chunk: vk::Buffer,
    offset: u64,
    image: &Image,
    place: vk::Rect2D,
) {
    let of = (image.raw, image.desc.format);
    let written = (Access::COPY_WRITE, vk::ImageLayout::TRANSFER_DST_OPTIMAL);
    let read = (
        Access::FRAGMENT_READ,
        vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL,
    );
    recorder.image_barrier(of, Levels::ALL, read, written);
    recorder.copy_to_part(chunk, offset, image, place);
    recorder.image_barrier(of, Levels::ALL, written, read);
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
