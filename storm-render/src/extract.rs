//! From a [`World`] to a [`Scene`]: each call reads what changed since the last one, and nothing else.
//!
//! There is no second world: rows of `GlobalTransform` go from their column into staging memory as they are, on all cores.
//! Entities that are not drawn cost 4 bytes each in one table, and no time.

use std::{collections::BTreeMap, ops::Range};

use glam::Vec3;
use storm_assets::{
    AssetId, Handle, Library, LiveMaterial, Material, MaterialHandle, Mesh, MeshHandle,
};
use storm_ecs::{
    ChangeTick, Changed, Entity, TableRef, World,
    scene::{
        Camera, ComputedVisibility, DirectionalLight, GlobalTransform, PointLight,
        Projection as CameraProjection, SpotLight,
    },
};

use crate::{
    error::{RenderError, Result},
    extract_poses::PoseExtractor,
    scene::{
        ColorSpace, Instance, InstanceTransform, LIGHTS_MAX, Light, RenderSlot, Scene, Spot,
        TextureKey, layout::NONE, textures_of,
    },
    view::{CELL_SIZE, Projection, View},
};

const _: () = assert!(
    CELL_SIZE == storm_ecs::scene::CELL_SIZE,
    "one size of cells in all crates"
);
const _: () = assert!(size_of::<GlobalTransform>() == size_of::<InstanceTransform>());

/// What an extraction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtractStats {
    /// Entities that are drawn from now on.
    pub added: u64,
    /// Entities whose mesh or material changed.
    pub changed: u64,
    /// Entities that moved and did nothing else.
    pub moved: u64,
    /// Entities that are no longer drawn.
    pub removed: u64,
    /// Lights beyond [`LIGHTS_MAX`], which are left out.
    pub lights_left_out: u64,
    /// Assets that were set aside in this extraction: see [`Extractor::refused`].
    pub refused: u64,
    /// Entities that were posed anew: joints or morph weights.
    pub posed: u64,
    /// Entities that stay at rest because there is no room for their vertices: see [`Scene::set_deform_limit`].
    pub poses_left_out: u64,
}

/// Keeps a [`Scene`] like a [`World`]: every entity with a `GlobalTransform`, a `MeshHandle` and a `MaterialHandle` is an
/// instance; point and spot lights are lights; the first directional light is the sun, and
/// the scene's own sun shines again without it. What has a `ComputedVisibility` that says
/// so is left out, lights too. `Skinned` and `MorphWeights` deform, `LiveMaterial` is a material that changes.
///
/// ```no_run
/// use storm_assets::{Handle, Library, MaterialHandle, MeshHandle};
/// use storm_ecs::{World, scene::GlobalTransform};
/// use storm_render::{Extractor, Gpu, GpuDesc, Scene};
///
/// # fn main() -> Result<(), storm_render::RenderError> {
/// let gpu = Gpu::headless(&GpuDesc::default())?;
/// let (mut scene, mut extractor) = (Scene::new(&gpu)?, Extractor::new());
/// let (mut world, library) = (World::new(), Library::default());
/// world.spawn((
///     GlobalTransform::IDENTITY,
///     MeshHandle(Handle::of("cart.glb", "mesh/0/primitive/0")),
///     MaterialHandle(Handle::of("cart.glb", "material/0")),
/// ));
/// // Once a frame, after propagation:
/// let stats = extractor.extract(&world, &library, &mut scene)?;
/// assert_eq!(stats.added, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Extractor {
    /// What was seen up to here.
    seen: ChangeTick,
    /// Slots by entity index; [`NONE`] for entities that are not drawn.
    slots: Vec<u32>,
    /// By slot: whose it is, and the extraction that last wrote all of it.
    owners: Vec<(Entity, u64)>,
    extraction: u64,
    /// Whether this extraction has set an instance.
    is_set: bool,
    /// What the last instance that was set is made of: it is there, if the library has it.
    loaded: Option<(Handle<Mesh>, Handle<Material>)>,
    /// Rows of a table that moved, and those of them that have no slot yet: kept to be used again.
    ranges: Vec<Range<usize>>,
    homeless: Vec<usize>,
    /// Assets that are not tried again, and why.
    refused: BTreeMap<AssetId, RenderError>,
    /// Lights as they were last found, to be asked for again without a new allocation.
    lights: Vec<Light>,
    /// While a directional light is the sun: direction and colour of the sun that the scene had, and of the light.
    suns: Option<[Sun; 2]>,
    pub(crate) poses: PoseExtractor,
    /// Handles of materials that entities bring.
    live: BTreeMap<Entity, Handle<Material>>,
}

