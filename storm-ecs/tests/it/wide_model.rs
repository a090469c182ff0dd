//! Everything together against maps: structure in three storages, hierarchy, a relation with data, hooks, observers, commands, events, snapshots, deltas to
//! a replica, prefabs, recycling, and values whose `Drop` and `Clone` panic. The fuzz target `ecs_wide` runs the same with its bytes.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use storm_ecs::{
    Cause, ChangeTick, Changed, ChildOf, Codec, CommandQueue, Component, DecodeError, Decoder,
    DeferredWorld, Encoder, Entity, EventCursor, OnEnd, Prefab, Relation, RelationCodec, Resource,
    RestoreOptions, Rows, Snapshot, SnapshotOptions, SnapshotView, With, Without, World,
};

use crate::support::Random;

thread_local! {
    /// Values alive.
    static ALIVE: Cell<i64> = const { Cell::new(0) };
    /// The drop after so many panics; negative: none.
    static FUSE: Cell<i64> = const { Cell::new(-1) };
    /// The same for clones.
    static CLONE_FUSE: Cell<i64> = const { Cell::new(-1) };
}

fn burn(fuse: &'static std::thread::LocalKey<Cell<i64>>) -> bool {
    let left = fuse.get();
    if left >= 0 {
        fuse.set(left - 1);
    }
    left == 0 && !std::thread::panicking()
}

/// What the tests' own panics say: a fuzzer's hook tells them from findings by it.
pub(crate) const PLANNED: &str = "a planned panic";

/// A value that is counted, and whose `Drop` and `Clone` may panic.
#[derive(Debug)]
struct Live(u32);

impl Live {
    fn new(value: u32) -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self(value)
    }
}

impl Clone for Live {
    fn clone(&self) -> Self {
        assert!(!burn(&CLONE_FUSE), "{PLANNED}");
        Self::new(self.0)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
        assert!(!burn(&FUSE), "{PLANNED}");
    }
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "w.Plain", pod)]
#[repr(transparent)]
struct Plain(u32);
#[derive(Component, Clone, Debug)]
#[component(name = "w.Held", clone, on_insert = held, on_remove = let_go)]
struct Held(Live);
#[derive(Component, Clone, Debug)]
#[component(name = "w.Loose", storage = "sparse")]
struct Loose(Live);
#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(name = "w.Mark", storage = "tag", pod)]
#[repr(C)]
struct Mark;

