//! Predicted values beside components: filled ahead of the truth, compared with it, then applied or discarded as a whole.
//!
//! A prediction lives in columns of the world's data apart from tables: making, applying or discarding one moves no entity.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;

use crate::component::Component;
use crate::entity::Entity;
use crate::error::MissingComponent;
use crate::world::World;

/// A component whose values can be predicted.
///
/// ```
/// use storm_ecs::{Component, Predict, World};
///
/// #[derive(Component, Clone, Copy, Debug, PartialEq)]
/// struct Position(f32);
/// #[derive(Component, Clone, Copy)]
/// struct Velocity(f32);
///
/// impl Predict for Position {
///     fn error(predicted: &Self, actual: &Self) -> f64 {
///         f64::from((predicted.0 - actual.0).abs())
///     }
/// }
///
/// let mut world = World::new();
/// let ball = world.spawn((Position(0.0), Velocity(2.0)));
/// world.set_predictor::<Position>(|world| {
///     let next = |(entity, position, velocity): (storm_ecs::Entity, &Position, &Velocity)| (entity, Position(position.0 + velocity.0));
///     world.query::<(storm_ecs::Entity, &Position, &Velocity)>().into_iter().map(next).collect()
/// });
///
/// // The hook runs before predicted values are read.
/// let predicted: Vec<_> = world.query_predicted::<Position>().collect();
/// assert_eq!(predicted, [(ball, &Position(2.0))]);
///
/// // The truth arrives: how far off was it?
/// world.get_mut::<Position>(ball).unwrap().0 = 1.5;
/// let error = world.prediction_error::<Position>();
/// assert_eq!((error.count, error.max, error.worst), (1, 0.5, Some(ball)));
///
/// assert_eq!(world.apply_predictions::<Position>(), 1);
/// assert_eq!(world.get(ball), Some(&Position(2.0)));
/// assert!(world.predicted::<Position>(ball).is_none(), "applied, so gone");
/// ```
pub trait Predict: Component {
    /// How far a predicted value is from the actual one: 0 if they are the same, in the component's own unit.
    fn error(predicted: &Self, actual: &Self) -> f64;
}

type Predictor<T> = Box<dyn FnMut(&World) -> Vec<(Entity, T)> + Send + Sync>;

struct Store<T> {
    /// By entity, so that order does not depend on history.
    values: BTreeMap<Entity, T>,
    predictor: Option<Predictor<T>>,
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Self {
            values: BTreeMap::new(),
            predictor: None,
        }
    }
}

trait AnyStore: Any + Send + Sync {
    fn clear(&mut self);
}

impl<T: Predict> AnyStore for Store<T> {
    fn clear(&mut self) {
        self.values.clear();
    }
}

/// All predictions of a world.
#[derive(Default)]
pub(crate) struct Predictions(BTreeMap<TypeId, Box<dyn AnyStore>>);

impl Predictions {
    fn get<T: Predict>(&self) -> Option<&Store<T>> {
        let store: &dyn Any = &**self.0.get(&TypeId::of::<T>())?;
        store.downcast_ref()
    }

    fn get_mut<T: Predict>(&mut self) -> Option<&mut Store<T>> {
        let store: &mut dyn Any = &mut **self
            .0
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::new(Store::<T>::default()));
        store.downcast_mut()
    }
}

/// How far predictions are from what is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PredictionError {
    /// Predictions that were compared: those of entities that have the component.
    pub count: usize,
    /// Predictions whose entity is gone or lacks the component.
    pub orphans: usize,
    /// Sum of all errors; `sum / count` is the mean.
    pub sum: f64,
    /// Square root of the mean of squared errors; 0 if nothing was compared.
    pub rms: f64,
    /// The largest error. NaN counts as larger than any.
    pub max: f64,
    /// The entity that has it.
    pub worst: Option<Entity>,
}

impl World {
    /// Predicts a value; replaces an earlier prediction.
    ///
    /// # Errors
    /// If the entity has no `T` (or is not alive).
    pub fn predict<T: Predict>(
        &mut self,
        entity: Entity,
        value: T,
    ) -> Result<(), MissingComponent> {
        if !self.has::<T>(entity) {
            return Err(MissingComponent(T::NAME));
        }
        if let Some(store) = self.data.predictions.get_mut::<T>() {
            store.values.insert(entity, value);
        }
        Ok(())
    }

