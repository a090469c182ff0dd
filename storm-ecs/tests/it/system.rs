//! Systems: what they may ask for, what is refused, and what they see.

use std::panic::{AssertUnwindSafe, catch_unwind};

use storm_ecs::{
    Added, Changed, Commands, Component, Entity, EventReader, EventWriter, IntoSystem, Local, Mut,
    Query, Res, ResMut, Resource, Schedule, ScheduleError, System, With, Without, World,
};

use crate::support::{A, B, Tag, Text};

#[derive(Resource, Default, Debug, PartialEq)]
struct Score(u32);
#[derive(Resource, Default)]
struct Log(Vec<String>);

/// The message of a panic.
fn message(run: impl FnOnce()) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(run)).err()?;
    Some(*payload.downcast::<String>().expect("a message"))
}

#[test]
fn parameters_that_conflict_are_refused_by_name_when_the_system_is_made() {
    macro_rules! cases {
        ($(($($param:ty),*) => $expected:expr;)*) => {$({
            let made = message(|| drop(IntoSystem::into_system(|$(_: $param),*| ())));
            let expected: Option<[&str; 3]> = $expected;
            match (&made, expected) {
                (None, None) => {}
                (Some(made), Some(parts)) => {
                    assert!(made.contains("system::") && parts.iter().all(|part| made.contains(part)), "{made}");
                }
                _ => panic!("{}: {made:?}", stringify!($($param),*)),
            }
        })*};
    }
    cases! {
        (Query<&A>, Query<&A>) => None;
        (Query<&mut A>, Query<&mut B>) => None;
        (Query<(&mut A, &B)>, Query<(Entity, &B)>) => None;
        (Query<&mut A>, Query<Entity, With<A>>) => None;
        (Query<&mut A>, Query<&A>) => Some(["Query<'_, &mut", "Query<'_, &A>", "component storm-ecs.A"]);
        (Query<&A>, Query<Mut<A>>) => Some(["Query<'_, &A>", "Mut<", "component storm-ecs.A"]);
        (Query<&mut A>, Query<Option<&A>, With<B>>) => Some(["Query<'_, &mut", "Option", "component storm-ecs.A"]);
        (Query<&mut A>, Query<&B, Changed<A>>) => Some(["Query<'_, &mut", "Changed", "component storm-ecs.A"]);
        (Query<&mut A>, Query<&B, (Without<B>, Added<A>)>) => Some(["Query<'_, &mut", "Added", "component storm-ecs.A"]);
        (Res<Score>, Res<Score>, Option<Res<Score>>) => None;
        (ResMut<Score>, ResMut<Log>) => None;
        (Res<Score>, ResMut<Score>) => Some(["`Res<'_, Score>`", "`ResMut<'_, Score>`", "Score"]);
        (Option<ResMut<Score>>, ResMut<Score>) => Some(["`ResMut<'_, Score>`", "both touch resource", "Score"]);
        (&World, Query<&A>, Res<Score>) => None;
        (&World, &World) => None;
        (&World, Query<&mut A>) => Some(["`&World`", "Query<'_, &mut", "component storm-ecs.A"]);
        (ResMut<Score>, &World) => Some(["`&World`", "`ResMut<'_, Score>`", "Score"]);
        (&World, Commands) => Some(["`&World`", "Commands", "reserve"]);
        (Commands, &World) => Some(["`&World`", "Commands", "reserve"]);
        (Commands, Commands) => Some(["`Commands`", "`Commands`", "reserve"]);
        (Commands, Query<&mut A>, ResMut<Score>, Local<u32>) => None;
        (EventReader<u32>, EventWriter<u32>, EventReader<u32>) => None;
        ((Query<&mut A>, Res<Score>), (Query<&mut B>, ResMut<Score>)) => Some(["`Res<'_, Score>`", "`ResMut<'_, Score>`", "Score"]);
    }
}

#[test]
fn a_system_takes_up_to_twelve_parameters_and_tuples_of_more() {
    #[expect(
        clippy::too_many_arguments,
        clippy::type_complexity,
        reason = "the point of the test"
    )]
    fn many(
        a: Query<&A>,
        b: Query<&mut B>,
        text: Query<(Entity, &Text), Without<A>>,
        score: Res<Score>,
        mut log: ResMut<Log>,
        missing: Option<Res<Gone>>,
        mut commands: Commands,
        mut count: Local<u32>,
        mut read: EventReader<u8>,
        mut write: EventWriter<u16>,
        rest: (Query<Entity, Changed<A>>, Local<Vec<u32>>, EventReader<u16>),
        none: (),
    ) -> usize {
        b.for_each(|b| b.0 += 1);
        *count += 1;
        log.0
            .push(format!("{} {} {}", score.0, missing.is_none(), *count));
        commands.spawn(Tag);
        write.send(1);
        let () = none;
        a.count() + text.count() + read.read().len() + rest.0.count()
    }
    #[derive(Resource)]
    struct Gone;
    let mut world = World::new();
    world.init_resource::<Score>();
    world.init_resource::<Log>();
    world.spawn((A(1), B(1)));
    world.spawn(Text("x".into()));
    assert_eq!(world.run_system(many).unwrap(), 3);
    assert_eq!(world.resource::<Log>().unwrap().0, ["0 true 1"]);
    assert_eq!(world.query::<&Tag>().count(), 1);
    assert_eq!(world.query::<&B>().iter().next(), Some(&B(2)));
    assert_eq!(world.events::<u16>().unwrap().len(), 1);
}

