//! How much memory a world holds, and giving back what it does not use.

use crate::removed::RemovalLog;
use crate::table::TableId;
use crate::world::World;

/// Bytes that a world has allocated, by use. What components themselves allocate (strings, vectors) is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryReport {
    /// Live entities.
    pub entities: usize,
    /// Bytes of the slot array and its free list.
    pub entity_bytes: usize,
    /// Bytes of the logs of removed components.
    pub log_bytes: usize,
    /// One entry a table.
    pub tables: Vec<TableMemory>,
    /// One entry a sparse component.
    pub sparse: Vec<SparseMemory>,
}

/// One sparse component's share of a [`MemoryReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SparseMemory {
    /// Name of the component.
    pub component: &'static str,
    /// Entities that have it.
    pub rows: usize,
    /// Bytes of values, owners and pages.
    pub bytes: usize,
    /// Bytes of change ticks.
    pub tick_bytes: usize,
}

/// One table's share of a [`MemoryReport`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableMemory {
    /// The table.
    pub id: TableId,
    /// Names of its components.
    pub components: Vec<&'static str>,
    /// Rows in use.
    pub rows: usize,
    /// Rows there is room for.
    pub capacity: usize,
    /// Bytes of columns and ids.
    pub bytes: usize,
    /// Bytes of change ticks.
    pub tick_bytes: usize,
    /// Bytes of the log of despawns.
    pub log_bytes: usize,
}

impl MemoryReport {
    /// All bytes together.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        let of = |table: &TableMemory| table.bytes + table.tick_bytes + table.log_bytes;
        let sparse = |set: &SparseMemory| set.bytes + set.tick_bytes;
        self.entity_bytes
            + self.log_bytes
            + self.tables.iter().map(of).sum::<usize>()
            + self.sparse.iter().map(sparse).sum::<usize>()
    }
}

impl World {
    /// What memory this world holds.
    #[must_use]
    pub fn memory_report(&mut self) -> MemoryReport {
        let registry = &self.registry;
        let tables = self.tables.iter_mut().map(|table| TableMemory {
            id: table.id(),
            components: table
                .components()
                .map(|id| registry.info(id).name())
                .collect(),
            rows: table.len(),
            capacity: table.capacity(),
            bytes: table.bytes(),
            log_bytes: table.despawned().bytes(),
            tick_bytes: table.tick_bytes(),
        });
        MemoryReport {
            entities: self.entities.len(),
            entity_bytes: self.entities.bytes(),
            log_bytes: self.removed.iter().map(RemovalLog::bytes).sum(),
            tables: tables.collect(),
            sparse: self
                .sparse
                .iter_mut()
                .map(|set| SparseMemory {
                    component: registry.info(set.id()).name(),
                    rows: set.dense().len(),
                    bytes: set.bytes(),
                    tick_bytes: set.dense_mut().tick_bytes(),
                })
                .collect(),
        }
    }

    /// Gives back room that no row uses, table by table, until the rows copied in doing so exceed `budget` bytes. Returns the bytes freed.
    ///
    /// Call it again to go on; 0 means that there is nothing left to free.
    pub fn compact(&mut self, budget: usize) -> usize {
        let (mut freed, mut copied) = (0, 0);
        for table in &mut self.tables {
            if table.capacity() == table.len() {
                continue;
            }
            freed += table.shrink();
            copied += table.bytes();
            if copied > budget {
                return freed;
            }
        }
        for set in self.sparse.iter_mut() {
            freed += set.shrink();
            copied += set.bytes();
            if copied > budget {
                break;
            }
        }
        freed
    }
}
