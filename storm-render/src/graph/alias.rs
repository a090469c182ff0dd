//! Memory of transient resources: those that are never in use at the same time share it.
//!
//! Largest first, each at the lowest place where it overlaps nothing that lives at the same time (Wilson et al. 1995,
//! best fit by size). Images and buffers have blocks of their own, so that their granularities do not mix.

use std::ops::Range;

/// What memory a resource needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requirements {
    pub(crate) size: u64,
    pub(crate) alignment: u64,
    /// Memory types that will do, a bit each.
    pub(crate) types: u32,
}

/// When a resource is in use, and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) passes: Range<usize>,
    pub(crate) image: bool,
    pub(crate) needs: Requirements,
}

/// Where a resource lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) block: usize,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Placement {
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.block == other.block
            && self.offset < other.offset + other.size
            && other.offset < self.offset + self.size
    }
}

/// A block of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) image: bool,
    pub(crate) needs: Requirements,
}

/// Places every resource that has a lifetime.
pub(crate) fn place(lifetimes: &[Option<Lifetime>]) -> (Vec<Option<Placement>>, Vec<Block>) {
    let mut order: Vec<(usize, &Lifetime)> = lifetimes
        .iter()
        .enumerate()
        .filter_map(|(i, lifetime)| lifetime.as_ref().map(|lifetime| (i, lifetime)))
        .collect();
    order.sort_by_key(|(i, lifetime)| (std::cmp::Reverse(lifetime.needs.size), *i));
    let mut placements: Vec<Option<Placement>> = vec![None; lifetimes.len()];
    let mut blocks: Vec<Block> = Vec::new();
    for (index, lifetime) in order {
        let Requirements {
            size,
            alignment,
            types,
        } = lifetime.needs;
        let block = blocks
            .iter()
            .position(|block| block.image == lifetime.image && block.needs.types & types != 0)
            .unwrap_or_else(|| {
                blocks.push(Block {
                    image: lifetime.image,
                    needs: Requirements {
                        size: 0,
                        alignment: 1,
                        types,
                    },
                });
                blocks.len() - 1
            });
        // What lives at the same time in this block, by offset.
        let mut taken: Vec<Placement> = placements
            .iter()
            .zip(lifetimes)
            .filter_map(|(placement, other)| Some((placement.as_ref()?, other.as_ref()?)))
            .filter(|(placement, other)| {
                placement.block == block
                    && other.passes.start < lifetime.passes.end
                    && lifetime.passes.start < other.passes.end
            })
            .map(|(placement, _)| *placement)
            .collect();
        taken.sort_by_key(|placement| placement.offset);
        let mut offset = 0_u64;
        for other in taken {
            if offset + size <= other.offset {
                break;
            }
            offset = offset.max((other.offset + other.size).next_multiple_of(alignment));
        }
        placements[index] = Some(Placement {
            block,
            offset,
            size,
        });
        let needs = &mut blocks[block].needs;
        needs.size = needs.size.max(offset + size);
        needs.alignment = needs.alignment.max(alignment);
        needs.types &= types;
    }
    (placements, blocks)
}
