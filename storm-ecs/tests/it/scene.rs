//! Propagation of transforms.

use storm_ecs::scene::{
    Aabb, Cell, ChildOf, ComputedVisibility, GlobalTransform, Propagation, StableId, Transform,
    Visibility, VisibilityPropagation,
};
use storm_ecs::{ChangeTick, Changed, Entity, RestoreOptions, SnapshotOptions, World};

use crate::support::Random;

fn at(x: f32) -> Transform {
    Transform::from_translation([x, 0.0, 0.0])
}

fn x(world: &World, entity: Entity) -> f32 {
    world.get::<GlobalTransform>(entity).unwrap().translation()[0]
}

fn written(world: &World, since: ChangeTick) -> Vec<Entity> {
    let mut found: Vec<Entity> = world
        .query_filtered::<Entity, Changed<GlobalTransform>>()
        .since(since)
        .into_iter()
        .collect();
    found.sort();
    found
}

#[test]
fn a_global_transform_is_the_parents_times_the_own() {
    let mut world = World::new();
    let half_turn = [0.0, 0.0, 1.0, 0.0];
    let root = world.spawn((
        Transform {
            rotation: half_turn,
            scale: [2.0; 3],
            ..at(10.0)
        },
        Cell([3, 0, -1]),
    ));
    let child = world.spawn((at(1.0), ChildOf(root), Cell([9, 9, 9])));
    let grandchild = world.spawn((at(1.0), ChildOf(child)));
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    assert_eq!(x(&world, root), 10.0);
    assert!((x(&world, child) - 8.0).abs() < 1e-5);
    assert!((x(&world, grandchild) - 6.0).abs() < 1e-5);
    for entity in [root, child, grandchild] {
        assert_eq!(
            world.get::<GlobalTransform>(entity).unwrap().cell,
            [3, 0, -1],
            "the root's cell"
        );
    }
}

#[test]
fn only_what_changed_is_written() {
    let mut world = World::new();
    let root = world.spawn(at(1.0));
    let left = world.spawn((at(10.0), ChildOf(root)));
    let right = world.spawn((at(20.0), ChildOf(root)));
    let leaf = world.spawn((at(100.0), ChildOf(left)));
    let other = world.spawn(at(5.0));
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    let mut since = world.change_tick();
    type Act = fn(&mut World, &[Entity; 5]);
    let cases: &[(&str, Act, &[usize], [f32; 5])] = &[
        ("nothing", |_, _| {}, &[], [1.0, 11.0, 21.0, 111.0, 5.0]),
        (
            "a leaf",
            |w, e| w.get_mut::<Transform>(e[3]).unwrap().translation[0] = 200.0,
            &[3],
            [1.0, 11.0, 21.0, 211.0, 5.0],
        ),
        (
            "an inner one",
            |w, e| w.get_mut::<Transform>(e[1]).unwrap().translation[0] = 11.0,
            &[1, 3],
            [1.0, 12.0, 21.0, 212.0, 5.0],
        ),
        (
            "a root",
            |w, e| w.get_mut::<Transform>(e[0]).unwrap().translation[0] = 2.0,
            &[0, 1, 2, 3],
            [2.0, 13.0, 22.0, 213.0, 5.0],
        ),
        (
            "written but the same",
            |w, e| w.get_mut::<Transform>(e[0]).unwrap().translation[0] = 2.0,
            &[],
            [2.0, 13.0, 22.0, 213.0, 5.0],
        ),
        (
            "root and leaf at once",
            |w, e| {
                w.get_mut::<Transform>(e[3]).unwrap().translation[0] = 0.0;
                w.get_mut::<Transform>(e[0]).unwrap().translation[0] = 1.0;
            },
            &[0, 1, 2, 3],
            [1.0, 12.0, 21.0, 12.0, 5.0],
        ),
        (
            "reparent",
            |w, e| w.insert(e[3], ChildOf(e[2])).unwrap(),
            &[3],
            [1.0, 12.0, 21.0, 21.0, 5.0],
        ),
        (
            "reparent an inner one",
            |w, e| w.insert(e[2], ChildOf(e[4])).unwrap(),
            &[2, 3],
            [1.0, 12.0, 25.0, 25.0, 5.0],
        ),
        (
            "a child becomes a root",
            |w, e| w.remove::<ChildOf>(e[2]).unwrap(),
            &[2, 3],
            [1.0, 12.0, 20.0, 20.0, 5.0],
        ),
        (
            "a cell",
            |w, e| w.insert(e[2], Cell([1, 0, 0])).unwrap(),
            &[2, 3],
            [1.0, 12.0, 20.0, 20.0, 5.0],
        ),
        (
            "no cell",
            |w, e| w.remove::<Cell>(e[2]).unwrap(),
            &[2, 3],
            [1.0, 12.0, 20.0, 20.0, 5.0],
        ),
    ];
    let entities = [root, left, right, leaf, other];
    for (name, act, changed, places) in cases {
        act(&mut world, &entities);
        propagation.run(&mut world);
        assert_eq!(entities.map(|entity| x(&world, entity)), *places, "{name}");
        let mut expected: Vec<Entity> = changed.iter().map(|&i| entities[i]).collect();
        expected.sort();
        assert_eq!(written(&world, since), expected, "{name}");
        since = world.change_tick();
    }
}

