//! The user interface over the picture: drawn to a layer of its own as a screen takes colours, then put over.
//!
//! Targets encode to sRGB and would blend radiance. The layer does not encode, so what is blended in it is what interface
//! libraries blend; laying it over by the same rule gives the same as drawing mesh after mesh ("over" is associative, but
//! for light that is added where the picture is white already).

use ash::vk;
use bytemuck::{Pod, Zeroable};

use super::record::Frame;
use crate::{
    gpu::{
        commands::{Attachment, Recorder},
        pipeline::{Blending, Depth, GraphicsDesc},
    },
    scene::UiDraw,
    shaders,
    target::sealed,
};

/// Colours of the interface, as a screen takes them.
pub(crate) const UI_FORMAT: vk::Format = vk::Format::R8G8B8A8_UNORM;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct UiPush {
    vertices: u64,
    /// Of the picture, in points.
    size: [f32; 2],
    image: u32,
    sampler: u32,
    coverage: u32,
    padding: u32,
}

/// The pipeline that draws the interface to its layer.
pub(crate) fn desc() -> GraphicsDesc<'static> {
    GraphicsDesc {
        vertex: shaders::UI_VERT,
        fragment: Some(shaders::UI_FRAG),
        color_formats: &[UI_FORMAT],
        blending: Blending::Over,
        ..over_desc(&[])
    }
}

/// The pipeline that puts the layer over the picture.
pub(crate) fn over_desc(formats: &[vk::Format]) -> GraphicsDesc<'_> {
    GraphicsDesc {
        vertex: shaders::FULLSCREEN_VERT,
        fragment: Some(shaders::UI_OVER_FRAG),
        fragment_constant: 0,
        topology: vk::PrimitiveTopology::TRIANGLE_LIST,
        color_formats: formats,
        depth: Depth::None,
        blending: Blending::Replace,
        samples: vk::SampleCountFlags::TYPE_1,
    }
}

/// The pixels that a draw may touch; `None` where there are none.
fn scissor(draw: &UiDraw, pixels_per_point: f32, extent: vk::Extent2D) -> Option<vk::Rect2D> {
    let edges = |axis: usize, limit: u32| {
        let edge =
            |points: f32| (points * pixels_per_point).round().clamp(0.0, limit as f32) as u32;
        let (from, to) = (edge(draw.clip.min[axis]), edge(draw.clip.max[axis]));
        (to > from).then(|| (from as i32, to - from))
    };
    let (x, width) = edges(0, extent.width)?;
    let (y, height) = edges(1, extent.height)?;
    Some(vk::Rect2D {
        offset: vk::Offset2D { x, y },
        extent: vk::Extent2D { width, height },
    })
}

impl<T: sealed::Target> Frame<'_, T> {
    pub(super) fn ui(&self, recorder: &mut Recorder) {
        let extent = self.canvas.extent;
        let color = Attachment {
            view: self.realised.image(self.resources.ui).view,
            clear: Some(vk::ClearValue::default()),
            store: true,
        };
        let overlay = &self.scene.overlay;
        let scale = overlay.pixels_per_point();
        recorder.begin_rendering(extent, &[color], None);
        recorder.bind_pipeline(self.pipelines.ui(UI_FORMAT));
        recorder.bind_indices(overlay.indices());
        for (draw, slots) in overlay.draws() {
            let Some(scissor) = scissor(&draw, scale, extent) else {
                continue;
            };
            recorder.scissor(scissor);
            let push = UiPush {
                vertices: overlay.vertices().address,
                size: [extent.width as f32 / scale, extent.height as f32 / scale],
                image: slots.image,
                sampler: slots.sampler,
                coverage: slots.coverage.into(),
                padding: 0,
            };
            recorder.push_constants(self.bindless, &push);
            recorder.draw_indexed(draw.index_count, draw.first_index, draw.first_vertex);
        }
        recorder.end_rendering();
    }

    pub(super) fn ui_over(&self, recorder: &mut Recorder) {
        let color = Attachment {
            view: self.canvas.view,
            clear: Some(vk::ClearValue::default()),
            store: true,
        };
        recorder.begin_rendering(self.canvas.extent, &[color], None);
        recorder.bind_pipeline(self.pipelines.ui(self.canvas.format));
        recorder.push_constants(self.bindless, &self.globals);
        recorder.draw(3);
        recorder.end_rendering();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UiRect;

    #[test]
    fn clip_rectangles_are_whole_pixels_within_the_picture() {
        let extent = vk::Extent2D {
            width: 100,
            height: 50,
        };
        let rect = |min, max| UiRect { min, max };
        for (clip, scale, expected) in [
            (UiRect::EVERYTHING, 2.0, Some((0, 0, 100, 50))),
            (rect([10.0, 5.0], [20.0, 15.0]), 1.0, Some((10, 5, 10, 10))),
            (rect([10.0, 5.0], [20.0, 15.0]), 2.0, Some((20, 10, 20, 20))),
            (rect([0.4, 0.6], [1.4, 1.6]), 1.0, Some((0, 1, 1, 1))),
            (rect([-9.0, -9.0], [1e30, 3.0]), 1.0, Some((0, 0, 100, 3))),
            (rect([20.0, 5.0], [10.0, 15.0]), 1.0, None),
            (rect([200.0, 5.0], [210.0, 15.0]), 1.0, None),
            (rect([0.1, 0.1], [0.3, 0.3]), 1.0, None),
        ] {
            let draw = UiDraw::with_clip(clip);
            let found = scissor(&draw, scale, extent)
                .map(|r| (r.offset.x, r.offset.y, r.extent.width, r.extent.height));
            assert_eq!(found, expected, "{clip:?} × {scale}");
        }
    }
}