/// Direction and colour.
type Sun = (Vec3, Vec3);

impl Extractor {
    /// An extractor that has seen nothing: its first extraction sees everything.
    ///
    /// Use one for each pair of world and scene.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The slot of an entity, if it is drawn. Cost: O(1).
    #[must_use]
    pub fn slot(&self, entity: Entity) -> Option<RenderSlot> {
        let slot = *self.slots.get(entity.index() as usize)?;
        let (owner, _) = self.owners.get(slot as usize)?;
        (*owner == entity).then_some(RenderSlot(slot))
    }

    /// Brings `scene` up to date with `world`. Assets come from `library` when they are first needed, and later when they were not
    /// there; until then the entity is not drawn, and [`Scene::missing`] lists them.
    ///
    /// Cost: in proportion to what changed, plus one comparison a table and one look at each light.
    ///
    /// # Errors
    /// When the device is lost or there is no room left. An asset that is not well-formed is set aside ([`Extractor::refused`])
    /// and stops nothing. What came before the error is done; the next extraction
    /// looks again at everything that this one was to see.
    pub fn extract(
        &mut self,
        world: &World,
        library: &Library,
        scene: &mut Scene,
    ) -> Result<ExtractStats> {
        let _span = tracing::debug_span!("extract").entered();
        // Writes from here on carry a later tick.
        let now = world.change_tick();
        let mut stats = ExtractStats::default();
        let refused = self.refused.len();
        self.extraction += 1;
        self.is_set = false;
        self.loaded = None;
        self.homeless.clear();
        self.remove(world, scene, &mut stats)?;
        self.load_missing(library, scene)?;
        self.extract_materials(world, library, scene)?;
        self.show(world, library, scene, &mut stats)?;
        for table in world.tables::<(&GlobalTransform, &MeshHandle, &MaterialHandle)>() {
            self.extract_table(table, library, scene, &mut stats)?;
        }
        let seen = self.seen;
        self.extract_poses(world, library, scene, seen, &mut stats)?;
        self.extract_lights(world, scene, &mut stats)?;
        self.seen = now;
        stats.refused = (self.refused.len() - refused) as u64;
        Ok(stats)
    }

    /// All entities that are drawn.
    pub(crate) fn drawn(&self) -> impl Iterator<Item = Entity> {
        let owners = self.owners.iter().map(|(entity, _)| *entity);
        owners.filter(|entity| *entity != Entity::DANGLING)
    }

    /// Whether an entity's instance was set in this extraction, all of it.
    pub(crate) fn was_set(&self, entity: Entity) -> bool {
        let slot = self.slot(entity);
        slot.is_some_and(|slot| self.owners[slot.0 as usize].1 == self.extraction)
    }

    /// Takes the materials that entities bring, where they changed.
    fn extract_materials(
        &mut self,
        world: &World,
        library: &Library,
        scene: &mut Scene,
    ) -> Result<()> {
        let changed = world.query_filtered::<(Entity, &LiveMaterial), Changed<LiveMaterial>>();
        for (entity, live) in changed.since(self.seen) {
            for key in textures_of(&live.material) {
                self.load_texture(library, scene, key)?;
            }
            scene.insert_material(live.handle, &live.material)?;
            self.live.insert(entity, live.handle);
        }
        if self.live.is_empty() {
            return Ok(());
        }
        let gone = |entity: &Entity| !world.has::<LiveMaterial>(*entity);
        let removed = world.removed::<LiveMaterial>(self.seen);
        let removed: Vec<Entity> = if removed.is_complete() {
            removed.filter(gone).collect()
        } else {
            self.live.keys().copied().filter(gone).collect()
        };
        for entity in removed {
            if let Some(handle) = self.live.remove(&entity) {
                scene.remove_material(handle)?;
            }
        }
        Ok(())
    }