#[test]
fn children_of_nobody_are_roots() {
    let mut world = World::new();
    let root = world.spawn(at(1.0));
    let child = world.spawn((at(10.0), ChildOf(root)));
    let leaf = world.spawn((at(100.0), ChildOf(child)));
    let orphan = world.spawn((at(7.0), ChildOf(Entity::DANGLING)));
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    assert_eq!((x(&world, leaf), x(&world, orphan)), (111.0, 7.0));
    world.despawn_keep_children(root).unwrap();
    // The slot gets a new owner before the next run; the children are not its children.
    let new = world.spawn(at(1000.0));
    assert_eq!(new.index(), root.index());
    propagation.run(&mut world);
    assert_eq!(
        (x(&world, child), x(&world, leaf), x(&world, new)),
        (10.0, 110.0, 1000.0)
    );
    world.insert(child, ChildOf(new)).unwrap();
    propagation.run(&mut world);
    assert_eq!(x(&world, leaf), 1110.0);
}

#[test]
fn cycles_neither_hang_nor_move_and_heal_when_broken() {
    let mut world = World::new();
    let a = world.spawn(at(1.0));
    let b = world.spawn((at(10.0), ChildOf(a)));
    let c = world.spawn((at(100.0), ChildOf(b)));
    let below = world.spawn((at(1000.0), ChildOf(c)));
    let itself = world.spawn(at(5.0));
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    world.insert(a, ChildOf(c)).unwrap();
    world.insert(itself, ChildOf(itself)).unwrap();
    world.get_mut::<Transform>(below).unwrap().translation[0] = 2000.0;
    propagation.run(&mut world);
    assert_eq!(
        [a, b, c, below, itself].map(|entity| x(&world, entity)),
        [1.0, 11.0, 111.0, 1111.0, 5.0]
    );
    world.get_mut::<Transform>(b).unwrap().translation[0] = 20.0;
    propagation.run(&mut world);
    assert_eq!(x(&world, b), 11.0);
    world.remove::<ChildOf>(b).unwrap();
    world.remove::<ChildOf>(itself).unwrap();
    propagation.run(&mut world);
    assert_eq!(
        [b, c, below, a, itself].map(|entity| x(&world, entity)),
        [20.0, 120.0, 2120.0, 121.0, 5.0]
    );
}

