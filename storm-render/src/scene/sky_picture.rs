//! The picture of a sky on the GPU: half floats with all mip levels, in a slot of the descriptor set.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use ash::vk;
use storm_assets::{Filter, HdrImage, MipFilter, Sampler, Wrap};

use super::upload::Uploads;
use crate::{
    context::Gpu,
    error::Result,
    gpu::{
        bindless::Binding,
        image::{Image, ImageDesc, mip_levels},
    },
};

/// The largest half float.
const HALF_MAX: f32 = 65_504.0;

/// A picture of a sky.
pub(crate) struct SkyPicture {
    pub(crate) slot: u32,
    pub(crate) sampler: u32,
    /// Another one for each picture: slots are used again.
    pub(crate) serial: u32,
    _image: Arc<Image>,
    gpu: Gpu,
}

impl SkyPicture {
    pub(crate) fn new(gpu: &Gpu, uploads: &mut Uploads, picture: &HdrImage) -> Result<Self> {
        static SERIAL: AtomicU32 = AtomicU32::new(1);
        let (width, height) = (picture.width(), picture.height());
        let image = Arc::new(Image::new(
            gpu.device(),
            ImageDesc {
                what: "a picture of the sky",
                width,
                height,
                format: vk::Format::R16G16B16A16_SFLOAT,
                usage: vk::ImageUsageFlags::SAMPLED
                    | vk::ImageUsageFlags::TRANSFER_DST
                    | vk::ImageUsageFlags::TRANSFER_SRC,
                mip_levels: mip_levels(width, height),
                samples: vk::SampleCountFlags::TYPE_1,
                cube: false,
            },
        )?);
        let one = half(1.0);
        let halves: Vec<u16> = picture
            .pixels()
            .iter()
            .flat_map(|&[r, g, b]| [half(r), half(g), half(b), one])
            .collect();
        uploads.write_image(Arc::clone(&image), bytemuck::cast_slice(&halves))?;
        // Around the horizon the picture goes on; above the zenith it does not.
        let sampler = gpu.sampler(Sampler {
            wrap_u: Wrap::Repeat,
            wrap_v: Wrap::ClampToEdge,
            mag: Filter::Linear,
            min: Filter::Linear,
            mip: MipFilter::Linear,
        })?;
        let slot = gpu.with_bindless(|bindless| bindless.add_image(Binding::Images, &image))?;
        Ok(Self {
            slot,
            sampler,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            _image: image,
            gpu: gpu.clone(),
        })
    }
}

impl Drop for SkyPicture {
    fn drop(&mut self) {
        self.gpu
            .with_bindless(|bindless| bindless.free(Binding::Images, self.slot));
    }
}

/// The half float nearest to a value that is not negative, ties to even; the largest one where it is larger.
fn half(value: f32) -> u16 {
    let value = value.clamp(0.0, HALF_MAX);
    // The smallest normal half is 2⁻¹⁴: below, steps are even.
    if value < f32::from_bits(0x3880_0000) {
        return (value * f32::from_bits(0x4b80_0000)).round_ties_even() as u16;
    }
    let bits = value.to_bits();
    let odd = bits >> 13 & 1;
    let rounded = bits + 0xfff + odd;
    ((rounded >> 13) - ((127 - 15) << 10)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(half: u16) -> f32 {
        let (exponent, fraction) = (i32::from(half >> 10), f32::from(half & 0x3ff));
        if exponent == 0 {
            fraction * 2.0_f32.powi(-24)
        } else {
            (1.0 + fraction / 1024.0) * 2.0_f32.powi(exponent - 15)
        }
    }

    #[test]
    fn every_half_float_is_kept_and_what_lies_between_goes_to_the_nearest() {
        for bits in 0..=0x7bff_u16 {
            assert_eq!(half(value(bits)), bits);
        }
        for bits in 0..0x7bff_u16 {
            let (low, high) = (value(bits), value(bits + 1));
            let middle = 0.5 * (low + high);
            assert_eq!(half(middle), bits + (bits & 1), "ties go to even");
            assert_eq!(half(0.75 * low + 0.25 * high), bits);
            assert_eq!(half(0.25 * low + 0.75 * high), bits + 1);
        }
        for (out_of_range, expected) in [(1e9, 0x7bff), (f32::INFINITY, 0x7bff), (-1.0, 0)] {
            assert_eq!(half(out_of_range), expected);
        }
    }
}