    fn remove(&mut self, world: &World, scene: &mut Scene, stats: &mut ExtractStats) -> Result<()> {
        let removed = [
            world.removed::<MeshHandle>(self.seen),
            world.removed::<MaterialHandle>(self.seen),
            world.removed::<GlobalTransform>(self.seen),
        ];
        if removed.iter().all(storm_ecs::Removed::is_complete) {
            for entity in removed.into_iter().flatten() {
                self.remove_if_gone(world, scene, entity, stats)?;
            }
        } else {
            // More was removed than the log holds: look at every slot.
            for slot in 0..self.owners.len() {
                let (entity, _) = self.owners[slot];
                self.remove_if_gone(world, scene, entity, stats)?;
            }
        }
        Ok(())
    }

    /// Frees the slot of an entity that is no longer drawn. One that lost a component and has it again keeps its slot.
    fn remove_if_gone(
        &mut self,
        world: &World,
        scene: &mut Scene,
        entity: Entity,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        let drawn = world.has::<GlobalTransform>(entity)
            && world.has::<MeshHandle>(entity)
            && world.has::<MaterialHandle>(entity);
        if drawn {
            Ok(())
        } else {
            self.hide(entity, scene, stats)
        }
    }

    /// Frees the slot of an entity, if it has one.
    fn hide(&mut self, entity: Entity, scene: &mut Scene, stats: &mut ExtractStats) -> Result<()> {
        if let Some(slot) = self.slot(entity) {
            scene.remove(slot)?;
            self.slots[entity.index() as usize] = NONE;
            self.owners[slot.0 as usize] = (Entity::DANGLING, 0);
            stats.removed += 1;
        }
        Ok(())
    }

    /// Draws entities that have lost their `ComputedVisibility`: nothing hides them any more, and no row of theirs changed.
    fn show(
        &mut self,
        world: &World,
        library: &Library,
        scene: &mut Scene,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        let removed = world.removed::<ComputedVisibility>(self.seen);
        if !removed.is_complete() {
            // More than the log holds: look at everything.
            self.seen = ChangeTick::NEVER;
            return Ok(());
        }
        for entity in removed {
            if self.slot(entity).is_none()
                && !world.has::<ComputedVisibility>(entity)
                && let (Some(global), Some(mesh), Some(material)) = (
                    world.get::<GlobalTransform>(entity),
                    world.get::<MeshHandle>(entity),
                    world.get::<MaterialHandle>(entity),
                )
            {
                let instance = Instance {
                    mesh: mesh.0,
                    material: material.0,
                    transform: bytemuck::cast(*global),
                };
                self.put(entity, &instance, library, scene, stats)?;
            }
        }
        Ok(())
    }

    fn extract_table(
        &mut self,
        table: TableRef<'_>,
        library: &Library,
        scene: &mut Scene,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        let (Some(globals), Some(meshes), Some(materials)) = (
            table.column::<GlobalTransform>(),
            table.column::<MeshHandle>(),
            table.column::<MaterialHandle>(),
        ) else {
            return Ok(());
        };
        let rows = Rows {
            entities: table.entities(),
            // The two have one layout: see the assertions above and in the tests.
            transforms: bytemuck::cast_slice(globals),
            meshes,
            materials,
            visible: table.column::<ComputedVisibility>(),
        };
        let seen = self.seen;
        for row in table.changed_rows::<ComputedVisibility>(seen).flatten() {
            // What was drawn and still is stays as it is.
            if rows.is_hidden(row) || self.slot(rows.entities[row]).is_none() {
                self.set(&rows, row, library, scene, stats)?;
            }
        }
        for range in table
            .changed_rows::<MeshHandle>(seen)
            .chain(table.changed_rows::<MaterialHandle>(seen))
        {
            for row in range {
                self.set(&rows, row, library, scene, stats)?;
            }
        }
        self.move_rows(
            &rows,
            table.changed_rows::<GlobalTransform>(seen),
            scene,
            stats,
        )?;
        // What has just been given its transform.
        for row in std::mem::take(&mut self.homeless) {
            self.set(&rows, row, library, scene, stats)?;
        }
        Ok(())
    }

