//! Reading the structure of a snapshot or delta: every count, offset, length and alignment is checked once, here. Nothing of the contents
//! is copied.
//!
//! Regions must follow each other in the order in which they are written. So no two overlap, and what they hold in total is bounded by
//! the number of bytes.

use crate::component::Component;
use crate::entity::Entity;
use crate::pod::Pod;
use crate::snapshot::RestoreOptions;
use crate::snapshot::error::SnapshotError;

/// What every snapshot begins with.
pub(crate) const MAGIC: [u8; 8] = *b"STORMECS";
/// The version that is written and read.
pub(crate) const VERSION: u16 = 1;
pub(crate) const HEADER: usize = 128;
pub(crate) const COMPONENT_ENTRY: usize = 32;
pub(crate) const TABLE_ENTRY: usize = 24;
pub(crate) const COLUMN_ENTRY: usize = 24;
pub(crate) const SECTION_ENTRY: usize = 24;
pub(crate) const PATCH_ENTRY: usize = 32;
/// In the component of a patch: its entities lose the component.
pub(crate) const LOST: u32 = 1 << 31;

/// What bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotKind {
    /// A whole world.
    Snapshot,
    /// What changed since a tick.
    Delta,
}

/// A snapshot or delta, seen in place: its structure is checked, its contents are where they were.
///
/// ```
/// use storm_ecs::{Component, RestoreOptions, SnapshotView, World};
/// #[derive(Component, Clone, Copy, Debug, PartialEq)]
/// #[component(pod)]
/// #[repr(C)]
/// struct Height(f32);
///
/// let mut world = World::new();
/// world.spawn_batch((0..3).map(|i| Height(i as f32)));
/// let snapshot = world.snapshot(&Default::default()).unwrap();
/// // The bytes may as well be a file that is mapped into memory.
/// let view = SnapshotView::parse(snapshot.as_bytes(), &RestoreOptions::default()).unwrap();
/// let heights: &[Height] = view.tables()[0].column_of::<Height>(&view).unwrap();
/// assert_eq!(heights, [Height(0.0), Height(1.0), Height(2.0)]);
/// ```
#[derive(Clone, Debug)]
pub struct SnapshotView<'a> {
    pub(crate) kind: SnapshotKind,
    pub(crate) since: u32,
    pub(crate) tick: u32,
    pub(crate) slots: u32,
    pub(crate) live: u32,
    /// The list of free slots, unless a delta leaves it as it was.
    pub(crate) free: Option<&'a [u8]>,
    /// Generations of all slots (2 bytes each) in a snapshot; dead slots (8 bytes each) in a delta.
    pub(crate) generations: &'a [u8],
    pub(crate) components: Vec<StoredComponent<'a>>,
    pub(crate) tables: Vec<SnapshotTable<'a>>,
    pub(crate) patches: Vec<Patch<'a>>,
    pub(crate) sections: Vec<(&'a str, &'a [u8])>,
}

/// A component, as the bytes name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredComponent<'a> {
    pub(crate) name: &'a str,
    pub(crate) hash: u64,
    pub(crate) size: u32,
    pub(crate) align: u32,
    pub(crate) pod: bool,
    /// Whether it is sparse or a tag: not a column of tables.
    pub(crate) aside: bool,
}

/// A table in the bytes.
#[derive(Clone, Debug)]
pub struct SnapshotTable<'a> {
    pub(crate) entities: &'a [u8],
    pub(crate) columns: Vec<SnapshotColumn<'a>>,
}

/// A column in the bytes.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotColumn<'a> {
    pub(crate) component: u32,
    pub(crate) data: &'a [u8],
}

/// New values of one component for entities that are where they were; or entities that lose a component which is not a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patch<'a> {
    pub(crate) component: u32,
    pub(crate) lost: bool,
    pub(crate) entities: &'a [u8],
    pub(crate) data: &'a [u8],
}

/// Handles in bytes, without tag.
pub(crate) fn handles(bytes: &[u8]) -> impl ExactSizeIterator<Item = Entity> + Clone + '_ {
    bytes
        .as_chunks::<8>()
        .0
        .iter()
        .map(|bytes| Entity::from_bits(u64::from_le_bytes(*bytes)))
}

pub(crate) fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u32> + Clone + '_ {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
}

