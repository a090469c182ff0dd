//! A scene on the GPU: plain values go in, and only what changed is uploaded.

pub(crate) mod arena;
mod bits;
mod deform;
mod draws;
mod geometry;
mod instances;
pub(crate) mod layers;
pub(crate) mod layout;
mod lights;
pub(crate) mod motion;
mod moves;
mod parameters;
mod sky_picture;
mod surfaces;
mod ui;
mod upload;

use std::{collections::BTreeSet, ops::Range};

use storm_assets::{
    AssetId, Bounds, Handle, HdrImage, Image, Material, Mesh, clusters::ClusterMesh,
};

use self::{
    arena::Table,
    deform::Deforms,
    instances::InstanceRecord,
    layout::{LightInfo, LineInfo, SKY_PICTURE, SkyInfo},
    moves::Moves,
    parameters::Parameters,
    sky_picture::SkyPicture,
};
pub use self::{
    deform::Pose,
    instances::RenderSlot,
    layout::InstanceTransform,
    lights::{LIGHTS_MAX, Light, Line, Spot},
    surfaces::{ColorSpace, TextureKey, textures_of},
};
pub(crate) use self::{
    draws::{DrawKind, DrawRange, Draws},
    geometry::Geometry,
    instances::Instances,
    surfaces::{AlphaClass, Surfaces},
    ui::{Overlay, UiDraw},
    upload::Uploads,
};
use crate::{
    atmosphere::AtmosphereInfo,
    clusters::{meshes::ClusterMeshes, stream::ClusterStreaming},
    context::Gpu,
    error::{RenderError, Result},
    gpu::{bindless::Bindless, commands::Recorder},
    sky::{Sky, SkySource},
    surface::Surface,
    view::View,
};

/// One thing to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Instance {
    /// Its shape.
    pub mesh: Handle<Mesh>,
    /// Its surface.
    pub material: Handle<Material>,
    /// Its place.
    pub transform: InstanceTransform,
}

/// Meshes, textures, materials, instances, lights and a sky, on the GPU.
///
/// ```no_run
/// use storm_assets::{Handle, Material, Mesh};
/// use storm_render::{Gpu, GpuDesc, Instance, InstanceTransform, Scene};
///
/// # fn main() -> Result<(), storm_render::RenderError> {
/// let gpu = Gpu::headless(&GpuDesc::default())?;
/// let mut scene = Scene::new(&gpu)?;
/// let (mesh, material) = (Handle::of("example", "triangle"), Handle::of("example", "red"));
/// scene.insert_mesh(mesh, &Mesh {
///     positions: vec![[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
///     indices: vec![0, 1, 2],
///     ..Mesh::default()
/// })?;
/// scene.insert_material(material, &Material::matte("red", [0.8, 0.1, 0.1], 0.6))?;
/// let slot = scene.add(&Instance { mesh, material, transform: InstanceTransform::IDENTITY })?;
/// scene.remove(slot)?;
/// # Ok(())
/// # }
/// ```
pub struct Scene {
    pub(crate) gpu: Gpu,
    pub(crate) uploads: Uploads,
    pub(crate) geometry: Geometry,
    pub(crate) surfaces: Surfaces,
    pub(crate) parameters: Parameters,
    pub(crate) instances: Instances,
    pub(crate) draws: Draws,
    pub(crate) clusters: ClusterMeshes,
    deforms: Deforms,
    pub(crate) lights: Table<LightInfo>,
    /// As they were set: without shadow maps.
    light_infos: Vec<LightInfo>,
    lines: Table<LineInfo>,
    line_infos: Vec<LineInfo>,
    pub(crate) overlay: Overlay,
    /// Lights with shadow maps, and the first map of each, as they were uploaded; `None` where they were not.
    shadowed: Option<Vec<(u32, u32)>>,
    sky: Sky,
    /// Of the sky as it was set.
    sky_info: SkyInfo,
    sky_picture: Option<SkyPicture>,
    /// Whether an instance came or went or changes what it is drawn with.
    draws_changed: bool,
    /// Meshes and materials that instances ask for and that are not there.
    missing: BTreeSet<AssetId>,
    /// What the last instance asked for, and what that is: many are alike. Forgotten when meshes or materials change.
    resolved: Option<Resolved>,
}