    /// Makes the instance of a row what the row says, all of it, once an extraction; none where the row is hidden.
    fn set(
        &mut self,
        rows: &Rows<'_>,
        row: usize,
        library: &Library,
        scene: &mut Scene,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        let entity = rows.entities[row];
        let instance = Instance {
            mesh: rows.meshes[row].0,
            material: rows.materials[row].0,
            transform: rows.transforms[row],
        };
        if rows.is_hidden(row) {
            return self.hide(entity, scene, stats);
        }
        self.put(entity, &instance, library, scene, stats)
    }

    /// Makes the instance of an entity, all of it, once an extraction.
    fn put(
        &mut self,
        entity: Entity,
        instance: &Instance,
        library: &Library,
        scene: &mut Scene,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        let slot = self.slot(entity);
        if let Some(slot) = slot
            && self.owners[slot.0 as usize].1 == self.extraction
        {
            return Ok(());
        }
        let assets = (instance.mesh, instance.material);
        if self.loaded != Some(assets) {
            self.load_mesh(library, scene, instance.mesh)?;
            self.load_material(library, scene, instance.material)?;
            self.loaded = Some(assets);
        }
        let put = |scene: &mut Scene| match slot {
            Some(slot) => scene.set(slot, instance).map(|()| slot),
            None => scene.add(instance),
        };
        let placed = match (put(scene), library.meshes.get(instance.mesh)) {
            // Clusters cannot have this surface: the mesh itself is drawn, for all who show it.
            (Err(error @ RenderError::ClusterMaterial { .. }), Some(mesh)) => {
                tracing::warn!(%error, "a mesh is drawn whole");
                scene.insert_mesh(instance.mesh, mesh)?;
                put(scene)?
            }
            (placed, _) => placed?,
        };
        let slot = if let Some(slot) = slot {
            stats.changed += 1;
            slot
        } else {
            let slot = placed;
            let index = entity.index() as usize;
            if self.slots.len() <= index {
                self.slots.resize(index + 1, NONE);
            }
            self.slots[index] = slot.0;
            stats.added += 1;
            slot
        };
        let place = slot.0 as usize;
        if self.owners.len() <= place {
            self.owners.resize(place + 1, (Entity::DANGLING, 0));
        }
        self.owners[place] = (entity, self.extraction);
        self.is_set = true;
        Ok(())
    }

    /// Moves the instances of ranges of rows, but for those that this extraction has set.
    fn move_rows(
        &mut self,
        rows: &Rows<'_>,
        changed: impl Iterator<Item = Range<usize>>,
        scene: &mut Scene,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        self.ranges.clear();
        if self.is_set {
            let (slots, owners, extraction) = (&self.slots, &self.owners, self.extraction);
            let is_set = |row: usize| {
                slots
                    .get(rows.entities[row].index() as usize)
                    .and_then(|&slot| owners.get(slot as usize))
                    .is_some_and(|&(_, set)| set == extraction)
            };
            for range in changed {
                let mut from = range.start;
                for row in range.clone() {
                    if is_set(row) {
                        self.ranges.extend((from < row).then_some(from..row));
                        from = row + 1;
                    }
                }
                self.ranges
                    .extend((from < range.end).then_some(from..range.end));
            }
        } else {
            self.ranges.extend(changed);
        }
        if self.ranges.is_empty() {
            return Ok(());
        }
        // Slots of entities that are gone were given back before: what is left belongs to who lives at an index now.
        let slots = &self.slots;
        let slot = |row: usize| {
            let index = rows.entities[row].index() as usize;
            slots.get(index).copied().unwrap_or(NONE)
        };
        stats.moved += scene.move_rows(rows.transforms, slot, &self.ranges, &mut self.homeless)?;
        Ok(())
    }