/// Walks the regions in order.
struct Regions<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Regions<'a> {
    fn wrong(&self, expected: &'static str, found: u64) -> SnapshotError {
        SnapshotError::Format {
            at: self.at as u64,
            expected,
            found,
        }
    }

    /// The next region, which starts at the next multiple of `align`.
    fn next(&mut self, len: u64, align: usize) -> Result<&'a [u8], SnapshotError> {
        let start = self.at.next_multiple_of(align);
        let padding = self.bytes.get(self.at..start).unwrap_or(&[]);
        if let Some(&byte) = padding.iter().find(|&&byte| byte != 0) {
            return Err(self.wrong("zeros as padding", byte.into()));
        }
        let region = usize::try_from(len)
            .ok()
            .and_then(|len| self.bytes.get(start..)?.get(..len));
        match region {
            Some(region) => {
                self.at = start + region.len();
                Ok(region)
            }
            None => Err(self.wrong("that many bytes more", len)),
        }
    }

    /// The next region, whose stored offset has to be right.
    fn at(&mut self, offset: u64, len: u64, align: usize) -> Result<&'a [u8], SnapshotError> {
        let start = self.at.next_multiple_of(align);
        if offset != start as u64 {
            return Err(self.wrong("the offset of the next region", offset));
        }
        self.next(len, align)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes
        .get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Bytes of `count` rows of a Pod component: exact. Coded columns say their length.
fn column_length(component: &StoredComponent<'_>, count: u32, stated: u64) -> bool {
    !component.pod || u64::from(component.size) * u64::from(count) == stated
}

impl<'a> SnapshotView<'a> {
    /// Checks the structure of `bytes`: magic, version, counts against the options, every offset, length and alignment. Contents (generations, handles, values) are
    /// checked when they are put into a world.
    ///
    /// Costs in proportion to the number of tables, columns and components.
    ///
    /// # Errors
    /// What does not fit, and where.
    pub fn parse(bytes: &'a [u8], options: &RestoreOptions) -> Result<Self, SnapshotError> {
        let Some(header) = bytes.get(..HEADER).filter(|header| header[..8] == MAGIC) else {
            return Err(SnapshotError::NotASnapshot);
        };
        let found = u16_at(header, 8);
        if found != VERSION {
            return Err(SnapshotError::Version {
                expected: VERSION,
                found,
            });
        }
        let mut regions = Regions { bytes, at: 0 };
        let fail = |at: u64, expected: &'static str, found: u64| {
            Err(SnapshotError::Format {
                at,
                expected,
                found,
            })
        };
        let kind = match u16_at(header, 10) {
            0 => SnapshotKind::Snapshot,
            1 => SnapshotKind::Delta,
            other => return fail(10, "kind 0 or 1", other.into()),
        };
        let flags = u32_at(header, 12);
        if flags > 1 {
            return fail(12, "no flag but 1", flags.into());
        }
        if u64_at(header, 16) != bytes.len() as u64 {
            return fail(16, "as many bytes as there are", u64_at(header, 16));
        }
        let count = |at: usize| u32_at(header, at);
        let (tick, since, slots, free, live) =
            (count(24), count(28), count(32), count(36), count(40));
        let (components, tables, sections, patches, dead) =
            (count(44), count(48), count(52), count(56), count(60));
        if let Some(at) = (64..HEADER).find(|&at| header[at] != 0) {
            return fail(
                at as u64,
                "zeros to the end of the header",
                header[at].into(),
            );
        }
        let limit = |what, found: u32, limit: u32| match found > limit {
            true => Err(SnapshotError::Limit {
                what,
                limit: limit.into(),
                found: found.into(),
            }),
            false => Ok(()),
        };
        limit("entities", slots, options.max_entities)?;
        limit("tables", tables, options.max_tables)?;
        if live > slots || free > slots || dead > slots {
            return fail(
                32,
                "no more live, free or dead entities than slots",
                live.max(free).max(dead).into(),
            );
        }
        let delta = kind == SnapshotKind::Delta;
        if !delta && (dead > 0 || flags == 0 || since > 0) {
            return fail(60, "no dead slots in a snapshot", dead.into());
        }
        if flags == 0 && (free > 0 || dead > 0) {
            return fail(36, "no free list where nothing came or went", free.into());
        }
        regions.next(HEADER as u64, 1)?;

