//! Named sections beside the components: where resources, or anything else, are kept in snapshots and deltas.

use core::fmt;
use std::sync::Arc;

use crate::resource::Resource;
use crate::schema::Schema;
use crate::snapshot::codec::{DecodeError, Decoder, Encoder};
use crate::world::World;

/// Puts what a section decoded into the world. Runs once everything else is in place.
pub type LoadSection = Box<dyn FnOnce(&mut World)>;

type Save = dyn Fn(&World, &mut Encoder<'_>) + Send + Sync;
type Load = dyn Fn(&mut Decoder<'_>) -> Result<LoadSection, DecodeError> + Send + Sync;

/// A named codec.
#[derive(Clone)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) save: Arc<Save>,
    pub(crate) load: Arc<Load>,
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Section").field(&self.name).finish()
    }
}

impl World {
    /// Makes something part of snapshots and deltas, under a stable name: a resource, a random generator's state, a clock.
    ///
    /// `save` appends it to bytes; `load` reads it, without touching any world, and returns what puts it in place. A second
    /// registration of a name replaces the first. Deltas hold sections whole.
    ///
    /// ```
    /// use std::sync::{Arc, atomic::{AtomicU64, Ordering}};
    /// use storm_ecs::World;
    /// let seed = Arc::new(AtomicU64::new(7));
    /// let (saved, loaded) = (seed.clone(), seed.clone());
    /// let mut world = World::new();
    /// world.register_section(
    ///     "game.Seed",
    ///     move |_, out| out.bytes(&saved.load(Ordering::Relaxed).to_le_bytes()),
    ///     move |input| {
    ///         let value = u64::from_le_bytes(input.array()?);
    ///         let seed = loaded.clone();
    ///         Ok(Box::new(move |_| seed.store(value, Ordering::Relaxed)))
    ///     },
    /// );
    /// let snapshot = world.snapshot(&Default::default()).unwrap();
    /// seed.store(8, Ordering::Relaxed);
    /// world.restore(snapshot.as_bytes(), &Default::default()).unwrap();
    /// assert_eq!(seed.load(Ordering::Relaxed), 7);
    /// ```
    pub fn register_section(
        &mut self,
        name: impl Into<String>,
        save: impl Fn(&Self, &mut Encoder<'_>) + Send + Sync + 'static,
        load: impl Fn(&mut Decoder<'_>) -> Result<LoadSection, DecodeError> + Send + Sync + 'static,
    ) {
        let section = Section {
            name: name.into(),
            save: Arc::new(save),
            load: Arc::new(load),
        };
        let sections = &mut self.data.sections;
        match sections.iter_mut().find(|known| known.name == section.name) {
            Some(known) => *known = section,
            None => sections.push(section),
        }
        sections.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Makes a resource with a schema part of snapshots and deltas. A snapshot without the resource takes it away when it is restored.
    ///
    /// ```
    /// use storm_ecs::{Resource, Schema, World};
    /// #[derive(Resource, Schema, Debug, PartialEq)]
    /// struct Wind {
    ///     #[field(unit = "m/s", min = 0, max = 100)]
    ///     speed: f32,
    /// }
    /// let mut world = World::new();
    /// world.register_resource::<Wind>("game.Wind");
    /// world.insert_resource(Wind { speed: 3.0 });
    /// let saved = world.snapshot(&Default::default()).unwrap();
    /// world.insert_resource(Wind { speed: 9.0 });
    /// world.restore(saved.as_bytes(), &Default::default()).unwrap();
    /// assert_eq!(world.resource(), Some(&Wind { speed: 3.0 }));
    /// ```
    pub fn register_resource<R: Resource + Schema>(&mut self, name: impl Into<String>) {
        let save = |world: &Self, out: &mut Encoder<'_>| match world.resource::<R>() {
            Some(resource) => {
                true.encode(out);
                resource.encode(out);
            }
            None => false.encode(out),
        };
        let load = |input: &mut Decoder<'_>| -> Result<LoadSection, DecodeError> {
            let found = Option::<R>::decode(input)?;
            if let Some(Err(violation)) = found.as_ref().map(R::validate) {
                return Err(input.wrong(
                    &format!("{} in field {}", violation.expected, violation.field),
                    violation.found,
                ));
            }
            Ok(Box::new(|world| {
                match found {
                    Some(resource) => world.insert_resource(resource),
                    None => world.remove_resource::<R>(),
                };
            }))
        };
        self.register_section(name, save, load);
    }
}
