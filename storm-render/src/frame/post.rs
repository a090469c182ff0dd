//! Passes that look at finished colours or depths: ambient occlusion, exposure, bloom.

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::{
    plan::{HDR_FORMAT, Step},
    record::Frame,
};
use crate::{
    capture::RADIANCE_FORMAT,
    gpu::{
        commands::{Access, Attachment, Recorder},
        pipeline::{Blending, Depth, GraphicsDesc},
    },
    graph::ResourceId,
    shaders,
    target::sealed,
    view::{DebugView, Projection, ToneMap},
};

/// Ambient occlusion, by part of the sky that is seen.
pub(crate) const VISIBILITY_FORMAT: vk::Format = vk::Format::R8_UNORM;
/// The same before it is averaged, with the distance of what sees it.
pub(crate) const VISIBILITY_RAW_FORMAT: vk::Format = vk::Format::R16G16_SFLOAT;
/// Colours of bloom.
pub(crate) const BLOOM_FORMAT: vk::Format = vk::Format::R16G16B16A16_SFLOAT;
/// Levels of bloom, each half the size of the one before.
pub(crate) const BLOOM_LEVELS_MAX: u32 = 6;
/// Words of the buffer of exposure: the figure itself, and the bins.
pub(crate) const EXPOSURE_WORDS: u64 = 1 + 256;

/// Levels of bloom of a picture: down to about eight pixels.
pub(crate) fn bloom_levels(width: u32, height: u32) -> u32 {
    let levels = width.min(height).max(1).ilog2().saturating_sub(2);
    levels.clamp(1, BLOOM_LEVELS_MAX)
}

/// Pipelines that draw one triangle over all of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Screen {
    Occlusion,
    OcclusionBlur,
    BloomFirst,
    BloomDown,
    BloomUp,
    Temporal,
    Weighted,
}

impl Screen {
    pub(crate) fn desc(self, samples: vk::SampleCountFlags) -> GraphicsDesc<'static> {
        let multisampled = samples != vk::SampleCountFlags::TYPE_1;
        let (fragment, format, blending): (_, &[vk::Format], _) = match self {
            Self::Occlusion if multisampled => (
                shaders::OCCLUSION_MS_FRAG,
                &[VISIBILITY_RAW_FORMAT],
                Blending::Replace,
            ),
            Self::Occlusion => (
                shaders::OCCLUSION_FRAG,
                &[VISIBILITY_RAW_FORMAT],
                Blending::Replace,
            ),
            Self::OcclusionBlur => (
                shaders::OCCLUSION_BLUR_FRAG,
                &[VISIBILITY_FORMAT],
                Blending::Replace,
            ),
            Self::BloomFirst if multisampled => (
                shaders::BLOOM_FIRST_MS_FRAG,
                &[BLOOM_FORMAT],
                Blending::Replace,
            ),
            Self::BloomFirst => (
                shaders::BLOOM_FIRST_FRAG,
                &[BLOOM_FORMAT],
                Blending::Replace,
            ),
            Self::BloomDown => (shaders::BLOOM_DOWN_FRAG, &[BLOOM_FORMAT], Blending::Replace),
            Self::Temporal => (shaders::TEMPORAL_FRAG, &[HDR_FORMAT], Blending::Replace),
            Self::Weighted if multisampled => {
                (shaders::WEIGHTED_MS_FRAG, &[HDR_FORMAT], Blending::Over)
            }
            Self::Weighted => (shaders::WEIGHTED_FRAG, &[HDR_FORMAT], Blending::Over),
            Self::BloomUp => (shaders::BLOOM_UP_FRAG, &[BLOOM_FORMAT], Blending::Over),
        };
        GraphicsDesc {
            vertex: shaders::FULLSCREEN_VERT,
            fragment: Some(fragment),
            fragment_constant: 0,
            topology: vk::PrimitiveTopology::TRIANGLE_LIST,
            color_formats: format,
            depth: Depth::None,
            blending,
            // It draws over the scene's own colours.
            samples: if self == Self::Weighted {
                samples
            } else {
                vk::SampleCountFlags::TYPE_1
            },
        }
    }
}

