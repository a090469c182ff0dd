//! Prefabs: trees captured once and made many times.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use storm_ecs::{
    Cause, ChildOf, Component, Entity, Parent, Prefab, PrefabError, Relation, RelationCodec,
    Schema, Source, World,
};

use crate::support::{A, Random};

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(pod)]
#[repr(C)]
struct Plain(u32);

#[derive(Component, Clone, Debug, PartialEq)]
#[component(clone)]
struct Cloned(String);

/// Neither Pod nor `Clone`: through its schema.
#[derive(Component, Debug, PartialEq)]
#[component(schema)]
struct Coded {
    text: String,
    friend: Entity,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(schema, pod)]
#[repr(C)]
struct Pointer {
    to: Entity,
    also: [Entity; 2],
}

#[derive(Component, Clone, Debug, PartialEq)]
#[component(clone, schema, storage = "sparse")]
struct Rare {
    owner: Entity,
    list: Vec<Entity>,
}

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(pod, storage = "sparse")]
#[repr(C)]
struct RarePlain(u64);

#[derive(Component, Clone, Copy, Debug, PartialEq)]
#[component(storage = "tag")]
struct Marked;

#[derive(Component, Clone, Copy, Debug, PartialEq)]
struct Neither(u32);

struct Bolted;
impl Relation for Bolted {
    const NAME: &'static str = "test.Bolted";
    type Data = Joint;
    const CODEC: RelationCodec<Joint> = RelationCodec::schema();
}

#[derive(Schema, Clone, Debug, PartialEq)]
struct Joint {
    force: f32,
    by: Entity,
}

/// A cart with two axles and four wheels; `outside` belongs to nobody's tree.
fn cart(world: &mut World) -> ([Entity; 7], Entity) {
    let outside = world.spawn(Plain(99));
    let garage = world.spawn(());
    let root = world.spawn((Plain(0), Cloned("cart".into()), ChildOf(garage)));
    let axles = [1, 2].map(|i| world.spawn((Plain(i), ChildOf(root), Marked)));
    let wheel = |world: &mut World, axle, i| {
        world.spawn((
            Plain(i),
            Pointer {
                to: root,
                also: [axle, outside],
            },
            Coded {
                text: format!("wheel {i}"),
                friend: axle,
            },
            ChildOf(axle),
        ))
    };
    let wheels = [(0, 3), (1, 4), (0, 5), (1, 6)].map(|(axle, i)| wheel(world, axles[axle], i));
    world
        .insert(
            wheels[2],
            Rare {
                owner: wheels[0],
                list: vec![root, outside],
            },
        )
        .unwrap();
    world.insert(wheels[1], (RarePlain(7), Marked)).unwrap();
    let joint = |force, by| Joint { force, by };
    world
        .relate::<Bolted>(wheels[0], axles[0], joint(1.0, wheels[1]))
        .unwrap();
    world
        .relate::<Bolted>(wheels[1], axles[0], joint(2.0, outside))
        .unwrap();
    // An edge that leaves the tree is no part of it.
    world
        .relate::<Bolted>(root, outside, joint(3.0, root))
        .unwrap();
    let [a, b] = axles;
    let [w, x, y, z] = wheels;
    ([root, a, b, w, x, y, z], outside)
}

/// The members of a copy in the order of [`cart`].
fn members(world: &World, root: Entity) -> [Entity; 7] {
    let below: Vec<Entity> = world.descendants(root).collect();
    // root, axle, wheel 3, wheel 5, axle, wheel 4, wheel 6
    let [a, w, y, b, x, z] = below[..] else {
        panic!("six below the root: {below:?}")
    };
    [root, a, b, w, x, y, z]
}

