//! What a plan has to be, by tables. No device is needed.

use ash::vk::{self, AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S};

use super::{alias::Requirements, compile::Batch, *};

const SIDE: u32 = 64;

fn spec(format: vk::Format) -> ImageSpec {
    ImageSpec {
        width: SIDE,
        height: SIDE,
        format,
        samples: vk::SampleCountFlags::TYPE_1,
        mip_levels: 1,
    }
}

fn hdr() -> ImageSpec {
    spec(vk::Format::R16G16B16A16_SFLOAT)
}

fn depth() -> ImageSpec {
    spec(vk::Format::D32_SFLOAT)
}

/// Memory as a simple device would ask for: 16 KiB a colour image, 4 KiB alignment, one type of memory.
fn requirements(_: ResourceId, resource: &Resource, _: &[Use]) -> Requirements {
    let size = match resource.kind {
        Kind::Image(spec) => u64::from(spec.width) * u64::from(spec.height) * 4,
        Kind::Buffer(bytes) => bytes,
    };
    Requirements {
        size,
        alignment: 4096,
        types: 1,
    }
}

fn compile(graph: Graph<()>, compute_queue: bool) -> Compiled<()> {
    graph.compile(Options { compute_queue }, requirements)
}

/// A barrier as a line of a table.
type Line = (&'static str, S, A, S, A, L, L);

fn lines(plan: &Compiled<()>, barriers: &[barriers::Barrier]) -> Vec<Line> {
    barriers
        .iter()
        .map(|b| {
            let name = plan.resources[b.resource.0 as usize].name;
            (
                name,
                b.from.stage,
                b.from.access,
                b.to.stage,
                b.to.access,
                b.old,
                b.new,
            )
        })
        .collect()
}

/// Depth, colour and a tone map into a window.
fn forward() -> Graph<()> {
    let mut graph = Graph::default();
    let tables = graph.import_buffers("tables");
    let depth = graph.image("depth", depth());
    let color = graph.image("colour", hdr());
    let canvas = graph.import_image("canvas", hdr(), Origin::Given(Use::Color));
    graph.end(canvas, Use::Present);
    let draw = [
        (tables, Use::Indirect),
        (tables, Use::Index),
        (tables, Use::ReadVertex),
    ];
    graph.pass("upload", Queue::Graphics, (), [(tables, Use::CopyTo)]);
    let uses = [(depth, Use::Depth)].into_iter().chain(draw);
    graph.pass("depth", Queue::Graphics, (), uses);
    let uses = [
        (depth, Use::DepthTest),
        (color, Use::Color),
        (tables, Use::ReadFragment),
    ];
    graph.pass("colour", Queue::Graphics, (), uses.into_iter().chain(draw));
    let uses = [(color, Use::SampledFragment(0)), (canvas, Use::Color)];
    graph.pass("tone map", Queue::Graphics, (), uses);
    graph
}

const TESTS: S = S::from_raw(S::EARLY_FRAGMENT_TESTS.as_raw() | S::LATE_FRAGMENT_TESTS.as_raw());
const DEPTH: A = A::from_raw(
    A::DEPTH_STENCIL_ATTACHMENT_READ.as_raw() | A::DEPTH_STENCIL_ATTACHMENT_WRITE.as_raw(),
);
const COLOR: A =
    A::from_raw(A::COLOR_ATTACHMENT_READ.as_raw() | A::COLOR_ATTACHMENT_WRITE.as_raw());

#[test]
fn each_pass_waits_for_exactly_what_it_needs() {
    let plan = compile(forward(), false);
    let draw = S::DRAW_INDIRECT | S::INDEX_INPUT | S::VERTEX_SHADER | S::FRAGMENT_SHADER;
    let read = A::INDIRECT_COMMAND_READ | A::INDEX_READ | A::SHADER_STORAGE_READ;
    let copy = S::COPY | S::CLEAR;
    let expected: [(&str, Vec<Line>); 4] = [
        (
            "upload",
            // The frame before may still read: an execution dependency is enough.
            vec![(
                "tables",
                draw,
                A::NONE,
                copy,
                A::TRANSFER_WRITE,
                L::UNDEFINED,
                L::UNDEFINED,
            )],
        ),
        (
            "depth",
            vec![
                // For both passes that read, at once.
                (
                    "tables",
                    copy,
                    A::TRANSFER_WRITE,
                    draw,
                    read,
                    L::UNDEFINED,
                    L::UNDEFINED,
                ),
                // The frame before only tested against it last: nothing to make available.
                (
                    "depth",
                    TESTS,
                    A::NONE,
                    TESTS,
                    DEPTH,
                    L::UNDEFINED,
                    L::DEPTH_ATTACHMENT_OPTIMAL,
                ),
            ],
        ),
        (
            "colour",
            vec![
                (
                    "depth",
                    TESTS,
                    A::DEPTH_STENCIL_ATTACHMENT_WRITE,
                    TESTS,
                    A::DEPTH_STENCIL_ATTACHMENT_READ,
                    L::DEPTH_ATTACHMENT_OPTIMAL,
                    L::DEPTH_ATTACHMENT_OPTIMAL,
                ),
                (
                    "colour",
                    S::FRAGMENT_SHADER,
                    A::NONE,
                    S::COLOR_ATTACHMENT_OUTPUT,
                    COLOR,
                    L::UNDEFINED,
                    L::COLOR_ATTACHMENT_OPTIMAL,
                ),
            ],
        ),
        (
            "tone map",
            vec![
                (
                    "colour",
                    S::COLOR_ATTACHMENT_OUTPUT,
                    A::COLOR_ATTACHMENT_WRITE,
                    S::FRAGMENT_SHADER,
                    A::SHADER_SAMPLED_READ,
                    L::COLOR_ATTACHMENT_OPTIMAL,
                    L::SHADER_READ_ONLY_OPTIMAL,
                ),
                (
                    "canvas",
                    S::COLOR_ATTACHMENT_OUTPUT,
                    A::COLOR_ATTACHMENT_WRITE,
                    S::COLOR_ATTACHMENT_OUTPUT,
                    COLOR,
                    L::UNDEFINED,
                    L::COLOR_ATTACHMENT_OPTIMAL,
                ),
            ],
        ),
    ];
    let found: Vec<_> = plan
        .passes
        .iter()
        .map(|pass| (pass.name, lines(&plan, &pass.barriers)))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        lines(&plan, &plan.end),
        [(
            "canvas",
            S::COLOR_ATTACHMENT_OUTPUT,
            A::COLOR_ATTACHMENT_WRITE,
            S::NONE,
            A::NONE,
            L::COLOR_ATTACHMENT_OPTIMAL,
            L::PRESENT_SRC_KHR,
        )]
    );
}