type Resolved = ((Handle<Mesh>, Handle<Material>), (InstanceRecord, bool));

impl Scene {
    /// An empty scene under the default sky.
    ///
    /// # Errors
    /// When the device has no memory left.
    pub fn new(gpu: &Gpu) -> Result<Self> {
        let device = gpu.device();
        Ok(Self {
            gpu: gpu.clone(),
            uploads: Uploads::new(gpu)?,
            geometry: Geometry::new(device)?,
            surfaces: Surfaces::new(gpu)?,
            parameters: Parameters::new(device)?,
            instances: Instances::new(device)?,
            draws: Draws::new(device)?,
            clusters: ClusterMeshes::new(device)?,
            deforms: Deforms::new(gpu)?,
            lights: Table::new(device, "lights", 64)?,
            light_infos: Vec::new(),
            lines: Table::new(device, "lines", 64)?,
            line_infos: Vec::new(),
            overlay: Overlay::new(gpu)?,
            shadowed: Some(Vec::new()),
            sky: Sky::default(),
            sky_info: Sky::default().info(),
            sky_picture: None,
            draws_changed: true,
            missing: BTreeSet::new(),
            resolved: None,
        })
    }

    /// Uploads a mesh, in place of the one that had this handle. Instances may name it before it is there.
    ///
    /// # Errors
    /// When the mesh is not well-formed (see [`Mesh::check`]) or there is no room left.
    pub fn insert_mesh(&mut self, handle: Handle<Mesh>, mesh: &Mesh) -> Result<()> {
        self.resolved = None;
        // Also where it fails: the mesh that was there may be gone then.
        self.draws_changed = true;
        let index = self.geometry.index_of(handle);
        self.mesh_changed(index);
        self.forget_clusters(index);
        self.geometry.insert(&mut self.uploads, handle, mesh)?;
        self.missing.remove(&handle.id());
        Ok(())
    }

    /// Takes a mesh away. Instances of it are not drawn until it comes back.
    pub fn remove_mesh(&mut self, handle: Handle<Mesh>) {
        self.resolved = None;
        let index = self.geometry.index_of(handle);
        self.mesh_changed(index);
        self.forget_clusters(index);
        self.geometry.remove(handle);
        if self.instances.iter().any(|(_, used)| used.mesh == index) {
            self.missing.insert(handle.id());
        }
        self.draws_changed = true;
    }

    /// Uploads a mesh of clusters, in place of the mesh that had this handle: see `docs/clusters.md`. Its instances are like all others,
    /// with these rules: their materials are opaque, without a surface of one's own and without transmission, and they have no
    /// poses; pictures with such instances have one sample a pixel, whatever
    /// [`multisampling`](crate::RendererDesc::multisampling) says.
    ///
    /// ```no_run
    /// use storm_assets::{Handle, clusters::ClusterMesh};
    /// use storm_render::{RenderError, Scene};
    ///
    /// fn insert(scene: &mut Scene, mesh: &ClusterMesh) -> Result<(), RenderError> {
    ///     // 512 MiB of pages, 8 MiB of them a frame. Without this all pages are uploaded at once.
    ///     scene.set_cluster_budget(Some(512 << 20), 8 << 20)?;
    ///     scene.insert_clusters(Handle::of("statues", "lion"), mesh)
    /// }
    /// ```
    ///
    /// # Errors
    /// When the device cannot draw clusters ([`RenderError::NoClusters`]), a page cannot be read, or there is no room left.
    pub fn insert_clusters(&mut self, handle: Handle<Mesh>, mesh: &ClusterMesh) -> Result<()> {
        let adapter = &self.gpu.device().adapter;
        if !adapter.clusters {
            return Err(RenderError::NoClusters(adapter.name.clone()));
        }
        self.resolved = None;
        self.draws_changed = true;
        let index = self.geometry.index_of(handle);
        self.mesh_changed(index);
        self.forget_clusters(index);
        self.geometry.remove(handle);
        let number = self.clusters.insert(&mut self.uploads, mesh)?;
        self.geometry.set_clusters(index, number, mesh.info());
        self.missing.remove(&handle.id());
        Ok(())
    }