        let entries = regions.next(u64::from(components) * COMPONENT_ENTRY as u64, 8)?;
        let mut found = Vec::with_capacity(components as usize);
        for entry in entries.chunks_exact(COMPONENT_ENTRY) {
            let name = regions.next(u32_at(entry, 8).into(), 1)?;
            let name = core::str::from_utf8(name)
                .map_err(|error| regions.wrong("a name in UTF-8", error.valid_up_to() as u64))?;
            let pod = match u32_at(entry, 20) {
                0 => true,
                1 => false,
                other => return Err(regions.wrong("form 0 or 1", other.into())),
            };
            let aside = match u32_at(entry, 24) {
                0 => false,
                1 => true,
                other => return Err(regions.wrong("storage 0 or 1", other.into())),
            };
            found.push(StoredComponent {
                aside,
                name,
                hash: u64_at(entry, 0),
                size: u32_at(entry, 12),
                align: u32_at(entry, 16),
                pod,
            });
            if u32_at(entry, 28) != 0 {
                let found = u32_at(entry, 28).into();
                return Err(regions.wrong("zeros at the end of a component", found));
            }
        }
        let components = found;

        let entries = regions.next(u64::from(tables) * TABLE_ENTRY as u64, 8)?;
        let mut directory = Vec::with_capacity(tables as usize);
        for entry in entries.chunks_exact(TABLE_ENTRY) {
            let (rows, columns) = (u32_at(entry, 0), u32_at(entry, 4));
            if rows > slots {
                return Err(regions.wrong("no more rows than slots", rows.into()));
            }
            if columns as usize > components.len() {
                return Err(regions.wrong("no more columns than components", columns.into()));
            }
            directory.push((rows, columns, u64_at(entry, 8)));
            if u64_at(entry, 16) != 0 {
                return Err(regions.wrong("zeros at the end of a table", u64_at(entry, 16)));
            }
        }
        let mut column_entries = Vec::with_capacity(directory.len());
        for &(_, columns, _) in &directory {
            column_entries.push(regions.next(u64::from(columns) * COLUMN_ENTRY as u64, 8)?);
        }
        let patch_entries = regions.next(u64::from(patches) * PATCH_ENTRY as u64, 8)?;
        let section_entries = regions.next(u64::from(sections) * SECTION_ENTRY as u64, 8)?;
        let mut names = Vec::with_capacity(sections as usize);
        for entry in section_entries.chunks_exact(SECTION_ENTRY) {
            let name = regions.next(u32_at(entry, 16).into(), 1)?;
            names.push(
                core::str::from_utf8(name).map_err(|error| {
                    regions.wrong("a name in UTF-8", error.valid_up_to() as u64)
                })?,
            );
            if u32_at(entry, 20) != 0 {
                return Err(
                    regions.wrong("zeros at the end of a section", u32_at(entry, 20).into())
                );
            }
        }

        let generations = if delta {
            u64::from(dead) * 8
        } else {
            u64::from(slots) * 2
        };
        let generations = regions.next(generations, 64)?;
        let free = (flags == 1)
            .then(|| regions.next(u64::from(free) * 4, 64))
            .transpose()?;