    fn extract_lights(
        &mut self,
        world: &World,
        scene: &mut Scene,
        stats: &mut ExtractStats,
    ) -> Result<()> {
        self.lights.clear();
        type Lit<T> = (
            &'static GlobalTransform,
            &'static T,
            Option<&'static ComputedVisibility>,
        );
        for (global, light, visible) in world.query::<Lit<PointLight>>().iter() {
            if !shines(visible) {
                continue;
            }
            self.lights.push(light_at(
                global,
                light.color,
                light.intensity,
                light.range,
                None,
            ));
        }
        for (global, light, visible) in world.query::<Lit<SpotLight>>().iter() {
            if !shines(visible) {
                continue;
            }
            let spot = Spot {
                direction: forward(global),
                inner: light.inner_angle,
                outer: light.outer_angle,
            };
            self.lights.push(light_at(
                global,
                light.color,
                light.intensity,
                light.range,
                Some(spot),
            ));
        }
        stats.lights_left_out = self.lights.len().saturating_sub(LIGHTS_MAX) as u64;
        self.lights.truncate(LIGHTS_MAX);
        scene.set_lights(&self.lights)?;
        let sun = world
            .query::<Lit<DirectionalLight>>()
            .iter()
            .find(|(_, _, visible)| shines(*visible))
            .map(|(global, sun, _)| {
                let color = Vec3::from(sun.color) * sun.illuminance;
                (-forward(global), color)
            })
            .filter(|(_, color)| color.is_finite());
        self.follow_sun(sun, scene);
        Ok(())
    }

    /// Makes a directional light the sun, and gives the scene its own sun back when there is none any more.
    fn follow_sun(&mut self, sun: Option<Sun>, scene: &mut Scene) {
        let sky = *scene.sky();
        let there = (sky.sun_direction, sky.sun_color);
        let own = match self.suns {
            // Who has set another sky since has set its sun.
            Some([own, light]) if light == there => own,
            _ => there,
        };
        let (sun_direction, sun_color) = sun.unwrap_or(own);
        self.suns = sun.map(|light| [own, light]);
        if there != (sun_direction, sun_color) {
            scene.set_sky(crate::Sky {
                sun_direction,
                sun_color,
                ..sky
            });
        }
    }
}

/// Columns of one table.
struct Rows<'w> {
    entities: &'w [Entity],
    transforms: &'w [InstanceTransform],
    meshes: &'w [MeshHandle],
    materials: &'w [MaterialHandle],
    /// Where the table has such a column.
    visible: Option<&'w [ComputedVisibility]>,
}

impl Rows<'_> {
    fn is_hidden(&self, row: usize) -> bool {
        self.visible.is_some_and(|visible| !visible[row].0)
    }
}

/// Whether an entity without the component is drawn: yes.
fn shines(visible: Option<&ComputedVisibility>) -> bool {
    visible.is_none_or(|visible| visible.0)
}

impl Extractor {
    /// Assets that are not well-formed, or that the device cannot take, and why: what needs them is drawn without them. They are not
    /// tried again under the same id.
    pub fn refused(&self) -> impl Iterator<Item = (AssetId, &RenderError)> {
        self.refused.iter().map(|(id, error)| (*id, error))
    }

    fn load_missing(&mut self, library: &Library, scene: &mut Scene) -> Result<()> {
        for id in scene.missing().collect::<Vec<_>>() {
            self.load_mesh(library, scene, Handle::new(id))?;
            self.load_material(library, scene, Handle::new(id))?;
            for space in [ColorSpace::Srgb, ColorSpace::Linear] {
                let key = (Handle::new(id), space);
                if scene.wants_texture(key) {
                    self.load_texture(library, scene, key)?;
                }
            }
        }
        Ok(())
    }