/// Four images, each made from the one before.
fn chain() -> Graph<()> {
    let mut graph = Graph::default();
    let names = ["a", "b", "c", "d"];
    let images = names.map(|name| graph.image(name, hdr()));
    let canvas = graph.import_image("canvas", hdr(), Origin::Given(Use::Color));
    graph.end(canvas, Use::CopyFrom);
    let mut last = None;
    for (name, image) in names.into_iter().zip(images).chain([("canvas", canvas)]) {
        let read = last.map(|image| (image, Use::SampledFragment(0)));
        let uses = read.into_iter().chain([(image, Use::Color)]);
        graph.pass(name, Queue::Graphics, (), uses);
        last = Some(image);
    }
    graph
}

#[test]
fn what_is_never_in_use_at_once_shares_memory() {
    let plan = compile(chain(), false);
    let bytes = u64::from(SIDE * SIDE * 4);
    let places: Vec<_> = plan
        .placements
        .iter()
        .map(|p| p.map(|p| (p.block, p.offset)))
        .collect();
    // a and b are in use together, b and c, c and d: two places are enough.
    assert_eq!(
        places,
        [
            Some((0, 0)),
            Some((0, bytes)),
            Some((0, 0)),
            Some((0, bytes)),
            None
        ]
    );
    assert_eq!(
        (plan.blocks.len(), plan.blocks[0].needs.size),
        (1, 2 * bytes)
    );
}

