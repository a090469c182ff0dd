//! Predictions: made, compared, applied, discarded.

use storm_ecs::{Changed, Component, Entity, Predict, World};

#[derive(Component, Clone, Debug, PartialEq)]
struct Height(f64);

impl Predict for Height {
    fn error(predicted: &Self, actual: &Self) -> f64 {
        (predicted.0 - actual.0).abs()
    }
}

#[derive(Component, Clone, Debug, PartialEq)]
struct Name(String);

impl Predict for Name {
    fn error(predicted: &Self, actual: &Self) -> f64 {
        f64::from(u8::from(predicted != actual))
    }
}

#[test]
fn the_error_is_over_entities_that_have_the_component() {
    let mut world = World::new();
    let made = world.spawn_batch((0..4).map(|i| Height(f64::from(i))));
    for (entity, error) in made.iter().zip([3.0, 4.0, 0.0, 9.0]) {
        let actual = world.get::<Height>(*entity).unwrap().0;
        world.predict(*entity, Height(actual + error)).unwrap();
    }
    world.despawn(made[3]).unwrap();
    let error = world.prediction_error::<Height>();
    assert_eq!(
        (
            error.count,
            error.orphans,
            error.sum,
            error.max,
            error.worst
        ),
        (3, 1, 7.0, 4.0, Some(made[1]))
    );
    assert!((error.rms - (25.0f64 / 3.0).sqrt()).abs() < 1e-12);
    world.get_mut::<Height>(made[0]).unwrap().0 = f64::NAN;
    let error = world.prediction_error::<Height>();
    assert!(error.max.is_nan() && error.worst == Some(made[0]));
    assert_eq!(
        World::new().prediction_error::<Height>(),
        Default::default()
    );
}

#[test]
fn applying_writes_all_of_them_once_and_discarding_none() {
    let mut world = World::new();
    let (a, b, c) = (
        world.spawn(Height(1.0)),
        world.spawn(Height(2.0)),
        world.spawn(()),
    );
    assert!(world.predict(c, Height(0.0)).is_err(), "nothing to predict");
    world.predict(a, Height(10.0)).unwrap();
    world.predict(a, Height(11.0)).unwrap();
    world.predict(b, Height(20.0)).unwrap();
    world.remove::<Height>(b).unwrap();
    assert!(world.predicted::<Height>(b).is_none());
    let seen = world.change_tick();
    assert_eq!(world.apply_predictions::<Height>(), 1);
    assert_eq!(world.get(a), Some(&Height(11.0)));
    assert_eq!(
        world
            .query_filtered::<Entity, Changed<Height>>()
            .since(seen)
            .into_iter()
            .collect::<Vec<_>>(),
        [a]
    );
    assert_eq!(world.apply_predictions::<Height>(), 0);

    let named = world.spawn(Name("a".into()));
    world.predict(named, Name("b".into())).unwrap();
    world.predict(a, Height(0.0)).unwrap();
    assert_eq!(world.discard_predictions::<Height>(), 1);
    world.discard_all_predictions();
    assert_eq!(
        (world.apply_predictions::<Name>(), world.get(named)),
        (0, Some(&Name("a".into())))
    );
}

#[test]
fn the_hook_fills_before_each_reading() {
    let mut world = World::new();
    let a = world.spawn(Height(1.0));
    let bare = world.spawn(());
    let mut calls = 0.0;
    world.set_predictor::<Height>(move |world| {
        calls += 1.0;
        let known = world
            .query::<(Entity, &Height)>()
            .into_iter()
            .map(|(entity, height)| (entity, Height(height.0 + calls)))
            .collect::<Vec<_>>();
        known.into_iter().chain([(bare, Height(0.0))]).collect()
    });
    assert_eq!(
        world
            .query_predicted::<Height>()
            .map(|(entity, height)| (entity, height.0))
            .collect::<Vec<_>>(),
        [(a, 2.0)]
    );
    assert_eq!(
        world
            .query_predicted::<Height>()
            .map(|(_, height)| height.0)
            .collect::<Vec<_>>(),
        [3.0]
    );
    assert_eq!(world.run_predictor::<Height>(), 1);
    assert_eq!(world.prediction_error::<Height>().max, 3.0);
    assert_eq!(world.run_predictor::<Name>(), 0);
}