fn check(world: &World, copy: [Entity; 7], outside: Entity) {
    let [root, a, b, w, x, y, z] = copy;
    for (i, &entity) in copy.iter().enumerate() {
        assert_eq!(world.get(entity), Some(&Plain(i as u32)));
        assert_eq!(world.has::<Parent>(entity), i < 3);
        assert_eq!(world.has::<Marked>(entity), [1, 2, 4].contains(&i));
    }
    assert_eq!(world.parent(root), None);
    assert!(!world.has::<ChildOf>(root));
    assert_eq!(world.get(root), Some(&Cloned("cart".into())));
    for (i, wheel, axle) in [(3, w, a), (4, x, b), (5, y, a), (6, z, b)] {
        assert_eq!(world.parent(wheel), Some(axle));
        let to = Pointer {
            to: root,
            also: [axle, outside],
        };
        assert_eq!(world.get(wheel), Some(&to));
        let coded = Coded {
            text: format!("wheel {i}"),
            friend: axle,
        };
        assert_eq!(world.get(wheel), Some(&coded));
    }
    let rare = Rare {
        owner: w,
        list: vec![root, outside],
    };
    assert_eq!(world.get(y), Some(&rare));
    assert_eq!(world.get(x), Some(&RarePlain(7)));
    assert!(!world.has::<Rare>(w) && !world.has::<RarePlain>(w));
    let joint = |force, by| Joint { force, by };
    assert!(
        world
            .relating::<Bolted>(a)
            .eq([(w, &joint(1.0, x)), (x, &joint(2.0, outside))])
    );
    assert_eq!(world.related::<Bolted>(root).count(), 0);
    assert!(world.has::<Source<Bolted>>(w) && !world.has::<Source<Bolted>>(root));
}

#[test]
fn copies_are_like_the_tree_and_point_into_themselves() {
    for count in [0, 1, 2, 3, 100] {
        let mut world = World::new();
        let (tree, outside) = cart(&mut world);
        let prefab = Prefab::capture(&world, tree[0]).unwrap();
        assert_eq!(prefab.len(), 7);
        let before = world.len();
        let roots = prefab.instantiate(&mut world, count).unwrap();
        assert_eq!((roots.len(), world.len()), (count, before + 7 * count));
        for &root in &roots {
            check(&world, members(&world, root), outside);
        }
        // What was captured may go, and values are the copies' own.
        world.despawn(tree[0]).unwrap();
        let more = prefab.instantiate(&mut world, 2).unwrap();
        world.get_mut::<Plain>(more[0]).unwrap().0 = 1000;
        world.despawn(more[0]).unwrap();
        for &root in roots.iter().chain(&more[1..]) {
            check(&world, members(&world, root), outside);
        }
    }
}

#[test]
fn copies_of_copies_are_alike() {
    let mut world = World::new();
    let (tree, outside) = cart(&mut world);
    let mut root = tree[0];
    for _ in 0..4 {
        let prefab = Prefab::capture(&world, root).unwrap();
        let roots = prefab.instantiate(&mut world, 3).unwrap();
        world.despawn(root).unwrap();
        root = roots[1];
        check(&world, members(&world, root), outside);
    }
}

#[test]
fn another_world_takes_a_prefab_that_it_knows() {
    let mut world = World::new();
    let (tree, _) = cart(&mut world);
    let prefab = Prefab::capture(&world, tree[0]).unwrap();
    let mut other = World::new();
    let failed = prefab.instantiate(&mut other, 1);
    assert!(
        matches!(failed, Err(PrefabError::Unknown { .. })),
        "{failed:?}"
    );
    assert!(other.is_empty());
    // Registered in another order: numbers differ.
    other.register::<Marked>();
    other.register::<RarePlain>();
    other.register::<Rare>();
    other.register::<Coded>();
    other.register::<ChildOf>();
    other.register::<Pointer>();
    other.register::<Cloned>();
    other.register::<Plain>();
    let failed = prefab.instantiate(&mut other, 1);
    let name = "test.Bolted";
    assert_eq!(failed, Err(PrefabError::Unknown { name }));
    other.register_relation::<Bolted>();
    let roots = prefab.instantiate(&mut other, 5).unwrap();
    for root in roots {
        check(&other, members(&other, root), Entity::DANGLING);
    }
}