#[test]
fn the_second_tenant_waits_for_the_first_and_the_first_for_the_last_frame() {
    let plan = compile(chain(), false);
    let before = |pass: usize, name| {
        let all = lines(&plan, &plan.passes[pass].barriers);
        all.into_iter().find(|line| line.0 == name).unwrap()
    };
    let wait = |line: Line| (line.1, line.2, line.5);
    // c lies where a was, which b has sampled.
    assert_eq!(
        wait(before(2, "c")),
        (S::FRAGMENT_SHADER, A::NONE, L::UNDEFINED)
    );
    // a lies where c was in the frame before, and where it was itself.
    assert_eq!(
        wait(before(0, "a")),
        (S::FRAGMENT_SHADER, A::NONE, L::UNDEFINED)
    );
}

#[test]
fn memory_is_never_shared_by_two_that_are_in_use_at_once() {
    let mut random = 0x1234_5678_u32;
    let mut next = move |below: u32| {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random % below
    };
    for _ in 0..200 {
        let lifetimes: Vec<_> = (0..20)
            .map(|_| {
                let start = next(20) as usize;
                Some(alias::Lifetime {
                    passes: start..start + 1 + next(8) as usize,
                    image: next(2) == 0,
                    needs: Requirements {
                        size: u64::from(1 + next(10_000)),
                        alignment: 1 << next(9),
                        types: [1, 2, 3][next(3) as usize],
                    },
                })
            })
            .collect();
        let (places, blocks) = alias::place(&lifetimes);
        for (i, (a, at)) in lifetimes.iter().zip(&places).enumerate() {
            let (a, at) = (a.as_ref().unwrap(), at.as_ref().unwrap());
            let block = blocks[at.block];
            assert_eq!(at.offset % a.needs.alignment, 0);
            assert!(at.offset + at.size <= block.needs.size);
            assert!(
                block.needs.types & a.needs.types == block.needs.types && block.needs.types != 0
            );
            assert_eq!(block.image, a.image);
            for (b, other) in lifetimes.iter().zip(&places).skip(i + 1) {
                let (b, other) = (b.as_ref().unwrap(), other.as_ref().unwrap());
                let together = a.passes.start < b.passes.end && b.passes.start < a.passes.end;
                assert!(!(together && at.overlaps(other)), "{a:?} and {b:?}");
            }
        }
    }
}

/// Light lists are made beside the depth pass; both are needed for colour.
fn lists(queue: Queue) -> Graph<()> {
    let mut graph = Graph::default();
    let depth_image = graph.image("depth", depth());
    let clusters = graph.buffer("clusters", 4096);
    let canvas = graph.import_image("canvas", hdr(), Origin::Given(Use::Color));
    graph.end(canvas, Use::Present);
    graph.pass("clusters", queue, (), [(clusters, Use::WriteCompute)]);
    graph.pass("depth", Queue::Graphics, (), [(depth_image, Use::Depth)]);
    let uses = [
        (depth_image, Use::DepthTest),
        (clusters, Use::ReadFragment),
        (canvas, Use::Color),
    ];
    graph.pass("colour", Queue::Graphics, (), uses);
    graph
}

#[test]
fn a_pass_computes_beside_others_where_there_is_a_queue_for_it() {
    let plan = compile(lists(Queue::Compute), true);
    let queues: Vec<_> = plan.passes.iter().map(|pass| pass.queue).collect();
    assert_eq!(queues, [Queue::Compute, Queue::Graphics, Queue::Graphics]);
    let batch = |queue, passes, waits: &[usize]| Batch {
        queue,
        passes,
        waits: waits.to_vec(),
    };
    assert_eq!(
        plan.batches,
        [
            batch(Queue::Compute, 0..1, &[]),
            batch(Queue::Graphics, 1..2, &[]),
            batch(Queue::Graphics, 2..3, &[0]),
        ]
    );
    // The semaphore is the barrier.
    assert!(
        plan.passes[2]
            .barriers
            .iter()
            .all(|b| b.resource != ResourceId(1))
    );
}

