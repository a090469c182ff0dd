//! Image-based light: the sky filtered on the GPU, whenever it changes, into what surfaces of every roughness reflect.

use ash::vk;
use bytemuck::{Pod, Zeroable};

use crate::{
    context::Gpu,
    error::Result,
    gpu::{
        bindless::{Binding, Bindless},
        buffer::{Buffer, Memory},
        commands::{Access, Levels, Recorder},
        image::{Image, ImageDesc, mip_levels},
        pipeline::Pipeline,
    },
    scene::layout::SkyInfo,
    shaders,
};

/// Pixels along a face of the sky, and of its sharpest reflection.
const SIDE: u32 = 128;
/// Levels of the prefiltered cube: roughness 0 to 1.
const LEVELS: u32 = 6;
/// Pixels along the BRDF table.
const TABLE_SIDE: u32 = 64;
/// The mip level of the sky that irradiance is summed over: 32 pixels a face.
const HARMONICS_LEVEL: u32 = 2;
const FORMAT: vk::Format = vk::Format::R16G16B16A16_SFLOAT;
const PIXEL_BYTES: u64 = 8;

/// Push constants of all its shaders: each reads as many as it declares.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Push {
    globals: u64,
    result: u64,
    side: u32,
    source: u32,
    source_side_or_level: u32,
    roughness: f32,
}

/// What shaders need to know of it.
#[derive(Clone, Copy, Default)]
pub(crate) struct EnvironmentSlots {
    pub(crate) sky_cube: u32,
    pub(crate) sky_levels: u32,
    pub(crate) brdf_table: u32,
    pub(crate) harmonics: u64,
}

/// The filtered sky.
pub(crate) struct Environment {
    sky: Image,
    prefiltered: Image,
    table: Image,
    table_slot: u32,
    sky_slot: u32,
    prefiltered_slot: u32,
    harmonics: Buffer,
    /// Half floats on their way into images.
    scratch: Buffer,
    sky_cube: Pipeline,
    prefilter: Pipeline,
    harmonics_pipeline: Pipeline,
    brdf_table: Pipeline,
    /// The sky that it was filtered from.
    filtered: Option<SkyInfo>,
    gpu: Gpu,
}

