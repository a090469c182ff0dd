//! What there is to look at: assets, where they stand, and the cameras that a file brings.

use std::{collections::HashMap, num::NonZeroU32, path::Path, sync::Arc};

use glam::{Mat4, Vec3};
use storm_assets::{
    Bounds, Handle, HdrImage, Library, Mesh, MeshHandle, MorphWeights, PoseBounds, Skinned, gltf,
};
use storm_ecs::{
    Entity, With, World,
    scene::{
        Camera, DirectionalLight, GlobalTransform, Propagation, Transform, VisibilityPropagation,
    },
};
use storm_render::{CELL_SIZE, Projection, Sky, View};

use crate::{
    camera::{CameraChoice, Orbit},
    error::ViewerError,
    playback::{AnimationArgs, AnimationChoice, Playback, no_animation},
    progress,
};

/// A camera that can be chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCamera {
    /// Its number in the file.
    pub number: usize,
    /// Its own name and that of its node; either may be empty.
    pub names: [String; 2],
    /// The entity that carries it.
    pub entity: Entity,
}

/// Moves what moves: gets the world and the seconds since the beginning.
pub type Animate = Box<dyn FnMut(&mut World, f64)>;

/// Something to look at.
///
/// ```
/// use storm_assets::{Handle, Library, MaterialHandle, MeshHandle};
/// use storm_ecs::{World, scene::Transform};
/// use storm_viewer::content::Content;
///
/// let mut world = World::new();
/// world.spawn(Transform::from_translation([0.0, 1.0, 0.0]));
/// let content = Content::new("an empty world", Library::default(), world);
/// assert!(content.bounds().is_empty(), "nothing in it has a mesh");
/// ```
pub struct Content {
    /// The file's name, or what else it is called; errors and the window begin with it.
    pub title: String,
    /// The sky over it.
    pub sky: Sky,
    /// The picture that a sky of [`SkySource::Picture`](storm_render::SkySource::Picture) is lit by.
    pub sky_picture: Option<HdrImage>,
    /// Cameras that can be chosen by name.
    pub cameras: Vec<NamedCamera>,
    /// Where it is looked at from, unless someone chooses; `None` frames all of it.
    pub first: Option<View>,
    /// Moves what moves; `None` where nothing does.
    pub animate: Option<Animate>,
    /// Names of the variants that its materials have, in the order of the file.
    pub variants: Vec<String>,
    variant: Option<usize>,
    /// The animations of a file.
    playback: Option<Playback>,
    /// What is drawn of the first copy of a file, and how copies stand.
    first_copy: Vec<Entity>,
    rows: Option<(Rows, usize)>,
    library: Library,
    world: World,
    propagation: Propagation,
    visibility: VisibilityPropagation,
    bounds: Bounds,
}

impl Content {
    /// A world and the assets that its handles name, under the default sky. Runs propagation.
    #[must_use]
    pub fn new(title: &str, library: Library, mut world: World) -> Self {
        let mut propagation = Propagation::new();
        propagation.run(&mut world);
        let mut visibility = VisibilityPropagation::new();
        visibility.run(&mut world);
        let bounds = bounds(&world, &library, None);
        Self {
            title: title.to_owned(),
            sky: Sky::default(),
            sky_picture: None,
            cameras: Vec::new(),
            first: None,
            animate: None,
            variants: Vec::new(),
            variant: None,
            playback: None,
            first_copy: Vec::new(),
            rows: None,
            library,
            world,
            propagation,
            visibility,
            bounds,
        }
    }

    /// A scene of a glTF file, in its rest pose. `None` is the scene that the file names, or its first.
    ///
    /// # Errors
    /// When the file cannot be read or has no such scene.
    pub fn load(path: &Path, scene: Option<usize>) -> Result<Self, ViewerError> {
        Self::load_crowd(path, scene, None)
    }

