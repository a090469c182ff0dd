//! Copies between buffers and images.

use ash::vk;

use super::Recorder;
use crate::gpu::{
    buffer::Buffer,
    image::{Image, ImageDesc},
};

impl Recorder {
    /// Fills a range of a buffer with a word.
    pub(crate) fn fill_buffer(&mut self, buffer: &Buffer, offset: u64, bytes: u64, word: u32) {
        debug_assert!(
            offset.is_multiple_of(4) && bytes.is_multiple_of(4) && offset + bytes <= buffer.size,
            "whole words of the buffer"
        );
        // SAFETY: recording outside a render pass; the range is within the buffer, in whole words.
        unsafe {
            self.device
                .raw
                .cmd_fill_buffer(self.buffer, buffer.raw, offset, bytes, word)
        };
    }

    pub(crate) fn copy_buffer(
        &mut self,
        from: vk::Buffer,
        to: vk::Buffer,
        regions: &[vk::BufferCopy],
    ) {
        debug_assert!(!regions.is_empty(), "Vulkan wants at least one region");
        // SAFETY: recording; callers cut regions from within both buffers.
        unsafe {
            self.device
                .raw
                .cmd_copy_buffer(self.buffer, from, to, regions)
        };
    }

    /// Copies tightly packed rows into a level of an image that is in `TRANSFER_DST_OPTIMAL`; a cube takes six faces.
    pub(crate) fn copy_to_image(&mut self, from: vk::Buffer, offset: u64, to: &Image, level: u32) {
        let region = image_region(&to.desc, offset, level);
        // SAFETY: recording; the caller's buffer holds the level from `offset` on.
        unsafe {
            self.device.raw.cmd_copy_buffer_to_image(
                self.buffer,
                from,
                to.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
            );
        }
    }

    /// Copies tightly packed rows into a part of the only level of an image that is in `TRANSFER_DST_OPTIMAL`.
    pub(crate) fn copy_to_part(
        &mut self,
        from: vk::Buffer,
        offset: u64,
        to: &Image,
        place: vk::Rect2D,
    ) {
        debug_assert!(
            place.offset.x as u32 + place.extent.width <= to.desc.width
                && place.offset.y as u32 + place.extent.height <= to.desc.height,
            "parts lie within their picture"
        );
        let region = vk::BufferImageCopy {
            image_offset: vk::Offset3D {
                x: place.offset.x,
                y: place.offset.y,
                z: 0,
            },
            image_extent: vk::Extent3D {
                width: place.extent.width,
                height: place.extent.height,
                depth: 1,
            },
            ..image_region(&to.desc, offset, 0)
        };
        // SAFETY: recording; the part lies within the image, and the caller's buffer holds it from `offset` on.
        unsafe {
            self.device.raw.cmd_copy_buffer_to_image(
                self.buffer,
                from,
                to.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
            );
        }
    }

    /// Copies the first level of an image that is in `TRANSFER_SRC_OPTIMAL` to a buffer, tightly packed.
    pub(crate) fn copy_from_image(&mut self, from: vk::Image, extent: vk::Extent2D, to: &Buffer) {
        let region = vk::BufferImageCopy {
            image_subresource: vk::ImageSubresourceLayers {
                aspect_mask: vk::ImageAspectFlags::COLOR,
                mip_level: 0,
                base_array_layer: 0,
                layer_count: 1,
            },
            image_extent: vk::Extent3D {
                width: extent.width,
                height: extent.height,
                depth: 1,
            },
            ..Default::default()
        };
        // SAFETY: recording; callers make the buffer large enough for the extent.
        unsafe {
            self.device.raw.cmd_copy_image_to_buffer(
                self.buffer,
                from,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                to.raw,
                &[region],
            );
        }
    }

    /// Copies the first level of an image in `TRANSFER_SRC_OPTIMAL` to one of its size in `TRANSFER_DST_OPTIMAL`.
    pub(crate) fn copy_image(&mut self, from: &Image, to: &Image) {
        let layers = vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: 0,
            base_array_layer: 0,
            layer_count: 1,
        };
        let region = vk::ImageCopy {
            src_subresource: layers,
            dst_subresource: layers,
            extent: vk::Extent3D {
                width: from.desc.width.min(to.desc.width),
                height: from.desc.height.min(to.desc.height),
                depth: 1,
            },
            ..Default::default()
        };
        // SAFETY: recording outside a render pass; the region is within both images, which are of one format.
        unsafe {
            self.device.raw.cmd_copy_image(
                self.buffer,
                from.raw,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                to.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
            );
        }
    }

    /// Averages the samples of an image in `TRANSFER_SRC_OPTIMAL` into the first level of one of its size in
    /// `TRANSFER_DST_OPTIMAL`.
    pub(crate) fn resolve_image(&mut self, from: &Image, to: &Image) {
        let layers = vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: 0,
            base_array_layer: 0,
            layer_count: 1,
        };
        let region = vk::ImageResolve {
            src_subresource: layers,
            dst_subresource: layers,
            extent: vk::Extent3D {
                width: from.desc.width.min(to.desc.width),
                height: from.desc.height.min(to.desc.height),
                depth: 1,
            },
            ..Default::default()
        };
        // SAFETY: recording outside a render pass; the region is within both images, which are of one format; callers resolve
        // what has several samples to what has one.
        unsafe {
            self.device.raw.cmd_resolve_image(
                self.buffer,
                from.raw,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                to.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
            );
        }
    }

    /// Halves `level - 1` (in `TRANSFER_SRC_OPTIMAL`) into `level` (in `TRANSFER_DST_OPTIMAL`), filtered linearly.
    pub(crate) fn halve_level(&mut self, image: &Image, level: u32) {
        let side = |level: u32| vk::Offset3D {
            x: (image.desc.width >> level).max(1) as i32,
            y: (image.desc.height >> level).max(1) as i32,
            z: 1,
        };
        let layers = |level| vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: level,
            base_array_layer: 0,
            layer_count: if image.desc.cube { 6 } else { 1 },
        };
        let region = vk::ImageBlit {
            src_subresource: layers(level - 1),
            src_offsets: [vk::Offset3D::default(), side(level - 1)],
            dst_subresource: layers(level),
            dst_offsets: [vk::Offset3D::default(), side(level)],
        };
        // SAFETY: recording; the formats in use are ones that every device blits and filters.
        unsafe {
            self.device.raw.cmd_blit_image(
                self.buffer,
                image.raw,
                vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
                image.raw,
                vk::ImageLayout::TRANSFER_DST_OPTIMAL,
                &[region],
                vk::Filter::LINEAR,
            );
        }
    }
}

fn image_region(desc: &ImageDesc, offset: u64, level: u32) -> vk::BufferImageCopy {
    vk::BufferImageCopy {
        buffer_offset: offset,
        image_subresource: vk::ImageSubresourceLayers {
            aspect_mask: vk::ImageAspectFlags::COLOR,
            mip_level: level,
            base_array_layer: 0,
            layer_count: if desc.cube { 6 } else { 1 },
        },
        image_extent: vk::Extent3D {
            width: (desc.width >> level).max(1),
            height: (desc.height >> level).max(1),
            depth: 1,
        },
        ..Default::default()
    }
}
