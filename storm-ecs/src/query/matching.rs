//! Which tables match a query: found anew, or kept by a `QueryState` with where their columns are.
#![expect(
    unsafe_code,
    reason = "takes tables by numbers that were checked when they were found"
)]

use crate::table::Table;

/// What a query knows of the tables that match it, with where their columns are.
///
/// Invariant: made for a world by `QueryState`, which makes it anew when numbers of that world's tables or components change their meaning. So for
/// as long as the world is not changed, each number is one of a table of that world, and the columns beside it are that table's.
pub(crate) struct Matching<C> {
    /// Matching tables, ascending: what loops go through.
    list: Vec<(u32, C)>,
    /// By table number, up to the last that matches: what `get` looks at.
    by_table: Vec<Option<C>>,
}

impl<C: Copy> Matching<C> {
    pub(crate) const NONE: Self = Self {
        list: Vec::new(),
        by_table: Vec::new(),
    };

    pub(crate) fn clear(&mut self) {
        self.list.clear();
        self.by_table.clear();
    }

    /// Adds a table behind all those that it has.
    pub(crate) fn push(&mut self, number: usize, columns: C) {
        debug_assert!(number >= self.by_table.len());
        self.list.push((number as u32, columns));
        self.by_table.resize(number, None);
        self.by_table.push(Some(columns));
    }

    /// The columns of a table, if it matches. A number that no table has is allowed.
    #[inline]
    pub(crate) fn columns(&self, number: usize) -> Option<C> {
        *self.by_table.get(number)?
    }

    /// Numbers of the tables that match.
    pub(crate) fn numbers(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.list.iter().map(|&(number, _)| number as usize)
    }
}

/// Which tables to visit next: all that match, or a list made before.
///
/// Invariant: a list is part of a [`Matching`] of the world that `next` is asked with.
#[derive(Clone, Debug)]
pub(crate) enum TableList<'w, C> {
    /// Bits left of the word before `word`.
    Match {
        word: usize,
        bits: u64,
    },
    Cached(core::slice::Iter<'w, (u32, C)>),
}

impl<'w, C: Copy> TableList<'w, C> {
    pub(crate) const ALL: Self = Self::Match { word: 0, bits: 0 };

    pub(crate) fn new(cached: Option<&'w Matching<C>>) -> Self {
        match cached {
            Some(matching) => Self::Cached(matching.list.iter()),
            None => Self::ALL,
        }
    }

    /// The next table of a world and, if they were found before, its columns. `tables` are all that the world has.
    #[inline(always)]
    pub(crate) fn next<'t>(
        &mut self,
        tables: &'t [Table],
        matches: impl Fn(usize) -> u64,
    ) -> Option<(&'t Table, Option<C>)> {
        match self {
            Self::Cached(list) => {
                let &(number, columns) = list.next()?;
                debug_assert!((number as usize) < tables.len());
                // SAFETY: the number is one of a table of this world (the invariant).
                let table = unsafe { tables.get_unchecked(number as usize) };
                Some((table, Some(columns)))
            }
            Self::Match { word, bits } => {
                while *bits == 0 {
                    if *word * 64 >= tables.len() {
                        return None;
                    }
                    *bits = matches(*word);
                    if tables.len() - *word * 64 < 64 {
                        *bits &= (1 << (tables.len() - *word * 64)) - 1;
                    }
                    *word += 1;
                }
                let number = (*word - 1) * 64 + bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                debug_assert!(number < tables.len());
                // SAFETY: bits past the last table were cleared when the word was loaded.
                Some((unsafe { tables.get_unchecked(number) }, None))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::component::Component;
    use crate::entity::Entity;
    use crate::query::{QueryState, With, Without};
    use crate::world::World;

    struct Here(u32);
    impl Component for Here {
        const NAME: &'static str = "matching.Here";
    }
    #[derive(Clone)]
    struct Other(u32);
    impl Component for Other {
        const NAME: &'static str = "matching.Other";
    }

    type Both = QueryState<(&'static mut Here, Option<&'static Other>), Without<Gone>>;
    struct Gone;
    impl Component for Gone {
        const NAME: &'static str = "matching.Gone";
    }

    /// What a kept query gets and visits, against what the world says; `entities` may be dead.
    fn check(query: &mut Both, world: &mut World, entities: &[Entity]) {
        let expected = |world: &World, entity: Entity| {
            let here = world.get::<Here>(entity)?.0;
            let other = world.get::<Other>(entity).map(|other| other.0);
            (!world.has::<Gone>(entity)).then_some((here, other))
        };
        let mut visited = 0;
        for &entity in entities {
            let expected = expected(world, entity);
            let found = query
                .query(world)
                .get(entity)
                .map(|(a, b)| (a.0, b.map(|b| b.0)));
            assert_eq!(found, expected, "{entity}");
            let written = query.query_mut(world).get_mut(entity).map(|(here, _)| {
                here.0 += 1;
                here.0 - 1
            });
            assert_eq!(written, expected.map(|(here, _)| here), "{entity}");
            visited += usize::from(expected.is_some());
        }
        assert_eq!(query.query(world).count(), visited);
    }

    #[test]
    fn a_kept_query_finds_rows_wherever_columns_have_gone() {
        let mut world = World::new();
        let mut query = Both::new(&mut world);
        let mut entities = vec![world.reserve()];
        check(&mut query, &mut world, &entities);
        // Columns grow, tables are added, and the list of tables is moved.
        for round in 0..70 {
            entities.push(world.spawn(Here(round)));
            entities.push(world.spawn((Here(round), Other(round))));
            entities.push(world.spawn(Other(round)));
            entities.push(world.spawn((Here(round), Gone)));
            check(&mut query, &mut world, &entities);
        }
        // Whole columns change hands.
        world.insert_where::<With<Gone>, _>(Other(7));
        check(&mut query, &mut world, &entities);
        world.compact(usize::MAX);
        check(&mut query, &mut world, &entities);
        // Tables and components are given up, and their numbers given to others.
        for _ in 0..3 {
            let last = entities.len() - 1;
            for &entity in &entities[last - 20..] {
                let _ = world.remove::<Here>(entity);
            }
            let _ = world.despawn(entities[0]);
            world.recycle_tables();
            check(&mut query, &mut world, &entities);
            world.unregister::<Other>();
            check(&mut query, &mut world, &entities);
            entities.push(world.spawn((Other(1), Here(2))));
            check(&mut query, &mut world, &entities);
        }
        // A world may be moved: its tables stay where they are.
        let mut moved = Box::new(core::mem::take(&mut world));
        check(&mut query, &mut moved, &entities);
    }
}
