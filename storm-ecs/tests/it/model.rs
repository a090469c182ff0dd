//! The world against a `BTreeMap`: random operations, the same answers. Change ticks, removals and drop counts included.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use storm_ecs::{Added, ChangeTick, Changed, Component, Entity, Has, With, Without, World};

use crate::support::{A, Aligned, B, Large, Random, Tag};

/// Counts its copies: what is alive must be what the model holds.
#[derive(Component)]
struct Counted(u32, Arc<AtomicUsize>);

impl Counted {
    fn new(value: u32, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        Self(value, alive.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Default, PartialEq, Debug)]
struct Row {
    a: Option<(u32, Ticks)>,
    b: Option<(u64, Ticks)>,
    large: Option<u64>,
    tag: bool,
    aligned: Option<u8>,
    counted: Option<(u32, Ticks)>,
}

#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Ticks {
    added: u32,
    changed: u32,
}

fn check(world: &World, model: &BTreeMap<Entity, Row>, dead: &BTreeSet<Entity>, since: u32) {
    assert_eq!(world.len(), model.len());
    let mut found: Vec<Entity> = world.entities().collect();
    found.sort();
    assert!(found.iter().eq(model.keys()));
    for (&entity, row) in model {
        assert!(world.contains(entity));
        assert_eq!(world.get::<A>(entity).map(|a| a.0), row.a.map(|a| a.0));
        assert_eq!(world.get::<B>(entity).map(|b| b.0), row.b.map(|b| b.0));
        assert_eq!(
            world.get::<Large>(entity).map(|large| large.0[599]),
            row.large
        );
        assert_eq!(world.has::<Tag>(entity), row.tag);
        assert_eq!(
            world.get::<Aligned>(entity).map(|aligned| aligned.0),
            row.aligned
        );
        assert_eq!(
            world.get::<Counted>(entity).map(|counted| counted.0),
            row.counted.map(|c| c.0)
        );
    }
    for &entity in dead {
        assert!(!world.contains(entity) && world.get::<A>(entity).is_none());
    }
    // Joins and filters.
    let mut joined: Vec<_> = world
        .query_filtered::<(Entity, &A, Option<&B>, Has<Tag>), Without<Aligned>>()
        .into_iter()
        .map(|(entity, a, b, tag)| (entity, a.0, b.map(|b| b.0), tag))
        .collect();
    joined.sort();
    let expected = model
        .iter()
        .filter(|(_, row)| row.aligned.is_none())
        .filter_map(|(&entity, row)| row.a.map(|a| (entity, a.0, row.b.map(|b| b.0), row.tag)));
    assert!(joined.into_iter().eq(expected));
    // Change: exactly the rows that were written, whatever the reader's tick.
    let at = ChangeTick::from_raw(since);
    let mut changed: Vec<Entity> = world
        .query_filtered::<Entity, (Changed<A>, With<A>)>()
        .since(at)
        .into_iter()
        .collect();
    changed.sort();
    let expected =
        |ticks: Option<Ticks>, of: fn(Ticks) -> u32| ticks.is_some_and(|ticks| of(ticks) > since);
    let by_model = model
        .iter()
        .filter(|(_, row)| expected(row.a.map(|a| a.1), |t| t.changed.max(t.added)));
    assert!(
        changed.iter().eq(by_model.map(|(entity, _)| entity)),
        "changed since {since}"
    );
    let mut by_rows: Vec<Entity> = Vec::new();
    for table in world.tables::<&A>() {
        let mut last = None;
        for rows in table.changed_rows::<A>(at) {
            assert!(!rows.is_empty() && rows.end <= table.len());
            assert!(
                last.is_none_or(|last| last < rows.start),
                "ranges are apart and ascending"
            );
            last = Some(rows.end);
            by_rows.extend(&table.entities()[rows]);
        }
    }
    by_rows.sort();
    assert_eq!(by_rows, changed);
    let mut added: Vec<Entity> = world
        .query_filtered::<Entity, Added<Counted>>()
        .since(at)
        .into_iter()
        .collect();
    added.sort();
    let by_model = model
        .iter()
        .filter(|(_, row)| expected(row.counted.map(|c| c.1), |t| t.added));
    assert!(
        added.iter().eq(by_model.map(|(entity, _)| entity)),
        "added since {since}"
    );
}

#[test]
fn a_world_agrees_with_a_map_under_random_operations() {
    for seed in 0..24 {
        let long = seed % 4 == 0;
        run(
            &mut Random::new(seed),
            if long { 3000 } else { 800 },
            long,
            7,
        );
    }
}

/// What the fuzz target `ecs_ops` does with its bytes.
#[test]
fn a_world_agrees_with_a_map_under_operations_chosen_by_bytes() {
    let mut random = Random::new(7);
    for length in [0, 1, 10, 1000, 5000] {
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        run(&mut Random::Bytes(&bytes), usize::MAX, false, 20);
    }
}

