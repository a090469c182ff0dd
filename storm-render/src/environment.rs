//! Image-based light: the sky filtered on the GPU, whenever it changes, into what surfaces of every roughness reflect.

use ash::vk;
use bytemuck::{Pod, Zeroable};

use crate::{
    atmosphere::{AtmosphereInfo, Tables},
    context::Gpu,
    error::Result,
    gpu::{
        bindless::{Binding, Bindless},
        buffer::{Buffer, Memory},
        commands::{Access, Levels, Recorder},
        image::{Image, ImageDesc, mip_levels},
        pipeline::Pipeline,
    },
    scene::{
        Scene,
        layout::{SKY_GRADIENT, SkyInfo},
    },
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

/// What a filtered sky was filtered from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SkyKey {
    sky: SkyInfo,
    /// Of its picture.
    serial: u32,
    air: Option<AtmosphereInfo>,
}

impl SkyKey {
    pub(crate) fn of(scene: &Scene) -> Self {
        let (info, serial) = scene.sky_info();
        // Fog and the sun's own light are not part of the picture that is filtered.
        let sky = SkyInfo {
            fog_density: 0.0,
            fog_height: 0.0,
            sun_cos: 0.0,
            ..info
        };
        let sky = if sky.kind == SKY_GRADIENT {
            sky
        } else {
            // Only the gradient has a glow around the sun; air has a sun of its own.
            SkyInfo {
                sun_color: [0.0; 3],
                sun_direction: [0.0; 3],
                ..sky
            }
        };
        let air = scene.air();
        Self { sky, serial, air }
    }
}

/// The pipelines that filter.
pub(crate) struct Filters {
    sky_cube: Pipeline,
    prefilter: Pipeline,
    harmonics: Pipeline,
    brdf_table: Pipeline,
    air: [Pipeline; 3],
}

impl Filters {
    fn new(gpu: &Gpu) -> Result<Self> {
        gpu.with_bindless(|bindless| {
            let make = |shader| Pipeline::compute(gpu.device(), bindless, shader);
            Ok(Self {
                sky_cube: make(shaders::SKY_CUBE_COMP)?,
                prefilter: make(shaders::PREFILTER_COMP)?,
                harmonics: make(shaders::HARMONICS_COMP)?,
                brdf_table: make(shaders::BRDF_TABLE_COMP)?,
                air: [
                    make(shaders::AIR_TRANSMITTANCE_COMP)?,
                    make(shaders::AIR_SCATTERING_COMP)?,
                    make(shaders::AIR_VIEW_COMP)?,
                ],
            })
        })
    }
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
    filters: Filters,
    tables: Tables,
    /// The sky that it was filtered from.
    filtered: Option<SkyKey>,
    /// Whether the BRDF table is there.
    tabled: bool,
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
        let add = |binding, image| gpu.with_bindless(|bindless| bindless.add_image(binding, image));
        Ok(Self {
            sky_slot: add(Binding::Cubes, &sky)?,
            prefiltered_slot: add(Binding::Cubes, &prefiltered)?,
            table_slot: add(Binding::Images, &table)?,
            sky,
            prefiltered,
            table,
            harmonics: Buffer::new(device, "irradiance", 9 * 12, Memory::Device)?,
            scratch: Buffer::new(device, "filtering the sky", scratch_bytes, Memory::Device)?,
            filters: Filters::new(gpu)?,
            tables: Tables::new(gpu)?,
            filtered: None,
            tabled: false,
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

    /// Air with the addresses of its tables.
    pub(crate) fn placed(&self, air: AtmosphereInfo) -> AtmosphereInfo {
        self.tables.placed(air)
    }

    /// Pipelines of the shaders that there are now.
    pub(crate) fn filters(&self) -> Result<Filters> {
        Filters::new(&self.gpu)
    }

    /// Filters anew, with these.
    pub(crate) fn filter_with(&mut self, filters: Filters) {
        self.filters = filters;
        self.tables.forget();
        self.filtered = None;
        self.tabled = false;
    }

    /// Filters the sky if it is not the one that was filtered last. `globals` is where shaders find the new one, `air` where
    /// they find what it is made of if it is air.
    pub(crate) fn update(
        &mut self,
        recorder: &mut Recorder,
        bindless: &Bindless,
        sky: SkyKey,
        globals: u64,
        air: u64,
    ) {
        if self.filtered == Some(sky) {
            return;
        }
        if let Some(info) = &sky.air {
            let pipelines = &self.filters.air;
            self.tables.update(recorder, bindless, pipelines, info, air);
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
        // Frames before this one read what is now written.
        recorder.memory_barrier(
            Access::FRAGMENT_READ.and(Access::COMPUTE_READ),
            Access::COPY_WRITE.and(Access::COMPUTE_WRITE),
        );
        if !std::mem::replace(&mut self.tabled, true) {
            recorder.bind_pipeline(&self.filters.brdf_table);
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
        recorder.bind_pipeline(&self.filters.sky_cube);
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
        recorder.bind_pipeline(&self.filters.harmonics);
        recorder.push_constants(bindless, &harmonics);
        recorder.dispatch(1, 1, 1);

        // All levels first, each to its own part of the scratch buffer, then one barrier, then all copies.
        recorder.bind_pipeline(&self.filters.prefilter);
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
        self.filtered = Some(sky);
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

#[cfg(test)]
impl Environment {
    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
