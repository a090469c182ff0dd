//! A plan with its images and buffers, ready to be recorded frame after frame.
//!
//! Transient and kept resources are made once, when the plan is; frames in flight share them, which is right because
//! the first barrier of each waits for its last use by the frame before.

use std::{collections::BTreeMap, sync::Arc};

use ash::vk;

use super::{Compiled, CompiledPass, Graph, Kind, Options, Origin, Resource, ResourceId, Use};
use crate::{
    context::Gpu,
    error::Result,
    gpu::{
        buffer::{Buffer, Memory},
        commands::{ImageBarrier, Recorder},
        device::Device,
        image::{Image, ImageDesc},
        inputs::{self, Inputs},
        memory::MemoryBlock,
    },
    graph::{Barrier, Requirements, Scope},
};

/// An image of someone else, for one frame.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) image: vk::Image,
    pub(crate) format: vk::Format,
}

/// A plan and its memory.
pub(crate) struct Realised<P> {
    pub(crate) plan: Compiled<P>,
    images: BTreeMap<ResourceId, Image>,
    buffers: BTreeMap<ResourceId, Buffer>,
    /// By pass: what it samples.
    inputs: Vec<Inputs>,
    /// Whether a frame was recorded from it: kept images hold something then.
    begun: bool,
}

fn desc(resource: &Resource, uses: &[Use]) -> Option<ImageDesc> {
    let Kind::Image(spec) = resource.kind else {
        return None;
    };
    let usage = uses.iter().fold(vk::ImageUsageFlags::empty(), |all, how| {
        all | how.image_usage()
    });
    Some(ImageDesc {
        what: resource.name,
        width: spec.width,
        height: spec.height,
        format: spec.format,
        usage,
        mip_levels: spec.mip_levels,
        samples: spec.samples,
        cube: false,
    })
}

fn requirements(device: &Device, resource: &Resource, uses: &[Use]) -> Requirements {
    match (resource.kind, desc(resource, uses)) {
        (Kind::Buffer(bytes), _) => Buffer::requirements(device, bytes),
        (_, Some(desc)) => Image::requirements(device, &desc),
        (Kind::Image(_), None) => unreachable!("images have a description"),
    }
}

