//! Barriers: each waits for what a resource was last used for, and for nothing else.

use ash::vk;

use super::{
    Kind, Origin, Queue, Resource, ResourceId, Use,
    alias::{Lifetime, Placement},
};

/// A barrier of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Barrier {
    pub(crate) resource: ResourceId,
    pub(crate) from: Scope,
    pub(crate) to: Scope,
    /// Layouts before and after; the same for buffers.
    pub(crate) old: vk::ImageLayout,
    pub(crate) new: vk::ImageLayout,
}

/// Stages, and accesses in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) stage: vk::PipelineStageFlags2,
    pub(crate) access: vk::AccessFlags2,
}

impl Scope {
    pub(crate) fn add(&mut self, other: Self) {
        self.stage |= other.stage;
        self.access |= other.access;
    }
}

/// Uses of one resource between which nothing has to be waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) first_pass: usize,
    pub(super) last_pass: usize,
    pub(super) queue: Queue,
    /// All stages and accesses.
    scope: Scope,
    writes: vk::AccessFlags2,
    layout: vk::ImageLayout,
}

impl Step {
    fn new(pass: usize, queue: Queue, how: Use, resource: &Resource) -> Self {
        Self {
            first_pass: pass,
            last_pass: pass,
            queue,
            scope: Scope {
                stage: how.stage(),
                access: how.access(),
            },
            writes: how.writes(),
            layout: layout(how, resource),
        }
    }

    pub(super) fn reads(&self) -> bool {
        self.writes.is_empty()
    }

    /// What the next user has to wait for: its stages, and what it wrote.
    fn left(&self) -> Scope {
        Scope {
            stage: self.scope.stage,
            access: self.writes,
        }
    }
}

fn layout(how: Use, resource: &Resource) -> vk::ImageLayout {
    match resource.kind {
        Kind::Image(_) => how.layout(),
        Kind::Buffer(_) => vk::ImageLayout::UNDEFINED,
    }
}

/// Adds a use to the steps of a resource: to one that is there where nothing has to be waited for in between.
pub(super) fn push(
    steps: &mut Vec<Step>,
    pass: usize,
    queue: Queue,
    how: Use,
    resource: &Resource,
) {
    let step = Step::new(pass, queue, how, resource);
    // Reads since the last write go together, one step a queue; several uses of one pass see to themselves.
    let joins = |other: &Step| {
        other.queue == queue
            && other.layout == step.layout
            && (other.reads() && step.reads() || other.first_pass == pass)
    };
    let since_write = steps
        .iter()
        .rposition(|other| !other.reads() || other.layout != step.layout)
        .unwrap_or(0);
    if let Some(other) = steps[since_write..].iter_mut().find(|other| joins(other)) {
        other.last_pass = pass;
        other.scope.add(step.scope);
        other.writes |= step.writes;
    } else {
        steps.push(step);
    }
}

/// By step: the steps of the other queue that it has to wait for. Those that only read do not wait for one another.
pub(super) fn waits(steps: &[Step]) -> Vec<Vec<usize>> {
    let mut waits = vec![Vec::new(); steps.len()];
    // The last step that wrote or changed the layout, and those that have read since.
    let mut write: Option<usize> = None;
    let mut reads: Vec<usize> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let layout = reads
            .last()
            .copied()
            .or(write)
            .map(|before| steps[before].layout);
        if step.reads() && layout.is_none_or(|layout| layout == step.layout) {
            waits[i].extend(write);
            reads.push(i);
        } else {
            waits[i].extend(if reads.is_empty() {
                write.into_iter().collect::<Vec<_>>()
            } else {
                std::mem::take(&mut reads)
            });
            reads.clear();
            write = Some(i);
        }
        waits[i].retain(|&before| steps[before].queue != step.queue);
    }
    waits
}

/// The last step of the queue that draws where the last ones only read, or else the last step.
fn last_of(steps: &[Step]) -> Option<&Step> {
    let reading = steps.iter().rev().take_while(|step| step.reads());
    reading
        .into_iter()
        .find(|step| step.queue == Queue::Graphics)
        .or(steps.last())
}

/// All barriers of a frame.
pub(super) struct Plan {
    /// By pass.
    pub(super) before: Vec<Vec<Barrier>>,
    pub(super) end: Vec<Barrier>,
}

