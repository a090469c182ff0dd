//! Playing clips: sampling, blending and layering, on plain values.
//!
//! A [`Rig`] says what the clips of a source drive, a [`Player`] what plays, and a [`Pose`] holds what comes of it: one flat list of numbers, a range for each
//! property of the rig. Nothing here needs an ECS; with the feature `ecs`, `Gltf::spawn` and [`Animation`] do all of it.
//!
//! ```
//! use std::sync::Arc;
//! use storm_assets::{Clip, Interpolation, Track, TrackValues, animation::{Player, Pose, Property, Rig}};
//!
//! let clip = Clip {
//!     name: "rise".to_owned(),
//!     tracks: vec![Track {
//!         node: 0,
//!         interpolation: Interpolation::Linear,
//!         times: vec![0.0, 2.0],
//!         values: TrackValues::Translation(vec![[0.0; 3], [0.0, 4.0, 0.0]]),
//!     }],
//!     pointers: Vec::new(),
//! };
//! let rig = Rig::new(vec![Arc::new(clip)], &mut |_| Some(vec![0.0; 3]));
//! let mut player = Player::new();
//! player.play(0, 0);
//! let mut pose = Pose::new(&rig);
//! player.advance(&rig, 2.5);
//! player.evaluate(&rig, &mut pose);
//! // It repeats: half a second into the second round.
//! assert_eq!(pose.get(&rig, Property::Translation(0)), Some(&[0.0, 1.0, 0.0][..]));
//! ```

#[cfg(feature = "ecs")]
mod ecs;
mod player;
mod pointer;
mod pose;
mod rig;
mod sample;

#[cfg(feature = "ecs")]
pub use ecs::{Animation, Animator, Binding};
pub use player::{Blend, Layer, Mask, Play, Player, Reference, Repeat};
pub use pointer::{
    CameraField, LightField, MaterialField, MaterialTexture, PointerTarget, TransformPart,
};
pub use pose::Pose;
pub use rig::{Channel, Property, Rig};
