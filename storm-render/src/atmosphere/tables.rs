//! The tables of an atmosphere, in buffers that shaders read between their entries: f32, so that they are as exact as the
//! steps that made them.

use crate::{
    context::Gpu,
    error::Result,
    gpu::{
        bindless::Bindless,
        buffer::{Buffer, Memory},
        commands::{Access, Recorder},
        pipeline::Pipeline,
    },
};

use super::AtmosphereInfo;

/// Entries across and down, as in `shaders/atmosphere.glsl`.
pub(crate) const TRANSMITTANCE: [u32; 2] = [256, 64];
pub(crate) const SCATTERING: [u32; 2] = [32, 32];
pub(crate) const VIEW: [u32; 2] = [128, 96];
/// Three f32.
const ENTRY_BYTES: u64 = 12;

/// The tables.
pub(crate) struct Tables {
    /// Transmittance, scattering, view.
    pub(crate) buffers: [Buffer; 3],
    /// What they were made of.
    made: Option<AtmosphereInfo>,
}

const SIZES: [[u32; 2]; 3] = [TRANSMITTANCE, SCATTERING, VIEW];

impl Tables {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        let device = gpu.device();
        let [transmittance, scattering, view] = SIZES.map(|[width, height]| {
            let bytes = u64::from(width) * u64::from(height) * ENTRY_BYTES;
            Buffer::new(device, "tables of the air", bytes, Memory::Device)
        });
        Ok(Self {
            buffers: [transmittance?, scattering?, view?],
            made: None,
        })
    }

    /// Where shaders find them.
    pub(crate) fn placed(&self, info: AtmosphereInfo) -> AtmosphereInfo {
        let [transmittance, scattering, view] = &self.buffers;
        AtmosphereInfo {
            transmittance: transmittance.address,
            scattering: scattering.address,
            view: view.address,
            ..info
        }
    }

    /// Has them made anew whatever the air.
    pub(crate) fn forget(&mut self) {
        self.made = None;
    }

    /// Makes them anew where the air is another: each from those before. `address` is where shaders find `info`. What
    /// reads them next is a shader of any stage.
    pub(crate) fn update(
        &mut self,
        recorder: &mut Recorder,
        bindless: &Bindless,
        pipelines: &[Pipeline; 3],
        info: &AtmosphereInfo,
        address: u64,
    ) {
        if self.made == Some(*info) {
            return;
        }
        // Of the first two only the air decides, and the view is cheap.
        let same_air = self.made.is_some_and(|made| {
            AtmosphereInfo {
                sun_direction: info.sun_direction,
                sun_illuminance: info.sun_illuminance,
                altitude: info.altitude,
                ..made
            } == *info
        });
        // Frames before this one read what is now written.
        recorder.memory_barrier(
            Access::FRAGMENT_READ.and(Access::COMPUTE_READ),
            Access::COMPUTE_WRITE,
        );
        let all = pipelines.iter().zip(SIZES);
        for (pipeline, [width, height]) in all.skip(if same_air { 2 } else { 0 }) {
            recorder.bind_pipeline(pipeline);
            recorder.push_constants(bindless, &address);
            recorder.dispatch(width.div_ceil(8), height.div_ceil(8), 1);
            recorder.memory_barrier(
                Access::COMPUTE_WRITE,
                Access::COMPUTE_READ
                    .and(Access::FRAGMENT_READ)
                    .and(Access::COPY_READ),
            );
        }
        self.made = Some(*info);
    }
}
