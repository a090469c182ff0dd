//! A cluster mesh: what is always resident, checked, and where its pages come from.

use std::{fmt, sync::Arc};

use super::{
    CLUSTER_TRIANGLES_MAX, ClusterError, ClusterInfo, DEPTH_MAX, Group, Node, NodeChild,
    PAGE_BYTES_MAX, PAGE_HEADER_WORDS, PAGE_TAIL_WORDS, Page, Sphere, data::is_length,
    error::record, flags,
};

/// Where pages come from. Called from any thread.
pub trait PageSource: Send + Sync {
    /// The words of page `page`, as they came: nobody has checked them. `page` is below the number of pages.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read(&self, page: u32) -> Result<Vec<u32>, ClusterError>;

    /// The bytes that page `page` takes where it is kept, where that is known.
    fn stored_bytes(&self, page: u32) -> Option<u32> {
        let _ = page;
        None
    }
}

/// Pages that lie in memory.
#[derive(Debug)]
pub struct MemoryPages(pub Vec<Vec<u32>>);

impl PageSource for MemoryPages {
    fn read(&self, page: u32) -> Result<Vec<u32>, ClusterError> {
        let none = || ClusterError::NoPage {
            page,
            pages: self.0.len() as u32,
        };
        self.0.get(page as usize).cloned().ok_or_else(none)
    }
}

/// What is known of a page before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageInfo {
    /// Its size, bytes; a multiple of 4, at most [`PAGE_BYTES_MAX`].
    pub bytes: u32,
    /// How many clusters it has.
    pub clusters: u32,
    /// The pages that have to be resident wherever it is: smaller numbers, rising.
    pub needs: Vec<u32>,
}

/// A mesh as a graph of clusters: what is always resident, and a source of its pages. Cloning shares both.
///
/// ```
/// # #[cfg(feature = "mesh-processing")] {
/// use storm_assets::{Mesh, clusters};
///
/// let mesh = Mesh {
///     positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
///     indices: vec![0, 1, 2],
///     ..Mesh::default()
/// };
/// let built = clusters::build(&mesh, &clusters::BuildOptions::default())?;
/// assert_eq!(built.info().source_triangle_count(), 1);
/// let page = built.read_page(0)?;
/// assert_eq!(page.cluster(0, built.info()).positions[1], [1.0, 0.0, 0.0]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClusterMesh {
    tables: Arc<Tables>,
    source: Arc<dyn PageSource>,
}

/// What is always resident.
#[derive(Debug, PartialEq)]
struct Tables {
    info: ClusterInfo,
    nodes: Vec<Node>,
    groups: Vec<Group>,
    pages: Vec<PageInfo>,
}

impl fmt::Debug for ClusterMesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterMesh")
            .field("info", self.info())
            .finish_non_exhaustive()
    }
}

impl ClusterMesh {
    /// A mesh of these tables. Every rule of the format is checked that needs no page. Cost: O(nodes + groups + pages).
    ///
    /// # Errors
    /// When a rule is broken.
    pub fn new(
        info: ClusterInfo,
        nodes: Vec<Node>,
        groups: Vec<Group>,
        pages: Vec<PageInfo>,
        source: Arc<dyn PageSource>,
    ) -> Result<Self, ClusterError> {
        let tables = Tables {
            info,
            nodes,
            groups,
            pages,
        };
        tables.check()?;
        Ok(Self {
            tables: Arc::new(tables),
            source,
        })
    }

    /// What holds for the whole mesh.
    #[must_use]
    pub fn info(&self) -> &ClusterInfo {
        &self.tables.info
    }