        let mut tables = Vec::with_capacity(directory.len());
        let mut rows_in_all = 0u64;
        for (&(rows, _, offset), entries) in directory.iter().zip(column_entries) {
            rows_in_all += u64::from(rows);
            let entities = regions.at(offset, u64::from(rows) * 8, 64)?;
            let mut columns = Vec::with_capacity(entries.len() / COLUMN_ENTRY);
            for entry in entries.chunks_exact(COLUMN_ENTRY) {
                let (component, length) = (u32_at(entry, 0), u64_at(entry, 16));
                let stored = components.get(component as usize);
                let Some(stored) = stored.filter(|stored| !stored.aside) else {
                    return Err(regions.wrong("a component of tables", component.into()));
                };
                if columns
                    .last()
                    .is_some_and(|column: &SnapshotColumn<'_>| column.component >= component)
                {
                    return Err(regions.wrong("columns in ascending order", component.into()));
                }
                if !column_length(stored, rows, length) || u32_at(entry, 4) != 0 {
                    return Err(regions.wrong("one value a row", length));
                }
                columns.push(SnapshotColumn {
                    component,
                    data: regions.at(u64_at(entry, 8), length, 64)?,
                });
            }
            tables.push(SnapshotTable { entities, columns });
        }
        if !delta && rows_in_all != u64::from(live) {
            return Err(regions.wrong("as many rows as entities", rows_in_all));
        }
        let mut found = Vec::with_capacity(patches as usize);
        for entry in patch_entries.chunks_exact(PATCH_ENTRY) {
            let (component, count, length) =
                (u32_at(entry, 0), u32_at(entry, 4), u64_at(entry, 24));
            let lost = component & LOST != 0;
            let component = component & !LOST;
            let Some(stored) = components.get(component as usize) else {
                return Err(regions.wrong("a component of the list", component.into()));
            };
            if (!delta && !stored.aside) || (lost && !(delta && stored.aside)) {
                let expected = "patches that fit their kind and component";
                return Err(regions.wrong(expected, component.into()));
            }
            let one_each = match lost {
                true => length == 0,
                false => column_length(stored, count, length),
            };
            if !one_each || count > slots {
                return Err(regions.wrong("one value an entity", length));
            }
            let entities = regions.at(u64_at(entry, 8), u64::from(count) * 8, 64)?;
            found.push(Patch {
                component,
                lost,
                entities,
                data: regions.at(u64_at(entry, 16), length, 64)?,
            });
        }
        let mut sections = Vec::with_capacity(names.len());
        for (entry, name) in section_entries.chunks_exact(SECTION_ENTRY).zip(names) {
            sections.push((name, regions.at(u64_at(entry, 0), u64_at(entry, 8), 64)?));
        }
        if regions.at != bytes.len() {
            return Err(regions.wrong("the end", bytes.len() as u64));
        }
        Ok(Self {
            kind,
            since,
            tick,
            slots,
            live,
            free,
            generations,
            components,
            tables,
            patches: found,
            sections,
        })
    }

    /// Whether this is a whole world or a change.
    #[must_use]
    pub fn kind(&self) -> SnapshotKind {
        self.kind
    }

    /// The change tick that was closed when it was taken: what the next delta starts from.
    #[must_use]
    pub fn tick(&self) -> crate::tick::ChangeTick {
        crate::tick::ChangeTick::from_raw(self.tick)
    }

    /// The tick that a delta starts from; [`ChangeTick::NEVER`](crate::ChangeTick::NEVER) in a snapshot.
    #[must_use]
    pub fn since(&self) -> crate::tick::ChangeTick {
        crate::tick::ChangeTick::from_raw(self.since)
    }

    /// Entities alive once it is restored.
    #[must_use]
    pub fn entity_count(&self) -> usize {
        self.live as usize
    }

    /// The tables; in a delta, those of entities that came or moved.
    #[must_use]
    pub fn tables(&self) -> &[SnapshotTable<'a>] {
        &self.tables
    }

    /// Names of the components.
    pub fn components(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.components.iter().map(|component| component.name)
    }
}

impl<'a> SnapshotTable<'a> {
    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entities.len() / 8
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// The entity of each row, without world tag.
    pub fn entities(&self) -> impl ExactSizeIterator<Item = Entity> + 'a {
        handles(self.entities)
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[SnapshotColumn<'a>] {
        &self.columns
    }

    /// A Pod column in place. `None` if the table has none, its stored form differs from this build's, or the bytes do not lie aligned in memory (a
    /// [`Snapshot`](crate::Snapshot) and a mapped file do). Handles of entities inside carry no world tag.
    #[must_use]
    pub fn column_of<T: Component + Pod>(&self, view: &SnapshotView<'a>) -> Option<&'a [T]> {
        let column = self
            .columns
            .iter()
            .find(|column| view.components[column.component as usize].name == T::NAME)?;
        let stored = view.components[column.component as usize];
        let schema = crate::schema::ComponentSchema {
            name: T::NAME.into(),
            layout: core::alloc::Layout::new::<T>(),
            pod: true,
            ty: T::__data().and_then(|data| data.ty),
        };
        if !stored.pod || stored.hash != schema.hash() || cfg!(target_endian = "big") {
            None
        } else {
            crate::pod::from_bytes(column.data)
        }
    }
}

impl<'a> SnapshotColumn<'a> {
    /// The component's name.
    #[must_use]
    pub fn name(&self, view: &SnapshotView<'a>) -> &'a str {
        view.components[self.component as usize].name
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.data
    }
}