    /// As many copies of a scene of a file, in rows.
    ///
    /// # Errors
    /// As [`Content::load`].
    pub(crate) fn load_crowd(
        path: &Path,
        scene: Option<usize>,
        crowd: Option<NonZeroU32>,
    ) -> Result<Self, ViewerError> {
        Self::from_file(path, read(path)?, scene, crowd)
    }

    /// The same of a file that is read already.
    ///
    /// # Errors
    /// When it has no such scene.
    pub(crate) fn from_file(
        path: &Path,
        file: gltf::Gltf,
        scene: Option<usize>,
        crowd: Option<NonZeroU32>,
    ) -> Result<Self, ViewerError> {
        if file.warning_count > 0 {
            let (file, count) = (title_of(path), file.warning_count);
            tracing::warn!("{file}: {count} thing(s) were mended or left out; `info` lists them");
        }
        if let Some(scene) = scene
            && scene >= file.scenes.len()
        {
            return Err(ViewerError::NoSuchPart {
                file: title_of(path),
                what: "scene",
                wanted: scene.to_string(),
                offer: match file.scenes.len() {
                    0 => "it names none".to_owned(),
                    1 => "its only one is 0".to_owned(),
                    count => format!("it has 0 to {}", count - 1),
                },
            });
        }
        Ok(Self::from_gltf(path, file, scene, crowd))
    }

    /// Copies of a scene of a file that is read already.
    pub(crate) fn from_gltf(
        path: &Path,
        mut file: gltf::Gltf,
        scene: Option<usize>,
        crowd: Option<NonZeroU32>,
    ) -> Self {
        let rig = Arc::new(file.rig());
        for ignored in rig.ignored() {
            tracing::warn!("{}: {ignored} is not animated", title_of(path));
        }
        let mut world = World::new();
        let spawned = file.spawn_with(&mut world, scene, &rig);
        let camera = |(node, entity): (&gltf::Node, &Option<Entity>)| {
            let number = node.camera?;
            let names = [file.cameras[number].name.clone(), node.name.clone()];
            Some(NamedCamera {
                number,
                names,
                entity: (*entity)?,
            })
        };
        let cameras = file
            .nodes
            .iter()
            .zip(&spawned.nodes)
            .filter_map(camera)
            .collect();
        let library = std::mem::take(&mut file.library);
        let mut content = Self {
            cameras,
            variants: file.variants.clone(),
            ..Self::new(&title_of(path), library, world)
        };
        let mut roots = vec![spawned.root];
        let copies = crowd.map_or(1, |crowd| crowd.get() as usize);
        if copies > 1 {
            // Spawning reads meshes and skins.
            file.library = std::mem::take(&mut content.library);
            let rows = Rows::of(content.bounds, copies);
            for copy in 1..copies {
                let spawned = file.spawn_with(&mut content.world, scene, &rig);
                if let Some(place) = content.world.get_mut::<Transform>(spawned.root) {
                    place.translation = rows.place(copy).into();
                }
                roots.push(spawned.root);
            }
            content.library = std::mem::take(&mut file.library);
            content.bounds = rows.bounds(rows.each, copies);
            content.rows = Some((rows, copies));
            content.settle();
        }
        content.first_copy = spawned.drawn;
        content.playback = Playback::new(&rig, roots);
        content
    }

    /// Brings places and what is hidden up to date.
    fn settle(&mut self) {
        self.propagation.run(&mut self.world);
        self.visibility.run(&mut self.world);
    }

    /// Plays what options choose. `moves` says whether something plays where nothing was chosen.
    ///
    /// # Errors
    /// When there is no such animation.
    pub(crate) fn animate_by(
        &mut self,
        args: &AnimationArgs,
        moves: bool,
    ) -> Result<(), ViewerError> {
        match (&mut self.playback, &args.animation) {
            (Some(playback), _) => {
                playback.choose(&mut self.world, &self.title, args, moves)?;
                let lengths = playback.length();
                if lengths > 0.0 {
                    self.frame_all(f64::from(lengths), args.time.unwrap_or(0.0));
                }
                self.settle();
                Ok(())
            }
            (None, Some(AnimationChoice::Named(name))) => Err(no_animation(&self.title, name, &[])),
            (None, _) => Ok(()),
        }
    }