pub(super) fn all(
    resources: &[Resource],
    steps: &[Vec<Step>],
    lifetimes: &[Option<Lifetime>],
    placements: &[Option<Placement>],
    passes: usize,
) -> Plan {
    let mut plan = Plan {
        before: vec![Vec::new(); passes],
        end: Vec::new(),
    };
    for (index, (resource, own)) in resources.iter().zip(steps).enumerate() {
        let id = ResourceId(index as u32);
        let (Some(first), Some(last)) = (own.first(), last_of(own)) else {
            continue;
        };
        let end = resource
            .end
            .map(|end| Step::new(passes, Queue::Graphics, end, resource));
        let before = match resource.origin {
            Origin::Transient => Before {
                left: memory_left(index, first, steps, lifetimes, placements),
                queue: if own.iter().all(|step| step.queue == first.queue) {
                    first.queue
                } else {
                    last.queue
                },
                layout: vk::ImageLayout::UNDEFINED,
            },
            // As the frame before left it.
            Origin::Kept => {
                let left = end.as_ref().unwrap_or(last);
                Before {
                    left: left.left(),
                    queue: left.queue,
                    layout: left.layout,
                }
            }
            Origin::Given(how) => Before {
                left: Scope {
                    stage: how.stage(),
                    access: how.writes(),
                },
                queue: Queue::Graphics,
                layout: vk::ImageLayout::UNDEFINED,
            },
        };
        plan.before[first.first_pass].extend(between(id, before, first));
        for (i, step) in own.iter().enumerate().skip(1) {
            // Reads on the other queue in between have changed nothing, but the one that changed the layout for all.
            let changed = |k: usize| k == 0 || own[k - 1].layout != own[k].layout;
            let before = (0..i)
                .rev()
                .find(|&k| {
                    let before = &own[k];
                    !(before.reads()
                        && step.reads()
                        && before.queue != step.queue
                        && before.layout == step.layout)
                        || changed(k)
                })
                .map_or(&own[i - 1], |k| &own[k]);
            let before = Before {
                left: before.left(),
                queue: before.queue,
                layout: before.layout,
            };
            plan.before[step.first_pass].extend(between(id, before, step));
        }
        if let Some(end) = end {
            let before = Before {
                left: last.left(),
                queue: last.queue,
                layout: last.layout,
            };
            plan.end.extend(between(id, before, &end));
        }
    }
    plan
}

/// What happened to a resource before a step.
struct Before {
    left: Scope,
    queue: Queue,
    layout: vk::ImageLayout,
}

fn between(resource: ResourceId, before: Before, step: &Step) -> Option<Barrier> {
    let same = before.layout == step.layout;
    if same && before.left.access.is_empty() && step.writes.is_empty() {
        // Reads after reads.
        return None;
    }
    let from = if before.queue == step.queue {
        before.left
    } else {
        // A semaphore has waited, at these stages, and made everything visible.
        Scope {
            stage: step.scope.stage,
            access: vk::AccessFlags2::NONE,
        }
    };
    if same && before.queue != step.queue {
        return None;
    }
    Some(Barrier {
        resource,
        from,
        to: step.scope,
        old: before.layout,
        new: step.layout,
    })
}

/// What was last done to the memory of a transient resource before its first use: by what lay there earlier in the frame, or
/// else by what lay there in the frame before.
fn memory_left(
    index: usize,
    first: &Step,
    steps: &[Vec<Step>],
    lifetimes: &[Option<Lifetime>],
    placements: &[Option<Placement>],
) -> Scope {
    let Some(own) = &placements[index] else {
        return Scope::default();
    };
    let others: Vec<(usize, &Placement, &Step)> = placements
        .iter()
        .enumerate()
        .filter_map(|(i, placement)| Some((i, placement.as_ref()?, last_of(&steps[i])?)))
        .filter(|(_, placement, _)| placement.overlaps(own))
        .collect();
    let earlier = |i: usize| {
        i != index
            && lifetimes[i]
                .as_ref()
                .is_some_and(|lifetime| lifetime.passes.end <= first.first_pass)
    };
    // One that covered all of it has itself waited for everything before.
    let cover = others
        .iter()
        .filter(|(i, placement, _)| {
            earlier(*i)
                && placement.offset <= own.offset
                && own.offset + own.size <= placement.offset + placement.size
        })
        .map(|(_, _, last)| last.last_pass)
        .max();
    let mut scope = Scope::default();
    for (i, _, last) in others {
        let counts = match cover {
            Some(pass) => earlier(i) && last.last_pass >= pass,
            None => true,
        };
        if counts {
            scope.add(last.left());
        }
    }
    scope
}