    /// The hierarchy; node 0 is its root, children follow their parents.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.tables.nodes
    }

    /// The groups, page by page, coarsest first.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.tables.groups
    }

    /// What is known of the pages before they are read.
    #[must_use]
    pub fn pages(&self) -> &[PageInfo] {
        &self.tables.pages
    }

    /// Reads page `page` and checks it. Blocks for as long as the source does; callable from any thread.
    ///
    /// # Errors
    /// When there is no such page, it cannot be read, or it breaks a rule of the format.
    pub fn read_page(&self, page: u32) -> Result<Page, ClusterError> {
        if page as usize >= self.pages().len() {
            return Err(ClusterError::NoPage {
                page,
                pages: self.pages().len() as u32,
            });
        }
        Page::check(self.source.read(page)?, self, page)
    }

    /// The bytes that page `page` takes where it is kept: fewer than its size where it is compressed.
    #[must_use]
    pub fn stored_bytes(&self, page: u32) -> Option<u32> {
        self.source.stored_bytes(page)
    }

    /// Reads and checks every page. Cost: reading them all.
    ///
    /// # Errors
    /// As [`ClusterMesh::read_page`].
    pub fn verify(&self) -> Result<(), ClusterError> {
        (0..self.info().pages).try_for_each(|page| self.read_page(page).map(drop))
    }

    /// The groups of a page: they are numbered without a gap.
    #[must_use]
    pub fn groups_of_page(&self, page: u32) -> std::ops::Range<usize> {
        let groups = self.groups();
        groups.partition_point(|g| g.page < page)..groups.partition_point(|g| g.page <= page)
    }

    /// Bytes of what is always resident beside the root pages.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        size_of::<ClusterInfo>()
            + size_of_val(self.nodes())
            + size_of_val(self.groups())
            + self
                .pages()
                .iter()
                .map(|page| 16 + 4 * page.needs.len())
                .sum::<usize>()
    }
}

impl Tables {
    /// Every rule that needs no page.
    fn check(&self) -> Result<(), ClusterError> {
        self.check_info()?;
        self.check_pages()?;
        self.check_groups()?;
        self.check_nodes()
    }

    fn check_info(&self) -> Result<(), ClusterError> {
        let info = &self.info;
        let no = |problem: &str| Err(record("info", 0, problem));
        let power_of_two = |v: f32| v.is_normal() && v > 0.0 && v.to_bits().trailing_zeros() >= 23;
        let floats = info.origin.iter().chain(info.uv_origin.as_flattened());
        if !floats
            .chain(&info.min)
            .chain(&info.max)
            .all(|v| v.is_finite())
        {
            return no("a number that is not finite");
        }
        // So that sums of two grid positions, and squares of lengths, stay in the range of a float.
        let far = info.min.iter().chain(&info.max).chain(&info.origin);
        if far.into_iter().any(|v| v.abs() > super::EXTENT_MAX) {
            return no("a position too far away");
        }
        if !power_of_two(info.step) || info.step > super::EXTENT_MAX {
            return no("a step that is no power of two in range");
        }
        if !info.uv_step.iter().all(|&v| power_of_two(v)) {
            return no("a UV step that is no power of two");
        }
        if info.flags & !flags::ALL != 0
            || (info.has(flags::TANGENTS) && !info.has(flags::NORMALS))
            || (info.has(flags::UV1) && !info.has(flags::UV0))
        {
            return no("flags that do not go together");
        }
        if (0..3).any(|i| info.min[i] > info.max[i]) {
            return no("an empty box");
        }
        for (what, count, found) in [
            ("nodes", info.nodes, self.nodes.len()),
            ("groups", info.groups, self.groups.len()),
            ("pages", info.pages, self.pages.len()),
        ] {
            if count as usize != found || found == 0 || found >= NodeChild::GROUP as usize {
                return Err(record("info", 0, format!("{count} {what}, {found} found")));
            }
        }
        if info.root_pages == 0 || info.root_pages > info.pages {
            return no("root pages that are none or more than there are");
        }
        if info.levels == 0 || info.levels > 256 {
            return no("levels that are none or over 256");
        }
        let clusters: u64 = self.pages.iter().map(|p| u64::from(p.clusters)).sum();
        if clusters != u64::from(info.clusters) {
            return Err(record(
                "info",
                0,
                format!("{} clusters, {clusters} found", info.clusters),
            ));
        }
        // So that sums over instances stay in 64 bits, and nothing is said that is not there.
        let (source, all) = (info.source_triangle_count(), info.triangle_count());
        if source > all || all > clusters * CLUSTER_TRIANGLES_MAX as u64 {
            return no("more triangles than its clusters can have");
        }
        Ok(())
    }