    /// Has the box go around what plays at several times within so many seconds, and plays on from a time.
    fn frame_all(&mut self, length: f64, time: f64) {
        let mut each = Bounds::EMPTY;
        for step in 0..FRAMED_TIMES {
            let Some(playback) = &mut self.playback else {
                return;
            };
            let seconds = length * f64::from(step) / f64::from(FRAMED_TIMES);
            playback.restart_some(&mut self.world, seconds, 1);
            self.propagation.run(&mut self.world);
            each = each.union(bounds(&self.world, &self.library, Some(&self.first_copy)));
        }
        if let Some(playback) = &mut self.playback {
            playback.restart(&mut self.world, time);
        }
        self.bounds = match &self.rows {
            Some((rows, copies)) => rows.bounds(each, *copies),
            None => each,
        };
    }

    /// Does an action that is about animations; `false` for all others, and where there are none.
    #[cfg(feature = "window")]
    pub(crate) fn act(&mut self, action: crate::action::Action) -> bool {
        let Some(playback) = &mut self.playback else {
            return false;
        };
        let done = playback.act(&mut self.world, action);
        self.settle();
        done
    }

    /// Whether anything moves by itself.
    #[cfg(feature = "window")]
    pub(crate) fn moves(&self) -> bool {
        self.animate.is_some() || self.playback.as_ref().is_some_and(Playback::moves)
    }

    /// What the panel shows of animations.
    #[cfg(feature = "panel")]
    pub(crate) fn playback(&self) -> Option<crate::playback::PlaybackFacts> {
        let playback = self.playback.as_ref()?;
        Some(playback.facts(&self.world))
    }

    /// The variant of its materials that is shown, a place in [`Content::variants`]; `None` where none is chosen.
    #[must_use]
    pub fn variant(&self) -> Option<usize> {
        self.variant
    }

    /// Shows a variant of its materials, or with `None` the materials that the file shows first. One that there is not changes nothing.
    pub fn choose_variant(&mut self, variant: Option<usize>) {
        if variant.is_none_or(|variant| variant < self.variants.len()) {
            self.variant = variant;
            gltf::choose_variant(&mut self.world, variant);
        }
    }

    /// Shows the variant that other content shows, where this has one of that name: a file that was changed and read again.
    #[cfg(feature = "window")]
    pub(crate) fn keep_variant_of(&mut self, other: &Self) {
        let name = other.variant.map(|variant| &other.variants[variant]);
        let found = name.and_then(|name| self.variants.iter().position(|own| own == name));
        if found.is_some() {
            self.choose_variant(found);
        }
    }

    /// Shows the variant of this name.
    ///
    /// # Errors
    /// When there is none, with those that there are.
    pub fn choose_variant_named(&mut self, name: &str) -> Result<(), ViewerError> {
        let variant = variant_named(&self.title, &self.variants, name)?;
        self.choose_variant(Some(variant));
        Ok(())
    }

    /// Puts a picture into the library that came after the rest.
    #[cfg(feature = "window")]
    pub(crate) fn add_picture(
        &mut self,
        handle: Handle<storm_assets::Image>,
        image: storm_assets::Image,
    ) {
        self.library.images.insert(handle, image);
    }

