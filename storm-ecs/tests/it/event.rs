//! Events: who sees what, and for how long.

use std::collections::VecDeque;

use storm_ecs::{
    EVENT_CAPACITY, EventCursor, EventReader, EventWriter, Events, IntoSystems, Local, Res, ResMut,
    Resource, Schedule, World,
};

use crate::support::Random;

#[derive(Debug, PartialEq, Clone, Copy)]
struct Hit(u32);

fn read(cursor: &mut EventCursor, world: &World) -> Vec<u32> {
    world.events::<Hit>().map_or_else(Vec::new, |events| {
        cursor.read(events).map(|hit| hit.0).collect()
    })
}

#[test]
fn every_reader_sees_every_event_once() {
    let mut world = World::new();
    let (mut one, mut other) = (EventCursor::default(), EventCursor::default());
    assert_eq!(read(&mut one, &world), []);
    world.send_event(Hit(1));
    world.send_event(Hit(2));
    assert_eq!(read(&mut one, &world), [1, 2]);
    assert_eq!(read(&mut one, &world), []);
    world.send_event(Hit(3));
    assert_eq!(read(&mut one, &world), [3]);
    assert_eq!(read(&mut other, &world), [1, 2, 3]);
    let mut late = EventCursor::at_end(world.events::<Hit>().unwrap());
    assert_eq!(read(&mut late, &world), []);
}

#[test]
fn an_event_lives_until_the_second_update_after_it_was_sent() {
    let mut world = World::new();
    world.send_event(Hit(1));
    world.update_events();
    world.send_event(Hit(2));
    assert_eq!(read(&mut EventCursor::default(), &world), [1, 2]);
    world.update_events();
    let mut cursor = EventCursor::default();
    assert_eq!(read(&mut cursor, &world), [2]);
    assert_eq!(cursor.missed(), 1);
    world.update_events();
    assert_eq!(read(&mut EventCursor::default(), &world), []);
}

#[test]
fn a_full_queue_drops_the_oldest_and_readers_learn_how_many_they_missed() {
    let cases: &[(usize, u32, &[u32], u64)] = &[
        (3, 2, &[0, 1], 0),
        (3, 3, &[0, 1, 2], 0),
        (3, 5, &[2, 3, 4], 2),
        (0, 2, &[], 2),
        (1, 4, &[3], 3),
    ];
    for &(capacity, sent, seen, missed) in cases {
        let mut world = World::new();
        world.add_events::<Hit>().set_capacity(capacity);
        for hit in 0..sent {
            world.send_event(Hit(hit));
        }
        let mut cursor = EventCursor::default();
        assert_eq!(read(&mut cursor, &world), seen, "{capacity} {sent}");
        assert_eq!(cursor.missed(), missed, "{capacity} {sent}");
        assert_eq!(read(&mut cursor, &world), []);
        assert_eq!(cursor.missed(), 0);
    }
    let mut world = World::new();
    for hit in 0..EVENT_CAPACITY as u32 + 1 {
        world.send_event(Hit(hit));
    }
    assert_eq!(world.events::<Hit>().unwrap().len(), EVENT_CAPACITY);
}

#[test]
fn queues_and_cursors_agree_with_a_list_of_everything_ever_sent() {
    for seed in 0..40 {
        let mut random = Random::new(seed);
        let mut events = Events::<Hit>::default();
        // The model: (event, updates since it was sent), a capacity, and how many were ever dropped.
        let mut model: VecDeque<(u32, u32)> = VecDeque::new();
        let (mut sent, mut capacity) = (0u32, EVENT_CAPACITY);
        let mut cursors = [(EventCursor::default(), 0u32); 3];
        for _ in 0..600 {
            match random.below(12) {
                0..=5 => {
                    events.send(Hit(sent));
                    model.push_back((sent, 0));
                    sent += 1;
                }
                6 | 7 => {
                    events.update();
                    model.retain(|&(_, age)| age == 0);
                    model.iter_mut().for_each(|(_, age)| *age += 1);
                }
                8 if random.below(8) == 0 => {
                    events.clear();
                    model.clear();
                }
                9 if random.below(8) == 0 => {
                    capacity = random.below(6);
                    events.set_capacity(capacity);
                }
                _ => {
                    let (cursor, next) = &mut cursors[random.below(3)];
                    let unread: Vec<u32> = model
                        .iter()
                        .map(|&(hit, _)| hit)
                        .filter(|hit| hit >= next)
                        .collect();
                    assert_eq!(cursor.unread(&events), unread.len());
                    assert!(
                        cursor
                            .read(&events)
                            .map(|hit| hit.0)
                            .eq(unread.iter().copied())
                    );
                    let lost = (*next..sent).filter(|hit| !unread.contains(hit)).count();
                    assert_eq!(cursor.missed(), lost as u64);
                    *next = sent;
                }
            }
            while model.len() > capacity {
                model.pop_front();
            }
            assert_eq!(events.len(), model.len());
        }
    }
}

#[derive(Resource, Default)]
struct Log(Vec<u32>);

#[test]
fn a_reader_that_runs_each_frame_loses_nothing_wherever_it_stands() {
    fn write(mut events: EventWriter<Hit>, mut next: Local<u32>) {
        events.send_batch([Hit(*next), Hit(*next + 1)]);
        *next += 2;
    }
    fn log(mut events: EventReader<Hit>, mut log: ResMut<Log>) {
        log.0.extend(events.read().map(|hit| hit.0));
        assert_eq!(events.missed(), 0);
    }
    for reader_first in [false, true] {
        let mut world = World::new();
        world.init_resource::<Log>();
        let mut schedule = Schedule::new("frame");
        if reader_first {
            schedule.add_systems((log, write).chain());
        } else {
            schedule.add_systems((write, log).chain());
        }
        for _ in 0..10 {
            schedule.run(&mut world).unwrap();
            world.update_events();
        }
        let expected = if reader_first { 18 } else { 20 };
        let log = world.resource::<Log>().unwrap();
        assert!(
            log.0.iter().copied().eq(0..expected),
            "{reader_first}: {:?}",
            log.0
        );
    }
}

#[test]
fn events_of_several_writers_arrive_in_system_order() {
    let mut world = World::new();
    world.init_resource::<Log>();
    let mut schedule = Schedule::new("frame");
    schedule.add_systems(
        (
            (
                |mut events: EventWriter<Hit>| events.send(Hit(1)),
                |mut events: EventWriter<Hit>| events.send(Hit(2)),
                |mut events: EventWriter<Hit>| events.send(Hit(3)),
            ),
            |mut events: EventReader<Hit>, mut log: ResMut<Log>| {
                log.0.extend(events.read().map(|hit| hit.0))
            },
            |log: Res<Log>| assert_eq!(log.0, [1, 2, 3]),
        )
            .chain(),
    );
    assert_eq!(schedule.segments().unwrap(), 2, "writers, then readers");
    schedule.run(&mut world).unwrap();
}