#[test]
fn parents_without_a_transform() {
    let mut world = World::new();
    let plain = world.spawn(());
    let child = world.spawn((at(1.0), ChildOf(plain)));
    let leaf = world.spawn((at(1.0), ChildOf(child)));
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    assert_eq!(
        (x(&world, child), x(&world, leaf)),
        (1.0, 2.0),
        "a parent that is nowhere does not matter"
    );
    let affine = at(100.0).to_affine();
    world
        .insert(
            plain,
            GlobalTransform::from_affine(&affine, Cell([0, 0, 0])),
        )
        .unwrap();
    propagation.run(&mut world);
    assert_eq!(
        (x(&world, child), x(&world, leaf)),
        (101.0, 102.0),
        "a global transform set by hand is passed on"
    );
    world.insert(plain, at(10.0)).unwrap();
    propagation.run(&mut world);
    assert_eq!((x(&world, child), x(&world, leaf)), (11.0, 12.0));
    world.remove::<(Transform, GlobalTransform)>(plain).unwrap();
    propagation.run(&mut world);
    assert_eq!((x(&world, child), x(&world, leaf)), (1.0, 2.0));
}

#[test]
fn a_removal_log_that_overflowed_means_starting_over() {
    let mut world = World::new();
    world.set_removal_capacity(2);
    let roots: Vec<Entity> = (0..10).map(|_| world.spawn(at(1.0))).collect();
    let children: Vec<Entity> = roots
        .iter()
        .map(|&root| world.spawn((at(10.0), ChildOf(root))))
        .collect();
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    for &root in &roots {
        world.despawn_keep_children(root).unwrap();
    }
    propagation.run(&mut world);
    assert!(children.iter().all(|&child| x(&world, child) == 10.0));
}

/// A snapshot that was taken between a write and the run that follows it brought the old global transform back for good: the
/// `Transform` beside it had not changed.
#[test]
fn a_place_that_a_restore_took_back_is_found_again() {
    let mut world = World::new();
    let root = world.spawn(at(1.0));
    let child = world.spawn((at(10.0), ChildOf(root)));
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    world.get_mut::<Transform>(root).unwrap().translation[0] = 2.0;
    let before = world.snapshot(&SnapshotOptions::default()).unwrap();
    propagation.run(&mut world);
    assert_eq!((x(&world, root), x(&world, child)), (2.0, 12.0));
    world
        .restore(before.as_bytes(), &RestoreOptions::default())
        .unwrap();
    propagation.run(&mut world);
    assert_eq!((x(&world, root), x(&world, child)), (2.0, 12.0));
    let since = world.change_tick();
    propagation.run(&mut world);
    assert_eq!(written(&world, since), [], "its own writes are no news");
}

#[test]
fn a_deep_chain_takes_one_pass() {
    let mut world = World::new();
    let mut chain = vec![world.spawn(at(1.0))];
    for i in 1..50_000 {
        chain.push(world.spawn((at(1.0), ChildOf(chain[i - 1]))));
    }
    let mut propagation = Propagation::new();
    propagation.run(&mut world);
    assert_eq!(x(&world, chain[49_999]), 50_000.0);
}

#[test]
fn random_forests_agree_with_a_walk_up_the_parents() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut world = World::new();
        let mut propagation = Propagation::new();
        let mut entities: Vec<Entity> = Vec::new();
        for _ in 0..150 {
            for _ in 0..random.below(12) {
                let some = entities.get(random.below(entities.len().max(1))).copied();
                match (random.below(10), some) {
                    (0..=2, parent) => {
                        let place = at(random.below(10) as f32);
                        entities.push(match parent {
                            Some(parent) if random.below(4) != 0 => {
                                world.spawn((place, ChildOf(parent)))
                            }
                            _ => world.spawn((place, Cell([random.below(3) as i32; 3]))),
                        });
                    }
                    (3 | 4, Some(entity)) => {
                        if let Some(transform) = world.get_mut::<Transform>(entity) {
                            transform.translation[0] = random.below(10) as f32;
                        }
                    }
                    (5 | 6, Some(entity)) => {
                        let parent = entities[random.below(entities.len())];
                        let _ = world.insert(entity, ChildOf(parent));
                    }
                    (7, Some(entity)) => drop(world.remove::<ChildOf>(entity)),
                    (8, Some(entity)) => drop(world.despawn(entity)),
                    _ => {
                        if let Some(entity) = some {
                            let _ = match random.below(3) {
                                0 => world.remove::<Transform>(entity),
                                1 => world.remove::<Cell>(entity),
                                _ => world.insert(entity, at(3.0)),
                            };
                        }
                    }
                }
            }
            entities.retain(|&entity| random.below(40) != 0 || world.contains(entity));
            propagation.run(&mut world);
            for &entity in &entities {
                check(&world, entity);
            }
        }
    }
}