#[test]
fn what_cannot_be_copied_is_named() {
    struct Odd;
    impl Relation for Odd {
        const NAME: &'static str = "test.Odd";
        type Data = AtomicI64;
    }
    let mut world = World::new();
    let root = world.spawn(());
    let child = world.spawn((ChildOf(root), Neither(1)));
    let component = Neither::NAME;
    let failed = Prefab::capture(&world, root).err();
    assert_eq!(failed, Some(PrefabError::Unclonable { component }));
    world.remove::<Neither>(child).unwrap();
    world.relate::<Odd>(child, root, AtomicI64::new(3)).unwrap();
    let relation = Odd::NAME;
    let failed = Prefab::capture(&world, root).err();
    assert_eq!(failed, Some(PrefabError::UnstoredRelation { relation }));
    world.unrelate::<Odd>(child, root).unwrap();
    assert!(Prefab::capture(&world, root).is_ok());
    world.despawn(root).unwrap();
    let failed = Prefab::capture(&world, root).err();
    assert_eq!(failed, Some(PrefabError::NoSuchEntity(root)));
    assert!(!failed.unwrap().to_string().is_empty());
}

#[test]
fn watchers_are_told_once_a_batch() {
    let mut world = World::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let root = world.spawn(Plain(0));
    world.spawn((Plain(1), ChildOf(root)));
    world.spawn((Plain(2), ChildOf(root), Marked));
    let prefab = Prefab::capture(&world, root).unwrap();
    let (plain, marked) = (told.clone(), told.clone());
    world.observe_insert::<Plain>(move |world, rows| {
        assert_eq!(rows.cause(), Cause::Spawn);
        let values = world.values::<Plain>(rows).unwrap();
        let all: Vec<u32> = values.iter().map(|value| value.0).collect();
        for &entity in rows.entities() {
            assert!(world.world().has::<Parent>(entity) || world.world().parent(entity).is_some());
        }
        plain.lock().unwrap().push(all);
    });
    world.observe_insert::<Marked>(move |world, rows| {
        world.commands().spawn(A(0));
        marked
            .lock()
            .unwrap()
            .push(vec![rows.entities().len() as u32]);
    });
    prefab.instantiate(&mut world, 3).unwrap();
    let mut told = told.lock().unwrap().clone();
    told.sort();
    assert_eq!(told, [vec![0, 0, 0], vec![1, 2, 1, 2, 1, 2], vec![3]]);
    assert_eq!(world.query::<&A>().count(), 1);
}

#[test]
fn copies_can_be_placed() {
    let mut world = World::new();
    let lamp = world.spawn(Plain(0));
    let street = world.spawn(());
    let prefab = Prefab::capture(&world, lamp).unwrap();
    let roots = prefab
        .instantiate_with(&mut world, 4, |world, copy, lamp| {
            world.set_parent(lamp, street).unwrap();
            world.get_mut::<Plain>(lamp).unwrap().0 = copy as u32;
        })
        .unwrap();
    assert!(world.children(street).eq(roots));
    let numbers = world.query_children::<&Plain>(street);
    assert!(numbers.iter().map(|plain| plain.0).eq(0..4));
}

/// Counts itself; its clone panics when the fuse runs out.
#[derive(Component)]
#[component(clone)]
struct Bomb {
    alive: Arc<AtomicUsize>,
    fuse: Arc<AtomicUsize>,
}

impl Bomb {
    fn new(alive: &Arc<AtomicUsize>, fuse: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        let (alive, fuse) = (alive.clone(), fuse.clone());
        Self { alive, fuse }
    }
}

impl Clone for Bomb {
    fn clone(&self) -> Self {
        let left = self.fuse.load(Ordering::Relaxed);
        assert!(left > 0, "bang");
        self.fuse.store(left - 1, Ordering::Relaxed);
        Self::new(&self.alive, &self.fuse)
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Component, Clone)]
#[component(clone, storage = "sparse")]
struct RareBomb(#[expect(dead_code, reason = "cloned and dropped")] Bomb);

#[test]
fn a_clone_that_panics_leaves_the_world_whole_and_leaks_nothing() {
    let (alive, fuse) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(1000)),
    );
    let mut world = World::new();
    let root = world.spawn((Plain(0), Bomb::new(&alive, &fuse)));
    for i in 0..3 {
        let child = world.spawn((Plain(i), Cloned("x".into()), ChildOf(root)));
        world
            .insert(
                child,
                (Bomb::new(&alive, &fuse), RareBomb(Bomb::new(&alive, &fuse))),
            )
            .unwrap();
    }
    for lit in 0..7 {
        fuse.store(lit, Ordering::Relaxed);
        let capture = || drop(Prefab::capture(&world, root));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(capture)).is_err());
        assert_eq!(alive.load(Ordering::Relaxed), 7);
    }
    fuse.store(7, Ordering::Relaxed);
    let prefab = Prefab::capture(&world, root).unwrap();
    for lit in 0..28 {
        fuse.store(lit, Ordering::Relaxed);
        let make = || drop(prefab.instantiate(&mut world, 4));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(make)).is_err());
        assert_eq!((world.len(), alive.load(Ordering::Relaxed)), (4, 14));
    }
    fuse.store(28, Ordering::Relaxed);
    prefab.instantiate(&mut world, 4).unwrap();
    assert_eq!((world.len(), alive.load(Ordering::Relaxed)), (20, 14 + 28));
    drop((world, prefab));
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}