    fn load_mesh(
        &mut self,
        library: &Library,
        scene: &mut Scene,
        handle: Handle<Mesh>,
    ) -> Result<()> {
        match library.meshes.get(handle) {
            Some(mesh) if !scene.has_mesh(handle) && !self.refused.contains_key(&handle.id()) => {
                let clusters = library.clusters.get(Handle::new(handle.id()));
                let inserted = match clusters.map(|mesh| scene.insert_clusters(handle, mesh)) {
                    None => scene.insert_mesh(handle, mesh),
                    // Where the device cannot draw clusters, or these are damaged, the mesh itself is drawn.
                    Some(Err(error @ (RenderError::NoClusters(_) | RenderError::Clusters(_)))) => {
                        tracing::warn!(%error, id = ?handle.id(), "a mesh is drawn whole");
                        scene.insert_mesh(handle, mesh)
                    }
                    Some(inserted) => inserted,
                };
                self.unless_at_fault(handle.id(), inserted)
            }
            _ => Ok(()),
        }
    }

    fn load_texture(
        &mut self,
        library: &Library,
        scene: &mut Scene,
        key: TextureKey,
    ) -> Result<()> {
        match library.images.get(key.0) {
            Some(picture) if !scene.has_texture(key) && !self.refused.contains_key(&key.0.id()) => {
                let inserted = scene.insert_texture(key, picture);
                self.unless_at_fault(key.0.id(), inserted)
            }
            _ => Ok(()),
        }
    }

    fn load_material(
        &mut self,
        library: &Library,
        scene: &mut Scene,
        handle: Handle<Material>,
    ) -> Result<()> {
        let Some(material) = library.materials.get(handle) else {
            return Ok(());
        };
        if scene.has_material(handle) {
            return Ok(());
        }
        for key in textures_of(material) {
            self.load_texture(library, scene, key)?;
        }
        scene.insert_material(handle, material)
    }

    /// Sets an asset aside that is itself at fault: one bad file is no reason to draw nothing. Other errors are passed on.
    fn unless_at_fault(&mut self, id: AssetId, inserted: Result<()>) -> Result<()> {
        match inserted {
            Err(
                error @ (RenderError::Mesh(_)
                | RenderError::Size { .. }
                | RenderError::UnknownFormat),
            ) => {
                tracing::warn!(%error, ?id, "an asset is left out");
                self.refused.insert(id, error);
                Ok(())
            }
            other => other,
        }
    }
}

fn light_at(
    global: &GlobalTransform,
    color: [f32; 3],
    intensity: f32,
    range: Option<f32>,
    spot: Option<Spot>,
) -> Light {
    Light {
        cell: global.cell,
        translation: global.translation().into(),
        color: Vec3::from(color) * intensity,
        range: range.unwrap_or(f32::MAX),
        spot,
    }
}

/// Where -Z of an entity points.
fn forward(global: &GlobalTransform) -> Vec3 {
    global
        .to_affine()
        .transform_vector3(Vec3::NEG_Z)
        .try_normalize()
        .unwrap_or(Vec3::NEG_Z)
}

impl View {
    /// The view of a camera entity, for a picture of this shape (width over height).
    ///
    /// A camera with an aspect ratio of its own shows all that it should and, where the picture is wider or higher, more. There is
    /// no far plane in perspective.
    #[must_use]
    pub fn from_camera(camera: &Camera, global: &GlobalTransform, aspect: f32) -> Self {
        let (_, rotation, translation) = global.to_affine().to_scale_rotation_translation();
        let projection = match camera.projection {
            CameraProjection::Perspective {
                yfov,
                aspect: own,
                znear,
                ..
            } => {
                // Narrower than the camera: open it until its width is seen.
                let wider = own.map_or(1.0, |own| (own / aspect).max(1.0));
                let yfov = 2.0 * ((0.5 * yfov).tan() * wider).atan();
                Projection::Perspective { yfov, near: znear }
            }
            CameraProjection::Orthographic {
                xmag,
                ymag,
                znear,
                zfar,
            } => Projection::Orthographic {
                half_height: ymag.max(xmag / aspect),
                near: znear,
                far: zfar,
            },
        };
        Self {
            cell: global.cell,
            translation,
            rotation,
            projection,
            ..Self::default()
        }
    }
}
