//! Parents and children: order, cascade, cycles, handles that name nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use storm_ecs::{
    Changed, ChildOf, CommandQueue, Component, Entity, Hierarchy, HierarchyError, Parent, With,
    Without, World,
};

use crate::support::{A, B, Random};

fn children(world: &World, parent: Entity) -> Vec<Entity> {
    let forwards: Vec<Entity> = world.children(parent).collect();
    let mut backwards: Vec<Entity> = world.children(parent).rev().collect();
    backwards.reverse();
    assert_eq!(
        forwards, backwards,
        "the list reads the same from both ends"
    );
    assert_eq!(forwards.len(), world.child_count(parent));
    forwards
}

fn family(world: &mut World, count: usize) -> (Entity, Vec<Entity>) {
    let parent = world.spawn(A(0));
    let made = (0..count).map(|i| (A(i as u32 + 1), ChildOf(parent)));
    let made = made.collect::<Vec<_>>();
    (parent, world.spawn_batch(made))
}

#[test]
fn children_keep_the_order_in_which_they_came() {
    let mut world = World::new();
    let (parent, made) = family(&mut world, 4);
    let late = world.spawn(ChildOf(parent));
    let other = world.spawn(());
    world.insert(other, ChildOf(parent)).unwrap();
    let all = [&made[..], &[late, other]].concat();
    assert_eq!(children(&world, parent), all);
    // Tables change under them: the order stays.
    world.insert(made[2], B(1)).unwrap();
    world.remove::<A>(made[0]).unwrap();
    assert_eq!(children(&world, parent), all);
    // The same parent again is no move.
    world.insert(made[1], ChildOf(parent)).unwrap();
    assert_eq!(children(&world, parent), all);
}

#[test]
fn a_child_goes_where_it_is_put() {
    type Act = fn(&mut World, Entity, &[Entity]) -> Result<(), HierarchyError>;
    let cases: &[(&str, Act, &[usize])] = &[
        ("first", |w, p, c| w.insert_child(p, 0, c[3]), &[3, 0, 1, 2]),
        (
            "to the place it has",
            |w, p, c| w.insert_child(p, 1, c[1]),
            &[0, 1, 2, 3],
        ),
        (
            "in between",
            |w, p, c| w.insert_child(p, 2, c[0]),
            &[1, 2, 0, 3],
        ),
        (
            "beyond the end",
            |w, p, c| w.insert_child(p, 99, c[0]),
            &[1, 2, 3, 0],
        ),
        (
            "before the first",
            |w, _, c| w.insert_child_before(c[0], c[2]),
            &[2, 0, 1, 3],
        ),
        (
            "before the next",
            |w, _, c| w.insert_child_before(c[2], c[1]),
            &[0, 1, 2, 3],
        ),
        (
            "before itself",
            |w, _, c| w.insert_child_before(c[2], c[2]),
            &[0, 1, 2, 3],
        ),
        (
            "after the last",
            |w, _, c| w.insert_child_after(c[3], c[0]),
            &[1, 2, 3, 0],
        ),
        (
            "after the one before",
            |w, _, c| w.insert_child_after(c[1], c[2]),
            &[0, 1, 2, 3],
        ),
        (
            "after itself",
            |w, _, c| w.insert_child_after(c[1], c[1]),
            &[0, 1, 2, 3],
        ),
    ];
    for (name, act, expected) in cases {
        let mut world = World::new();
        let (parent, made) = family(&mut world, 4);
        act(&mut world, parent, &made).unwrap();
        let expected: Vec<Entity> = expected.iter().map(|&i| made[i]).collect();
        assert_eq!(children(&world, parent), expected, "{name}");
    }
}

#[test]
fn a_new_child_goes_where_it_is_put() {
    let mut world = World::new();
    let (parent, made) = family(&mut world, 2);
    let (other, theirs) = family(&mut world, 2);
    let fresh = world.spawn(());
    world.insert_child_before(made[1], fresh).unwrap();
    world.insert_child_after(made[0], theirs[0]).unwrap();
    world.insert_child(parent, 0, theirs[1]).unwrap();
    assert_eq!(
        children(&world, parent),
        [theirs[1], made[0], theirs[0], fresh, made[1]]
    );
    assert_eq!(children(&world, other), []);
    assert!(!world.has::<Parent>(other));
}