    fn check_pages(&self) -> Result<(), ClusterError> {
        for (i, page) in self.pages.iter().enumerate() {
            let no = |problem: &str| Err(record("page record", i, problem));
            let words = page.bytes as usize / 4;
            let records = PAGE_HEADER_WORDS + PAGE_TAIL_WORDS + page.clusters as usize * 20;
            if !page.bytes.is_multiple_of(4)
                || page.bytes as usize > PAGE_BYTES_MAX
                || words < records
                || page.clusters == 0
            {
                return no("a size that does not fit");
            }
            if !page.needs.is_sorted_by(|a, b| a < b)
                || page.needs.last().is_some_and(|&n| n as usize >= i)
            {
                return no("needed pages that do not rise, or are not before it");
            }
            if (i as u32) < self.info.root_pages && !page.needs.is_empty() {
                return no("a root page that needs others");
            }
        }
        Ok(())
    }

    fn check_groups(&self) -> Result<(), ClusterError> {
        // Groups fill pages in order: a page's groups and their clusters follow each other without a gap.
        let (mut page, mut next) = (0u32, 0u32);
        for (i, group) in self.groups.iter().enumerate() {
            let no = |problem: &str| Err(record("group", i, problem));
            if group.page as usize >= self.pages.len() {
                return no("a page that is not there");
            }
            if group.page != page {
                if group.page != page + 1 || next != self.pages[page as usize].clusters {
                    return no("not where the one before it ends");
                }
                (page, next) = (group.page, 0);
            }
            if group.cluster_count() == 0 || group.first_cluster() != next {
                return no("clusters that do not follow those of the group before it");
            }
            next += group.cluster_count();
            if next > self.pages[page as usize].clusters {
                return no("more clusters than its page has");
            }
            if !group.sphere.is_valid() || !is_length(group.error) {
                return no("a sphere or an error that is none");
            }
            if group.is_root() != (group.page < self.info.root_pages) {
                return no("in a root page while it is not a root, or the reverse");
            }
            if group.level >= self.info.levels {
                return no("a level that is not there");
            }
        }
        if page as usize + 1 != self.pages.len() || next != self.pages[page as usize].clusters {
            return Err(record("group", self.groups.len(), "missing"));
        }
        Ok(())
    }

    fn check_nodes(&self) -> Result<(), ClusterError> {
        // Each node but the root, and each group, has exactly one parent: so what the GPU queues is bounded by their numbers.
        let mut depth = vec![0u8; self.nodes.len()];
        let mut seen = vec![false; self.groups.len()];
        depth[0] = 1;
        for (i, node) in self.nodes.iter().enumerate() {
            let no = |problem: &str| Err(record("node", i, problem));
            if node.count == 0 || node.count > 8 {
                return no("a number of children that is not 1 to 8");
            }
            if depth[i] == 0 {
                return no("no parent before it");
            }
            for child in node.children() {
                if !child.cull.is_valid() || !child.sphere.is_valid() || !is_length(child.error) {
                    return no("a sphere or an error that is none");
                }
                let target = (child.target & !NodeChild::GROUP) as usize;
                if child.target & NodeChild::GROUP != 0 {
                    let Some(group) = self.groups.get(target) else {
                        return no("a group that is not there");
                    };
                    if std::mem::replace(&mut seen[target], true) {
                        return no("a group that another node has");
                    }
                    if (child.sphere, child.error) != (group.sphere, group.error) {
                        return no("not the sphere and error of its group");
                    }
                } else {
                    if target <= i || target >= self.nodes.len() || depth[target] != 0 {
                        return no("a child that is before it, not there, or another's");
                    }
                    if depth[i] as usize >= DEPTH_MAX {
                        return no("too deep");
                    }
                    depth[target] = depth[i] + 1;
                    let below = self.nodes[target].children();
                    if below.iter().any(|b| b.error > child.error) {
                        return no("an error that is less than one below");
                    }
                }
            }
        }
        match seen.iter().position(|seen| !seen) {
            Some(group) => Err(record("group", group, "in no node")),
            None => Ok(()),
        }
    }
}

impl Sphere {
    /// Whether it holds `other`, but for `slack` metres.
    #[must_use]
    pub fn holds(&self, other: &Self, slack: f32) -> bool {
        let d: f64 = (0..3)
            .map(|i| (f64::from(self.center[i]) - f64::from(other.center[i])).powi(2))
            .sum();
        d.sqrt() + f64::from(other.radius) <= f64::from(self.radius) + f64::from(slack)
    }
}