#[test]
fn a_missing_resource_is_a_panic_that_names_it_and_the_system() {
    fn needs(_: Res<Score>) {}
    let error = World::new().run_system(needs).unwrap_err();
    let ScheduleError::Panicked { system, message } = error else {
        panic!("{error}")
    };
    assert!(
        system.ends_with("needs") && message.contains("Score"),
        "{system}: {message}"
    );
}

#[test]
fn a_system_has_its_functions_name() {
    fn plain() {}
    fn exclusive(_: &mut World) {}
    assert!(IntoSystem::into_system(plain).name().ends_with("::plain"));
    assert!(
        IntoSystem::into_system(exclusive)
            .name()
            .ends_with("::exclusive")
    );
}

#[test]
fn exclusive_systems_have_the_world() {
    let mut world = World::new();
    let made = world
        .run_system(|world: &mut World| world.spawn(A(1)))
        .unwrap();
    let seen = world
        .run_system(|world: &World| world.get::<A>(Entity::DANGLING).is_none() && world.len() == 1);
    assert!(world.contains(made) && seen.unwrap());
}

/// Each system sees what was written since it last ran, by anyone but itself, once.
#[test]
fn changes_are_seen_once_by_each_system() {
    #[derive(Resource, Default)]
    struct Seen(Vec<(&'static str, usize, usize, bool)>);
    #[expect(clippy::type_complexity, reason = "a system's parameters")]
    fn see(
        name: &'static str,
    ) -> impl FnMut(Query<&A, Changed<A>>, Query<&A, Added<A>>, Res<Score>, ResMut<Seen>) {
        move |changed, added, score, mut seen| {
            seen.0
                .push((name, changed.count(), added.count(), score.is_changed()));
        }
    }
    fn write(
        mut bodies: Query<&mut A>,
        score: Option<ResMut<Score>>,
        own: Query<Entity, With<B>>,
        mut on: Local<u32>,
    ) {
        *on += 1;
        if *on == 2 {
            for entity in own.iter() {
                bodies.get_mut(entity).unwrap().0 += 1;
            }
            score.unwrap().0 += 1;
        }
    }
    let mut world = World::new();
    world.init_resource::<Score>();
    world.init_resource::<Seen>();
    world.spawn_batch([(A(1), B(1)), (A(2), B(1))]);
    world.spawn_batch([A(3), A(4), A(5)]);
    let mut schedule = Schedule::new("frame");
    use storm_ecs::IntoSystems;
    schedule.add_systems((see("before"), write, see("after")).chain());
    let mut expect =
        |schedule: &mut Schedule, before: (usize, usize, bool), after: (usize, usize, bool)| {
            schedule.run(&mut world).unwrap();
            let seen = core::mem::take(&mut world.resource_mut::<Seen>().unwrap().0);
            assert_eq!(
                seen,
                [
                    ("before", before.0, before.1, before.2),
                    ("after", after.0, after.1, after.2)
                ]
            );
            seen.len()
        };
    expect(&mut schedule, (5, 5, true), (5, 5, true));
    expect(&mut schedule, (0, 0, false), (2, 0, true));
    expect(&mut schedule, (2, 0, true), (0, 0, false));
    expect(&mut schedule, (0, 0, false), (0, 0, false));
}

/// Found while ticks were one a schedule run: commands applied between two systems were then seen twice by the second.
#[test]
fn what_commands_add_between_two_systems_is_seen_once() {
    use storm_ecs::IntoSystems;
    #[derive(Resource, Default)]
    struct Added2(Vec<usize>);
    fn spawn(mut commands: Commands) {
        commands.spawn(A(0));
    }
    fn count(added: Query<&A, Added<A>>, mut counts: ResMut<Added2>) {
        counts.0.push(added.count());
    }
    let mut world = World::new();
    world.init_resource::<Added2>();
    let mut schedule = Schedule::new("frame");
    schedule.add_systems((spawn, count).chain());
    schedule.add_systems(spawn.after(count).named("again"));
    for _ in 0..3 {
        schedule.run(&mut world).unwrap();
    }
    assert_eq!(world.resource::<Added2>().unwrap().0, [1, 2, 2]);
}

#[test]
fn resources_written_through_are_changed_and_those_looked_at_are_not() {
    let mut world = World::new();
    world.insert_resource(Score(1));
    type Case = (fn(ResMut<Score>), bool);
    let cases: &[Case] = &[
        (|score| assert!(score.0 > 0), false),
        (|mut score| score.0 += 1, true),
        (|mut score| score.bypass().0 += 1, false),
        (|score| score.into_inner().0 += 1, true),
    ];
    for (number, &(system, changed)) in cases.iter().enumerate() {
        let seen = world.change_tick();
        world.run_system(system).unwrap();
        assert_eq!(
            world.resource_changed::<Score>(seen),
            changed,
            "case {number}"
        );
    }
}

#[test]
fn a_component_first_met_after_the_system_was_made_is_found() {
    #[derive(Component)]
    struct Late;
    let mut world = World::new();
    let mut schedule = Schedule::new("frame");
    schedule.add_systems(|late: Query<&Late>, mut log: ResMut<Log>| {
        log.0.push(late.count().to_string())
    });
    world.init_resource::<Log>();
    schedule.run(&mut world).unwrap();
    world.spawn(Late);
    schedule.run(&mut world).unwrap();
    assert_eq!(world.resource::<Log>().unwrap().0, ["0", "1"]);
}
