//! From a graph to a plan: which passes, on which queue, in which submissions, after which barriers.

use super::{
    Graph, Kind, Pass, Queue, Resource, ResourceId,
    alias::{self, Placement, Requirements},
    barriers::{self, Barrier, Step},
};

/// What a plan is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whether passes may run on a second queue.
    pub(crate) compute_queue: bool,
}

/// A pass of a plan.
#[derive(Clone, Debug)]
pub(crate) struct CompiledPass<P> {
    pub(crate) name: &'static str,
    pub(crate) queue: Queue,
    pub(crate) uses: Vec<(ResourceId, super::Use)>,
    /// To be recorded before it, at once.
    pub(crate) barriers: Vec<Barrier>,
    pub(crate) payload: P,
}

/// Passes that are submitted together, to one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) queue: Queue,
    /// Passes of the plan.
    pub(crate) passes: std::ops::Range<usize>,
    /// Batches of the other queue that have to be done before.
    pub(crate) waits: Vec<usize>,
}

/// A plan.
#[derive(Clone, Debug)]
pub(crate) struct Compiled<P> {
    pub(crate) resources: Vec<Resource>,
    pub(crate) passes: Vec<CompiledPass<P>>,
    pub(crate) batches: Vec<Batch>,
    /// After the last pass.
    pub(crate) end: Vec<Barrier>,
    /// By resource: where in memory; `None` for what is imported or not used.
    pub(crate) placements: Vec<Option<Placement>>,
    /// Bytes of each block of memory.
    pub(crate) blocks: Vec<alias::Block>,
}

impl<P> Compiled<P> {
    /// Whether any pass uses this resource.
    #[cfg(test)]
    pub(crate) fn is_used(&self, resource: ResourceId) -> bool {
        self.uses_of(resource).next().is_some()
    }

    /// How a resource is used, pass by pass.
    pub(crate) fn uses_of(
        &self,
        resource: ResourceId,
    ) -> impl Iterator<Item = (usize, super::Use)> + '_ {
        self.passes.iter().enumerate().flat_map(move |(i, pass)| {
            pass.uses
                .iter()
                .filter(move |(used, _)| *used == resource)
                .map(move |(_, how)| (i, *how))
        })
    }
}

impl<P> Graph<P> {
    /// Makes the plan. `requirements` says what memory a transient resource of these uses needs.
    ///
    /// Pure: the same graph gives the same plan. Cost: O(passes × resources), far below a millisecond.
    pub(crate) fn compile(
        self,
        options: Options,
        mut requirements: impl FnMut(ResourceId, &Resource, &[super::Use]) -> Requirements,
    ) -> Compiled<P> {
        let needed = needed(&self);
        let Self { resources, passes } = self;
        let passes: Vec<Pass<P>> = passes
            .into_iter()
            .zip(needed)
            .filter_map(|(pass, needed)| needed.then_some(pass))
            .collect();
        let queues: Vec<Queue> = passes
            .iter()
            .map(|pass| {
                let computes = pass.uses.iter().all(|(_, how)| how.computes());
                if options.compute_queue && computes {
                    pass.queue
                } else {
                    Queue::Graphics
                }
            })
            .collect();

        // By resource: its steps in the order of the passes.
        let mut steps: Vec<Vec<Step>> = vec![Vec::new(); resources.len()];
        for (index, pass) in passes.iter().enumerate() {
            for &(resource, how) in &pass.uses {
                let all = &mut steps[resource.0 as usize];
                barriers::push(
                    all,
                    index,
                    queues[index],
                    how,
                    &resources[resource.0 as usize],
                );
            }
        }

        let lifetimes: Vec<_> = resources
            .iter()
            .enumerate()
            .map(|(i, resource)| {
                let transient = resource.origin == super::Origin::Transient;
                if !transient || steps[i].is_empty() {
                    return None;
                }
                let id = ResourceId(i as u32);
                let uses: Vec<_> = passes
                    .iter()
                    .flat_map(|pass| &pass.uses)
                    .filter(|(used, _)| *used == id)
                    .map(|(_, how)| *how)
                    .collect();
                // What two queues use may be in use at any time between the frame's beginning and its end.
                let one_queue = steps[i].iter().all(|step| step.queue == Queue::Graphics);
                let passes = if one_queue {
                    let last = steps[i].iter().map(|step| step.last_pass).max();
                    steps[i][0].first_pass..last.unwrap_or(0) + 1
                } else {
                    0..passes.len()
                };
                Some(alias::Lifetime {
                    passes,
                    image: matches!(resource.kind, Kind::Image(_)),
                    needs: requirements(id, resource, &uses),
                })
            })
            .collect();
        let (placements, blocks) = alias::place(&lifetimes);

        let plan = barriers::all(&resources, &steps, &lifetimes, &placements, passes.len());
        let batches = batches(&queues, &steps);
        let passes = passes
            .into_iter()
            .zip(plan.before)
            .zip(queues)
            .map(|((pass, barriers), queue)| CompiledPass {
                name: pass.name,
                queue,
                uses: pass.uses,
                barriers,
                payload: pass.payload,
            })
            .collect();
        Compiled {
            resources,
            passes,
            batches,
            end: plan.end,
            placements,
            blocks,
        }
    }
}