#[test]
fn sorting_is_stable_and_marks_what_moved() {
    let mut world = World::new();
    let (parent, made) = family(&mut world, 5);
    let since = world.change_tick();
    world.sort_children_by(parent, |world, a, b| {
        let key = |entity| world.get::<A>(entity).unwrap().0 % 2;
        key(a).cmp(&key(b))
    });
    assert_eq!(
        children(&world, parent),
        [1, 3, 0, 2, 4].map(|i: usize| made[i])
    );
    let changed = world.query_filtered::<Entity, Changed<ChildOf>>();
    assert_eq!(changed.since(since).count(), 5);
}

#[test]
fn only_what_makes_sense_is_accepted_by_name() {
    let mut world = World::new();
    let (parent, made) = family(&mut world, 1);
    let leaf = world.spawn(ChildOf(made[0]));
    let dead = world.spawn(());
    world.despawn(dead).unwrap();
    let foreign = World::new().spawn(());
    let no = HierarchyError::NoSuchEntity;
    let cycle = |child, parent| HierarchyError::Cycle { child, parent };
    assert_eq!(world.set_parent(dead, parent), Err(no(dead)));
    assert_eq!(world.set_parent(leaf, dead), Err(no(dead)));
    assert_eq!(world.set_parent(leaf, foreign), Err(no(foreign)));
    assert_eq!(world.set_parent(leaf, leaf), Err(cycle(leaf, leaf)));
    assert_eq!(world.set_parent(parent, leaf), Err(cycle(parent, leaf)));
    assert_eq!(
        world.insert_child_before(leaf, made[0]),
        Err(cycle(made[0], made[0]))
    );
    assert_eq!(
        world.insert_child_after(parent, leaf),
        Err(HierarchyError::NoParent(parent))
    );
    assert_eq!(world.parent(leaf), Some(made[0]), "nothing has changed");
    for error in [no(dead), cycle(leaf, leaf), HierarchyError::NoParent(leaf)] {
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn despawning_ends_children_before_their_parents() {
    let mut world = World::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = order.clone();
    world.observe_remove::<A>(move |world, rows| {
        for &entity in rows.entities() {
            // Its parent is there still, with its values.
            if let Some(&ChildOf(parent)) = world.get(entity) {
                assert!(world.get::<A>(parent).is_some());
            }
            seen.lock().unwrap().push(entity);
        }
    });
    let root = world.spawn(A(0));
    let left = world.spawn((A(1), ChildOf(root)));
    let right = world.spawn((A(2), B(0), ChildOf(root)));
    let leaf = world.spawn((A(3), ChildOf(left)));
    let stranger = world.spawn(A(4));
    world.despawn(root).unwrap();
    assert_eq!(*order.lock().unwrap(), [right, leaf, left, root]);
    assert_eq!(world.entities().collect::<Vec<_>>(), [stranger]);
    assert!(world.resource::<Hierarchy>().unwrap().is_empty());
}

#[test]
fn every_way_to_end_a_parent_ends_its_children() {
    type Way = fn(&mut World, Entity);
    let ways: &[(&str, Way)] = &[
        ("despawn", |w, e| w.despawn(e).unwrap()),
        ("despawn_where", |w, _| {
            assert_eq!(w.despawn_where::<With<B>>(), 1)
        }),
        ("despawn_where by tag", |w, _| {
            assert_eq!(w.despawn_where::<(With<Parent>, Without<ChildOf>)>(), 1);
        }),
        ("a command", |w, e| {
            let mut queue = CommandQueue::new();
            queue.commands(w).despawn(e);
            assert!(queue.apply(w).is_empty());
        }),
    ];
    for (name, end) in ways {
        let mut world = World::new();
        let root = world.spawn(B(0));
        let child = world.spawn((A(0), ChildOf(root)));
        world.spawn_batch((0..10).map(|i| (A(i), ChildOf(child))).collect::<Vec<_>>());
        let stranger = world.spawn(A(9));
        end(&mut world, root);
        assert_eq!(world.entities().collect::<Vec<_>>(), [stranger], "{name}");
    }
}

#[test]
fn one_can_be_ended_alone() {
    let mut world = World::new();
    let (parent, made) = family(&mut world, 3);
    let leaf = world.spawn(ChildOf(made[1]));
    world.despawn_keep_children(parent).unwrap();
    for &child in &made {
        assert_eq!(world.parent(child), None);
        assert!(!world.has::<ChildOf>(child));
    }
    assert_eq!(world.parent(leaf), Some(made[1]));
    assert!(world.despawn_keep_children(parent).is_err());
    world.despawn_children(made[1]).unwrap();
    assert!(!world.contains(leaf) && world.contains(made[1]));
    assert!(world.despawn_children(leaf).is_err());
}

#[test]
fn a_parent_that_is_nobody_is_none() {
    let mut world = World::new();
    let dead = world.spawn(());
    world.despawn(dead).unwrap();
    let foreign = World::new().spawn(());
    for target in [dead, foreign, Entity::DANGLING, Entity::from_bits(3)] {
        let child = world.spawn(ChildOf(target));
        assert_eq!(world.parent(child), None, "{target}");
        assert_eq!(world.get(child), Some(&ChildOf(target)), "the value stays");
        assert_eq!(world.child_count(target), 0);
        world.despawn(child).unwrap();
    }
    // The slot has a new owner: it is not the parent.
    let old = world.spawn(());
    let child = world.spawn(());
    world.despawn(old).unwrap();
    world.insert(child, ChildOf(old)).unwrap();
    let new = world.spawn(());
    assert_eq!(new.index(), old.index());
    assert_eq!(world.child_count(new), 0);
    world.despawn(new).unwrap();
    assert!(world.contains(child));
}

#[test]
fn cycles_are_walked_once() {
    for length in 1..6 {
        let mut world = World::new();
        let ring: Vec<Entity> = (0..length).map(|_| world.spawn(A(0))).collect();
        for i in 0..length {
            world
                .insert(ring[i], ChildOf(ring[(i + 1) % length]))
                .unwrap();
        }
        let tail = world.spawn(ChildOf(ring[0]));
        let end = world.spawn(ChildOf(tail));
        assert_eq!(world.ancestors(end).count(), length + 1);
        for &entity in &ring {
            assert_eq!(world.ancestors(entity).count(), length - 1);
            let below: BTreeSet<Entity> = world.descendants(entity).collect();
            assert_eq!(below.len(), length + 1, "each once, itself not");
            assert!(world.resource::<Hierarchy>().unwrap().is_below(end, entity));
        }
        assert_eq!(world.descendants(tail).collect::<Vec<_>>(), [end]);
        // Broken, it is a tree again; unbroken, it ends as one.
        if length % 2 == 0 {
            world.remove_parent(ring[0]).unwrap();
            assert_eq!(world.descendants(ring[0]).count(), length + 1);
        }
        world.despawn(ring[0]).unwrap();
        assert!(world.is_empty());
    }
}

#[test]
fn a_long_chain_ends_without_recursion() {
    let mut world = World::new();
    let mut last = world.spawn(());
    let root = last;
    for _ in 0..50_000 {
        last = world.spawn(ChildOf(last));
    }
    assert_eq!(world.ancestors(last).count(), 50_000);
    assert_eq!(world.resource::<Hierarchy>().unwrap().root(last), root);
    world.despawn(root).unwrap();
    assert!(world.is_empty());
}

#[test]
fn commands_of_watchers_wait_until_the_whole_tree_has_ended() {
    let mut world = World::new();
    world.observe_remove::<A>(|world, rows| {
        for _ in rows.entities() {
            world.commands().spawn(B(7));
        }
    });
    let (parent, _) = family(&mut world, 3);
    world.despawn(parent).unwrap();
    assert_eq!(world.query::<&B>().count(), 4);
    assert_eq!(world.len(), 4);
    assert!(world.take_watch_errors().is_empty());
}

#[test]
fn whole_tables_become_children_and_cease_to_be() {
    let mut world = World::new();
    let parent = world.spawn(());
    let made = world.spawn_batch((0..100).map(A));
    assert_eq!(world.insert_where::<With<A>, _>(ChildOf(parent)), 100);
    assert_eq!(children(&world, parent), made);
    assert_eq!(world.remove_where::<With<A>, ChildOf>(), 100);
    assert_eq!(children(&world, parent), []);
    assert!(!world.has::<Parent>(parent));
    world.insert_where::<With<A>, _>(ChildOf(parent));
    world.clear();
    assert!(world.resource::<Hierarchy>().unwrap().is_empty());
    let (parent, made) = family(&mut world, 3);
    assert_eq!(children(&world, parent), made);
}

/// Panics when dropped, if armed.
#[derive(Component)]
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        let left = self.0.load(Ordering::Relaxed);
        if left > 0 {
            self.0.store(left - 1, Ordering::Relaxed);
            assert!(left != 1, "bang");
        }
    }
}

