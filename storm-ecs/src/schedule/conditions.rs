//! Conditions that many schedules need.

use crate::event::EventReader;
use crate::resource::Resource;
use crate::system::{Local, Res};

/// Runs if there is a resource of type `T`.
///
/// ```
/// use storm_ecs::{IntoSystems, Res, Resource, Schedule, World, resource_exists};
/// #[derive(Resource)]
/// struct Network;
///
/// let mut schedule = Schedule::new("example");
/// schedule.add_systems((|network: Res<Network>| drop(network)).run_if(resource_exists::<Network>));
/// schedule.run(&mut World::new()).unwrap();
/// ```
pub fn resource_exists<T: Resource>(resource: Option<Res<'_, T>>) -> bool {
    resource.is_some()
}

/// Runs if the resource is there and was written since the condition was last asked, or inserted.
pub fn resource_changed<T: Resource>(resource: Option<Res<'_, T>>) -> bool {
    resource.is_some_and(|resource| resource.is_changed())
}

/// Runs if there are events that this condition has not seen.
pub fn on_event<E: Send + Sync + 'static>(mut events: EventReader<'_, E>) -> bool {
    events.read().len() > 0
}

/// Runs the first time only.
pub fn run_once(mut ran: Local<'_, bool>) -> bool {
    !core::mem::replace(&mut *ran, true)
}
