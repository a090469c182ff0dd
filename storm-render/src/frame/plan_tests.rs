//! Every kind of frame, compiled without a device.

use super::*;
use crate::graph::{Compiled, Kind, Options, Requirements};

pub(crate) fn compile(key: &FrameKey) -> (Compiled<Step>, Resources) {
    let (graph, resources) = frame(key);
    let options = Options {
        compute_queue: key.two_queues,
    };
    let plan = graph.compile(options, |_, resource, _| {
        let size = match resource.kind {
            Kind::Buffer(bytes) => bytes,
            Kind::Image(spec) => u64::from(spec.width) * u64::from(spec.height) * 8,
        };
        Requirements {
            size,
            alignment: 256,
            types: 1,
        }
    });
    (plan, resources)
}

/// Keys of every kind of frame.
fn keys() -> Vec<FrameKey> {
    let mut keys = Vec::new();
    for culling in [Culling::Off, Culling::Frustum, Culling::Occlusion] {
        for presented in [false, true] {
            for samples in [vk::SampleCountFlags::TYPE_1, vk::SampleCountFlags::TYPE_4] {
                keys.push(FrameKey {
                    extent: vk::Extent2D {
                        width: 640,
                        height: 360,
                    },
                    canvas_format: vk::Format::R8G8B8A8_SRGB,
                    presented,
                    samples,
                    culling,
                    levels: false,
                    sizes: Sizes::of(1, 1, 1, 1, cull::VIEW_LISTS),
                    shadows: presented.then_some(ShadowQuality::HIGH),
                    light_shadows: presented,
                    light_words: u32::from(presented) * 4,
                    occlusion: presented,
                    auto_exposure: presented,
                    bloom: presented,
                    temporal: presented && samples == vk::SampleCountFlags::TYPE_1,
                    weighted: presented,
                    debug: DebugView::None,
                    lines: presented,
                    ui: presented,
                    custom: presented,
                    two_queues: presented,
                });
            }
        }
    }
    keys
}

#[test]
fn no_barrier_of_any_frame_waits_for_all_commands() {
    use vk::PipelineStageFlags2 as S;
    let all = S::ALL_COMMANDS | S::ALL_GRAPHICS | S::TOP_OF_PIPE | S::BOTTOM_OF_PIPE;
    for key in keys() {
        let (plan, _) = compile(&key);
        let barriers = plan.passes.iter().flat_map(|pass| &pass.barriers);
        for barrier in barriers.chain(&plan.end) {
            let name = plan.resources[barrier.resource.0 as usize].name;
            for scope in [barrier.from, barrier.to] {
                assert!(!scope.stage.intersects(all), "{name} in {key:?}: {scope:?}");
                assert!(
                    scope.access.is_empty() || !scope.stage.is_empty(),
                    "{name} in {key:?}: {scope:?}"
                );
            }
        }
    }
}

/// A queue that cannot draw knows none of the stages of drawing.
#[test]
fn barriers_of_the_other_queue_name_only_what_it_can_do() {
    use vk::PipelineStageFlags2 as S;
    let computing = S::COMPUTE_SHADER | S::COPY | S::CLEAR | S::DRAW_INDIRECT | S::HOST;
    let mut found = 0;
    for key in keys() {
        let (plan, _) = compile(&key);
        for pass in &plan.passes {
            if pass.queue == Queue::Compute {
                found += 1;
                for barrier in &pass.barriers {
                    let stages = barrier.from.stage | barrier.to.stage;
                    assert!(computing.contains(stages), "{}: {barrier:?}", pass.name);
                }
            }
        }
    }
    assert!(found > 0, "some pass computes beside others");
}

#[test]
fn passes_are_those_that_the_key_asks_for() {
    let names = |culling| {
        let key = FrameKey {
            culling,
            ..keys()[0]
        };
        let (plan, _) = compile(&key);
        plan.passes.iter().map(|pass| pass.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(Culling::Off),
        ["upload", "scene", "tone map", "read back"]
    );
    assert_eq!(
        names(Culling::Frustum),
        ["upload", "cull", "scene", "tone map", "read back"]
    );
    assert_eq!(
        names(Culling::Occlusion),
        [
            "upload",
            "cull",
            "depth",
            "hierarchical depth",
            "cull again",
            "depth again",
            "colour",
            "tone map",
            "read back"
        ]
    );
}

#[test]
fn with_culling_off_there_is_no_memory_for_it() {
    let (plan, resources) = compile(&keys()[0]);
    for id in [resources.lists, resources.hiz, resources.seen] {
        assert!(!plan.is_used(id));
    }
}