#[test]
fn a_drop_that_panics_does_not_save_the_rest_of_the_tree() {
    for fuse in 1..=5 {
        let left = Arc::new(AtomicUsize::new(0));
        let mut world = World::new();
        let root = world.spawn(Bomb(left.clone()));
        let mut last = root;
        for _ in 0..4 {
            last = world.spawn((Bomb(left.clone()), ChildOf(last)));
        }
        left.store(fuse, Ordering::Relaxed);
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            world.despawn(root).unwrap();
        }));
        assert!(ended.is_err());
        assert!(world.is_empty());
        assert!(world.resource::<Hierarchy>().unwrap().is_empty());
        assert_eq!(Arc::strong_count(&left), 1, "every one was dropped");
    }
}

/// The specification: parents as the components say, children in lists.
#[derive(Default)]
struct Model {
    alive: BTreeMap<Entity, (Option<Entity>, bool)>,
    children: BTreeMap<Entity, Vec<Entity>>,
}

impl Model {
    fn parent(&self, child: Entity) -> Option<Entity> {
        let (parent, _) = self.alive.get(&child)?;
        parent.filter(|parent| {
            self.children
                .get(parent)
                .is_some_and(|list| list.contains(&child))
        })
    }

    fn unlink(&mut self, child: Entity) {
        for list in self.children.values_mut() {
            list.retain(|&other| other != child);
        }
    }

