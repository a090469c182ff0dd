//! Groups in their final order, in pages, with tables over them.

use std::sync::Arc;

use super::{
    BuildError, hierarchy::hierarchy, parallel::Workers, rounds::BuiltGroup, split::morton,
    vertices::Source,
};
use crate::clusters::{
    ClusterInfo, ClusterMesh, Group, MemoryPages, NO_GROUP, NodeChild, PAGE_BYTES_MAX,
    PAGE_HEADER_WORDS, PAGE_TAIL_WORDS, PageInfo,
};

/// Words of a page beside groups.
const FRAME: usize = PAGE_HEADER_WORDS + PAGE_TAIL_WORDS;

pub(super) fn assemble(
    source: &Source,
    groups: Vec<BuiltGroup>,
    workers: &mut Workers<'_>,
) -> Result<ClusterMesh, BuildError> {
    workers.tell(0, 3)?;
    // Coarsest first, and near ones together.
    let mut order: Vec<u32> = (0..groups.len() as u32).collect();
    order.sort_by_cached_key(|&i| {
        let group = &groups[i as usize];
        let place = morton(source, source.grid_point(group.cull.center));
        (std::cmp::Reverse(group.round), place, i)
    });
    let mut number = vec![0; groups.len()];
    for (new, &old) in (0..).zip(&order) {
        number[old as usize] = new;
    }
    let mut slots: Vec<Option<BuiltGroup>> = groups.into_iter().map(Some).collect();
    let mut groups: Vec<BuiltGroup> = order
        .iter()
        .map(|&old| slots[old as usize].take().expect("each once"))
        .collect();
    for record in groups.iter_mut().flat_map(|g| &mut g.encoded.records) {
        if record.refined != NO_GROUP {
            record.refined = number[record.refined as usize];
        }
    }
    if groups.len() >= NodeChild::GROUP as usize {
        return Err(BuildError::TooLarge("groups"));
    }
    workers.tell(1, 3)?;

    let pages = fill(&groups);
    let mut table: Vec<Group> = Vec::with_capacity(groups.len());
    for (page, range) in (0..).zip(&pages) {
        let mut first = 0;
        for group in &groups[range.clone()] {
            let count = group.encoded.records.len() as u32;
            table.push(Group {
                sphere: group.sphere,
                error: group.error,
                page,
                clusters: first | count << 16,
                level: group.level,
            });
            first += count;
        }
    }
    let mut needs: Vec<Vec<u32>> = vec![Vec::new(); pages.len()];
    for (group, entry) in groups.iter().zip(&table) {
        for record in &group.encoded.records {
            if let Some(refined) = table.get(record.refined as usize)
                && refined.page != entry.page
            {
                needs[refined.page as usize].push(entry.page);
            }
        }
    }
    for needs in &mut needs {
        needs.sort_unstable();
        needs.dedup();
    }
    let nodes = hierarchy(&groups, f64::from(source.extent()) * 5e-7);
    workers.tell(2, 3)?;

    let records = || groups.iter().flat_map(|g| &g.encoded.records);
    let triangles: u64 = records().map(|r| u64::from(r.triangle_count())).sum();
    let halves = |v: u64| [v as u32, (v >> 32) as u32];
    let [min, max] = source.bounds();
    let info = ClusterInfo {
        origin: source.grid.origin,
        step: source.grid.step,
        uv_origin: source.uv_origin,
        uv_step: source.uv_step,
        flags: source.flags,
        min,
        max,
        nodes: nodes.len() as u32,
        groups: groups.len() as u32,
        pages: pages.len() as u32,
        root_pages: pages.iter().filter(|p| table[p.start].is_root()).count() as u32,
        clusters: records().count() as u32,
        levels: records().map(|r| r.level).max().unwrap_or(0) + 1,
        source_triangles: halves(source.triangles.len() as u64),
        triangles: halves(triangles),
        reserved: [0; 5],
    };
    let mut words = Vec::with_capacity(pages.len());
    let mut page_table = Vec::with_capacity(pages.len());
    for (range, needs) in pages.into_iter().zip(needs) {
        let page = join(&mut groups[range]);
        page_table.push(PageInfo {
            bytes: page.len() as u32 * 4,
            clusters: page[0],
            needs,
        });
        words.push(page);
    }
    let made = ClusterMesh::new(info, nodes, table, page_table, Arc::new(MemoryPages(words)));
    workers.tell(3, 3)?;
    // The builder keeps the rules of the format: tests read back what it makes.
    Ok(made.expect("a mesh by the rules"))
}

/// Which groups each page has: as many as fit. Pages with roots have nothing else.
fn fill(groups: &[BuiltGroup]) -> Vec<std::ops::Range<usize>> {
    let mut pages = Vec::new();
    let (mut start, mut words) = (0, FRAME);
    for (i, group) in groups.iter().enumerate() {
        let own = group.encoded.words();
        let mixed = i > 0 && groups[i - 1].error == f32::MAX && group.error != f32::MAX;
        if i > start && (mixed || (words + own) * 4 > PAGE_BYTES_MAX) {
            pages.push(start..i);
            (start, words) = (i, FRAME);
        }
        words += own;
    }
    pages.push(start..groups.len());
    pages
}

/// The words of a page; the groups' streams are taken out.
fn join(groups: &mut [BuiltGroup]) -> Vec<u32> {
    let clusters: usize = groups.iter().map(|g| g.encoded.records.len()).sum();
    let words: usize = groups.iter().map(|g| g.encoded.words()).sum::<usize>() + FRAME;
    let mut page = Vec::with_capacity(words);
    page.extend([clusters as u32, words as u32, 0, 0]);
    let mut at = (PAGE_HEADER_WORDS + clusters * 20) as u32;
    for group in groups.iter_mut() {
        for record in &mut group.encoded.records {
            record.positions += at;
            record.attributes += at;
            record.triangles += at;
        }
        at += group.encoded.data.len() as u32;
        page.extend_from_slice(bytemuck::cast_slice(&group.encoded.records));
    }
    for group in groups {
        page.append(&mut group.encoded.data);
    }
    page.extend([0; PAGE_TAIL_WORDS]);
    page
}
