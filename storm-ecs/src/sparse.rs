//! Sparse components: for each, a set of its own, apart from the tables of its owners.
//!
//! Values lie side by side in a table of one column, so change ticks, drops and growth are those of tables. Pages lead from an entity's
//! index to its row. Inserting, removing and looking up take constant time and move no entity.
//!
//! Invariant: for each row `r` of `dense`, the page entry of its entity's index is `r`; all other entries are `NONE`.
#![expect(unsafe_code, reason = "rows are pushed before they are written")]

use crate::column::Column;
use crate::component::{ComponentId, Registry};
use crate::entity::Entity;
use crate::table::{Table, TableId};

const PAGE: usize = 4096;
const NONE: u32 = u32::MAX;

type Page = Box<[u32; PAGE]>;

/// The values of one sparse component.
#[derive(Debug)]
pub(crate) struct SparseSet {
    id: ComponentId,
    dense: Table,
    pages: Vec<Option<Page>>,
}

impl SparseSet {
    fn new(id: ComponentId, registry: &Registry) -> Self {
        Self {
            id,
            dense: Table::new(TableId(u32::MAX, 0), &[id], registry),
            pages: Vec::new(),
        }
    }

    /// The component.
    pub(crate) fn id(&self) -> ComponentId {
        self.id
    }

    /// Values, owners and ticks.
    #[inline]
    pub(crate) fn dense(&self) -> &Table {
        &self.dense
    }

    pub(crate) fn dense_mut(&mut self) -> &mut Table {
        &mut self.dense
    }

    #[inline]
    pub(crate) fn column(&self) -> &Column {
        &self.dense.columns()[0]
    }

    /// The row of an entity, if it has the component. A stale handle has none.
    #[inline]
    pub(crate) fn row(&self, entity: Entity) -> Option<usize> {
        let index = entity.index() as usize;
        let row = self.pages.get(index / PAGE)?.as_ref()?[index % PAGE] as usize;
        (*self.dense.entities().get(row)? == entity).then_some(row)
    }

    #[inline]
    fn entry(&mut self, entity: Entity) -> &mut u32 {
        let (page, place) = (
            entity.index() as usize / PAGE,
            entity.index() as usize % PAGE,
        );
        if self.pages.get(page).is_none_or(Option::is_none) {
            self.add_page(page);
        }
        match &mut self.pages[page] {
            Some(page) => &mut page[place],
            None => unreachable!("made just now"),
        }
    }

    #[cold]
    fn add_page(&mut self, page: usize) {
        if page >= self.pages.len() {
            self.pages.resize_with(page + 1, || None);
        }
        self.pages[page] = Some(Box::new([NONE; PAGE]));
    }

    /// Adds a row for an entity that has none, and leaves its value unwritten.
    ///
    /// # Safety
    /// The caller writes the value before anyone reads it.
    pub(crate) unsafe fn push(&mut self, entity: Entity, tick: u32) -> usize {
        debug_assert!(self.row(entity).is_none());
        let row = self.dense.len();
        // If the push panics, the entry names a row that is not there: it reads as none.
        *self.entry(entity) = row as u32;
        // SAFETY: as the caller promises.
        unsafe { self.dense.push(entity, tick) }
    }

    /// Takes the row of an entity out; its value waits for [`drop_detached`](Self::drop_detached). Says whether there was one.
    pub(crate) fn detach(&mut self, entity: Entity) -> bool {
        let Some(row) = self.row(entity) else {
            return false;
        };
        if let Some(moved) = self.dense.detach(row) {
            *self.entry(moved) = row as u32;
        }
        *self.entry(entity) = NONE;
        true
    }

    /// Drops the value that the last `detach` took out.
    ///
    /// # Safety
    /// The set has not been touched since.
    pub(crate) unsafe fn drop_detached(&self) {
        // SAFETY: the only column was doomed by `detach`, as the caller promises.
        unsafe { self.dense.drop_detached(0..1) };
    }

    /// Drops all values.
    pub(crate) fn clear(&mut self) {
        self.pages.clear();
        self.dense.clear();
    }

    /// Makes the pages anew from the rows of `dense`, which somebody filled.
    pub(crate) fn index(&mut self) {
        self.pages.clear();
        for row in 0..self.dense.len() {
            let entity = self.dense.entities()[row];
            *self.entry(entity) = row as u32;
        }
    }

    /// Frees the room that no row uses; says how many bytes that was.
    pub(crate) fn shrink(&mut self) -> usize {
        let mut freed = self.dense.shrink();
        for page in &mut self.pages {
            if page
                .as_ref()
                .is_some_and(|page| page.iter().all(|&row| row == NONE))
            {
                *page = None;
                freed += PAGE * size_of::<u32>();
            }
        }
        freed
    }

    /// Bytes on the heap, values and pages.
    pub(crate) fn bytes(&self) -> usize {
        let pages = self.pages.iter().flatten().count();
        self.dense.bytes()
            + pages * PAGE * size_of::<u32>()
            + self.pages.capacity() * size_of::<Option<Page>>()
    }
}

/// The sparse sets of a world.
#[derive(Debug, Default)]
pub struct SparseSets {
    /// By component.
    sets: Vec<Option<Box<SparseSet>>>,
    /// Components that have one.
    ids: Vec<ComponentId>,
}

impl SparseSets {
    /// Makes room for a component's set.
    pub(crate) fn add(&mut self, id: ComponentId, registry: &Registry) {
        if id.index() >= self.sets.len() {
            self.sets.resize_with(id.index() + 1, || None);
        }
        self.sets[id.index()] = Some(Box::new(SparseSet::new(id, registry)));
        self.ids.push(id);
    }

    pub(crate) fn remove(&mut self, id: ComponentId) {
        if let Some(set) = self.sets.get_mut(id.index()) {
            *set = None;
        }
        self.ids.retain(|&other| other != id);
    }

    #[inline]
    pub(crate) fn get(&self, id: ComponentId) -> Option<&SparseSet> {
        self.sets.get(id.index())?.as_deref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: ComponentId) -> Option<&mut SparseSet> {
        self.sets.get_mut(id.index())?.as_deref_mut()
    }

    /// Components that have a set, in the order in which they became known.
    #[inline]
    pub(crate) fn ids(&self) -> &[ComponentId] {
        &self.ids
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SparseSet> {
        self.sets.iter().flatten().map(|set| &**set)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut SparseSet> {
        self.sets.iter_mut().flatten().map(|set| &mut **set)
    }
}