    fn insert(&mut self, child: Entity, parent: Entity) {
        let same = self.parent(child) == Some(parent);
        self.alive.get_mut(&child).unwrap().0 = Some(parent);
        if !same {
            self.unlink(child);
            if self.alive.contains_key(&parent) {
                self.children.entry(parent).or_default().push(child);
            }
        }
    }

    fn remove(&mut self, child: Entity) {
        self.alive.get_mut(&child).unwrap().0 = None;
        self.unlink(child);
    }

    fn below(&self, start: Entity) -> Vec<Entity> {
        let mut found = Vec::new();
        let mut stack: Vec<Entity> = self.list(start).into_iter().rev().collect();
        while let Some(entity) = stack.pop() {
            if entity == start {
                continue;
            }
            found.push(entity);
            stack.extend(self.list(entity).into_iter().rev());
        }
        found
    }

    fn list(&self, parent: Entity) -> Vec<Entity> {
        self.children.get(&parent).cloned().unwrap_or_default()
    }

    fn above(&self, start: Entity) -> Vec<Entity> {
        let mut found = Vec::new();
        let mut at = self.parent(start);
        while let Some(entity) = at.filter(|entity| *entity != start && !found.contains(entity)) {
            found.push(entity);
            at = self.parent(entity);
        }
        found
    }

    fn end(&mut self, entity: Entity) {
        for gone in self.below(entity).into_iter().chain([entity]) {
            self.unlink(gone);
            self.children.remove(&gone);
            self.alive.remove(&gone);
        }
    }

    fn check(&self, world: &World) {
        assert_eq!(world.len(), self.alive.len());
        let mut links = 0;
        for (&entity, &(parent, marked)) in &self.alive {
            assert_eq!(world.get::<ChildOf>(entity).map(|child| child.0), parent);
            assert_eq!(world.has::<B>(entity), marked);
            assert_eq!(world.parent(entity), self.parent(entity));
            let list = self.list(entity);
            links += list.len();
            assert_eq!(world.has::<Parent>(entity), !list.is_empty());
            assert_eq!(children(world, entity), list);
            assert!(world.descendants(entity).eq(self.below(entity)));
            assert!(world.ancestors(entity).eq(self.above(entity)));
        }
        assert_eq!(
            world.resource::<Hierarchy>().map_or(0, Hierarchy::len),
            links
        );
    }
}