    /// Builds the meshes into clusters that can be drawn so: those of enough triangles that nothing deforms, where all that they
    /// are drawn with is opaque. Gives how many, and their triangles.
    #[cfg(feature = "clusters")]
    pub(crate) fn build_clusters(&mut self) -> (usize, u64) {
        use storm_assets::{MaterialHandle, MaterialVariants, clusters};

        /// Meshes of fewer are drawn as they are: there is next to nothing to choose from.
        const TRIANGLES_MIN: usize = 1024;
        let solid = |handle| {
            self.library.materials.get(handle).is_none_or(|material| {
                material.alpha_mode == storm_assets::AlphaMode::Opaque
                    && material
                        .transmission
                        .is_none_or(|layer| layer.factor == 0.0)
            })
        };
        let mut wanted: HashMap<Handle<Mesh>, bool> = HashMap::new();
        let drawn = self.world.query::<(Entity, &MeshHandle, &MaterialHandle)>();
        for (entity, mesh, material) in drawn.iter() {
            let of_variants = self.world.get::<MaterialVariants>(entity);
            let of_variants = of_variants.iter().flat_map(|v| &v.of).map(|&(_, of)| of);
            let fits = of_variants.chain([material.0]).all(solid)
                && self.world.get::<Skinned>(entity).is_none()
                && self
                    .world
                    .get::<storm_assets::LiveMaterial>(entity)
                    .is_none();
            *wanted.entry(mesh.0).or_insert(true) &= fits;
        }
        let (mut count, mut triangles) = (0, 0);
        let mut wanted: Vec<_> = wanted.into_iter().filter(|(_, fits)| *fits).collect();
        wanted.sort_unstable_by_key(|(handle, _)| *handle);
        for (handle, _) in wanted {
            let Some(mesh) = self.library.meshes.get(handle) else {
                continue;
            };
            if mesh.indices.len() / 3 < TRIANGLES_MIN {
                continue;
            }
            let options = clusters::BuildOptions::default();
            let mut progress = progress::build(&mesh.name);
            match clusters::build_with_progress(mesh, &options, &mut progress) {
                Ok(built) => {
                    count += 1;
                    triangles += built.info().source_triangle_count();
                    self.library
                        .clusters
                        .insert(Handle::new(handle.id()), built);
                }
                Err(reason) => tracing::info!(mesh = mesh.name, %reason, "not built into clusters"),
            }
        }
        (count, triangles)
    }

    /// The assets.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The assets alone.
    #[cfg(feature = "window")]
    pub(crate) fn into_library(self) -> Library {
        self.library
    }

    /// What there is and where.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Takes directional lights away, where a sky with a sun of its own is put over the content: there is one sun.
    pub(crate) fn remove_suns(&mut self) {
        let suns: Vec<Entity> = self
            .world
            .query_filtered::<Entity, With<DirectionalLight>>()
            .into_iter()
            .collect();
        for entity in suns {
            // Cannot fail: the query just named it.
            let _ = self.world.remove::<DirectionalLight>(entity);
        }
    }

    /// Around everything with a mesh, metres from the low corner of cell 0.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Moves on to this many seconds after the beginning.
    pub fn advance(&mut self, seconds: f64) {
        if let Some(animate) = &mut self.animate {
            animate(&mut self.world, seconds);
        }
        if let Some(playback) = &mut self.playback {
            playback.advance(&mut self.world, seconds);
        }
        if self.animate.is_some() || self.playback.is_some() {
            self.settle();
        }
    }