struct Number;
impl Codec<Held> for Number {
    fn encode(value: &Held, out: &mut Encoder<'_>) {
        out.bytes(&value.0.0.to_le_bytes());
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Held, DecodeError> {
        Ok(Held(Live::new(u32::from_le_bytes(input.array()?))))
    }
}
impl Codec<Loose> for Number {
    fn encode(value: &Loose, out: &mut Encoder<'_>) {
        out.bytes(&value.0.0.to_le_bytes());
    }
    fn decode(input: &mut Decoder<'_>) -> Result<Loose, DecodeError> {
        Ok(Loose(Live::new(u32::from_le_bytes(input.array()?))))
    }
}

/// Edges with a number; who owes ends with the one who is owed.
struct Owes;
impl Relation for Owes {
    const NAME: &'static str = "w.Owes";
    type Data = u32;
    const ON_TARGET_END: OnEnd = OnEnd::Despawn;
    const CODEC: RelationCodec<u32> = RelationCodec::schema();
}
struct Knows;
impl Relation for Knows {
    const NAME: &'static str = "w.Knows";
    type Data = ();
}

/// What hooks and observers counted.
#[derive(Resource, Default, Debug, PartialEq, Clone, Copy)]
struct Told {
    held_in: u64,
    held_out: u64,
    loose_in: u64,
    loose_out: u64,
}

fn held(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    for &entity in rows.entities() {
        assert!(world.get::<Held>(entity).is_some());
    }
    if let Some(told) = world.resource_mut::<Told>() {
        told.held_in += rows.entities().len() as u64;
    }
}

fn let_go(world: &mut DeferredWorld<'_>, rows: &Rows<'_>) {
    for &entity in rows.entities() {
        assert!(world.get::<Held>(entity).is_some(), "still there");
    }
    if let Some(told) = world.resource_mut::<Told>() {
        told.held_out += rows.entities().len() as u64;
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Row {
    plain: Option<u32>,
    held: Option<u32>,
    loose: Option<u32>,
    mark: bool,
    parent: Option<Entity>,
    children: Vec<Entity>,
}

#[derive(Clone, Debug, Default)]
struct Model {
    rows: BTreeMap<Entity, Row>,
    owes: BTreeMap<(Entity, Entity), u32>,
    knows: BTreeSet<(Entity, Entity)>,
    told: Told,
}

impl Model {
    /// All that ends with `entity`.
    fn ending(&self, entity: Entity, found: &mut BTreeSet<Entity>) {
        if !found.insert(entity) {
            return;
        }
        for &child in &self.rows[&entity].children {
            self.ending(child, found);
        }
        let debtors = self.owes.keys().filter(|edge| edge.1 == entity);
        for &(debtor, _) in debtors {
            self.ending(debtor, found);
        }
    }

    fn unlink(&mut self, child: Entity) {
        if let Some(parent) = self.rows.get_mut(&child).and_then(|row| row.parent.take())
            && let Some(parent) = self.rows.get_mut(&parent)
        {
            parent.children.retain(|&other| other != child);
        }
    }

    fn end(&mut self, entity: Entity) {
        let mut ending = BTreeSet::new();
        self.ending(entity, &mut ending);
        for entity in ending {
            self.end_one(entity);
        }
    }

    fn end_one(&mut self, entity: Entity) {
        self.unlink(entity);
        let Some(row) = self.rows.remove(&entity) else {
            return;
        };
        for child in row.children {
            if let Some(child) = self.rows.get_mut(&child) {
                child.parent = None;
            }
        }
        self.owes
            .retain(|edge, _| edge.0 != entity && edge.1 != entity);
        self.knows
            .retain(|edge| edge.0 != entity && edge.1 != entity);
        self.told.held_out += u64::from(row.held.is_some());
        self.told.loose_out += u64::from(row.loose.is_some());
    }

    fn set_held(&mut self, entity: Entity, value: u32) {
        let old = self.rows.get_mut(&entity).unwrap().held.replace(value);
        self.told.held_out += u64::from(old.is_some());
        self.told.held_in += 1;
    }

    fn set_loose(&mut self, entity: Entity, value: u32) {
        let old = self.rows.get_mut(&entity).unwrap().loose.replace(value);
        self.told.loose_out += u64::from(old.is_some());
        self.told.loose_in += 1;
    }

    fn take_held(&mut self, entity: Entity) -> Option<u32> {
        let old = self.rows.get_mut(&entity).unwrap().held.take();
        self.told.held_out += u64::from(old.is_some());
        old
    }

    fn take_loose(&mut self, entity: Entity) -> Option<u32> {
        let old = self.rows.get_mut(&entity).unwrap().loose.take();
        self.told.loose_out += u64::from(old.is_some());
        old
    }

    /// A copy of a tree appeared, whose entities pair up by the order of children.
    fn copy_tree(&mut self, world: &World, root: Entity, copy: Entity) {
        let mut pairs = vec![(root, copy)];
        let mut at = 0;
        while let Some(&(old, new)) = pairs.get(at) {
            let children = self.rows[&old].children.iter().copied();
            let found: Vec<Entity> = world.children(new).collect();
            assert_eq!(found.len(), self.rows[&old].children.len());
            pairs.extend(children.zip(found));
            at += 1;
        }
        let twin: BTreeMap<Entity, Entity> = pairs.iter().copied().collect();
        for &(old, new) in &pairs {
            let row = self.rows[&old].clone();
            self.told.held_in += u64::from(row.held.is_some());
            self.told.loose_in += u64::from(row.loose.is_some());
            let children = row.children.iter().map(|child| twin[child]);
            let parent = row.parent.filter(|_| old != root);
            let row = Row {
                children: children.collect(),
                parent: parent.map(|parent| twin[&parent]),
                ..row
            };
            self.rows.insert(new, row);
        }
        let both = |&(a, b): &(Entity, Entity)| Some((*twin.get(&a)?, *twin.get(&b)?));
        let owes = self
            .owes
            .iter()
            .filter_map(|(edge, &sum)| Some((both(edge)?, sum)));
        let owes: Vec<_> = owes.collect();
        self.owes.extend(owes);
        let knows: Vec<_> = self.knows.iter().filter_map(both).collect();
        self.knows.extend(knows);
    }

    fn live(&self) -> i64 {
        let of = |row: &Row| i64::from(row.held.is_some()) + i64::from(row.loose.is_some());
        self.rows.values().map(of).sum()
    }

    fn is_above(&self, above: Entity, below: Entity) -> bool {
        let mut at = Some(below);
        while let Some(entity) = at {
            if entity == above {
                return true;
            }
            at = self.rows[&entity].parent;
        }
        false
    }
}

fn build() -> World {
    let mut world = World::new();
    world.set_removal_capacity(usize::MAX);
    world.register::<Plain>();
    world.register::<Mark>();
    world.register::<ChildOf>();
    world.register_codec::<Held, Number>();
    world.register_codec::<Loose, Number>();
    world.register_relation::<Owes>();
    world.register_relation::<Knows>();
    world.insert_resource(Told::default());
    world.observe_insert::<Loose>(|world, rows| {
        for &entity in rows.entities() {
            assert!(world.get::<Loose>(entity).is_some());
        }
        world.resource_mut::<Told>().unwrap().loose_in += rows.entities().len() as u64;
    });
    world.observe_remove::<Loose>(|world, rows| {
        assert!(rows.cause() != Cause::Spawn);
        world.resource_mut::<Told>().unwrap().loose_out += rows.entities().len() as u64;
    });
    world
}

/// Compares a world with the model; `map` turns the model's entities into the world's.
fn check(world: &World, model: &Model, map: &dyn Fn(Entity) -> Entity) {
    assert_eq!(world.len(), model.rows.len());
    let mut hierarchy = 0;
    for (&entity, row) in &model.rows {
        let here = map(entity);
        assert!(world.contains(here));
        assert_eq!(world.get::<Plain>(here).map(|value| value.0), row.plain);
        assert_eq!(world.get::<Held>(here).map(|value| value.0.0), row.held);
        assert_eq!(world.get::<Loose>(here).map(|value| value.0.0), row.loose);
        assert_eq!(world.has::<Mark>(here), row.mark);
        assert_eq!(world.parent(here), row.parent.map(map));
        assert!(
            world
                .children(here)
                .eq(row.children.iter().map(|&child| map(child)))
        );
        assert_eq!(world.child_count(here), row.children.len());
        hierarchy += row.children.len();
        let range = (entity, Entity::from_bits(0))..=(entity, Entity::from_bits(u64::MAX));
        let owes: BTreeMap<Entity, u32> = world
            .related::<Owes>(here)
            .map(|(to, &sum)| (to, sum))
            .collect();
        let edges = model.owes.range(range.clone());
        assert_eq!(owes, edges.map(|(&(_, to), &sum)| (map(to), sum)).collect());
        let knows: BTreeSet<Entity> = world.related::<Knows>(here).map(|(to, ())| to).collect();
        assert_eq!(
            knows,
            model.knows.range(range).map(|&(_, to)| map(to)).collect()
        );
    }
    assert_eq!(world.query::<&ChildOf>().count(), hierarchy);
    assert_eq!(world.relation_count::<Owes>(), model.owes.len());
    assert_eq!(world.relation_count::<Knows>(), model.knows.len());
    let marked: BTreeSet<Entity> = world
        .query_filtered::<Entity, (With<Mark>, Without<Loose>)>()
        .into_iter()
        .collect();
    let expected = model
        .rows
        .iter()
        .filter(|(_, row)| row.mark && row.loose.is_none());
    assert_eq!(marked, expected.map(|(&entity, _)| map(entity)).collect());
    let mut sums: Vec<(Entity, u32)> = world
        .query::<(Entity, &Plain, &Loose)>()
        .into_iter()
        .map(|(entity, plain, loose)| (entity, plain.0.wrapping_add(loose.0.0)))
        .collect();
    sums.sort_unstable();
    let expected = model
        .rows
        .iter()
        .filter_map(|(&entity, row)| Some((map(entity), row.plain?.wrapping_add(row.loose?))));
    let mut expected: Vec<_> = expected.collect();
    expected.sort_unstable();
    assert_eq!(sums, expected);
}

/// Runs `operation` with a fuse in `Drop` that may burn down; what it does to the world is done all the same.
fn lit(fuse: Option<usize>, operation: impl FnOnce()) {
    let Some(fuse) = fuse else {
        return operation();
    };
    FUSE.set(fuse as i64);
    let result = catch_unwind(AssertUnwindSafe(operation));
    FUSE.set(-1);
    if let Err(panic) = result {
        let text = panic.downcast_ref::<String>().map_or("", |text| text);
        assert!(text.contains(PLANNED), "{text}");
    }
}

#[test]
fn a_world_with_everything_agrees_with_maps() {
    for seed in 0..32 {
        run(
            &mut Random::new(seed),
            if seed % 8 == 0 { 3000 } else { 600 },
            9,
        );
    }
}

#[test]
fn a_world_with_everything_agrees_with_maps_under_bytes() {
    let mut random = Random::new(11);
    for length in [0, 1, 50, 2000, 6000] {
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        run(&mut Random::Bytes(&bytes), usize::MAX, 20);
    }
}

/// As many operations as `STORM_ECS_SOAK` says, for hours by hand; a second's worth otherwise.
#[test]
fn soak() {
    let wanted = std::env::var("STORM_ECS_SOAK")
        .ok()
        .and_then(|text| text.parse().ok());
    let first = std::env::var("STORM_ECS_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    let (mut done, mut seed) = (0, first.unwrap_or(5_000_000));
    while done < wanted.unwrap_or(30_000u64) {
        done += run(&mut Random::new(seed), 10_000, 400);
        seed += 1;
    }
    println!("{done} operations, no divergence");
}

/// Runs up to `operations` operations and compares every `every` of them, and at the end. Says how many it ran.
pub(crate) fn run(random: &mut Random<'_>, operations: usize, every: usize) -> u64 {
    ALIVE.set(0);
    FUSE.set(-1);
    CLONE_FUSE.set(-1);
    let mut world = build();
    let mut replica = build();
    let mut model = Model::default();
    // The replica's base, if it follows.
    let mut base: Option<ChangeTick> = None;
    let mut follower = Model::default();
    let mut saved: Option<(Snapshot, Model)> = None;
    let mut queue = CommandQueue::new();
    let mut cursor = EventCursor::default();
    let mut sent: Vec<u32> = Vec::new();
    let mut ran = 0;
    for operation in 0..operations {
        if random.is_spent() {
            break;
        }
        ran += 1;
        let value = random.next() as u32;
        let any = |random: &mut Random<'_>, model: &Model| {
            let at = random.below(model.rows.len().max(1));
            model.rows.keys().nth(at).copied()
        };
        let some = any(random, &model);
        let fuse = (value.is_multiple_of(11)).then(|| random.below(4));
        match (random.below(45), some) {
            (0..=3, _) => {
                let entity = world.spawn((Plain(value), Mark));
                let row = Row {
                    plain: Some(value),
                    mark: true,
                    ..Row::default()
                };
                model.rows.insert(entity, row);
            }
            (4, _) => {
                let made =
                    world.spawn_batch((0..value % 7).map(|i| (Held(Live::new(i)), Plain(i))));
                for (i, entity) in made.into_iter().enumerate() {
                    model.rows.insert(
                        entity,
                        Row {
                            plain: Some(i as u32),
                            ..Row::default()
                        },
                    );
                    model.set_held(entity, i as u32);
                }
            }
            (5, _) => {
                let entity = world.spawn((Loose(Live::new(value)), Held(Live::new(value)), Mark));
                model.rows.insert(
                    entity,
                    Row {
                        mark: true,
                        ..Row::default()
                    },
                );
                model.set_held(entity, value);
                model.set_loose(entity, value);
            }
            (6 | 7, Some(entity)) if model.rows.len() > 20 || value.is_multiple_of(5) => {
                lit(fuse, || assert!(world.despawn(entity).is_ok()));
                model.end(entity);
                assert!(!world.contains(entity));
            }
            (8, Some(entity)) if value.is_multiple_of(3) => {
                // Those who owe end with it even so; the children stay.
                let children = model.rows[&entity].children.clone();
                for child in children {
                    model.unlink(child);
                }
                lit(fuse, || world.despawn_keep_children(entity).unwrap());
                model.end(entity);
            }
            (9 | 10, Some(entity)) => {
                world.insert(entity, Plain(value)).unwrap();
                model.rows.get_mut(&entity).unwrap().plain = Some(value);
            }
            (11 | 12, Some(entity)) => {
                lit(fuse, || {
                    world.insert(entity, Held(Live::new(value))).unwrap()
                });
                model.set_held(entity, value);
            }
            (13, Some(entity)) => {
                let bundle = (Loose(Live::new(value)), Mark, Held(Live::new(value)));
                lit(fuse, || world.insert(entity, bundle).unwrap());
                model.set_held(entity, value);
                model.set_loose(entity, value);
                model.rows.get_mut(&entity).unwrap().mark = true;
            }
            (14, Some(entity)) => {
                lit(fuse, || world.remove::<(Held, Plain)>(entity).unwrap());
                model.take_held(entity);
                model.rows.get_mut(&entity).unwrap().plain = None;
            }
            (15, Some(entity)) => {
                lit(fuse, || world.remove::<(Mark, Loose)>(entity).unwrap());
                model.take_loose(entity);
                model.rows.get_mut(&entity).unwrap().mark = false;
            }
            (16, Some(entity)) => {
                let taken = world.take::<(Loose, Held)>(entity);
                let row = &model.rows[&entity];
                assert_eq!(taken.is_ok(), row.loose.is_some() && row.held.is_some());
                if let Ok((loose, held)) = taken {
                    assert_eq!(Some(loose.0.0), model.take_loose(entity));
                    assert_eq!(Some(held.0.0), model.take_held(entity));
                }
            }
            (17, Some(entity)) => {
                let held = world.get_mut::<Held>(entity).map(|held| held.0.0 = value);
                if held.is_some() {
                    model.rows.get_mut(&entity).unwrap().held = Some(value);
                }
                if let Some(loose) = world.get_mut::<Loose>(entity) {
                    loose.0.0 = value;
                    model.rows.get_mut(&entity).unwrap().loose = Some(value);
                }
            }
            (18, _) => {
                for (plain, loose) in world.query_mut::<(&Plain, &mut Loose)>() {
                    loose.0.0 = plain.0;
                }
                for row in model.rows.values_mut() {
                    if let (Some(plain), Some(loose)) = (row.plain, &mut row.loose) {
                        *loose = plain;
                    }
                }
            }
            (19..=21, Some(child)) => {
                let parent = any(random, &model).unwrap_or(child);
                let result = world.set_parent(child, parent);
                assert_eq!(result.is_err(), model.is_above(child, parent));
                if result.is_ok() && model.rows[&child].parent != Some(parent) {
                    model.unlink(child);
                    model.rows.get_mut(&child).unwrap().parent = Some(parent);
                    model.rows.get_mut(&parent).unwrap().children.push(child);
                }
            }
            (22, Some(child)) => {
                let parent = any(random, &model).unwrap_or(child);
                let index = random.below(4);
                let result = world.insert_child(parent, index, child);
                assert_eq!(result.is_err(), model.is_above(child, parent));
                if result.is_ok() {
                    model.unlink(child);
                    model.rows.get_mut(&child).unwrap().parent = Some(parent);
                    let children = &mut model.rows.get_mut(&parent).unwrap().children;
                    children.insert(index.min(children.len()), child);
                }
            }
            (23, Some(child)) => {
                world.remove_parent(child).unwrap();
                model.unlink(child);
            }
            (24..=26, Some(a)) => {
                let b = any(random, &model).unwrap_or(a);
                world.relate::<Knows>(a, b, ()).unwrap();
                model.knows.insert((a, b));
                if value.is_multiple_of(4) {
                    world.relate::<Owes>(a, b, value).unwrap();
                    model.owes.insert((a, b), value);
                }
            }
            (27, Some(a)) => {
                let b = any(random, &model).unwrap_or(a);
                assert_eq!(
                    world.unrelate::<Knows>(a, b).is_some(),
                    model.knows.remove(&(a, b))
                );
                assert_eq!(world.unrelate::<Owes>(a, b), model.owes.remove(&(a, b)));
            }
            (28, _) if value.is_multiple_of(6) => {
                let bundle = (Held(Live::new(9)), Mark);
                let broken = (value.is_multiple_of(4)).then(|| random.below(6) as i64);
                CLONE_FUSE.set(broken.unwrap_or(-1));
                let result = catch_unwind(AssertUnwindSafe(|| {
                    world.insert_where::<(With<Plain>, Without<Held>), _>(bundle)
                }));
                CLONE_FUSE.set(-1);
                let passing = |row: &Row| row.plain.is_some() && row.held.is_none();
                let passing: Vec<Entity> = model
                    .rows
                    .iter()
                    .filter(|(_, row)| passing(row))
                    .map(|(&entity, _)| entity)
                    .collect();
                match result {
                    Ok(count) => assert_eq!(count, passing.len()),
                    // Some have been served and the others not.
                    Err(_) => assert!(broken.is_some()),
                }
                for entity in passing {
                    if world.has::<Held>(entity) {
                        model.set_held(entity, 9);
                        model.rows.get_mut(&entity).unwrap().mark = true;
                    }
                }
            }
            (29, _) if value.is_multiple_of(6) => {
                let count = world.remove_where::<With<Mark>, (Plain, Loose)>();
                let marked: Vec<Entity> = model
                    .rows
                    .iter()
                    .filter(|(_, row)| row.mark)
                    .map(|(&entity, _)| entity)
                    .collect();
                assert_eq!(count, marked.len());
                for entity in marked {
                    model.take_loose(entity);
                    model.rows.get_mut(&entity).unwrap().plain = None;
                }
            }
            (30, _) if value.is_multiple_of(9) => {
                let ending = |row: &Row| row.plain.is_none() && row.mark;
                let roots: Vec<Entity> = model
                    .rows
                    .iter()
                    .filter(|(_, row)| ending(row))
                    .map(|(&entity, _)| entity)
                    .collect();
                lit(fuse, || {
                    world.despawn_where::<(With<Mark>, Without<Plain>)>();
                });
                if fuse.is_some() {
                    // A panic may have stopped it between two entities: it goes on.
                    world.despawn_where::<(With<Mark>, Without<Plain>)>();
                }
                for entity in roots {
                    if model.rows.contains_key(&entity) {
                        model.end(entity);
                    }
                }
            }
            (31, _) if value.is_multiple_of(40) => {
                lit(fuse, || world.clear());
                let all: Vec<Entity> = model.rows.keys().copied().collect();
                for entity in all {
                    model.end_one(entity);
                }
            }
            (32 | 33, Some(entity)) => {
                let made = {
                    let mut commands = queue.commands(&world);
                    commands
                        .entity(entity)
                        .insert(Plain(value))
                        .remove::<Mark>()
                        .insert(Held(Live::new(1)));
                    commands
                        .spawn(Mark)
                        .insert(Plain(2))
                        .insert(Loose(Live::new(3)))
                        .id()
                };
                assert!(queue.apply(&mut world).is_empty());
                model.set_held(entity, 1);
                let row = model.rows.get_mut(&entity).unwrap();
                (row.plain, row.mark) = (Some(value), false);
                let row = Row {
                    plain: Some(2),
                    mark: true,
                    ..Row::default()
                };
                model.rows.insert(made, row);
                model.set_loose(made, 3);
            }
            (34, _) => {
                world.send_event(value);
                sent.push(value);
            }
            (35, _) => {
                if let Some(events) = world.events::<u32>() {
                    let read: Vec<u32> = cursor.read(events).copied().collect();
                    assert!(sent.ends_with(&read));
                    assert_eq!(read.len() as u64 + cursor.missed(), sent.len() as u64);
                }
                sent.clear();
                cursor = EventCursor::default();
                if let Some(events) = world.events::<u32>() {
                    cursor.read(events).for_each(drop);
                }
            }
            (36, _) => {
                let seen = world.change_tick();
                if let Some(entity) = some {
                    world.insert(entity, Mark).unwrap();
                    model.rows.get_mut(&entity).unwrap().mark = true;
                    let changed = world.query_filtered::<Entity, Changed<Mark>>();
                    assert!(changed.since(seen).into_iter().eq([entity]));
                }
            }
            (37, _) => {
                let snapshot = world.snapshot(&SnapshotOptions::default()).unwrap();
                saved = Some((snapshot, model.clone()));
            }
            (38, _) if value.is_multiple_of(3) => {
                if let Some((snapshot, then)) = &saved {
                    lit(fuse, || {
                        world
                            .restore(snapshot.as_bytes(), &RestoreOptions::default())
                            .unwrap();
                    });
                    // Nobody was told.
                    let told = model.told;
                    model = then.clone();
                    model.told = told;
                }
            }
            (39 | 40, _) => {
                let bytes = match base {
                    Some(base) => world.delta(base, &SnapshotOptions::default()),
                    None => world.snapshot(&SnapshotOptions::default()),
                };
                // The logs of tables that were given up do not reach back.
                let delta = base.is_some() && bytes.is_ok();
                let bytes = match bytes {
                    Ok(bytes) => bytes,
                    Err(_) => world.snapshot(&SnapshotOptions::default()).unwrap(),
                };
                let options = RestoreOptions::default();
                if delta {
                    replica.apply_delta(bytes.as_bytes(), &options).unwrap();
                } else {
                    replica.restore(bytes.as_bytes(), &options).unwrap();
                }
                base = Some(
                    SnapshotView::parse(bytes.as_bytes(), &options)
                        .unwrap()
                        .tick(),
                );
                follower = model.clone();
                if operation % every == 0 {
                    let there = |entity: Entity| replica.entity_at(entity.index()).unwrap();
                    check(&replica, &follower, &there);
                }
            }
            (41, _) if value.is_multiple_of(5) => {
                world.recycle_tables();
            }
            (43, Some(root)) if model.rows.len() < 300 => {
                let count = random.below(3);
                let broken = value.is_multiple_of(4).then(|| random.below(6) as i64);
                CLONE_FUSE.set(broken.unwrap_or(-1));
                let result = catch_unwind(AssertUnwindSafe(|| {
                    let prefab = Prefab::capture(&world, root).unwrap();
                    prefab.instantiate(&mut world, count).unwrap()
                }));
                CLONE_FUSE.set(-1);
                match result {
                    Ok(roots) => {
                        assert_eq!(roots.len(), count);
                        for copy in roots {
                            model.copy_tree(&world, root, copy);
                        }
                    }
                    Err(_) => assert!(broken.is_some(), "nothing was made"),
                }
            }
            (42, _) => {
                world.compact(value as usize % 10_000);
            }
            _ => {
                let reserved = world.reserve();
                world.flush();
                model.rows.insert(reserved, Row::default());
            }
        }
        assert_eq!(
            ALIVE.get(),
            model.live() + follower.live(),
            "operation {operation}"
        );
        if operation % every == 0 {
            check(&world, &model, &|entity| entity);
            assert_eq!(world.resource(), Some(&model.told));
            assert!(world.take_watch_errors().is_empty());
        }
    }
    check(&world, &model, &|entity| entity);
    let there = |entity: Entity| replica.entity_at(entity.index()).unwrap();
    check(&replica, &follower, &there);
    drop((world, replica));
    assert_eq!(ALIVE.get(), 0, "dropping the worlds drops every value");
    ran
}