/// Computes an entity's place from scratch. Sums of small integers are exact in f32.
fn check(world: &World, entity: Entity) {
    let (Some(_), Some(global)) = (
        world.get::<Transform>(entity),
        world.get::<GlobalTransform>(entity),
    ) else {
        return;
    };
    let (mut sum, mut root, mut steps) = (0.0, entity, 0);
    let mut current = Some(entity);
    let mut cell = None;
    while let Some(entity) = current {
        root = entity;
        steps += 1;
        if steps > 10_000 {
            return; // a cycle: keeps what it has
        }
        match world.get::<Transform>(entity) {
            Some(transform) => sum += transform.translation[0],
            None => {
                let fixed = world.get::<GlobalTransform>(entity).unwrap();
                sum += fixed.translation()[0];
                cell = Some(fixed.cell);
                break;
            }
        }
        current = world
            .get::<ChildOf>(entity)
            .map(|parent| parent.0)
            .filter(|&parent| world.has::<GlobalTransform>(parent));
    }
    let cell = cell.unwrap_or_else(|| world.get::<Cell>(root).copied().unwrap_or_default().0);
    assert_eq!(
        (global.translation()[0], global.cell),
        (sum, cell),
        "{entity}"
    );
}

// --- what else scenes are made of ---------------------------------------------------------------------------------

fn drawn(world: &World, entity: Entity) -> Option<bool> {
    world.get::<ComputedVisibility>(entity).map(|drawn| drawn.0)
}

#[test]
fn what_is_hidden_hides_what_inherits() {
    let mut world = World::new();
    let root = world.spawn(Visibility::Inherited);
    let plain = world.spawn(ChildOf(root));
    let child = world.spawn((Visibility::Inherited, ChildOf(plain)));
    let stubborn = world.spawn((Visibility::Visible, ChildOf(child)));
    let leaf = world.spawn((Visibility::Inherited, ChildOf(stubborn)));
    let all = [root, child, stubborn, leaf];
    let mut propagation = VisibilityPropagation::new();
    type Act = fn(&mut World, [Entity; 5]);
    let cases: &[(&str, Act, [bool; 4])] = &[
        ("nothing", |_, _| {}, [true; 4]),
        (
            "the root hidden",
            |w, e| *w.get_mut(e[0]).unwrap() = Visibility::Hidden,
            [false, false, true, true],
        ),
        (
            "the stubborn one gives in",
            |w, e| *w.get_mut(e[3]).unwrap() = Visibility::Inherited,
            [false; 4],
        ),
        (
            "torn off",
            |w, e| w.remove::<ChildOf>(e[2]).unwrap(),
            [false, true, true, true],
        ),
        (
            "put back",
            |w, e| w.set_parent(e[2], e[1]).unwrap(),
            [false; 4],
        ),
        (
            "what is in between speaks up",
            |w, e| w.insert(e[1], Visibility::Visible).unwrap(),
            [false, true, true, true],
        ),
        (
            "and is silent again",
            |w, e| w.remove::<Visibility>(e[1]).unwrap(),
            [false; 4],
        ),
        (
            "a cycle",
            |w, e| {
                w.insert(e[0], (ChildOf(e[4]), Visibility::Visible))
                    .unwrap()
            },
            [false; 4],
        ),
        (
            "broken",
            |w, e| w.remove::<ChildOf>(e[0]).unwrap(),
            [true; 4],
        ),
    ];
    for (name, act, expected) in cases {
        act(&mut world, [root, plain, child, stubborn, leaf]);
        propagation.run(&mut world);
        let found = all.map(|entity| drawn(&world, entity).unwrap());
        if *name != "a cycle" {
            assert_eq!(found, *expected, "{name}");
        }
        let since = world.change_tick();
        propagation.run(&mut world);
        let changed = world.query_filtered::<Entity, Changed<ComputedVisibility>>();
        assert_eq!(
            changed.since(since).count(),
            0,
            "{name}: nothing is left to do"
        );
    }
    assert_eq!(drawn(&world, plain), None);
}