    /// The view that `--camera` asks for, in a picture of this aspect, and the orbit from which a person goes on.
    ///
    /// # Errors
    /// When there is no camera of that name.
    pub fn camera(
        &self,
        choice: Option<&CameraChoice>,
        aspect: f32,
    ) -> Result<(View, Orbit), ViewerError> {
        let middle = if self.bounds.is_empty() {
            Vec3::ZERO
        } else {
            self.bounds.center()
        };
        let from_view = |view: View| (view, Orbit::from_view(&view, middle));
        let from_orbit = |orbit: Orbit| (orbit.view(), orbit);
        Ok(match choice {
            None => match self.first {
                Some(view) => from_view(view),
                None => {
                    let (yaw, pitch) = Orbit::FIRST;
                    from_orbit(Orbit::framing(self.bounds, yaw, pitch, aspect))
                }
            },
            Some(CameraChoice::Orbit {
                yaw,
                pitch,
                distance,
            }) => {
                let radius = self.bounds.radius();
                let framed = Orbit::framing(self.bounds, *yaw, *pitch, aspect);
                from_orbit(Orbit {
                    distance: distance * if radius > 0.0 { radius } else { 1.0 },
                    ..framed
                })
            }
            Some(CameraChoice::LookAt { eye, target }) => {
                let near = (*target - *eye).length() * 1e-3;
                let view = View::look_at(*eye, *target);
                let orbit = Orbit::from_view(&view, *target);
                let Projection::Perspective { yfov, .. } = orbit.view().projection else {
                    return Ok((view, orbit));
                };
                (
                    View {
                        projection: Projection::Perspective { yfov, near },
                        ..view
                    },
                    orbit,
                )
            }
            Some(CameraChoice::Named(wanted)) => {
                let entity = self.named(wanted)?.entity;
                let (Some(camera), Some(global)) = (
                    self.world.get::<Camera>(entity),
                    self.world.get::<GlobalTransform>(entity),
                ) else {
                    return Err(self.no_camera(wanted));
                };
                from_view(View::from_camera(camera, global, aspect))
            }
        })
    }

    fn named(&self, wanted: &str) -> Result<&NamedCamera, ViewerError> {
        let number = wanted.parse().ok();
        self.cameras
            .iter()
            .find(|camera| camera.names.iter().any(|name| name == wanted))
            .or_else(|| {
                self.cameras
                    .iter()
                    .find(|camera| Some(camera.number) == number)
            })
            .ok_or_else(|| self.no_camera(wanted))
    }

    fn no_camera(&self, wanted: &str) -> ViewerError {
        let label = |camera: &NamedCamera| {
            let name = camera.names.iter().find(|name| !name.is_empty());
            name.map_or_else(
                || camera.number.to_string(),
                |name| format!("{} ({name})", camera.number),
            )
        };
        let there: Vec<_> = self.cameras.iter().map(label).collect();
        ViewerError::NoSuchPart {
            file: self.title.clone(),
            what: "camera",
            wanted: format!("'{wanted}'"),
            offer: if there.is_empty() {
                "the scene has none".to_owned()
            } else {
                format!("there are: {}", there.join(", "))
            },
        }
    }
}

/// The place of the variant of this name.
///
/// # Errors
/// When there is none, with those that there are.
pub(crate) fn variant_named(
    title: &str,
    variants: &[String],
    name: &str,
) -> Result<usize, ViewerError> {
    let found = variants.iter().position(|variant| variant == name);
    found.ok_or_else(|| ViewerError::NoSuchPart {
        file: title.to_owned(),
        what: "variant",
        wanted: format!("'{name}'"),
        offer: if variants.is_empty() {
            "its materials have none".to_owned()
        } else {
            format!("there are: {}", variants.join(", "))
        },
    })
}

/// Reads a file, with a progress bar.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read(path: &Path) -> Result<gltf::Gltf, ViewerError> {
    Ok(gltf::load(path, &progress::load_options(&title_of(path)))?)
}

fn title_of(path: &Path) -> String {
    path.display().to_string()
}

/// Places in rows, from the front left one on.
struct Rows {
    each: Bounds,
    side: usize,
    step: Vec3,
}

impl Rows {
    /// About a square, in metres, of so many things of this size, half as far apart as they are wide.
    fn of(each: Bounds, count: usize) -> Self {
        let size = if each.is_empty() {
            Vec3::ONE
        } else {
            (each.max - each.min).max(Vec3::splat(1e-3))
        };
        let side = (count as f64 * f64::from(size.z / size.x)).sqrt().ceil();
        Self {
            each,
            side: (side as usize).clamp(1, count),
            step: Vec3::new(1.5 * size.x, 0.0, -1.5 * size.z),
        }
    }

    fn place(&self, number: usize) -> Vec3 {
        self.step
            * Vec3::new(
                (number % self.side) as f32,
                0.0,
                (number / self.side) as f32,
            )
    }

