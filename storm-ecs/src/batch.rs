//! Whole-table operations: spawning by columns, and inserting, removing and despawning for all entities that pass a filter.
//!
//! Columns are copied as blocks of memory; no entity is looked at twice.
#![expect(unsafe_code, reason = "moves whole columns")]

use core::mem::ManuallyDrop;
use std::borrow::Cow;

use crate::bundle::Bundle;
use crate::column::Column;
use crate::component::{Component, Storage};
use crate::entities::Location;
use crate::entity::Entity;
use crate::query::QueryFilter;
use crate::query::data::TableIndex;
use crate::table::Table;
use crate::watch::{Cause, Watch};
use crate::world::{RowsWriter, World, Writer, pair};

/// A column given to [`World::spawn_columns`] has the wrong length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnLengths {
    /// Rows asked for.
    pub expected: usize,
    /// Rows of the column that differs.
    pub found: usize,
    /// Name of its component.
    pub component: &'static str,
}

impl core::fmt::Display for ColumnLengths {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            expected,
            found,
            component,
        } = self;
        write!(
            f,
            "expected {expected} values of {component}, found {found}"
        )
    }
}

impl core::error::Error for ColumnLengths {}

/// Columns of new entities: a tuple (up to 12) of iterators that know their length, one a component, such as `Vec`s or `repeat_n`.
pub trait Columns {
    /// The components, in order.
    #[doc(hidden)]
    type Bundle: Bundle;
    #[doc(hidden)]
    fn fill(self, into: &mut Filling<'_>) -> Result<(), ColumnLengths>;
}

/// Rows being written behind those of a table. Dropped unfinished, it drops what was written.
#[doc(hidden)]
#[derive(Debug)]
pub struct Filling<'a> {
    table: &'a mut Table,
    columns: &'a [u16],
    start: usize,
    rows: usize,
    /// Columns that are complete, and rows written of the next one.
    complete: usize,
    written: usize,
}

impl core::fmt::Debug for Table {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Table")
            .field("id", &self.id())
            .field("len", &self.len())
            .finish()
    }
}

impl Filling<'_> {
    fn column<T: Component>(
        &mut self,
        values: impl ExactSizeIterator<Item = T>,
    ) -> Result<(), ColumnLengths> {
        const {
            assert!(
                matches!(T::STORAGE, Storage::Table),
                "only components that live in tables are spawned by columns"
            )
        };
        let wrong = |found| {
            Err(ColumnLengths {
                expected: self.rows,
                found,
                component: T::NAME,
            })
        };
        if values.len() != self.rows {
            return wrong(values.len());
        }
        let column = &self.table.columns()[self.columns[self.complete] as usize];
        let to = column.at(self.start).cast::<T>();
        let mut written = Written(0, &mut self.written);
        for value in values.take(self.rows) {
            // SAFETY: the column is of the bundle's component in this place, which is T; the table has room for all rows.
            unsafe { to.wrapping_add(written.0).write(value) };
            written.0 += 1;
        }
        drop(written);
        if self.written != self.rows {
            // The iterator lied about its length.
            return wrong(self.written);
        }
        self.written = 0;
        self.complete += 1;
        Ok(())
    }
}

/// Counts in a register, and tells however the loop ends: the iterator may panic.
struct Written<'a>(usize, &'a mut usize);

impl Drop for Written<'_> {
    fn drop(&mut self) {
        *self.1 = self.0;
    }
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        for (at, &number) in self.columns.iter().enumerate() {
            let rows = match at {
                at if at < self.complete => self.rows,
                at if at == self.complete => self.written,
                _ => return,
            };
            // SAFETY: these rows were written, lie behind the table's, and are given up.
            unsafe { self.table.columns()[number as usize].drop_rows(self.start, rows) };
        }
    }
}

macro_rules! columns {
    ($($name:ident $index:tt)*) => {
        impl<$($name),*> Columns for ($($name,)*)
        where
            $($name: IntoIterator, $name::IntoIter: ExactSizeIterator, $name::Item: Component,)*
        {
            type Bundle = ($($name::Item,)*);

            fn fill(self, into: &mut Filling<'_>) -> Result<(), ColumnLengths> {
                $(into.column(self.$index.into_iter())?;)*
                Ok(())
            }
        }
    };
}