    /// Sets the hook that fills predictions of `T`: it runs at each [`query_predicted`](Self::query_predicted) and [`run_predictor`](Self::run_predictor). What it returns for
    /// entities without `T` is passed over.
    pub fn set_predictor<T: Predict>(
        &mut self,
        predictor: impl FnMut(&Self) -> Vec<(Entity, T)> + Send + Sync + 'static,
    ) {
        if let Some(store) = self.data.predictions.get_mut::<T>() {
            store.predictor = Some(Box::new(predictor));
        }
    }

    /// Runs the hook of `T`, if there is one; returns how many values it predicted. Earlier predictions of other entities stay.
    pub fn run_predictor<T: Predict>(&mut self) -> usize {
        // The hook is taken out while it runs, since it reads the world that holds it.
        let Some(mut predictor) = self
            .data
            .predictions
            .get_mut::<T>()
            .and_then(|store| store.predictor.take())
        else {
            return 0;
        };
        let found = predictor(self);
        let found: Vec<_> = found
            .into_iter()
            .filter(|(entity, _)| self.has::<T>(*entity))
            .collect();
        let count = found.len();
        if let Some(store) = self.data.predictions.get_mut::<T>() {
            store.values.extend(found);
            store.predictor = Some(predictor);
        }
        count
    }

    /// Runs the hook, then shows all predictions of `T` whose entities still have it, by entity.
    pub fn query_predicted<T: Predict>(&mut self) -> impl Iterator<Item = (Entity, &T)> + '_ {
        self.run_predictor::<T>();
        let world = &*self;
        let values = world
            .data
            .predictions
            .get::<T>()
            .into_iter()
            .flat_map(|store| &store.values);
        values
            .filter(|(entity, _)| world.has::<T>(**entity))
            .map(|(entity, value)| (*entity, value))
    }

    /// The prediction for an entity.
    #[must_use]
    pub fn predicted<T: Predict>(&self, entity: Entity) -> Option<&T> {
        self.data
            .predictions
            .get::<T>()?
            .values
            .get(&entity)
            .filter(|_| self.has::<T>(entity))
    }

    /// Compares all predictions of `T` with what is.
    #[must_use]
    pub fn prediction_error<T: Predict>(&self) -> PredictionError {
        let mut error = PredictionError::default();
        let mut squares = 0.0;
        for (&entity, predicted) in self
            .data
            .predictions
            .get::<T>()
            .into_iter()
            .flat_map(|store| &store.values)
        {
            let Some(actual) = self.get::<T>(entity) else {
                error.orphans += 1;
                continue;
            };
            let one = T::error(predicted, actual);
            error.count += 1;
            error.sum += one;
            squares += one * one;
            if error.worst.is_none() || one > error.max || (one.is_nan() && !error.max.is_nan()) {
                (error.max, error.worst) = (one, Some(entity));
            }
        }
        if error.count > 0 {
            error.rms = (squares / error.count as f64).sqrt();
        }
        error
    }

    /// Writes all predictions of `T` into the components, marked as changed, and forgets them. Returns how many were written; those whose entity is gone or lacks
    /// the component are forgotten only.
    pub fn apply_predictions<T: Predict>(&mut self) -> usize {
        let Some(store) = self.data.predictions.get_mut::<T>() else {
            return 0;
        };
        let mut count = 0;
        for (entity, value) in core::mem::take(&mut store.values) {
            if let Some(actual) = self.get_mut::<T>(entity) {
                *actual = value;
                count += 1;
            }
        }
        count
    }

    /// Forgets all predictions of `T`; returns how many there were.
    pub fn discard_predictions<T: Predict>(&mut self) -> usize {
        self.data
            .predictions
            .get_mut::<T>()
            .map_or(0, |store| core::mem::take(&mut store.values).len())
    }

    /// Forgets all predictions of all components. Their hooks stay.
    pub fn discard_all_predictions(&mut self) {
        for store in self.data.predictions.0.values_mut() {
            store.clear();
        }
    }
}