/// As many operations as `STORM_ECS_SOAK` says, for hours by hand; a second's worth otherwise.
#[test]
fn soak() {
    let wanted = std::env::var("STORM_ECS_SOAK")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000u64);
    let (mut done, mut seed) = (0, 1_000_000);
    while done < wanted {
        done += run(&mut Random::new(seed), 10_000, seed % 16 == 0, 500);
        seed += 1;
    }
    println!("{done} operations, no divergence");
}

/// Runs up to `operations` operations and compares every `every` of them, and at the end. Says how many it ran.
pub(crate) fn run(
    random: &mut Random<'_>,
    operations: usize,
    large_batches: bool,
    every: usize,
) -> u64 {
    let alive = Arc::new(AtomicUsize::new(0));
    let mut world = World::new();
    world.set_removal_capacity(usize::MAX);
    let mut model: BTreeMap<Entity, Row> = BTreeMap::new();
    let mut dead = BTreeSet::new();
    let lost_a = RefCell::new(Vec::<(Entity, u32)>::new());
    // The tick that writes carry: one more than the last one closed.
    let mut now = 1u32;
    let mut ran = 0;
    for operation in 0..operations {
        if random.is_spent() {
            break;
        }
        ran += 1;
        let value = random.next() as u32;
        let some = if model.is_empty() {
            None
        } else {
            model.keys().nth(random.below(model.len())).copied()
        };
        let fresh = Ticks {
            added: now,
            changed: now,
        };
        match (random.below(25), some) {
            (0 | 1, _) => {
                let entity = world.spawn((A(value), B(u64::from(value))));
                model.insert(
                    entity,
                    Row {
                        a: Some((value, fresh)),
                        b: Some((u64::from(value), fresh)),
                        ..Row::default()
                    },
                );
            }
            (2, _) => {
                let entity = world.spawn((Counted::new(value, &alive), Tag, A(value)));
                let row = Row {
                    a: Some((value, fresh)),
                    tag: true,
                    counted: Some((value, fresh)),
                    ..Row::default()
                };
                model.insert(entity, row);
            }
            (3, _) => {
                let count = random.below(if large_batches { 1500 } else { 5 });
                let made = world.spawn_batch((0..count).map(|i| (B(i as u64), A(i as u32))));
                for (i, entity) in made.into_iter().enumerate() {
                    let row = Row {
                        a: Some((i as u32, fresh)),
                        b: Some((i as u64, fresh)),
                        ..Row::default()
                    };
                    model.insert(entity, row);
                }
            }
            (4, _) => {
                let reserved = [world.reserve(), world.reserve()];
                assert!(!world.contains(reserved[0]));
                world.flush();
                model.extend(reserved.map(|entity| (entity, Row::default())));
            }
            (5..=7, Some(entity)) => {
                assert!(world.despawn(entity).is_ok());
                assert!(world.despawn(entity).is_err());
                if model.remove(&entity).is_some_and(|row| row.a.is_some()) {
                    lost_a.borrow_mut().push((entity, now));
                }
                dead.insert(entity);
            }
            (8 | 9, Some(entity)) => {
                world.insert(entity, A(value)).unwrap();
                let row = model.get_mut(&entity).unwrap();
                let added = row.a.map_or(now, |a| a.1.added);
                row.a = Some((
                    value,
                    Ticks {
                        added,
                        changed: now,
                    },
                ));
            }
            (10, Some(entity)) => {
                world
                    .insert(
                        entity,
                        (Counted::new(value, &alive), Large([u64::from(value); 600])),
                    )
                    .unwrap();
                let row = model.get_mut(&entity).unwrap();
                let added = row.counted.map_or(now, |c| c.1.added);
                row.counted = Some((
                    value,
                    Ticks {
                        added,
                        changed: now,
                    },
                ));
                row.large = Some(u64::from(value));
            }
            (11, Some(entity)) => {
                world.insert(entity, (Tag, Aligned(value as u8))).unwrap();
                let row = model.get_mut(&entity).unwrap();
                row.tag = true;
                row.aligned = Some(value as u8);
            }
            (12, Some(entity)) => {
                world.remove::<A>(entity).unwrap();
                if model.get_mut(&entity).unwrap().a.take().is_some() {
                    lost_a.borrow_mut().push((entity, now));
                }
            }
            (13, Some(entity)) => {
                world.remove::<(Counted, Tag, Aligned)>(entity).unwrap();
                let row = model.get_mut(&entity).unwrap();
                (row.counted, row.tag, row.aligned) = (None, false, None);
            }
            (14, Some(entity)) => {
                let taken = world.take::<(Large, Counted)>(entity);
                let row = model.get_mut(&entity).unwrap();
                assert_eq!(taken.is_ok(), row.large.is_some() && row.counted.is_some());
                if let Ok((large, counted)) = taken {
                    assert_eq!(
                        (Some(large.0[0]), Some(counted.0)),
                        (row.large, row.counted.map(|c| c.0))
                    );
                    (row.large, row.counted) = (None, None);
                }
            }
            (15 | 16, Some(entity)) => {
                if let Some(a) = world.get_mut::<A>(entity) {
                    a.0 = value;
                    let a = model.get_mut(&entity).unwrap().a.as_mut().unwrap();
                    *a = (
                        value,
                        Ticks {
                            changed: now,
                            ..a.1
                        },
                    );
                }
            }
            (17, _) if random.below(4) == 0 => {
                for (a, _) in world.query_mut::<(&mut A, &B)>() {
                    a.0 = a.0.wrapping_add(1);
                }
                for row in model.values_mut().filter(|row| row.b.is_some()) {
                    if let Some((a, ticks)) = &mut row.a {
                        *a = a.wrapping_add(1);
                        ticks.changed = now;
                    }
                }
            }
            (18, _) if random.below(30) == 0 => {
                world.clear();
                for (entity, row) in core::mem::take(&mut model) {
                    dead.insert(entity);
                    if row.a.is_some() {
                        lost_a.borrow_mut().push((entity, now));
                    }
                }
            }
            (20, _) if random.below(12) == 0 => {
                let count = random.below(40);
                let counted: Vec<Counted> =
                    (0..count).map(|i| Counted::new(i as u32, &alive)).collect();
                let made = world
                    .spawn_columns(
                        count,
                        ((0..count).map(|i| A(i as u32)), counted.into_iter()),
                    )
                    .unwrap();
                for (i, &entity) in made.iter().enumerate() {
                    let value = Some((i as u32, fresh));
                    model.insert(
                        entity,
                        Row {
                            a: value,
                            counted: value,
                            ..Row::default()
                        },
                    );
                }
            }
            (21, _) if random.below(12) == 0 => {
                let count = world.insert_where::<(With<A>, Without<Large>), _>((B(7), Tag));
                let passing = model
                    .values_mut()
                    .filter(|row| row.a.is_some() && row.large.is_none());
                let passing = passing.map(|row| {
                    let added = row.b.map_or(now, |b| b.1.added);
                    (row.b, row.tag) = (
                        Some((
                            7,
                            Ticks {
                                added,
                                changed: now,
                            },
                        )),
                        true,
                    );
                });
                assert_eq!(count, passing.count());
            }
            (22, _) if random.below(12) == 0 => {
                let count = world.remove_where::<With<Tag>, (Counted, A)>();
                let passing = model
                    .iter_mut()
                    .filter(|(_, row)| row.tag)
                    .map(|(&entity, row)| {
                        if row.a.take().is_some() {
                            lost_a.borrow_mut().push((entity, now));
                        }
                        row.counted = None;
                    });
                assert_eq!(count, passing.count());
            }
            (23, _) if random.below(30) == 0 => {
                let count = world.despawn_where::<(With<B>, Without<Tag>)>();
                let before = model.len();
                model.retain(|&entity, row| {
                    let passes = row.b.is_some() && !row.tag;
                    if passes {
                        dead.insert(entity);
                        if row.a.is_some() {
                            lost_a.borrow_mut().push((entity, now));
                        }
                    }
                    !passes
                });
                assert_eq!(count, before - model.len());
            }
            (19, _) if random.below(10) == 0 => {
                world.compact(random.below(1 << 20));
            }
            _ => {
                assert_eq!(world.change_tick().get(), now);
                now += 1;
            }
        }
        assert_eq!(
            alive.load(Ordering::Relaxed),
            model.values().filter(|row| row.counted.is_some()).count()
        );
        if operation
            % if model.len() > 500 {
                every.max(100)
            } else {
                every
            }
            == 0
        {
            check(&world, &model, &dead, random.below(now as usize) as u32);
            let since = random.below(now as usize) as u32;
            let removed = world.removed::<A>(ChangeTick::from_raw(since));
            assert!(removed.is_complete());
            let mut removed: Vec<Entity> = removed.collect();
            let mut expected: Vec<Entity> = lost_a
                .borrow()
                .iter()
                .filter(|(_, tick)| *tick > since)
                .map(|(entity, _)| *entity)
                .collect();
            removed.sort();
            expected.sort();
            assert_eq!(removed, expected);
        }
    }
    check(&world, &model, &dead, 0);
    drop(world);
    assert_eq!(
        alive.load(Ordering::Relaxed),
        0,
        "dropping the world drops every component"
    );
    ran
}
