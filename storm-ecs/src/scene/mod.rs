//! Scene components: where things are, what they are called, what belongs to what, cameras and lights.
//!
//! Conventions: metres, radians, right-handed, +Y up, -Z forward, as in glTF. Quaternions are `[x, y, z, w]`. The components
//! that are sent, saved or uploaded are [`Pod`](bytemuck::Pod) with fixed layouts.
//!
//! A world may be large: a root's place is its [`Cell`] times [`CELL_SIZE`] plus its [`Transform`], so that f32 keeps millimetres
//! (1024 m divide by 2²³ into 0.12 mm). [`Propagation`] turns transforms into [`GlobalTransform`]s.
//!
//! ```
//! use storm_ecs::World;
//! use storm_ecs::scene::{ChildOf, GlobalTransform, Propagation, Transform};
//!
//! let mut world = World::new();
//! let cart = world.spawn(Transform::from_translation([10.0, 0.0, 0.0]));
//! let wheel = world.spawn((Transform::from_translation([0.0, 1.0, 0.0]), ChildOf(cart)));
//!
//! let mut propagation = Propagation::new();
//! propagation.run(&mut world);
//! assert_eq!(world.get::<GlobalTransform>(wheel).unwrap().translation(), [10.0, 1.0, 0.0]);
//! ```

mod bounds;
mod camera;
mod identity;
mod light;
mod propagate;
mod transform;
mod visibility;

pub use crate::relation::ChildOf;
pub use bounds::Aabb;
pub use camera::{Camera, Projection};
pub use identity::{Harmony, StableId};
pub(crate) use identity::{forget, reindex};
pub use light::{DirectionalLight, PointLight, SpotLight};
pub use propagate::Propagation;
pub use transform::{CELL_SIZE, Cell, GlobalTransform, Name, Transform};
pub use visibility::{ComputedVisibility, Visibility, VisibilityPropagation};
