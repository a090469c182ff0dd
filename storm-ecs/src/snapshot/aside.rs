//! Sparse components and tags in snapshots and deltas: lists of entities with values, in the place of patches.
//!
//! A snapshot has one list for each component that some entity has; a delta has one of those that were written or gained, and one of those that
//! lost it. The values of a tag are empty.
//!
//! Invariant: staged values are of the component whose number stands beside them, one for each entity of the list.
#![expect(unsafe_code, reason = "reads and writes type-erased columns")]

use std::borrow::Cow;

use crate::component::{ComponentId, Storage};
use crate::entity::Entity;
use crate::query::ticks;
use crate::snapshot::error::SnapshotError;
use crate::snapshot::read::{SnapshotView, handles};
use crate::snapshot::restore::{Budget, Prepared, check_pod, decode, with_tag};
use crate::snapshot::write::{Forms, OutPatch, receive, values};
use crate::snapshot::{RestoreOptions, delta};
use crate::table::rows::{Births, Filling, Staged};
use crate::world::World;

/// A list read from bytes and checked: values to put in place, or (`lost`) entities that lose the component.
pub(super) struct List<'a> {
    id: ComponentId,
    entities: Vec<Entity>,
    values: Prepared<'a>,
    lost: bool,
}

/// When the tags of each entity were set, by tag and then by entity.
pub(super) type TagState = Vec<(ComponentId, Vec<(Entity, u32)>)>;