#[test]
fn without_a_second_queue_everything_is_one_submission() {
    for (queue, compute_queue) in [(Queue::Compute, false), (Queue::Graphics, true)] {
        let plan = compile(lists(queue), compute_queue);
        assert_eq!(plan.batches.len(), 1, "{queue:?}");
        let clusters = lines(&plan, &plan.passes[2].barriers);
        let line = clusters.iter().find(|line| line.0 == "clusters").unwrap();
        assert_eq!(
            (line.1, line.2, line.3, line.4),
            (
                S::COMPUTE_SHADER,
                A::SHADER_STORAGE_WRITE,
                S::FRAGMENT_SHADER,
                A::SHADER_STORAGE_READ
            )
        );
    }
}

#[test]
fn what_draws_stays_on_the_queue_that_draws() {
    let mut graph = Graph::default();
    let canvas = graph.import_image("canvas", hdr(), Origin::Given(Use::Color));
    graph.end(canvas, Use::Present);
    graph.pass("draw", Queue::Compute, (), [(canvas, Use::Color)]);
    let plan = compile(graph, true);
    assert_eq!(plan.passes[0].queue, Queue::Graphics);
}

#[test]
fn an_image_that_both_queues_use_changes_its_layout_without_naming_the_other_queues_stages() {
    let mut graph = Graph::default();
    let image = graph.image("ao", hdr());
    let result = graph.buffer("result", 64);
    let canvas = graph.import_image("canvas", hdr(), Origin::Given(Use::Color));
    graph.end(canvas, Use::Present);
    graph.pass("draw", Queue::Graphics, (), [(image, Use::Color)]);
    let uses = [(image, Use::SampledCompute(0)), (result, Use::WriteCompute)];
    graph.pass("filter", Queue::Compute, (), uses);
    let uses = [(result, Use::ReadFragment), (canvas, Use::Color)];
    graph.pass("show", Queue::Graphics, (), uses);
    let plan = compile(graph, true);
    let line = lines(&plan, &plan.passes[1].barriers)[0];
    assert_eq!(
        (line.1, line.2, line.5, line.6),
        (
            S::COMPUTE_SHADER,
            A::NONE,
            L::COLOR_ATTACHMENT_OPTIMAL,
            L::SHADER_READ_ONLY_OPTIMAL
        )
    );
    let waits: Vec<_> = plan
        .batches
        .iter()
        .map(|batch| batch.waits.clone())
        .collect();
    assert_eq!(waits, [vec![], vec![0], vec![1]]);
}

/// As a picture of which bloom is drawn while its histogram is made: the first reader changes the layout, once, and what reads
/// on the other queue waits for that and for nothing after it.
#[test]
fn an_image_that_both_queues_read_changes_its_layout_once() {
    let mut graph = Graph::default();
    let picture = graph.image("picture", hdr());
    let bloom = graph.image("bloom", hdr());
    let more = graph.image("more bloom", hdr());
    let histogram = graph.buffer("histogram", 64);
    let canvas = graph.import_image("canvas", hdr(), Origin::Given(Use::Color));
    graph.end(canvas, Use::Present);
    let graphics = Queue::Graphics;
    graph.pass("draw", graphics, (), [(picture, Use::Color)]);
    let uses = [(picture, Use::SampledFragment(0)), (bloom, Use::Color)];
    graph.pass("bloom", graphics, (), uses);
    let uses = [
        (picture, Use::SampledCompute(0)),
        (histogram, Use::WriteCompute),
    ];
    graph.pass("histogram", Queue::Compute, (), uses);
    let uses = [(bloom, Use::SampledFragment(0)), (more, Use::Color)];
    graph.pass("more bloom", graphics, (), uses);
    let uses = [
        (picture, Use::SampledFragment(0)),
        (more, Use::SampledFragment(1)),
        (histogram, Use::ReadFragment),
        (canvas, Use::Color),
    ];
    graph.pass("show", graphics, (), uses);
    let plan = compile(graph, true);
    let changes = plan.passes.iter().flat_map(|pass| {
        let barriers = pass.barriers.iter();
        let own = barriers.filter(|barrier| barrier.resource == picture);
        own.map(|barrier| (pass.name, barrier.old, barrier.new))
    });
    let (color, read) = (L::COLOR_ATTACHMENT_OPTIMAL, L::SHADER_READ_ONLY_OPTIMAL);
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [("draw", L::UNDEFINED, color), ("bloom", color, read)]
    );
    let batches: Vec<_> = plan
        .batches
        .iter()
        .map(|batch| (batch.queue, batch.passes.clone(), batch.waits.clone()))
        .collect();
    assert_eq!(
        batches,
        [
            (graphics, 0..2, vec![]),
            (Queue::Compute, 2..3, vec![0]),
            (graphics, 3..4, vec![]),
            (graphics, 4..5, vec![1]),
        ]
    );
}