/// Which passes lead to something that somebody asks for.
fn needed<P>(graph: &Graph<P>) -> Vec<bool> {
    let mut wanted: Vec<bool> = graph
        .resources
        .iter()
        .map(|resource| resource.end.is_some() || resource.origin == super::Origin::Kept)
        .collect();
    let mut needed = vec![false; graph.passes.len()];
    for (index, pass) in graph.passes.iter().enumerate().rev() {
        needed[index] = pass
            .uses
            .iter()
            .any(|(resource, how)| how.is_write() && wanted[resource.0 as usize]);
        if needed[index] {
            for (resource, _) in &pass.uses {
                wanted[resource.0 as usize] = true;
            }
        }
    }
    needed
}

/// Cuts the passes where a queue has to wait for the other. The last batch draws, and waits for all that compute.
fn batches(queues: &[Queue], steps: &[Vec<Step>]) -> Vec<Batch> {
    // By pass: the passes of the other queue that it has to wait for.
    let mut waits: Vec<Vec<usize>> = vec![Vec::new(); queues.len()];
    for steps in steps {
        for (step, before) in steps.iter().zip(barriers::waits(steps)) {
            let before = before.into_iter().map(|before| {
                let before = &steps[before];
                // What reads waits for another that reads only where that one changes the layout, before its first pass.
                if before.reads() && step.reads() {
                    before.first_pass
                } else {
                    before.last_pass
                }
            });
            waits[step.first_pass].extend(before);
        }
    }
    let mut of_pass = vec![0; queues.len()];
    let mut batches: Vec<Batch> = Vec::new();
    let mut waited_for = vec![false; queues.len()];
    for (pass, &queue) in queues.iter().enumerate() {
        // A batch ends where its queue changes, where a pass waits, and after a pass that is waited for.
        let cut = batches
            .last()
            .is_none_or(|last| last.queue != queue || !waits[pass].is_empty())
            || waited_for[pass];
        if cut {
            batches.push(Batch {
                queue,
                passes: pass..pass,
                waits: Vec::new(),
            });
        }
        let index = batches.len() - 1;
        of_pass[pass] = index;
        batches[index].passes.end = pass + 1;
        for &other in &waits[pass] {
            let other = of_pass[other];
            if !batches[index].waits.contains(&other) {
                batches[index].waits.push(other);
            }
        }
        if let Some(next) = waited_for.get_mut(pass + 1) {
            *next = waits.iter().any(|waits| waits.contains(&pass));
        }
    }
    let computing: Vec<_> = (0..batches.len())
        .filter(|&i| batches[i].queue == Queue::Compute)
        .collect();
    if !computing.is_empty() {
        let last = batches.len() - 1;
        if batches[last].queue == Queue::Compute {
            let end = queues.len();
            batches.push(Batch {
                queue: Queue::Graphics,
                passes: end..end,
                waits: Vec::new(),
            });
        }
        let last = batches.len() - 1;
        for index in computing {
            if !batches[last].waits.contains(&index) {
                batches[last].waits.push(index);
            }
        }
        batches[last].waits.sort_unstable();
    }
    batches
}