impl World {
    /// Sparse components and tags that some entity has.
    pub(super) fn aside_in_use(&self) -> impl Iterator<Item = ComponentId> + '_ {
        let sets = self.sparse.iter().filter(|set| set.dense().len() > 0);
        let tags = self.tables.iter().flat_map(|table| table.tags().iter());
        let tags = tags.filter(|tag| tag.count() > 0).map(|tag| tag.id());
        let all = sets.map(|set| set.id()).chain(tags);
        all.filter(|&id| !self.registry.info(id).kept)
    }

    /// Everything that is not in columns, as lists.
    pub(super) fn aside_out<'w>(&'w self, forms: &Forms) -> Vec<OutPatch<'w>> {
        let mut lists = Vec::new();
        for set in self.sparse.iter().filter(|set| set.dense().len() > 0) {
            let (Some(component), Some(data)) =
                (forms.place(set.id()), &self.registry.info(set.id()).data)
            else {
                continue;
            };
            let len = set.dense().len();
            let mut bytes = Vec::with_capacity(len * set.column().size());
            // SAFETY: all rows are in use, and `self` is borrowed shared.
            unsafe {
                values(
                    set.column(),
                    data,
                    core::iter::once(0..len),
                    self.tag(),
                    &mut bytes,
                );
            }
            lists.push(OutPatch {
                component,
                lost: false,
                entities: Cow::Borrowed(set.dense().entities()),
                data: bytes,
            });
        }
        for (id, tagged) in self.tag_state() {
            let Some(component) = forms.place(id).filter(|_| !tagged.is_empty()) else {
                continue;
            };
            lists.push(OutPatch {
                component,
                lost: false,
                entities: tagged.iter().map(|&(entity, _)| entity).collect(),
                data: Vec::new(),
            });
        }
        lists
    }

    /// Sparse components and tags that were written, gained or lost since.
    pub(super) fn aside_changed(&self, since: u32) -> Vec<ComponentId> {
        let logs = self.registry.infos().iter();
        let lost = logs
            .filter(|info| info.storage != Storage::Table && !info.kept)
            .filter(|info| self.removed[info.id.index()].since(since).next().is_some());
        lost.map(|info| info.id)
            .chain(self.aside_in_use())
            .collect()
    }

    /// The lists of a delta.
    pub(super) fn aside_since<'w>(&'w self, forms: &Forms, since: u32) -> Vec<OutPatch<'w>> {
        let mut lists = Vec::new();
        for set in self.sparse.iter() {
            let (Some(component), Some(data)) =
                (forms.place(set.id()), &self.registry.info(set.id()).data)
            else {
                continue;
            };
            let changed = ticks::changed(set.dense(), Some(set.column()), since);
            if !changed.any() {
                continue;
            }
            let (mut entities, mut bytes) = (Vec::new(), Vec::new());
            delta::runs(
                set.dense().len(),
                |block| changed.block_newer(block),
                |block| changed.block_bits(block),
                |run| {
                    entities.extend_from_slice(&set.dense().entities()[run.clone()]);
                    // SAFETY: all rows are in use, and `self` is borrowed shared.
                    unsafe {
                        values(
                            set.column(),
                            data,
                            core::iter::once(run),
                            self.tag(),
                            &mut bytes,
                        );
                    }
                },
            );
            if !entities.is_empty() {
                lists.push(OutPatch {
                    component,
                    lost: false,
                    entities: entities.into(),
                    data: bytes,
                });
            }
        }
        for (id, tagged) in self.tag_state() {
            let newer = tagged.into_iter().filter(|&(_, tick)| tick > since);
            let entities: Vec<Entity> = newer.map(|(entity, _)| entity).collect();
            if let Some(component) = forms.place(id).filter(|_| !entities.is_empty()) {
                lists.push(OutPatch {
                    component,
                    lost: false,
                    entities: entities.into(),
                    data: Vec::new(),
                });
            }
        }
        for info in self.registry.infos() {
            let Some(component) = forms
                .place(info.id)
                .filter(|_| info.storage != Storage::Table)
            else {
                continue;
            };
            let lost = self.removed[info.id.index()].since(since);
            let mut lost: Vec<Entity> = lost
                .filter(|&entity| self.contains(entity) && !self.has_id(entity, info.id))
                .collect();
            lost.sort_unstable();
            lost.dedup();
            if !lost.is_empty() {
                lists.push(OutPatch {
                    component,
                    lost: true,
                    entities: lost.into(),
                    data: Vec::new(),
                });
            }
        }
        lists
    }

    /// Who has which tag, and since when. Sorted by entity, so that it does not depend on the order of tables.
    pub(super) fn tag_state(&self) -> TagState {
        let mut state: TagState = Vec::new();
        let tags = self.registry.infos().iter();
        for info in tags.filter(|info| info.storage == Storage::Tag && !info.kept) {
            let mut tagged = Vec::new();
            for table in &self.tables {
                let Some(tag) = table.tags().get(info.id) else {
                    continue;
                };
                for (row, &entity) in table.entities().iter().enumerate() {
                    if tag.has(row) {
                        tagged.push((entity, tag.ticks().get(row)));
                    }
                }
            }
            tagged.sort_unstable();
            state.push((info.id, tagged));
        }
        state
    }

    /// Reads and checks the lists of components that are not columns here. `alive` says whether an entity lives once the rest is in place.
    pub(super) fn read_aside<'a>(
        &self,
        view: &SnapshotView<'a>,
        ids: &[Option<ComponentId>],
        alive: impl Fn(Entity) -> bool,
        options: &RestoreOptions,
        budget: &mut Budget,
    ) -> Result<Vec<List<'a>>, SnapshotError> {
        let mut lists: Vec<List<'a>> = Vec::new();
        for patch in &view.patches {
            let stored = &view.components[patch.component as usize];
            let Some(id) = ids[patch.component as usize].filter(|_| stored.aside) else {
                continue;
            };
            let count = patch.entities.len() / 8;
            budget.charge(patch.entities.len() as u64 + u64::from(view.slots) / 8)?;
            let mut seen = vec![0u64; (view.slots as usize).div_ceil(64)];
            let mut entities = Vec::with_capacity(count);
            for stored in handles(patch.entities) {
                let entity = with_tag(stored, self.tag());
                let (word, bit) = (stored.index() as usize / 64, stored.index() % 64);
                let word = seen.get_mut(word).filter(|word| **word >> bit & 1 == 0);
                match word {
                    Some(word) if stored.world_tag() == 0 && alive(entity) => *word |= 1 << bit,
                    _ => {
                        return Err(SnapshotError::Base {
                            expected: "owners of a component that are alive, each once",
                            index: stored.index(),
                        });
                    }
                }
                entities.push(entity);
            }
            if lists
                .iter()
                .any(|list| list.id == id && list.lost == patch.lost)
            {
                return Err(SnapshotError::Format {
                    at: 0,
                    expected: "one list a component",
                    found: u64::from(patch.component),
                });
            }
            let values = if patch.lost {
                Prepared::Bytes(Vec::new())
            } else {
                self.read_values(id, count, patch.data, options, budget)?
            };
            lists.push(List {
                id,
                entities,
                values,
                lost: patch.lost,
            });
        }
        Ok(lists)
    }

    fn read_values<'a>(
        &self,
        id: ComponentId,
        count: usize,
        bytes: &'a [u8],
        options: &RestoreOptions,
        budget: &mut Budget,
    ) -> Result<Prepared<'a>, SnapshotError> {
        let info = self.registry.info(id);
        let Some(data) = &info.data else {
            return Err(SnapshotError::Unknown {
                name: info.name.into(),
            });
        };
        let capacity = self
            .sparse
            .get(id)
            .map_or(count, |set| set.dense().capacity_for(count));
        budget.charge(capacity as u64 * info.layout.size() as u64 * 2)?;
        if data.plain {
            check_pod(info, data, bytes, options)?;
            let mut bytes = Cow::Borrowed(bytes);
            if data.has_entities {
                receive(data, info.layout.size(), bytes.to_mut(), self.tag());
            }
            return Ok(Prepared::Bytes(vec![bytes]));
        }
        let mut staged = Staged::new(info, capacity);
        decode(
            &mut staged,
            info,
            data,
            count,
            bytes,
            self.tag(),
            options,
            budget,
        )?;
        Ok(Prepared::Values(staged))
    }

    /// Puts the lists of a snapshot in place of all that there is. Entities are in place already; `tags` is the state before, `moved` says whether rows
    /// may have moved since. Returns old values, to be dropped last.
    pub(super) fn put_aside(
        &mut self,
        mut lists: Vec<List<'_>>,
        tags: &TagState,
        moved: bool,
        tick: u32,
    ) -> Vec<Staged> {
        let mut old = Vec::new();
        for id in self.sparse.ids().to_vec() {
            let list = lists.iter().position(|list| list.id == id);
            let (entities, values) = match list {
                Some(at) => {
                    let list = lists.swap_remove(at);
                    (list.entities, list.values)
                }
                None => (Vec::new(), Prepared::Bytes(Vec::new())),
            };
            for &entity in &entities {
                if let Some(location) = self.entities.get(entity) {
                    self.tables[location.table as usize].set_aside();
                }
            }
            let tracked = self.registry.info(id).is_tracked();
            let Some(set) = self.sparse.get_mut(id) else {
                continue;
            };
            let bytes;
            let filling = match values {
                Prepared::Values(staged) => Filling::Values(staged),
                Prepared::Bytes(parts) => {
                    bytes = parts.concat();
                    Filling::Bytes(&bytes)
                }
            };
            if set.dense().entities() == entities {
                // SAFETY: the bytes or staged values were checked to be one for each entity.
                old.extend(unsafe { set.dense_mut().overwrite(0, filling, tick) });
                continue;
            }
            let born = entities.iter().map(|&entity| match set.row(entity) {
                Some(row) => set.dense().born_tick(row),
                None => tick,
            });
            let births = Births {
                born: born.collect(),
                added: vec![Vec::new()],
            };
            let before = set.dense().entities().to_vec();
            old.extend(set.dense_mut().empty(&self.registry));
            // SAFETY: one filling for the one column; bytes or staged values were checked to be one for each entity.
            old.extend(unsafe {
                set.dense_mut()
                    .fill(entities, vec![vec![filling]], &births, tick)
            });
            set.index();
            if tracked {
                for entity in before {
                    if self
                        .sparse
                        .get(id)
                        .is_some_and(|set| set.row(entity).is_none())
                    {
                        self.log_removed(entity, id, tick);
                    }
                }
            }
        }
        for (id, before) in tags {
            let list = lists.iter().position(|list| list.id == *id);
            let mut coming = list.map_or(Vec::new(), |at| lists.swap_remove(at).entities);
            coming.sort_unstable();
            let same = before
                .iter()
                .map(|tagged| tagged.0)
                .eq(coming.iter().copied());
            if same && !moved {
                continue;
            }
            self.put_tags(*id, before, &coming, tick);
        }
        old
    }

    /// Sets one tag for `coming` and nobody else, both sorted. Who had it before keeps its tick.
    fn put_tags(
        &mut self,
        id: ComponentId,
        before: &[(Entity, u32)],
        coming: &[Entity],
        tick: u32,
    ) {
        for table in &mut self.tables {
            table.tags_mut().reset_one(id);
        }
        for &entity in coming {
            let Some(location) = self.entities.get(entity) else {
                continue;
            };
            let since = before.binary_search_by_key(&entity, |tagged| tagged.0);
            let since = since.map_or(tick, |at| before[at].1);
            let table = &mut self.tables[location.table as usize];
            let len = table.len();
            let info = self.registry.info(id);
            table
                .tags_mut()
                .restore(info, location.row as usize, since, len);
        }
        if self.registry.info(id).is_tracked() {
            for &(entity, _) in before {
                if coming.binary_search(&entity).is_err() {
                    self.log_removed(entity, id, tick);
                }
            }
        }
    }

    /// Makes the changes of a delta's lists. Values that go are dropped.
    pub(super) fn change_aside(&mut self, lists: Vec<List<'_>>, tick: u32) {
        for list in lists {
            let id = list.id;
            if list.lost {
                for entity in list.entities {
                    if let Some(location) = self.entities.get(entity) {
                        let gone = self.detach_ids(entity, location, &[id]);
                        // SAFETY: detached just now.
                        unsafe { self.drop_detached(gone) };
                    }
                }
                continue;
            }
            let info = self.registry.info(id);
            let mut staged = match list.values {
                Prepared::Values(staged) => staged,
                Prepared::Bytes(parts) => {
                    let mut staged = Staged::new(info, list.entities.len());
                    // SAFETY: the bytes were checked to be as many values of the component, which is Pod.
                    unsafe { staged.push_bytes(list.entities.len(), &parts.concat()) };
                    staged
                }
            };
            for (from, &entity) in list.entities.iter().enumerate() {
                let Some(location) = self.entities.get(entity) else {
                    continue;
                };
                let table = &mut self.tables[location.table as usize];
                let Some(set) = self.sparse.get_mut(id) else {
                    table.tags_mut().set(info, location.row as usize, tick);
                    continue;
                };
                table.set_aside();
                if let Some(row) = set.row(entity) {
                    let column = set.dense_mut().column_number_mut(0);
                    column.mark_mut(row, tick);
                    staged.exchange(from, column, row);
                } else {
                    // SAFETY: the value is written below.
                    let row = unsafe { set.push(entity, tick) };
                    // SAFETY: the new row is unwritten; the staged column is of the same component.
                    unsafe { staged.move_out(from, set.column(), row) };
                }
            }
        }
    }
}