#[test]
fn random_visibilities_agree_with_a_walk_up_the_parents() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut world = World::new();
        let mut propagation = VisibilityPropagation::new();
        let mut entities = vec![world.spawn(())];
        for _ in 0..60 {
            for _ in 0..random.below(8) {
                let entity = entities[random.below(entities.len())];
                let other = entities[random.below(entities.len())];
                let value = [
                    Visibility::Inherited,
                    Visibility::Hidden,
                    Visibility::Visible,
                ];
                let value = value[random.below(3)];
                let _ = match random.below(7) {
                    0 | 1 => {
                        entities.push(world.spawn((value, ChildOf(entity))));
                        Ok(())
                    }
                    2 => world.insert(entity, value),
                    3 => world.set_parent(entity, other).or(Ok(())),
                    4 => world.remove::<Visibility>(entity),
                    5 => world.remove::<ChildOf>(entity),
                    _ if random.below(4) == 0 => world.despawn(entity),
                    _ => Ok(()),
                };
            }
            propagation.run(&mut world);
            for &entity in &entities {
                let chain = core::iter::once(entity).chain(world.ancestors(entity));
                let decides = chain
                    .filter_map(|above| world.get::<Visibility>(above))
                    .find(|value| **value != Visibility::Inherited);
                let expected = world
                    .get::<Visibility>(entity)
                    .map(|_| decides != Some(&Visibility::Hidden));
                assert_eq!(drawn(&world, entity), expected, "seed {seed}");
            }
        }
    }
}

#[test]
fn ids_are_found_through_every_change() {
    let id = StableId::from_u128;
    let mut world = World::new();
    let a = world.spawn(StableId::from_u128(1));
    let b = world.spawn_batch([id(2), id(3), id(1)]);
    assert_eq!(world.entity_by_id(id(1)), Some(a));
    assert_eq!(world.duplicate_ids(), [(id(1), vec![a, b[2]])]);
    world.insert(a, id(9)).unwrap();
    assert_eq!(
        (world.entity_by_id(id(1)), world.entity_by_id(id(9))),
        (Some(b[2]), Some(a))
    );
    assert_eq!(world.duplicate_ids(), []);
    world.remove::<StableId>(b[0]).unwrap();
    assert_eq!(world.entity_by_id(id(2)), None);
    assert_eq!(id(0x0123).to_string(), format!("{:032x}", 0x123));

    // Snapshots and deltas call no hooks.
    let saved = world.snapshot(&Default::default()).unwrap();
    let mut other = World::new();
    other.register::<StableId>();
    other
        .restore(saved.as_bytes(), &Default::default())
        .unwrap();
    let index = |entity: Option<Entity>| entity.map(Entity::index);
    assert_eq!(index(other.entity_by_id(id(9))), Some(a.index()));
    let since = storm_ecs::SnapshotView::parse(saved.as_bytes(), &Default::default());
    let since = since.unwrap().tick();
    world.insert(b[1], id(30)).unwrap();
    let late = world.spawn(id(40));
    world.despawn(b[2]).unwrap();
    let delta = world.delta(since, &Default::default()).unwrap();
    other
        .apply_delta(delta.as_bytes(), &Default::default())
        .unwrap();
    let found = [1, 3, 9, 30, 40].map(|n| index(other.entity_by_id(id(n))));
    let expected = [None, None, Some(a), Some(b[1]), Some(late)].map(index);
    assert_eq!(found, expected);
    world
        .restore(saved.as_bytes(), &Default::default())
        .unwrap();
    let found = [1, 3, 30].map(|n| world.entity_by_id(id(n)));
    assert_eq!(found, [Some(b[2]), Some(b[1]), None]);
}