impl<P> Realised<P> {
    /// Compiles a graph for a device and makes what it needs.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub(crate) fn new(gpu: &Gpu, graph: Graph<P>, options: Options) -> Result<Self> {
        let device = gpu.device();
        let plan = graph.compile(options, |_, resource, uses| {
            requirements(device, resource, uses)
        });
        tracing::debug!(
            passes = plan.passes.len(),
            blocks = ?plan.blocks,
            "frame graph compiled"
        );
        tracing::trace!(dot = plan.dot(), "frame graph");
        let blocks = plan
            .blocks
            .iter()
            .map(|block| MemoryBlock::new(device, "frame graph", block.needs, block.image))
            .collect::<Result<Vec<_>>>()?;
        let mut this = Self {
            plan,
            images: BTreeMap::new(),
            buffers: BTreeMap::new(),
            inputs: Vec::new(),
            begun: false,
        };
        this.make(device, &blocks)?;
        this.bind(gpu)?;
        Ok(this)
    }

    fn make(&mut self, device: &Arc<Device>, blocks: &[Arc<MemoryBlock>]) -> Result<()> {
        for (index, resource) in self.plan.resources.iter().enumerate() {
            let id = ResourceId(index as u32);
            let mut uses: Vec<_> = self.plan.uses_of(id).map(|(_, how)| how).collect();
            if uses.is_empty() {
                continue;
            }
            uses.extend(resource.end);
            match (resource.origin, self.plan.placements[index]) {
                (Origin::Transient, Some(place)) => {
                    let block = &blocks[place.block];
                    if let Some(desc) = desc(resource, &uses) {
                        let image = Image::placed(device, desc, block, place.offset)?;
                        self.images.insert(id, image);
                    } else if let Kind::Buffer(bytes) = resource.kind {
                        let buffer = Buffer::placed(device, bytes, block, place.offset)?;
                        self.buffers.insert(id, buffer);
                    }
                }
                (Origin::Kept, _) => {
                    if let Some(desc) = desc(resource, &uses) {
                        self.images.insert(id, Image::new(device, desc)?);
                    } else if let Kind::Buffer(bytes) = resource.kind
                        && bytes > 0
                    {
                        let buffer = Buffer::new(device, resource.name, bytes, Memory::Device)?;
                        self.buffers.insert(id, buffer);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn bind(&mut self, gpu: &Gpu) -> Result<()> {
        for pass in &self.plan.passes {
            let views: Vec<_> = pass
                .uses
                .iter()
                .filter_map(|(id, how)| match how {
                    Use::SampledFragment(binding) | Use::SampledCompute(binding) => {
                        Some((u32::from(*binding), self.images[id].view))
                    }
                    Use::WriteImage => Some((inputs::WRITTEN, self.images[id].view)),
                    _ => None,
                })
                .collect();
            let inputs =
                gpu.with_bindless(|bindless| Inputs::new(gpu.device(), bindless, &views))?;
            self.inputs.push(inputs);
        }
        Ok(())
    }

    /// An image that the graph made.
    pub(crate) fn image(&self, id: ResourceId) -> &Image {
        &self.images[&id]
    }

    /// A buffer that the graph made.
    pub(crate) fn buffer(&self, id: ResourceId) -> &Buffer {
        &self.buffers[&id]
    }

    /// A buffer that the graph made, if a pass uses it.
    pub(crate) fn maybe_buffer(&self, id: ResourceId) -> Option<&Buffer> {
        self.buffers.get(&id)
    }

    /// What a pass samples.
    pub(crate) fn inputs(&self, pass: usize) -> &Inputs {
        &self.inputs[pass]
    }

    /// Whether no frame was recorded from it yet: kept resources hold nothing.
    pub(crate) fn is_fresh(&self) -> bool {
        !self.begun
    }

    /// Says that a frame was recorded.
    pub(crate) fn recorded(&mut self) {
        self.begun = true;
    }

    /// Records the barriers before a pass.
    pub(crate) fn before(
        &self,
        recorder: &mut Recorder,
        pass: &CompiledPass<P>,
        given: &BTreeMap<ResourceId, Given>,
    ) {
        self.record(recorder, &pass.barriers, given);
    }

    /// Records the barriers after the last pass.
    pub(crate) fn after(&self, recorder: &mut Recorder, given: &BTreeMap<ResourceId, Given>) {
        self.record(recorder, &self.plan.end, given);
    }

    fn record(
        &self,
        recorder: &mut Recorder,
        barriers: &[Barrier],
        given: &BTreeMap<ResourceId, Given>,
    ) {
        let mut memory: Option<(Scope, Scope)> = None;
        let mut images = Vec::new();
        for barrier in barriers {
            let id = barrier.resource;
            let resource = &self.plan.resources[id.0 as usize];
            if matches!(resource.kind, Kind::Buffer(_)) {
                let (from, to) = memory.get_or_insert_default();
                from.add(barrier.from);
                to.add(barrier.to);
                continue;
            }
            let (image, format) = match given.get(&id) {
                Some(given) => (given.image, given.format),
                None => (self.images[&id].raw, self.images[&id].desc.format),
            };
            // The first frame finds nothing in what is kept.
            let first = resource.origin == Origin::Kept && !self.begun;
            let first = first
                && self.plan.uses_of(id).next().is_some_and(|(pass, _)| {
                    self.plan.passes[pass]
                        .barriers
                        .iter()
                        .any(|own| std::ptr::eq(own, barrier))
                });
            images.push(ImageBarrier {
                image,
                format,
                from: barrier.from,
                to: barrier.to,
                old: if first {
                    vk::ImageLayout::UNDEFINED
                } else {
                    barrier.old
                },
                new: barrier.new,
            });
        }
        recorder.barriers(memory, &images);
    }
}
