//! The scene of `demo`: a small island town before a storm, made from a seed alone.
//!
//! [`build`] gives plain values: assets, things placed in a hierarchy, lights, a sky and a view. The same seed gives
//! the same values; nothing is read from disk. Metres, +Y up, the sea at height 0, the harbour open to +Z.

mod boats;
mod cargo;
mod geometry;
mod harbour;
mod house_parts;
mod houses;
mod landmarks;
mod layout;
mod materials;
mod noise;
mod plants;
mod roadside;
mod rocks;
mod sea;
mod terrain;
#[cfg(test)]
mod tests;
mod textures;
mod weather;

use std::collections::{BTreeMap, BTreeSet};

use glam::{Quat, Vec3};
use storm_assets::{Handle, Library, Material, Mesh};
use storm_render::{Light, Sky, Spot, View};

use self::{geometry::Shape, materials::Paint};

/// Names the generator in asset ids.
const SOURCE: &str = "storm-demo";

/// A scene as plain values.
#[derive(Clone, Debug)]
pub struct Town {
    /// Every mesh, material and image that an entity names.
    pub library: Library,
    /// What is there; parents before children.
    pub entities: Vec<Placed>,
    /// What it stands under.
    pub sky: Sky,
    /// At most 16: each costs every pixel.
    pub lights: Vec<Light>,
    /// Where to look from first.
    pub view: View,
}

/// Where something is, relative to its parent: scaled first, then turned, then moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// Metres.
    pub translation: Vec3,
    /// Unit length.
    pub rotation: Quat,
    /// One factor an axis.
    pub scale: Vec3,
}

impl Transform {
    /// In its parent's place.
    pub const IDENTITY: Self = Self {
        translation: Vec3::ZERO,
        rotation: Quat::IDENTITY,
        scale: Vec3::ONE,
    };

    fn at(translation: Vec3) -> Self {
        Self {
            translation,
            ..Self::IDENTITY
        }
    }

    /// Turned about +Y, radians.
    fn turned(self, yaw: f32) -> Self {
        self.rotated(Quat::from_rotation_y(yaw))
    }

    fn rotated(self, rotation: Quat) -> Self {
        Self {
            rotation: self.rotation * rotation,
            ..self
        }
    }

    fn scaled(self, factor: f32) -> Self {
        self.stretched(Vec3::splat(factor))
    }

    fn stretched(self, scale: Vec3) -> Self {
        Self { scale, ..self }
    }

    /// As a matrix.
    #[must_use]
    pub fn matrix(&self) -> glam::Mat4 {
        glam::Mat4::from_scale_rotation_translation(self.scale, self.rotation, self.translation)
    }
}

/// One thing in the scene.
#[derive(Clone, Debug)]
pub struct Placed {
    /// For people; not unique.
    pub name: String,
    /// An earlier index of the same list.
    pub parent: Option<usize>,
    /// Relative to the parent, or to the world.
    pub transform: Transform,
    /// Its shape, if it is seen.
    pub mesh: Option<Handle<Mesh>>,
    /// Its surface, if it is seen.
    pub material: Option<Handle<Material>>,
}

/// The scene while it is made.
struct Stage {
    seed: u32,
    library: Library,
    entities: Vec<Placed>,
    lights: Vec<Light>,
    paints: BTreeMap<Paint, Handle<Material>>,
}

impl Stage {
    fn mesh(&mut self, name: &str, shape: Shape) -> Handle<Mesh> {
        let handle = Handle::of(SOURCE, &format!("mesh/{name}"));
        self.library.meshes.insert(handle, shape.finish(name));
        handle
    }

    /// A place for children.
    fn group(&mut self, name: &str, parent: Option<usize>, transform: Transform) -> usize {
        self.entities.push(Placed {
            name: name.to_owned(),
            parent,
            transform,
            mesh: None,
            material: None,
        });
        self.entities.len() - 1
    }

    fn place(
        &mut self,
        name: &str,
        parent: Option<usize>,
        transform: Transform,
        mesh: Handle<Mesh>,
        paint: Paint,
    ) -> usize {
        let material = Some(self.paints[&paint]);
        self.entities.push(Placed {
            name: name.to_owned(),
            parent,
            transform,
            mesh: Some(mesh),
            material,
        });
        self.entities.len() - 1
    }

    /// Drops what this seed did not come to use: a kind of house that fits nowhere, a colour not drawn.
    fn forget_unused(&mut self) {
        let meshes: BTreeSet<_> = self.entities.iter().filter_map(|e| e.mesh).collect();
        let materials: BTreeSet<_> = self.entities.iter().filter_map(|e| e.material).collect();
        let Library {
            meshes: all_meshes,
            materials: all_materials,
            images: all_images,
            ..
        } = &mut self.library;
        let spare: Vec<_> = all_meshes
            .iter()
            .map(|(h, _)| h)
            .filter(|h| !meshes.contains(h))
            .collect();
        for handle in spare {
            all_meshes.remove(handle);
        }
        let spare: Vec<_> = all_materials
            .iter()
            .map(|(h, _)| h)
            .filter(|h| !materials.contains(h))
            .collect();
        for handle in spare {
            all_materials.remove(handle);
        }
        let images: BTreeSet<_> = all_materials
            .iter()
            .flat_map(|(_, m)| m.textures().map(|slot| slot.image).collect::<Vec<_>>())
            .collect();
        let spare: Vec<_> = all_images
            .iter()
            .map(|(h, _)| h)
            .filter(|h| !images.contains(h))
            .collect();
        for handle in spare {
            all_images.remove(handle);
        }
    }

    fn light(&mut self, translation: Vec3, color: Vec3, range: f32, spot: Option<Spot>) {
        self.lights.push(Light {
            cell: [0; 3],
            translation,
            color,
            range,
            spot,
        });
    }
}

/// Makes the scene of a seed, on two threads. Cost: a fraction of a second, about the same for every seed.
///
/// ```
/// let town = storm_viewer::town::build(7);
/// assert!(town.entities.len() > 3_000);
/// ```
#[must_use]
pub fn build(seed: u32) -> Town {
    let mut stage = Stage {
        seed,
        library: Library::default(),
        entities: Vec::new(),
        lights: Vec::new(),
        paints: BTreeMap::new(),
    };
    let (plan, ground, made) = std::thread::scope(|scope| {
        let pictures = scope.spawn(materials::pictures);
        let (plan, ground) = terrain::Ground::settle(layout::Plan::new(seed));
        let made = pictures
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (plan, ground, made)
    });
    materials::make(&mut stage, made);
    terrain::place(&mut stage, &plan, &ground);
    let rocks = rocks::choose(&plan, &ground);
    sea::place(&mut stage, &plan, &ground, &rocks);
    houses::place(&mut stage, &plan, &ground);
    landmarks::place(&mut stage, &plan, &ground);
    harbour::place(&mut stage, &ground);
    boats::place(&mut stage);
    rocks::place(&mut stage, &rocks);
    roadside::place(&mut stage, &plan, &ground);
    plants::place(&mut stage, &plan, &ground);
    weather::place(&mut stage);
    stage.forget_unused();
    Town {
        library: stage.library,
        entities: stage.entities,
        sky: weather::sky(seed),
        lights: stage.lights,
        view: weather::view(),
    }
}