#[test]
fn random_trees_are_copied_faithfully() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut world = World::new();
        let mut all = vec![world.spawn(Plain(0))];
        for i in 1..random.below(60) + 2 {
            let parent = all[random.below(all.len())];
            let entity = world.spawn((Plain(i as u32), ChildOf(parent)));
            if random.below(2) == 0 {
                world.insert(entity, Cloned(format!("{i}"))).unwrap();
            }
            if random.below(3) == 0 {
                let list = (0..random.below(4)).map(|_| all[random.below(all.len())]);
                let list = list.collect();
                world
                    .insert(
                        entity,
                        Rare {
                            owner: entity,
                            list,
                        },
                    )
                    .unwrap();
            }
            if random.below(3) == 0 {
                world.insert(entity, Marked).unwrap();
            }
            if random.below(5) == 0 {
                world.insert_child(parent, 0, entity).unwrap();
            }
            all.push(entity);
        }
        // Slots in disorder.
        for _ in 0..random.below(20) {
            let entity = world.spawn(Plain(0));
            if random.below(2) == 0 {
                world.despawn(entity).unwrap();
            }
        }
        for _ in 0..random.below(30) {
            let (a, b) = (all[random.below(all.len())], all[random.below(all.len())]);
            let joint = Joint {
                force: random.below(9) as f32,
                by: all[random.below(all.len())],
            };
            world.relate::<Bolted>(a, b, joint).unwrap();
        }
        let start = all[random.below(all.len())];
        let prefab = Prefab::capture(&world, start).unwrap();
        let roots = prefab.instantiate(&mut world, 5).unwrap();
        let tree: Vec<Entity> = core::iter::once(start)
            .chain(world.descendants(start))
            .collect();
        for root in roots {
            let copy: Vec<Entity> = core::iter::once(root)
                .chain(world.descendants(root))
                .collect();
            assert_eq!(copy.len(), tree.len());
            let twin = |entity: Entity| {
                let at = tree.iter().position(|&other| other == entity);
                at.map_or(entity, |at| copy[at])
            };
            for (&old, &new) in tree.iter().zip(&copy) {
                assert_eq!(world.get::<Plain>(old), world.get::<Plain>(new));
                assert_eq!(world.get::<Cloned>(old), world.get::<Cloned>(new));
                assert_eq!(world.has::<Marked>(old), world.has::<Marked>(new));
                assert!(world.children(old).map(twin).eq(world.children(new)));
                let rare = world.get::<Rare>(old).map(|rare| Rare {
                    owner: twin(rare.owner),
                    list: rare.list.iter().copied().map(twin).collect(),
                });
                assert_eq!(rare.as_ref(), world.get::<Rare>(new));
                let inside = world
                    .related::<Bolted>(old)
                    .filter(|(to, _)| tree.contains(to));
                let mut expected: Vec<_> = inside
                    .map(|(to, joint)| (twin(to), joint.force, twin(joint.by)))
                    .collect();
                let found = world.related::<Bolted>(new);
                let mut found: Vec<_> = found
                    .map(|(to, joint)| (to, joint.force, joint.by))
                    .collect();
                expected.sort_by_key(|edge| edge.0);
                found.sort_by_key(|edge| edge.0);
                assert_eq!(found, expected);
            }
        }
    }
}
