//! The frame graph: passes say what they read and write, and everything between them follows.
//!
//! A [`Graph`] is plain data. [`Graph::compile`] turns it into a [`Compiled`] plan without touching a device: which
//! passes are needed, on which queue each runs, the barriers before each (stages, accesses, layouts), and which
//! transient resources share memory. `execute.rs` gives the plan memory and records it. Guarantees of a plan:
//!
//! 1. Each barrier names the stages and accesses on both sides; none waits for all commands.
//! 2. A resource that several passes in a row read in one layout gets one barrier, before the first of them.
//! 3. Two resources share memory only if no pass that uses one lies between two passes that use the other, and only on
//!    one queue. The first use of such memory waits for the last use of whatever was there, also by the frame before.
//! 4. Passes keep the order in which they were declared; a pass whose results nobody asks for is left out.

mod alias;
mod barriers;
mod compile;
mod dot;
pub(crate) mod execute;
#[cfg(test)]
mod tests;
mod uses;

use ash::vk;

pub(crate) use self::{
    alias::Requirements,
    barriers::{Barrier, Scope},
    compile::{Compiled, CompiledPass, Options},
    uses::Use,
};

/// A resource of a graph, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ResourceId(pub(crate) u32);

/// An image as the graph knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageSpec {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) format: vk::Format,
    pub(crate) samples: vk::SampleCountFlags,
    pub(crate) mip_levels: u32,
}

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Image(ImageSpec),
    /// Of this many bytes; 0 for what the graph orders and does not make.
    Buffer(u64),
}

/// What happened to a resource before the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Made by the graph; holds nothing before its first use in a frame.
    Transient,
    /// As the last frame left it. Images, and buffers that have a size, are the plan's; others are someone else's.
    Kept,
    /// Of someone else: used before the frame like this, with contents that are not needed.
    Given(Use),
}

/// A resource by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) origin: Origin,
    /// What it has to be ready for after the frame; makes its passes needed.
    pub(crate) end: Option<Use>,
}

/// Where a pass would like to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Queue {
    /// The queue that draws.
    Graphics,
    /// A queue that only computes, where there is one, beside what the other does.
    Compute,
}

/// A pass: what it is called, what it uses, and what its recorder does (`P`).
#[derive(Clone, Debug)]
pub(crate) struct Pass<P> {
    pub(crate) name: &'static str,
    pub(crate) queue: Queue,
    /// In the order in which shaders know them.
    pub(crate) uses: Vec<(ResourceId, Use)>,
    pub(crate) payload: P,
}

/// Passes and resources, as declared.
#[derive(Clone, Debug)]
pub(crate) struct Graph<P> {
    pub(crate) resources: Vec<Resource>,
    pub(crate) passes: Vec<Pass<P>>,
}

impl<P> Default for Graph<P> {
    fn default() -> Self {
        Self {
            resources: Vec::new(),
            passes: Vec::new(),
        }
    }
}

impl<P> Graph<P> {
    fn resource(&mut self, name: &'static str, kind: Kind, origin: Origin) -> ResourceId {
        self.resources.push(Resource {
            name,
            kind,
            origin,
            end: None,
        });
        ResourceId(self.resources.len() as u32 - 1)
    }

    /// An image that lives from its first use in a frame to its last.
    pub(crate) fn image(&mut self, name: &'static str, spec: ImageSpec) -> ResourceId {
        self.resource(name, Kind::Image(spec), Origin::Transient)
    }

    /// A buffer that lives from its first use in a frame to its last.
    pub(crate) fn buffer(&mut self, name: &'static str, bytes: u64) -> ResourceId {
        self.resource(name, Kind::Buffer(bytes.max(4)), Origin::Transient)
    }

    /// A buffer that keeps what is in it from frame to frame, as long as the plan lasts.
    pub(crate) fn keep_buffer(&mut self, name: &'static str, bytes: u64) -> ResourceId {
        self.resource(name, Kind::Buffer(bytes.max(4)), Origin::Kept)
    }

    /// An image of someone else.
    pub(crate) fn import_image(
        &mut self,
        name: &'static str,
        spec: ImageSpec,
        origin: Origin,
    ) -> ResourceId {
        self.resource(name, Kind::Image(spec), origin)
    }

    /// Buffers of someone else, which are ordered as one and kept from frame to frame.
    pub(crate) fn import_buffers(&mut self, name: &'static str) -> ResourceId {
        self.resource(name, Kind::Buffer(0), Origin::Kept)
    }

    /// Says what a resource has to be ready for when the frame ends: what leads there is needed.
    pub(crate) fn end(&mut self, resource: ResourceId, at: Use) {
        self.resources[resource.0 as usize].end = Some(at);
    }

    /// Adds a pass after those that are there.
    pub(crate) fn pass(
        &mut self,
        name: &'static str,
        queue: Queue,
        payload: P,
        uses: impl IntoIterator<Item = (ResourceId, Use)>,
    ) {
        self.passes.push(Pass {
            name,
            queue,
            uses: uses.into_iter().collect(),
            payload,
        });
    }
}