#[test]
fn boxes_hold_what_they_are_made_of() {
    assert_eq!(Aabb::from_points([]), None);
    let mut random = Random::new(5);
    let mut point = || core::array::from_fn(|_| random.below(200) as f32 / 10.0 - 10.0);
    for _ in 0..100 {
        let points: [[f32; 3]; 5] = core::array::from_fn(|_| point());
        let found = Aabb::from_points(points).unwrap();
        let slack = Aabb {
            half: found.half.map(|half| half + 1e-4),
            ..found
        };
        assert!(points.iter().all(|&point| slack.contains(point)));
        let other = Aabb::from_points([point(), point()]).unwrap();
        let both = found.union(&other);
        assert!(both.intersects(&found) && both.intersects(&other));
        let turn = glam::Quat::from_euler(glam::EulerRot::XYZ, 0.3, 1.0, -2.0);
        let transform = Transform::from_parts(point().into(), turn, glam::Vec3::splat(1.5));
        let global = GlobalTransform::from_affine(&transform.to_affine(), Cell([0; 3]));
        let moved = found.transformed(&global);
        let slack = Aabb {
            half: moved.half.map(|half| half + 1e-3),
            ..moved
        };
        for point in points {
            let point = transform.to_affine().transform_point3(point.into());
            assert!(slack.contains(point.to_array()));
        }
    }
    let far = Aabb::from_min_max([5.0; 3], [6.0; 3]);
    assert!(!far.intersects(&Aabb::from_min_max([0.0; 3], [4.0; 3])));
}

#[test]
#[cfg(feature = "rayon")]
fn threads_change_nothing_about_places() {
    type Bits = Vec<(u32, [u32; 12], [i32; 3])>;
    let run = |threads: usize, seed: u64| -> Vec<Bits> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let work = || {
            let mut random = Random::new(seed);
            let mut world = World::new();
            let mut propagation = Propagation::new();
            let place = |random: &mut Random<'_>| {
                let mut float = || random.below(1000) as f32 / 100.0 - 5.0;
                let turn = glam::Quat::from_euler(glam::EulerRot::XYZ, float(), float(), float());
                Transform::from_parts(
                    glam::Vec3::new(float(), float(), float()),
                    turn,
                    glam::Vec3::splat(1.0 + float() / 50.0),
                )
            };
            // A wide family, a deep one, and a forest.
            let root = world.spawn((place(&mut random), Cell([1, 2, 3])));
            let mut all = vec![root];
            for _ in 0..9000 {
                all.push(world.spawn((place(&mut random), ChildOf(root))));
            }
            let mut deep = root;
            for _ in 0..3000 {
                deep = world.spawn((place(&mut random), ChildOf(deep)));
                all.push(deep);
            }
            for _ in 0..12_000 {
                let parent = all[random.below(all.len())];
                all.push(match random.below(10) {
                    0 => world.spawn(place(&mut random)),
                    1 => world.spawn(ChildOf(parent)),
                    _ => world.spawn((place(&mut random), ChildOf(parent))),
                });
            }
            let mut rounds = Vec::new();
            for round in 0..4 {
                propagation.run(&mut world);
                let mut bits: Bits = world
                    .query::<(Entity, &GlobalTransform)>()
                    .into_iter()
                    .map(|(entity, global)| {
                        let mut bits = [0; 12];
                        for (to, from) in bits.iter_mut().zip(global.affine.as_flattened()) {
                            *to = from.to_bits();
                        }
                        (entity.index(), bits, global.cell)
                    })
                    .collect();
                bits.sort_unstable();
                rounds.push(bits);
                let moved = [root, all[1], all[10_000], deep][round];
                *world.get_mut(moved).unwrap() = place(&mut random);
                for _ in 0..20 {
                    let entity = all[random.below(all.len())];
                    let parent = all[random.below(all.len())];
                    let _ = world.set_parent(entity, parent);
                }
            }
            rounds
        };
        pool.build().unwrap().install(work)
    };
    for seed in 0..2 {
        let serial = run(1, seed);
        for threads in [2, 3, 8] {
            assert!(
                run(threads, seed) == serial,
                "seed {seed}, {threads} threads"
            );
        }
    }
}