    /// Streams pages of meshes of clusters that are inserted from now on: their coarsest clusters are uploaded at once, others as
    /// pictures ask for them, at most `frame_bytes` a frame; all pages together take at most `budget` bytes, and what was not seen
    /// longest gives way. `None`, as at first: all pages are uploaded with their mesh. Meshes that are there stay as they are, and
    /// their pages count towards no budget that is set later.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn set_cluster_budget(&mut self, budget: Option<u64>, frame_bytes: u64) -> Result<()> {
        self.clusters
            .set_budget(budget.map(|budget| (budget, frame_bytes)))
    }

    /// How streaming of clusters stands; `None` without a budget.
    #[must_use]
    pub fn cluster_streaming(&self) -> Option<ClusterStreaming> {
        self.clusters.streaming()
    }

    /// Bytes that pages of clusters have in GPU memory; the blocks of 16 MiB that they lie in may be larger.
    #[must_use]
    pub fn cluster_bytes(&self) -> u64 {
        self.clusters.page_bytes()
    }

    /// Waits for the pages of clusters that are being read: the next picture has them. For pictures that must not change while
    /// more comes; it takes some frames until nothing more is asked for.
    ///
    /// # Errors
    /// When there is no room left.
    pub fn wait_for_cluster_pages(&mut self) -> Result<()> {
        self.clusters.finish_streaming(&mut self.uploads)
    }

    /// Gives back what the clusters of a mesh take, where it has some.
    fn forget_clusters(&mut self, index: u32) {
        if let Some(number) = self.geometry.entry(index).clusters {
            self.clusters.remove(&mut self.uploads, number);
            // At once, whatever becomes of what is to take its place: the number is another mesh's next.
            self.geometry.forget_clusters(index);
        }
    }

    /// Whether this mesh is there.
    #[must_use]
    pub fn has_mesh(&self, handle: Handle<Mesh>) -> bool {
        self.geometry.has(handle)
    }

    /// Uploads a picture as materials sample it (see [`textures_of`]), in place of the one that had this key.
    ///
    /// # Errors
    /// When it is larger than the device allows or there is no room left.
    pub fn insert_texture(&mut self, key: TextureKey, picture: &Image) -> Result<()> {
        self.surfaces
            .insert_texture(&mut self.uploads, key, picture)
    }

    /// Takes a texture away. Materials that sample it are drawn as if they had none, and it counts as missing.
    ///
    /// # Errors
    /// When there is no room left.
    pub fn remove_texture(&mut self, key: TextureKey) -> Result<()> {
        self.surfaces.remove_texture(&mut self.uploads, key)
    }

    /// Whether this texture is there.
    #[must_use]
    pub fn has_texture(&self, key: TextureKey) -> bool {
        self.surfaces.has_texture(key)
    }

    /// Whether a material asks for this texture and it is not there.
    #[must_use]
    pub fn wants_texture(&self, key: TextureKey) -> bool {
        self.surfaces.missing().any(|missing| missing == key)
    }

    /// Uploads a material, in place of the one that had this handle. Textures that are not there yet count as absent.
    ///
    /// Where it takes the place of one that was not blended and is blended itself, its instances are sorted from when
    /// they are next moved or set.
    ///
    /// # Errors
    /// When there is no room left.
    pub fn insert_material(&mut self, handle: Handle<Material>, material: &Material) -> Result<()> {
        let class = |surfaces: &Surfaces, index| {
            let layers = surfaces.layers(index);
            (surfaces.class(index), layers, surfaces.has_material(handle))
        };
        let index = self.surfaces.index_of(&mut self.uploads, handle)?;
        let before = class(&self.surfaces, index);
        self.surfaces
            .insert_material(&mut self.uploads, handle, material)?;
        self.missing.remove(&handle.id());
        // Other factors of the same kind of surface change no draw.
        if before != class(&self.surfaces, index) {
            self.resolved = None;
            self.draws_changed = true;
        }
        Ok(())
    }

    /// Takes a material away. Its instances are drawn in the default material until it comes back.
    ///
    /// # Errors
    /// When there is no room left.
    pub fn remove_material(&mut self, handle: Handle<Material>) -> Result<()> {
        self.resolved = None;
        self.surfaces.remove_material(&mut self.uploads, handle)?;
        let index = self.surfaces.index_of(&mut self.uploads, handle)?;
        if self
            .instances
            .iter()
            .any(|(_, used)| used.material == index)
        {
            self.missing.insert(handle.id());
        }
        self.draws_changed = true;
        Ok(())
    }

    /// Gives a material a surface of one's own, or takes it away; the material's factors, textures, alpha mode and sides go on
    /// to count. It stays with the handle where the material is inserted again.
    ///
    /// # Errors
    /// When it has too many textures, or a parameter that its shader has no name for: then nothing changes. When there is no
    /// room left.
    pub fn set_surface(
        &mut self,
        handle: Handle<Material>,
        surface: Option<&Surface>,
    ) -> Result<()> {
        self.surfaces
            .set_surface(&mut self.uploads, handle, surface)?;
        self.draws_changed = true;
        Ok(())
    }

    /// Sets a number that the shader of a material's surface reads: 96 bytes are uploaded.
    ///
    /// # Errors
    /// When the material has no surface, or that has no such parameter.
    pub fn set_surface_parameter(
        &mut self,
        handle: Handle<Material>,
        name: &str,
        value: f32,
    ) -> Result<()> {
        self.surfaces
            .set_surface_parameter(&mut self.uploads, handle, name, value)
    }

    /// Whether this material is there.
    #[must_use]
    pub fn has_material(&self, handle: Handle<Material>) -> bool {
        self.surfaces.has_material(handle)
    }

    /// Sets a named number that shaders read, of the whole scene. `harmony` is one: 1 leaves colours as they are, 0 takes
    /// all colour from surfaces. Other names are for shaders of one's own, which know them by the number that this gives.
    ///
    /// # Errors
    /// When there are more than 8 names, or there is no room left.
    pub fn set_parameter(&mut self, name: &str, value: f32) -> Result<usize> {
        let number = self.parameters.number(name)?;
        self.parameters.set(&mut self.uploads, number, value)?;
        Ok(number)
    }

    /// Sets such a number of one material, whether it is there yet or not; `None` leaves it to the scene.
    ///
    /// # Errors
    /// As [`Scene::set_parameter`].
    pub fn set_material_parameter(
        &mut self,
        material: Handle<Material>,
        name: &str,
        value: Option<f32>,
    ) -> Result<usize> {
        let number = self.parameters.number(name)?;
        let index = self.surfaces.index_of(&mut self.uploads, material)?;
        self.parameters
            .set_of_material(&mut self.uploads, index, number, value)?;
        Ok(number)
    }

    /// Adds something to draw.
    ///
    /// # Errors
    /// When there is no room left.
    pub fn add(&mut self, instance: &Instance) -> Result<RenderSlot> {
        let slot = self.instances.add();
        match self.put(slot, instance) {
            Ok(()) => Ok(slot),
            Err(error) => {
                self.instances.cancel(slot);
                Err(error)
            }
        }
    }

    /// Changes what an instance is, all of it.
    ///
    /// # Errors
    /// When there is none in this slot, or there is no room left.
    pub fn set(&mut self, slot: RenderSlot, instance: &Instance) -> Result<()> {
        match self.instances.get(slot.0) {
            Some(_) => self.put(slot, instance),
            None => Err(RenderError::NoSuchInstance(slot.0)),
        }
    }

    /// Makes a slot that is not free what `instance` says.
    fn put(&mut self, slot: RenderSlot, instance: &Instance) -> Result<()> {
        let (record, keep) = self.resolve(instance.mesh, instance.material)?;
        self.source_changed(slot.0, record.mesh);
        self.draws_changed |=
            self.instances
                .set(&mut self.uploads, slot, record, &instance.transform, keep)?;
        Ok(())
    }

    /// The numbers of a mesh and a material, and whether the transforms of their instances are kept. Those that are not there
    /// count as missing.
    fn resolve(
        &mut self,
        mesh: Handle<Mesh>,
        material: Handle<Material>,
    ) -> Result<(InstanceRecord, bool)> {
        if let Some((last, resolved)) = self.resolved
            && last == (mesh, material)
        {
            return Ok(resolved);
        }
        if !self.geometry.has(mesh) {
            self.missing.insert(mesh.id());
        }
        let present = self.surfaces.has_material(material);
        if !present {
            self.missing.insert(material.id());
        }
        let record = InstanceRecord {
            mesh: self.geometry.index_of(mesh),
            material: self.surfaces.index_of(&mut self.uploads, material)?,
        };
        if present && self.geometry.entry(record.mesh).clusters.is_some() {
            let (class, _) = self.surfaces.class(record.material);
            let layers = self.surfaces.layers(record.material);
            let own = self.surfaces.surface_of(record.material).is_some();
            if let Some(what) = draws::refused_of_clusters(class, layers, own) {
                return Err(RenderError::ClusterMaterial {
                    what,
                    material: material.id(),
                });
            }
        }
        let keep = !present || self.surfaces.class(record.material).0 == AlphaClass::Blend;
        self.resolved = Some(((mesh, material), (record, keep)));
        Ok((record, keep))
    }

    /// Moves an instance.
    ///
    /// # Errors
    /// When there is none in this slot.
    pub fn set_transform(&mut self, slot: RenderSlot, transform: &InstanceTransform) -> Result<()> {
        self.set_transforms(slot, std::slice::from_ref(transform))
    }

    /// Moves the instances of neighbouring slots, `first` and on: one copy, however many.
    ///
    /// # Errors
    /// When one of the slots has no instance; then none is moved.
    pub fn set_transforms(
        &mut self,
        first: RenderSlot,
        transforms: &[InstanceTransform],
    ) -> Result<()> {
        let slot = |row: usize| first.0 + row as u32;
        self.instances
            .check((0..transforms.len()).map(|row| first.0.saturating_add(row as u32)))?;
        self.move_rows(
            transforms,
            slot,
            std::slice::from_ref(&(0..transforms.len())),
            &mut Vec::new(),
        )?;
        Ok(())
    }

    /// Moves many instances, wherever their slots are: `transforms[i]` is for `slots[i]`, and no slot comes twice.
    ///
    /// The transforms are written to staging memory by all cores (feature `rayon`), 68 bytes an instance, and brought to their slots
    /// on the GPU.
    ///
    /// # Errors
    /// When the two are not of one length, one of the slots has no instance, or one comes twice; then none is moved.
    pub fn move_instances(
        &mut self,
        slots: &[RenderSlot],
        transforms: &[InstanceTransform],
    ) -> Result<()> {
        if slots.len() != transforms.len() {
            return Err(RenderError::UnequalLengths {
                slots: slots.len(),
                transforms: transforms.len(),
            });
        }
        self.instances.check(slots.iter().map(|slot| slot.0))?;
        self.instances.check_distinct(slots)?;
        let slot = |row: usize| slots[row].0;
        self.move_rows(
            transforms,
            slot,
            std::slice::from_ref(&(0..transforms.len())),
            &mut Vec::new(),
        )?;
        Ok(())
    }

    /// Moves the instances of some rows: ranges are ascending and do not overlap; the slots have instances and none comes
    /// twice. Gives how many moved, and adds the rows whose slot is `NONE` to `homeless`.
    pub(crate) fn move_rows<F: Fn(usize) -> u32 + Sync>(
        &mut self,
        rows: &[InstanceTransform],
        slot: F,
        ranges: &[Range<usize>],
        homeless: &mut Vec<usize>,
    ) -> Result<u64> {
        let moves = Moves { rows, slot };
        let (count, changed) =
            self.instances
                .move_rows(&mut self.uploads, &moves, ranges, homeless)?;
        self.draws_changed |= changed;
        Ok(count)
    }

    /// Takes an instance away.
    ///
    /// # Errors
    /// When there is none in this slot.
    pub fn remove(&mut self, slot: RenderSlot) -> Result<()> {
        self.instances.check([slot.0])?;
        self.forget_pose(slot.0);
        self.instances.remove(slot)?;
        self.draws_changed = true;
        Ok(())
    }

    /// How many instances there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.instances.len()
    }

    /// Whether there are no instances.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Assets that instances and materials ask for and that are not there, in id order.
    pub fn missing(&self) -> impl Iterator<Item = AssetId> {
        let textures = self.surfaces.missing().map(|(image, _)| image.id());
        let all: BTreeSet<_> = self.missing.iter().copied().chain(textures).collect();
        all.into_iter()
    }

    /// Sets the sky.
    pub fn set_sky(&mut self, sky: Sky) {
        self.sky = sky;
        self.sky_info = sky.info();
    }

    /// Uploads the picture that a sky of [`SkySource::Picture`] is lit by, in place of the one before; `None` takes it away.
    /// Radiance over 65,504 is cut off there.
    ///
    /// # Errors
    /// When it is larger than the device allows or there is no room left.
    pub fn set_sky_picture(&mut self, picture: Option<&HdrImage>) -> Result<()> {
        self.sky_picture = match picture {
            Some(picture) => Some(SkyPicture::new(&self.gpu, &mut self.uploads, picture)?),
            None => None,
        };
        Ok(())
    }

    /// The sky as shaders read it, and a number that is another one for another picture.
    pub(crate) fn sky_info(&self) -> (SkyInfo, u32) {
        match (&self.sky.source, &self.sky_picture) {
            (SkySource::Picture { .. }, Some(picture)) => (
                SkyInfo {
                    kind: SKY_PICTURE,
                    picture: picture.slot,
                    picture_sampler: picture.sampler,
                    ..self.sky_info
                },
                picture.serial,
            ),
            _ => (self.sky_info, 0),
        }
    }

    /// The air of the sky, if it is of air.
    pub(crate) fn air(&self) -> Option<AtmosphereInfo> {
        match &self.sky.source {
            SkySource::Air(air) => Some(air.info(self.sky.sun_direction)),
            _ => None,
        }
    }

    /// The sky.
    #[must_use]
    pub fn sky(&self) -> &Sky {
        &self.sky
    }

    /// Makes the place for where things were, if a frame asks for it.
    pub(crate) fn prepare_motion(&mut self, wanted: bool) -> Result<()> {
        let (transforms, motion) = self.instances.motion();
        motion.prepare(self.gpu.device(), wanted.then_some(transforms))
    }

    /// Records all uploads, to be submitted as `value` on the timeline, and keeps where things were. `temporal` says that this
    /// is for a frame that asks where they were.
    pub(crate) fn record_uploads(
        &mut self,
        recorder: &mut Recorder,
        bindless: &Bindless,
        value: u64,
        temporal: bool,
    ) {
        let (transforms, motion) = self.instances.motion();
        motion.fit(transforms);
        if motion.is_kept() {
            motion.before_uploads(recorder, transforms, temporal);
        }
        self.uploads.record(recorder, bindless, value);
        let (transforms, motion) = self.instances.motion();
        if motion.is_kept() {
            motion.after_uploads(recorder, transforms);
        }
    }

    /// Brings the draw lists up to date for a view.
    pub(crate) fn prepare(&mut self, view: &View) -> Result<()> {
        self.realise_deformed()?;
        self.instances.flush(&mut self.uploads)?;
        if self.draws_changed {
            self.draws.rebuild(
                &mut self.uploads,
                &self.instances,
                &self.geometry,
                &self.surfaces,
                &self.clusters,
            )?;
            self.draws_changed = false;
        }
        self.parameters
            .grow(&mut self.uploads, self.surfaces.count())?;
        self.draws.sort(
            &mut self.uploads,
            view,
            &mut self.instances,
            &self.geometry,
            &self.surfaces,
        )
    }

    /// The box around a mesh, or `None` while it is not there.
    #[must_use]
    pub fn mesh_bounds(&mut self, handle: Handle<Mesh>) -> Option<Bounds> {
        self.geometry.has(handle).then(|| {
            let index = self.geometry.index_of(handle);
            self.geometry.entry(index).bounds
        })
    }
}