    /// Around so many, each in this box.
    fn bounds(&self, each: Bounds, count: usize) -> Bounds {
        let last = Vec3::new(
            (count.min(self.side) - 1) as f32,
            0.0,
            ((count - 1) / self.side) as f32,
        );
        let far = self.step * last;
        each.union(Bounds {
            min: each.min + far,
            max: each.max + far,
        })
    }
}

/// Vertices that are posed for an exact box; beyond it boxes are those of joints, which are larger.
const POSED_VERTICES_MAX: usize = 1 << 20;
/// Times of an animation at which what it moves is framed.
const FRAMED_TIMES: u32 = 12;

/// The box around everything with a mesh, in the pose that it has; or around some of it.
fn bounds(world: &World, library: &Library, only: Option<&[Entity]>) -> Bounds {
    let mut bounds = Bounds::EMPTY;
    let mut posed = Posed::default();
    type Drawn = (Entity, &'static GlobalTransform, &'static MeshHandle);
    let all = world.query::<Drawn>();
    let found: Vec<_> = match only {
        Some(only) => only.iter().filter_map(|entity| all.get(*entity)).collect(),
        None => all.iter().collect(),
    };
    for (entity, global, handle) in found {
        if let Some(mesh) = library.meshes.get(handle.0) {
            let cell = Vec3::from(global.cell.map(|cell| cell as f32)) * CELL_SIZE;
            let matrix = Mat4::from_translation(cell) * global.to_matrix();
            let own = posed.bounds(world, library, (entity, global), (handle.0, mesh));
            bounds = bounds.union(own.transformed(matrix));
        }
    }
    bounds
}

/// Boxes of meshes, each looked through once, however many instances have it.
#[derive(Default)]
struct Posed {
    vertices: usize,
    rest: HashMap<Handle<Mesh>, Bounds>,
    known: HashMap<Handle<Mesh>, PoseBounds>,
}

impl Posed {
    fn bounds(
        &mut self,
        world: &World,
        library: &Library,
        (entity, global): (Entity, &GlobalTransform),
        (handle, mesh): (Handle<Mesh>, &Mesh),
    ) -> Bounds {
        let joints = world.get::<Skinned>(entity).and_then(|skinned| {
            let skin = library.skins.get(skinned.skin)?;
            Some(skinned.matrices(skin, global, |joint| world.get(joint)))
        });
        let weights = world.get::<MorphWeights>(entity);
        let weights = weights.map_or(&[][..], |weights| &weights.0);
        let rest = &mut self.rest;
        let mut at_rest = || *rest.entry(handle).or_insert_with(|| mesh.bounds());
        if joints.is_none() && weights.iter().all(|weight| *weight == 0.0) {
            return at_rest();
        }
        let joints = joints.unwrap_or_default();
        self.vertices = self.vertices.saturating_add(mesh.positions.len());
        if self.vertices <= POSED_VERTICES_MAX {
            return mesh.posed(weights, &joints).bounds();
        }
        let known = self
            .known
            .entry(handle)
            .or_insert_with(|| PoseBounds::new(mesh));
        known.posed(weights, &joints).unwrap_or_else(at_rest)
    }
}

#[cfg(all(test, feature = "window"))]
mod tests {
    use super::*;

    #[test]
    fn a_variant_is_kept_by_its_name() {
        let with = |names: &[&str]| Content {
            variants: names.iter().map(|&name| name.to_owned()).collect(),
            ..Content::new("a chair", Library::default(), World::new())
        };
        let mut old = with(&["oak", "ash"]);
        old.choose_variant(Some(2));
        assert_eq!(old.variant(), None, "there is no third");
        old.choose_variant(Some(1));
        for (names, kept) in [
            (&["oak", "ash"][..], Some(1)),
            (&["ash", "elm"], Some(0)),
            (&["elm"], None),
            (&[], None),
        ] {
            let mut new = with(names);
            new.keep_variant_of(&old);
            assert_eq!(new.variant(), kept, "{names:?}");
        }
    }
}