/// The number of what leaves radiance as it is.
const RADIANCE: u32 = 4;

/// The operator's number in `shaders/tonemap.glsl`.
pub(crate) fn operator(tone_map: ToneMap) -> u32 {
    match tone_map {
        ToneMap::None => 0,
        ToneMap::PbrNeutral => 1,
        ToneMap::AgX => 2,
        ToneMap::Aces => 3,
    }
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct OcclusionPush {
    globals: u64,
    extent: [f32; 2],
    radius: f32,
    pixels: f32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ExposurePush {
    exposure: u64,
    grey: f32,
    low: f32,
    high: f32,
    speed: f32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct ToneMapPush {
    globals: u64,
    exposure: u64,
    operator: u32,
    bloom: f32,
}

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct CustomPush {
    globals: u64,
    parameters: [f32; 16],
}

impl<T: sealed::Target> Frame<'_, T> {
    /// Records a pass of this file.
    pub(super) fn post(&self, recorder: &mut Recorder, step: Step) {
        match step {
            Step::Occlusion => self.occlusion(recorder),
            Step::OcclusionBlur => {
                self.screen(
                    recorder,
                    Screen::OcclusionBlur,
                    self.resources.visibility,
                    &0_u64,
                );
            }
            Step::Exposure => self.exposure(recorder),
            Step::BloomDown { level } => {
                let screen = if level == 0 {
                    Screen::BloomFirst
                } else {
                    Screen::BloomDown
                };
                let level = self.resources.bloom[level as usize];
                self.screen(recorder, screen, level, &self.globals);
            }
            Step::BloomUp { level } => {
                let level = self.resources.bloom[level as usize];
                self.screen(recorder, Screen::BloomUp, level, &self.globals);
            }
            Step::Temporal => {
                let push = [self.globals, self.motion];
                self.screen(recorder, Screen::Temporal, self.resources.resolved, &push);
            }
            Step::KeepHistory => recorder.copy_image(
                self.realised.image(self.resources.resolved),
                self.realised.image(self.resources.history),
            ),
            Step::Weighted => {
                self.screen(
                    recorder,
                    Screen::Weighted,
                    self.resources.color,
                    &self.globals,
                );
            }
            _ => unreachable!("the other passes are recorded elsewhere"),
        }
    }

    /// Draws one triangle over an image of the graph.
    fn screen(
        &self,
        recorder: &mut Recorder,
        screen: Screen,
        image: ResourceId,
        push: &impl bytemuck::NoUninit,
    ) {
        let image = self.realised.image(image);
        let extent = vk::Extent2D {
            width: image.desc.width,
            height: image.desc.height,
        };
        // What is blended with is kept.
        let kept = matches!(screen, Screen::BloomUp | Screen::Weighted);
        let clear = (!kept).then(vk::ClearValue::default);
        let color = Attachment {
            view: image.view,
            clear,
            store: true,
        };
        recorder.begin_rendering(extent, &[color], None);
        recorder.bind_pipeline(self.pipelines.screen(screen));
        recorder.push_constants(self.bindless, push);
        recorder.draw(3);
        recorder.end_rendering();
    }

    fn occlusion(&self, recorder: &mut Recorder) {
        let vk::Extent2D { width, height } = self.key.extent;
        let pixels = match self.view.projection {
            Projection::Perspective { yfov, .. } => 0.5 * height as f32 / (0.5 * yfov).tan(),
            Projection::Orthographic { half_height, .. } => 0.5 * height as f32 / half_height,
        };
        let push = OcclusionPush {
            globals: self.globals,
            extent: [width as f32, height as f32],
            radius: self.quality.ambient_occlusion.unwrap_or(1.0),
            pixels,
        };
        self.screen(
            recorder,
            Screen::Occlusion,
            self.resources.visibility_raw,
            &push,
        );
    }

    fn exposure(&self, recorder: &mut Recorder) {
        let Some(auto) = self.view.auto_exposure else {
            return;
        };
        let (histogram, exposure) = self.pipelines.exposure();
        let address = self.realised.buffer(self.resources.exposure).address;
        recorder.bind_pipeline(histogram);
        recorder.push_constants(self.bindless, &address);
        let vk::Extent2D { width, height } = self.key.extent;
        recorder.dispatch(width.div_ceil(16), height.div_ceil(16), 1);
        let both = Access::COMPUTE_READ.and(Access::COMPUTE_WRITE);
        recorder.memory_barrier(Access::COMPUTE_WRITE, both);
        recorder.bind_pipeline(exposure);
        let push = ExposurePush {
            exposure: address,
            grey: auto.grey.max(1e-6),
            low: auto.low.max(1e-9),
            high: auto.high.max(auto.low.max(1e-9)),
            speed: auto.speed.clamp(0.0, 1.0),
        };
        recorder.push_constants(self.bindless, &push);
        recorder.dispatch(1, 1, 1);
    }

    pub(super) fn lines(&self, recorder: &mut Recorder) {
        let color = Attachment {
            view: self.under(),
            clear: None,
            store: true,
        };
        recorder.begin_rendering(self.canvas.extent, &[color], None);
        recorder.bind_pipeline(self.pipelines.lines(self.canvas.format));
        let (lines, count) = self.scene.lines();
        recorder.push_constants(self.bindless, &[self.globals, lines.address]);
        recorder.draw(2 * count);
        recorder.end_rendering();
    }

    /// A pass of the user's.
    pub(super) fn custom(&self, recorder: &mut Recorder) {
        let Some(pass) = self.pipelines.custom_pass() else {
            return;
        };
        let color = Attachment {
            view: self.under(),
            clear: Some(vk::ClearValue::default()),
            store: true,
        };
        recorder.begin_rendering(self.canvas.extent, &[color], None);
        recorder.bind_pipeline(self.pipelines.custom(self.canvas.format));
        let push = CustomPush {
            globals: self.globals,
            parameters: pass.parameters,
        };
        recorder.push_constants(self.bindless, &push);
        recorder.draw(3);
        recorder.end_rendering();
    }

    pub(super) fn tone_map(&self, recorder: &mut Recorder) {
        let color = Attachment {
            view: if self.key.custom {
                self.realised.image(self.resources.display).view
            } else {
                self.under()
            },
            clear: Some(vk::ClearValue::default()),
            store: true,
        };
        recorder.begin_rendering(self.canvas.extent, &[color], None);
        recorder.bind_pipeline(self.pipelines.tone_map(self.canvas.format));
        let exposure = self.realised.maybe_buffer(self.resources.exposure);
        recorder.push_constants(
            self.bindless,
            &ToneMapPush {
                globals: self.globals,
                exposure: exposure.map_or(0, |buffer| buffer.address),
                // What is shown instead of colours is shown as it is.
                operator: if self.canvas.format == RADIANCE_FORMAT {
                    RADIANCE
                } else if self.key.debug == DebugView::None {
                    operator(self.view.tone_map)
                } else {
                    0
                },
                bloom: if self.key.bloom {
                    self.view.bloom.clamp(0.0, 1.0)
                } else {
                    0.0
                },
            },
        );
        recorder.draw(3);
        recorder.end_rendering();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bloom_ends_at_about_eight_pixels() {
        for (width, height, levels) in [
            (1, 1, 1),
            (16, 16, 2),
            (320, 180, 5),
            (1280, 720, 6),
            (3840, 2160, 6),
        ] {
            assert_eq!(bloom_levels(width, height), levels, "{width}×{height}");
        }
    }
}