columns!(A 0);
columns!(A 0 B 1);
columns!(A 0 B 1 C 2);
columns!(A 0 B 1 C 2 D 3);
columns!(A 0 B 1 C 2 D 3 E 4);
columns!(A 0 B 1 C 2 D 3 E 4 F 5);
columns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
columns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
columns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
columns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
columns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
columns!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);

/// Clones of a bundle being written behind a table's rows. Dropped unfinished, it drops what was written.
struct Cloning<'a> {
    table: &'a Table,
    columns: &'a [u16],
    start: usize,
    written: usize,
}

impl Drop for Cloning<'_> {
    fn drop(&mut self) {
        for &number in self.columns {
            // SAFETY: these rows were written, lie behind the table's, and are given up.
            unsafe { self.table.columns()[number as usize].drop_rows(self.start, self.written) };
        }
    }
}

impl World {
    /// Makes `rows` entities from columns, each written straight to its place. The fastest way to spawn. Returns the new entities.
    ///
    /// ```
    /// # use storm_ecs::{Component, World};
    /// # #[derive(Component)] struct Position([f32; 3]);
    /// # #[derive(Component, Clone)] struct Mass(f32);
    /// let mut world = World::new();
    /// let positions = (0..100).map(|i| Position([i as f32, 0.0, 0.0]));
    /// let made = world.spawn_columns(100, (positions, std::iter::repeat_n(Mass(1.0), 100)))?;
    /// assert_eq!(made.len(), 100);
    /// # Ok::<(), storm_ecs::ColumnLengths>(())
    /// ```
    ///
    /// # Errors
    /// If a column does not have `rows` values; then nothing is spawned.
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn). If an iterator panics nothing is spawned.
    pub fn spawn_columns<C: Columns>(
        &mut self,
        rows: usize,
        columns: C,
    ) -> Result<Cow<'_, [Entity]>, ColumnLengths> {
        let tick = self.begin();
        let number = self.bundle::<C::Bundle>();
        let info = &self.bundles[number as usize];
        let (bundle, watch) = (number, info.watch);
        let (number, table) = (info.table, &mut self.tables[info.table as usize]);
        table.reserve(rows);
        self.entities.assert_room(rows);
        self.entities.reserve_capacity(rows);
        let start = table.len();
        let mut filling = Filling {
            table,
            columns: &info.columns,
            start,
            rows,
            complete: 0,
            written: 0,
        };
        columns.fill(&mut filling)?;
        // All columns are complete: the rows stay.
        filling.complete = 0;
        drop(filling);
        let table = &mut self.tables[number as usize];
        let entities = &mut self.entities;
        // SAFETY: the columns have been written; there is room in the table and for so many entities, so nothing can panic.
        unsafe {
            table.push_rows(rows, tick, |ids| {
                entities.allocate_rows(rows, number, start, ids);
            });
        }
        if watch.has(Watch::INSERT) && rows > 0 {
            // Watchers may move them: what is returned is a copy.
            let made = table.entities()[start..].to_vec();
            self.tell_spawned(bundle, &made);
            return Ok(Cow::Owned(made));
        }
        Ok(Cow::Borrowed(
            &self.tables[number as usize].entities()[start..],
        ))
    }

    /// Tables with rows that pass `F`, and how many rows: those that arrive in between have been dealt with.
    fn tables_passing<F: QueryFilter>(&self) -> Vec<(u32, usize)> {
        let state = F::state(&self.registry);
        let index = TableIndex {
            tables_with: &self.tables_with,
        };
        let passes = |table: &&Table| {
            let number = table.id().index();
            table.len() > 0 && F::tables(state, &index, number / 64) >> (number % 64) & 1 == 1
        };
        self.tables
            .iter()
            .filter(passes)
            .map(|table| (table.id().0, table.len()))
            .collect()
    }

    /// The entities that pass a filter which looks at single rows: sparse components and tags.
    fn entities_passing<F: QueryFilter>(&self) -> Vec<Entity> {
        const {
            assert!(
                !F::TICKS,
                "a filter on changes does not go with whole tables"
            )
        };
        self.query_filtered::<Entity, F>().into_iter().collect()
    }

    /// Gives a clone of `bundle` to every entity that passes `F`, table by table. Returns how many that are.
    ///
    /// ```
    /// # use storm_ecs::{Component, With, World};
    /// # #[derive(Component)] struct Enemy;
    /// # #[derive(Component, Clone)] struct Frozen;
    /// let mut world = World::new();
    /// world.spawn_batch((0..1000).map(|_| Enemy));
    /// assert_eq!(world.insert_where::<With<Enemy>, _>(Frozen), 1000);
    /// assert_eq!(world.remove_where::<With<Frozen>, Frozen>(), 1000);
    /// assert_eq!(world.despawn_where::<With<Enemy>>(), 1000);
    /// ```
    ///
    /// Filters on sparse components and tags go entity by entity; those on changes (`Changed`, `Added`) do not compile here.
    ///
    /// # Panics
    /// As [`insert`](Self::insert). If a clone panics, the tables before it have been changed and the others not.
    pub fn insert_where<F: QueryFilter, B: Bundle + Clone>(&mut self, bundle: B) -> usize {
        self.as_one(|world| world.insert_tables::<F, B>(bundle))
    }

    fn insert_tables<F: QueryFilter, B: Bundle + Clone>(&mut self, bundle: B) -> usize {
        let tick = self.begin();
        if F::ROWS {
            let entities = self.entities_passing::<F>();
            for &entity in &entities {
                // Watchers may have ended some meanwhile.
                let _ = self.insert(entity, bundle.clone());
            }
            return entities.len();
        }
        let number = self.bundle::<B>();
        let watch = self.bundles[number as usize].watch;
        let mut count = 0;
        for (source, passing) in self.tables_passing::<F>() {
            let plan = self.plan(source, number, true);
            count += passing;
            if B::ASIDE || self.plans[plan as usize].replaces_any {
                let entities = self.tables[source as usize].entities()[..passing].to_vec();
                for entity in entities {
                    // Watchers may have ended some meanwhile.
                    let _ = self.insert(entity, bundle.clone());
                }
                continue;
            }
            let plan = &self.plans[plan as usize];
            if plan.table == source {
                continue;
            }
            let (from, to) = pair(&mut self.tables, source, plan.table);
            let rows = from.len();
            to.reserve_like(from);
            let mut cloning = Cloning {
                table: to,
                columns: &plan.write,
                start: to.len(),
                written: 0,
            };
            if let Some(mut writer) = RowsWriter::new(to.columns(), &plan.write, cloning.start) {
                for _ in 0..rows {
                    let mut bundle = ManuallyDrop::new(bundle.clone());
                    // SAFETY: the bundle is whole; its columns are those of the plan, there is room, and it is not used afterwards.
                    unsafe { B::visit(&raw mut *bundle, &mut writer) };
                    writer.advance();
                    cloning.written += 1;
                }
            } else {
                for row in 0..rows {
                    let mut bundle = ManuallyDrop::new(bundle.clone());
                    let mut writer = Writer {
                        columns: to.columns(),
                        map: &plan.write,
                        next: 0,
                        row: cloning.start + row,
                    };
                    // SAFETY: as above.
                    unsafe { B::visit(&raw mut *bundle, &mut writer) };
                    cloning.written += 1;
                }
            }
            cloning.written = 0;
            drop(cloning);
            // SAFETY: the plan is for these tables, and the added columns have been written.
            unsafe { from.move_all(to, plan, tick) };
            let target = plan_table(plan);
            self.relocate_tail(target, rows);
            if watch.has(Watch::INSERT) {
                self.tell_tail(number, target, rows);
            }
        }
        count
    }

    /// Tells of the components of a bundle that the last rows of a table gained.
    #[cold]
    fn tell_tail(&mut self, bundle: u32, table: u32, rows: usize) {
        let entities = self.tables[table as usize].entities();
        let start = entities.len() - rows;
        let entities = entities[start..].to_vec();
        let ids = self.bundles[bundle as usize].ids.clone();
        let location = Location {
            table,
            row: start as u32,
        };
        self.tell_each(Watch::INSERT, Cause::Insert, &ids, &entities, location);
    }

    /// Takes the components of `B` from every entity that passes `F` and drops them. Returns how many entities passed.
    ///
    /// # Panics
    /// If a `drop` panics; the table it belongs to has been changed by then.
    pub fn remove_where<F: QueryFilter, B: Bundle>(&mut self) -> usize {
        self.as_one(|world| world.remove_tables::<F, B>())
    }

    fn remove_tables<F: QueryFilter, B: Bundle>(&mut self) -> usize {
        let tick = self.begin();
        if F::ROWS || B::ASIDE {
            let entities = self.entities_passing::<F>();
            for &entity in &entities {
                // Watchers may have ended some meanwhile.
                let _ = self.remove::<B>(entity);
            }
            return entities.len();
        }
        let number = self.bundle::<B>();
        let info = &self.bundles[number as usize];
        let watched = info.watch.has(Watch::REMOVE).then(|| info.ids.clone());
        let mut count = 0;
        for (source, passing) in self.tables_passing::<F>() {
            if let Some(ids) = &watched {
                let entities = self.tables[source as usize].entities().to_vec();
                let location = Location {
                    table: source,
                    row: 0,
                };
                self.tell_removed(Cause::Remove, &entities, location, ids, &[]);
            }
            let plan = self.plan(source, number, false);
            let plan = &self.plans[plan as usize];
            count += passing;
            if plan.table == source {
                continue;
            }
            let (from, to) = pair(&mut self.tables, source, plan.table);
            let rows = from.len();
            to.reserve_like(from);
            for &id in &plan.lost {
                let log = &mut self.removed[id.index()];
                log.extend(from.entities(), tick, self.removal_capacity);
            }
            // SAFETY: the plan is for these tables, and a removal leaves no column unwritten.
            unsafe { from.move_all(to, plan, tick) };
            let gone = plan.gone.clone();
            self.relocate_tail(plan_table(plan), rows);
            let from = &self.tables[source as usize];
            // SAFETY: `move_all` left the values of these columns behind.
            unsafe { from.drop_left(gone.iter().map(|&number| number as usize), rows) };
        }
        count
    }

    /// Ends every entity that passes `F`. Returns how many.
    ///
    /// # Panics
    /// If a `drop` panics; the table it belongs to is empty by then.
    pub fn despawn_where<F: QueryFilter>(&mut self) -> usize {
        self.as_one(|world| world.despawn_tables::<F>())
    }

    fn despawn_tables<F: QueryFilter>(&mut self) -> usize {
        let tick = self.begin();
        if F::ROWS {
            let entities = self.entities_passing::<F>();
            for &entity in &entities {
                // Watchers may have ended some meanwhile.
                let _ = self.despawn(entity);
            }
            return entities.len();
        }
        let mut count = 0;
        for (number, passing) in self.tables_passing::<F>() {
            let watched = self.tables[number as usize].watch().has(Watch::REMOVE);
            // Ids that commands of watchers take come alive in the first table, and are not to end with it.
            if self.table_ends_others(number) || number == 0 && watched {
                for entity in self.tables[number as usize].entities().to_vec() {
                    // One may have ended with another.
                    let _ = self.despawn(entity);
                }
                count += passing;
                continue;
            }
            let rows = self.tables[number as usize].len();
            self.tell_table_despawned(number);
            // Ids that watchers' commands took are to be real before slots are freed.
            self.flush();
            let mut _edges = None;
            if self.tables[number as usize].has_aside() {
                _edges = Some(self.despawn_aside(number));
            }
            if number == 0 {
                count += rows;
                self.end_bare(rows, tick);
                continue;
            }
            let table = &mut self.tables[number as usize];
            count += table.len();
            self.entities.release_rows(table.entities());
            table.log_all(tick, self.removal_capacity);
            table.clear();
        }
        count
    }

    /// Tells the last `rows` entities of a table where they are now.
    fn relocate_tail(&mut self, number: u32, rows: usize) {
        let entities = self.tables[number as usize].entities();
        let start = entities.len() - rows;
        self.entities
            .relocate_rows(&entities[start..], number, start);
    }
}

fn plan_table(plan: &crate::table::MovePlan) -> u32 {
    plan.table
}

impl Column {
    /// Copies the first `rows` rows behind row `to` of `other`, with their ticks.
    ///
    /// # Safety
    /// Both columns hold the same type; the rows are initialised, there is room for them, and one of the two copies is given up.
    pub(crate) unsafe fn append_to(&mut self, rows: usize, other: &mut Self, to: usize) {
        // SAFETY: as the caller promises; two columns are two allocations.
        unsafe { core::ptr::copy_nonoverlapping(self.at(0), other.at(to), rows * self.size()) };
    }
}
