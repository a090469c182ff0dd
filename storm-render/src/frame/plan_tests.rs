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
                    deforms: presented,
                    weighted: presented,
                    transmission: presented,
                    debug: DebugView::None,
                    lines: presented,
                    ui: presented,
                    custom: presented,
                    clusters: None,
                    two_queues: presented,
                });
            }
        }
    }
    keys
}

/// Keys of every kind of frame with meshes of clusters.
fn keys_with_clusters() -> Vec<FrameKey> {
    let one = |key: &FrameKey| key.samples == vk::SampleCountFlags::TYPE_1;
    let keys = keys().into_iter().filter(one);
    keys.map(|key| FrameKey {
        clusters: Some(ClusterKey {
            sizes: clusters::frame::Sizes::FIRST,
            mesh: key.presented,
        }),
        ..key
    })
    .collect()
}

#[test]
fn clusters_are_in_the_depth_before_it_is_reduced_and_in_the_colours_before_others() {
    let names = |culling| {
        let key = keys_with_clusters()
            .into_iter()
            .find(|key| key.culling == culling && !key.presented)
            .unwrap();
        let (plan, _) = compile(&key);
        plan.passes.iter().map(|pass| pass.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(Culling::Frustum),
        [
            "upload",
            "cull",
            "choose clusters",
            "depth",
            "draw clusters",
            "place clusters",
            "shade clusters",
            "count clusters",
            "colour",
            "tone map",
            "read back"
        ]
    );
    assert_eq!(
        names(Culling::Occlusion),
        [
            "upload",
            "cull",
            "choose clusters",
            "depth",
            "draw clusters",
            "place clusters",
            "hierarchical depth",
            "cull again",
            "choose clusters again",
            "depth again",
            "draw clusters again",
            "place clusters again",
            "shade clusters",
            "count clusters",
            "colour",
            "tone map",
            "read back"
        ]
    );
}

#[test]
fn no_barrier_of_any_frame_waits_for_all_commands() {
    use vk::PipelineStageFlags2 as S;
    let all = S::ALL_COMMANDS | S::ALL_GRAPHICS | S::TOP_OF_PIPE | S::BOTTOM_OF_PIPE;
    for key in keys().into_iter().chain(keys_with_clusters()) {
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
    for key in keys().into_iter().chain(keys_with_clusters()) {
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

/// Which passes leave the queue that draws, and what waits for them.
#[test]
fn passes_compute_beside_others_only_where_there_is_something_beside_them() {
    let all = keys().into_iter().find(|key| key.two_queues).unwrap();
    let computing = |key: &FrameKey| {
        let (plan, _) = compile(key);
        let passes = plan.passes.iter();
        passes
            .filter(|pass| pass.queue == Queue::Compute)
            .map(|pass| pass.name)
            .collect::<Vec<_>>()
    };
    let with = |light_words, bloom, auto_exposure, two_queues| FrameKey {
        light_words,
        bloom,
        auto_exposure,
        two_queues,
        ..all
    };
    for (key, expected) in [
        (
            with(4, true, true, true),
            &["light clusters", "exposure"][..],
        ),
        (with(4, false, true, true), &["light clusters"]),
        (with(0, true, true, true), &["exposure"]),
        (with(0, true, false, true), &[]),
        (with(4, true, true, false), &[]),
    ] {
        assert_eq!(computing(&key), expected, "{key:?}");
    }
    // The histogram runs while bloom is drawn, and the tone map waits for it.
    let (plan, _) = compile(&with(0, true, true, true));
    let of = |name: &str| {
        let pass = plan.passes.iter().position(|pass| pass.name == name);
        let pass = pass.unwrap_or_else(|| panic!("there is {name}"));
        let mut batches = plan.batches.iter();
        batches
            .position(|batch| batch.passes.contains(&pass))
            .unwrap()
    };
    let (exposure, map) = (of("exposure"), of("tone map"));
    assert!(plan.batches[exposure].waits.contains(&of("bloom 1")));
    assert!(!plan.batches[of("bloom 2")].waits.contains(&exposure));
    assert!(plan.batches[map].waits.contains(&exposure));
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