impl Environment {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        let device = gpu.device();
        let cube = |what, levels| {
            Image::new(
                device,
                ImageDesc {
                    what,
                    width: SIDE,
                    height: SIDE,
                    format: FORMAT,
                    usage: vk::ImageUsageFlags::SAMPLED
                        | vk::ImageUsageFlags::TRANSFER_DST
                        | vk::ImageUsageFlags::TRANSFER_SRC,
                    mip_levels: levels,
                    samples: vk::SampleCountFlags::TYPE_1,
                    cube: true,
                },
            )
        };
        let sky = cube("the sky", mip_levels(SIDE, SIDE))?;
        let prefiltered = cube("the prefiltered sky", LEVELS)?;
        let table = Image::new(
            device,
            ImageDesc {
                what: "the BRDF table",
                width: TABLE_SIDE,
                height: TABLE_SIDE,
                cube: false,
                mip_levels: 1,
                ..sky.desc
            },
        )?;
        let scratch_bytes = (0..LEVELS).map(level_bytes).sum();
        let pipelines = gpu.with_bindless(|bindless| -> Result<_> {
            let make = |shader| Pipeline::compute(device, bindless, shader);
            Ok([
                make(shaders::SKY_CUBE_COMP)?,
                make(shaders::PREFILTER_COMP)?,
                make(shaders::HARMONICS_COMP)?,
                make(shaders::BRDF_TABLE_COMP)?,
            ])
        })?;
        let add = |binding, image| gpu.with_bindless(|bindless| bindless.add_image(binding, image));
        let [sky_cube, prefilter, harmonics_pipeline, brdf_table] = pipelines;
        Ok(Self {
            sky_slot: add(Binding::Cubes, &sky)?,
            prefiltered_slot: add(Binding::Cubes, &prefiltered)?,
            table_slot: add(Binding::Images, &table)?,
            sky,
            prefiltered,
            table,
            harmonics: Buffer::new(device, "irradiance", 9 * 12, Memory::Device)?,
            scratch: Buffer::new(device, "filtering the sky", scratch_bytes, Memory::Device)?,
            sky_cube,
            prefilter,
            harmonics_pipeline,
            brdf_table,
            filtered: None,
            gpu: gpu.clone(),
        })
    }

    pub(crate) fn slots(&self) -> EnvironmentSlots {
        EnvironmentSlots {
            sky_cube: self.prefiltered_slot,
            sky_levels: LEVELS,
            brdf_table: self.table_slot,
            harmonics: self.harmonics.address,
        }
    }

    /// Filters the sky if it is not the one that was filtered last. `globals` is where shaders find the new one.
    pub(crate) fn update(
        &mut self,
        recorder: &mut Recorder,
        bindless: &Bindless,
        sky: &SkyInfo,
        globals: u64,
    ) {
        // Fog and the sun's own light are not part of the picture that is filtered.
        let picture = SkyInfo {
            fog_density: 0.0,
            fog_height: 0.0,
            sun_cos: 0.0,
            ..*sky
        };
        if self.filtered == Some(picture) {
            return;
        }
        let push = Push {
            globals,
            result: self.scratch.address,
            side: SIDE,
            source: self.sky_slot,
            source_side_or_level: SIDE,
            roughness: 0.0,
        };
        let tiles = |side: u32| side.div_ceil(8);
        let first = self.filtered.is_none();
        if first {
            recorder.bind_pipeline(&self.brdf_table);
            recorder.push_constants(
                bindless,
                &Push {
                    side: TABLE_SIDE,
                    ..push
                },
            );
            recorder.dispatch(tiles(TABLE_SIDE), tiles(TABLE_SIDE), 1);
            fill(recorder, &self.scratch, &self.table);
            readable(recorder, &self.table, Levels::ALL);
        }
        // Frames before this one read what is now written.
        recorder.memory_barrier(
            Access::FRAGMENT_READ.and(Access::COMPUTE_READ),
            Access::COPY_WRITE.and(Access::COMPUTE_WRITE),
        );
        recorder.bind_pipeline(&self.sky_cube);
        recorder.push_constants(bindless, &push);
        recorder.dispatch(tiles(SIDE), tiles(SIDE), 6);
        fill(recorder, &self.scratch, &self.sky);
        self.halve_sky(recorder);

        let harmonics = Push {
            result: self.harmonics.address,
            side: SIDE >> HARMONICS_LEVEL,
            source_side_or_level: (HARMONICS_LEVEL as f32).to_bits(),
            ..push
        };
        recorder.bind_pipeline(&self.harmonics_pipeline);
        recorder.push_constants(bindless, &harmonics);
        recorder.dispatch(1, 1, 1);

        // All levels first, each to its own part of the scratch buffer, then one barrier, then all copies.
        recorder.bind_pipeline(&self.prefilter);
        let mut offset = 0;
        for level in 0..LEVELS {
            let side = SIDE >> level;
            let roughness = level as f32 / (LEVELS - 1) as f32;
            let result = self.scratch.address + offset;
            recorder.push_constants(
                bindless,
                &Push {
                    side,
                    roughness,
                    result,
                    ..push
                },
            );
            recorder.dispatch(tiles(side), tiles(side), 6);
            offset += level_bytes(level);
        }
        begin_anew(recorder, &self.prefiltered);
        recorder.memory_barrier(Access::COMPUTE_WRITE, Access::COPY_READ);
        offset = 0;
        for level in 0..LEVELS {
            recorder.copy_to_image(self.scratch.raw, offset, &self.prefiltered, level);
            offset += level_bytes(level);
        }
        readable(recorder, &self.prefiltered, Levels::ALL);
        recorder.memory_barrier(Access::COMPUTE_WRITE, Access::FRAGMENT_READ);
        self.filtered = Some(picture);
    }

    fn halve_sky(&self, recorder: &mut Recorder) {
        let of = (self.sky.raw, FORMAT);
        let (source, target) = (
            vk::ImageLayout::TRANSFER_SRC_OPTIMAL,
            vk::ImageLayout::TRANSFER_DST_OPTIMAL,
        );
        for level in 1..self.sky.desc.mip_levels {
            let above = Levels::one(level - 1);
            recorder.image_barrier(
                of,
                above,
                (Access::COPY_WRITE, target),
                (Access::COPY_READ, source),
            );
            recorder.halve_level(&self.sky, level);
            recorder.image_barrier(
                of,
                above,
                (Access::COPY_READ, source),
                (Access::COPY_WRITE, target),
            );
        }
        readable(recorder, &self.sky, Levels::ALL);
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.gpu.with_bindless(|bindless| {
            bindless.free(Binding::Images, self.table_slot);
            bindless.free(Binding::Cubes, self.sky_slot);
            bindless.free(Binding::Cubes, self.prefiltered_slot);
        });
    }
}

/// Bytes of a level of the cube.
fn level_bytes(level: u32) -> u64 {
    let side = u64::from(SIDE >> level);
    side * side * 6 * PIXEL_BYTES
}

/// Readies all levels of an image to be copied to, whatever was in them.
fn begin_anew(recorder: &mut Recorder, image: &Image) {
    recorder.image_barrier(
        (image.raw, image.desc.format),
        Levels::ALL,
        (
            Access::FRAGMENT_READ.and(Access::COMPUTE_READ),
            vk::ImageLayout::UNDEFINED,
        ),
        (Access::COPY_WRITE, vk::ImageLayout::TRANSFER_DST_OPTIMAL),
    );
}

/// Copies what a compute shader has just written into the first level of an image.
fn fill(recorder: &mut Recorder, from: &Buffer, to: &Image) {
    begin_anew(recorder, to);
    recorder.memory_barrier(Access::COMPUTE_WRITE, Access::COPY_READ);
    recorder.copy_to_image(from.raw, 0, to, 0);
    // The next shader writes to the same memory.
    recorder.memory_barrier(Access::COPY_READ, Access::COMPUTE_WRITE);
}

fn readable(recorder: &mut Recorder, image: &Image, levels: Levels) {
    recorder.image_barrier(
        (image.raw, image.desc.format),
        levels,
        (Access::COPY_WRITE, vk::ImageLayout::TRANSFER_DST_OPTIMAL),
        (
            Access::FRAGMENT_READ.and(Access::COMPUTE_READ),
            vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL,
        ),
    );
}
