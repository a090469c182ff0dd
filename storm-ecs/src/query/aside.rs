//! What a query needs of components that are not columns of the table: sparse sets and tags.

use crate::component::{Component, ComponentId, Storage};
use crate::entity::Entity;
use crate::query::data::FetchTable;
use crate::sparse::{SparseSet, SparseSets};
use crate::table::tags::TagColumn;
use crate::track::BlockBits;

/// Finds one such component for the rows of a table. For components in columns it is empty and costs nothing.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Aside<'w> {
    entities: &'w [Entity],
    set: Option<&'w SparseSet>,
    tag: Option<&'w TagColumn>,
}

impl<'w> Aside<'w> {
    pub(crate) const NONE: Self = Self {
        entities: &[],
        set: None,
        tag: None,
    };

    #[inline]
    pub(crate) fn of<T: Component>(id: ComponentId, table: FetchTable<'w>) -> Self {
        match T::STORAGE {
            Storage::Table => Self::NONE,
            Storage::Sparse => Self {
                entities: table.table.entities(),
                set: table.sets.get(id),
                tag: None,
            },
            Storage::Tag => Self {
                entities: &[],
                set: None,
                tag: table.table.tags().get(id),
            },
        }
    }

    pub(crate) fn set(self) -> Option<&'w SparseSet> {
        self.set
    }

    pub(crate) fn tag(self) -> Option<&'w TagColumn> {
        self.tag
    }

    /// Whether any row may have it.
    #[inline]
    pub(crate) fn any(self) -> bool {
        self.set.is_some_and(|set| set.dense().len() > 0)
            || self.tag.is_some_and(|tag| tag.count() > 0)
    }

    /// The row in the sparse set of a row of the table.
    #[inline]
    pub(crate) fn sparse_row(self, row: usize) -> Option<usize> {
        self.set?.row(*self.entities.get(row)?)
    }

    /// The same, of a row that has it.
    #[inline]
    pub(crate) fn sparse_row_of_owner(self, row: usize) -> usize {
        match self.sparse_row(row) {
            Some(row) => row,
            None => unreachable!("the query visits owners only"),
        }
    }

    /// Whether a row has it.
    #[inline]
    pub(crate) fn row(self, row: usize) -> bool {
        match self.tag {
            Some(tag) => tag.has(row),
            None => self.sparse_row(row).is_some(),
        }
    }

    /// A bit for each of the rows `64 * word..` that has it.
    #[inline]
    pub(crate) fn word(self, word: usize) -> u64 {
        if let Some(tag) = self.tag {
            return tag.word(word);
        }
        if self.set.is_none() {
            return 0;
        }
        let rows = word * 64..self.entities.len().min(word * 64 + 64);
        rows.fold(0, |bits, row| bits | u64::from(self.row(row)) << (row % 64))
    }

    /// A bit for each row of a block that has it.
    pub(crate) fn block(self, block: usize) -> BlockBits {
        let mut bits: BlockBits = [0; _];
        let words = bits.len();
        for (word, bits) in bits.iter_mut().enumerate() {
            *bits = self.word(block * words + word);
        }
        bits
    }
}

/// The smallest sparse set that all entities of a query are in: what the query goes through instead of tables.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Driver<'w>(Option<&'w [Entity]>);

impl<'w> Driver<'w> {
    /// Proposes the set of a component that the query requires.
    #[inline]
    pub(crate) fn propose<T: Component>(&mut self, id: ComponentId, sets: &'w SparseSets) {
        if matches!(T::STORAGE, Storage::Sparse) {
            let owners = sets.get(id).map_or(&[][..], |set| set.dense().entities());
            if self.0.is_none_or(|best| owners.len() < best.len()) {
                self.0 = Some(owners);
            }
        }
    }

    #[inline]
    pub(crate) fn entities(self) -> &'w [Entity] {
        self.0.unwrap_or(&[])
    }
}