#[test]
fn random_changes_agree_with_lists() {
    for seed in 0..60 {
        run(&mut Random::new(seed), 400);
    }
}

fn run(random: &mut Random<'_>, operations: usize) {
    let mut world = World::new();
    let mut model = Model::default();
    let mut known: Vec<Entity> = vec![Entity::DANGLING, World::new().spawn(())];
    for operation in 0..operations {
        let any = known[random.below(known.len())];
        let some = match model.alive.len() {
            0 => None,
            count => model.alive.keys().nth(random.below(count)).copied(),
        };
        match (random.below(18), some) {
            (0 | 1, _) => {
                let entity = world.spawn(A(0));
                model.alive.insert(entity, (None, false));
                known.push(entity);
            }
            (2 | 3, _) => {
                let entity = world.spawn((A(1), B(0), ChildOf(any)));
                model.alive.insert(entity, (None, true));
                model.insert(entity, any);
                known.push(entity);
            }
            (4, _) => {
                let count = random.below(6);
                for entity in world.spawn_batch(vec![ChildOf(any); count]) {
                    model.alive.insert(entity, (None, false));
                    model.insert(entity, any);
                    known.push(entity);
                }
            }
            (5..=7, Some(entity)) => {
                world.insert(entity, ChildOf(any)).unwrap();
                model.insert(entity, any);
            }
            (8, Some(entity)) => {
                let expected = model.alive.contains_key(&any)
                    && any != entity
                    && !model.above(any).contains(&entity);
                assert_eq!(world.set_parent(entity, any).is_ok(), expected);
                if expected {
                    model.insert(entity, any);
                }
            }
            (9, Some(entity)) => {
                let index = random.below(4);
                if world.insert_child(any, index, entity).is_ok() {
                    model.insert(entity, any);
                    model.unlink(entity);
                    let list = model.children.entry(any).or_default();
                    list.insert(index.min(list.len()), entity);
                }
            }
            (10, Some(entity)) => {
                let after = random.below(2);
                let done = match after {
                    0 => world.insert_child_before(any, entity),
                    _ => world.insert_child_after(any, entity),
                };
                if done.is_ok() && any != entity {
                    let parent = model.parent(any).unwrap();
                    model.insert(entity, parent);
                    model.unlink(entity);
                    let list = model.children.entry(parent).or_default();
                    let at = list.iter().position(|&other| other == any).unwrap();
                    list.insert(at + after, entity);
                }
            }
            (11, Some(entity)) => {
                world.remove::<ChildOf>(entity).unwrap();
                model.remove(entity);
            }
            (12, Some(entity)) => {
                world.despawn(entity).unwrap();
                model.end(entity);
            }
            (13, Some(entity)) => {
                world.despawn_keep_children(entity).unwrap();
                for child in model.list(entity) {
                    model.remove(child);
                }
                model.end(entity);
            }
            (14, Some(entity)) => {
                // Moves it between tables.
                let marked = &mut model.alive.get_mut(&entity).unwrap().1;
                if *marked {
                    world.remove::<B>(entity).unwrap();
                } else {
                    world.insert(entity, B(1)).unwrap();
                }
                *marked = !*marked;
            }
            (15, Some(entity)) if random.below(10) == 0 => {
                world.despawn_children(entity).unwrap();
                for child in model.below(entity) {
                    if model.alive.contains_key(&child) {
                        model.end(child);
                    }
                }
                assert!(model.alive.contains_key(&entity) || !world.contains(entity));
            }
            (16, _) if random.below(20) == 0 => {
                world.despawn_where::<With<B>>();
                let marked = model.alive.iter().filter(|(_, row)| row.1);
                for entity in marked.map(|(&entity, _)| entity).collect::<Vec<_>>() {
                    model.end(entity);
                }
            }
            (17, _) if random.below(60) == 0 => {
                world.clear();
                model = Model::default();
            }
            _ => {}
        }
        if operation % 8 == 0 {
            model.check(&world);
        }
    }
    model.check(&world);
}