#[test]
fn what_nobody_asks_for_is_left_out() {
    let mut graph = forward();
    let lost = graph.image("lost", hdr());
    let lost_too = graph.image("lost too", hdr());
    graph.pass("lost", Queue::Graphics, (), [(lost, Use::Color)]);
    let uses = [(lost, Use::SampledFragment(0)), (lost_too, Use::Color)];
    graph.pass("lost too", Queue::Graphics, (), uses);
    let plan = compile(graph, false);
    let names: Vec<_> = plan.passes.iter().map(|pass| pass.name).collect();
    assert_eq!(names, ["upload", "depth", "colour", "tone map"]);
    assert!(!plan.is_used(lost) && plan.placements[lost.0 as usize].is_none());
}

#[test]
fn the_dump_names_every_pass_and_what_flows_between_them() {
    let plan = compile(lists(Queue::Compute), true);
    let dot = plan.dot();
    for text in [
        "digraph frame {",
        "p0 [label=\"clusters\", shape=ellipse];",
        "p2 [label=\"colour\", shape=box];",
        "p0 -> p2 [label=\"clusters\\n4096 bytes",
        "p1 -> p2 [label=\"depth\\n64x64 D32_SFLOAT",
    ] {
        assert!(dot.contains(text), "{text} is not in\n{dot}");
    }
}

/// The frame as it is with many lights: lists are made on the other queue while shadows are drawn.
#[test]
fn reads_on_both_queues_do_not_wait_for_one_another() {
    let mut graph = Graph::default();
    let tables = graph.import_buffers("tables");
    let lists = graph.buffer("lists", 1024);
    let clusters = graph.buffer("clusters", 1024);
    let map = graph.image("map", depth());
    let canvas = graph.import_image("canvas", hdr(), Origin::Given(Use::Color));
    graph.end(canvas, Use::Present);
    let graphics = Queue::Graphics;
    graph.pass("upload", graphics, (), [(tables, Use::CopyTo)]);
    let uses = [(tables, Use::ReadCompute), (lists, Use::WriteCompute)];
    graph.pass("cull", graphics, (), uses);
    let uses = [(tables, Use::ReadCompute), (clusters, Use::WriteCompute)];
    graph.pass("clusters", Queue::Compute, (), uses);
    let uses = [
        (tables, Use::ReadVertex),
        (lists, Use::Indirect),
        (map, Use::Depth),
    ];
    graph.pass("shadows", graphics, (), uses);
    let uses = [
        (tables, Use::ReadVertex),
        (clusters, Use::ReadFragment),
        (map, Use::SampledFragment(0)),
        (canvas, Use::Color),
    ];
    graph.pass("colour", graphics, (), uses);
    let plan = compile(graph, true);
    let batches: Vec<_> = plan
        .batches
        .iter()
        .map(|batch| (batch.queue, batch.passes.clone(), batch.waits.clone()))
        .collect();
    assert_eq!(
        batches,
        [
            (Queue::Graphics, 0..1, vec![]),
            (Queue::Graphics, 1..2, vec![]),
            (Queue::Compute, 2..3, vec![0]),
            (Queue::Graphics, 3..4, vec![]),
            (Queue::Graphics, 4..5, vec![2]),
        ]
    );
    // One barrier after the upload for all that this queue reads, in whichever pass; the other queue has its semaphore.
    let of_tables = |pass: usize| {
        let all = lines(&plan, &plan.passes[pass].barriers);
        all.into_iter().find(|line| line.0 == "tables")
    };
    let (_, from, access, to, ..) = of_tables(1).unwrap();
    assert_eq!((from, access), (S::COPY | S::CLEAR, A::TRANSFER_WRITE));
    assert_eq!(to, S::COMPUTE_SHADER | S::VERTEX_SHADER);
    assert!((2..5).all(|pass| of_tables(pass).is_none()));
}
