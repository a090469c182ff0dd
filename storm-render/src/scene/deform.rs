//! Poses of instances: what the CPU keeps of them, and the jobs that `shaders/deform.comp` does.
//!
//! An instance with a pose is drawn with a mesh of its own ([`Geometry::add_deformed`]), which a job writes where the pose is
//! another than before. Whatever is not posed anew costs nothing.

use std::{collections::HashMap, sync::Arc};

use bytemuck::{Pod, Zeroable};
use glam::Mat4;
use storm_assets::Bounds;

use super::{
    Scene,
    arena::Table,
    geometry::{Deformed, Geometry},
    instances::{Instances, RenderSlot},
    upload::Uploads,
};
use crate::{
    context::Gpu,
    error::{RenderError, Result},
    gpu::{
        bindless::Bindless,
        buffer::Buffer,
        commands::{Access, Recorder},
        device::Device,
        pipeline::Pipeline,
    },
    shaders,
};

/// Bytes of deformed instances that a scene has at most, unless it says otherwise.
const BYTES_MAX_AT_FIRST: u64 = 512 << 20;
/// Vertices of a workgroup.
const GROUP: u32 = 64;
/// Workgroups in a row, and rows of a dispatch: every device has as many.
const GROUPS_MAX: u32 = 65_535;

/// The shape of some instances: what the vertices of their meshes are displaced by.
///
/// ```no_run
/// use glam::{Mat4, Vec3};
/// use storm_assets::{Handle, Mesh};
/// use storm_render::{Gpu, GpuDesc, Instance, InstanceTransform, Pose, Scene};
///
/// # fn main() -> Result<(), storm_render::RenderError> {
/// let gpu = Gpu::headless(&GpuDesc::default())?;
/// let mut scene = Scene::new(&gpu)?;
/// let flag = Handle::of("example", "flag");
/// scene.insert_mesh(flag, &Mesh {
///     positions: vec![[0.0, 0.0, 0.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.0]],
///     joints: vec![vec![[0; 4], [1, 0, 0, 0], [0; 4]]],
///     weights: vec![vec![[1.0, 0.0, 0.0, 0.0]; 3]],
///     indices: vec![0, 1, 2],
///     ..Mesh::default()
/// })?;
/// let cloth = Handle::of("example", "cloth");
/// let slot = scene.add(&Instance { mesh: flag, material: cloth, transform: InstanceTransform::IDENTITY })?;
/// // Its tip, which joint 1 moves, is a little towards the camera.
/// let joints = [Mat4::IDENTITY, Mat4::from_translation(Vec3::Z * 0.2)];
/// scene.set_pose(&Pose { slots: &[slot], joints: &joints, weights: &[] })?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pose<'a> {
    /// Which instances; those of one character share their joints.
    pub slots: &'a [RenderSlot],
    /// From the space of the mesh at rest to that of the instance, a matrix a joint: for a skin, `inverse(global of the instance) · global(joint) · inverse
    /// bind`. Affine. Empty leaves joints out.
    pub joints: &'a [Mat4],
    /// Of morph targets; missing ones are 0, surplus ones ignored.
    pub weights: &'a [f32],
}

/// What is kept of a pose.
#[derive(Debug, PartialEq)]
struct Kept {
    joints: Vec<Mat4>,
    weights: Vec<f32>,
    /// Whether joints turn right-handed into left-handed.
    mirrors: bool,
}

/// As `shaders/deform.comp` has it.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Job {
    positions: u32,
    normals: u32,
    tangents: u32,
    influences: u32,
    sets: u32,
    targets: u32,
    out_positions: u32,
    out_previous: u32,
    out_normals: u32,
    out_tangents: u32,
    vertices: u32,
    joints: u32,
    joint_count: u32,
    weights: u32,
    weight_count: u32,
    flags: u32,
}

const DEFORM: u32 = 1;
const KEEP: u32 = 2;
const RESET: u32 = 4;

#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Push {
    arena: u64,
    jobs: u64,
    poses: u64,
    first: u32,
    padding: u32,
}

/// Jobs of one mesh.
#[derive(Clone, Copy, Debug)]
struct Dispatch {
    first: u32,
    jobs: u32,
    vertices: u32,
}

/// An instance with a pose.
#[derive(Debug)]
struct Posed {
    pose: Arc<Kept>,
    /// The mesh that it is made from.
    source: u32,
    /// The mesh that it is drawn with, and where; none while the other is not there, or there is no room.
    own: Option<(u32, Deformed)>,
    /// The pose is not what was last written.
    is_dirty: bool,
    /// It has not moved to where it is: no frame has shown it, or it jumped.
    is_fresh: bool,
    /// The place for where it was holds what the last frame showed.
    is_kept: bool,
    /// Where it was is not where it is.
    has_moved: bool,
    /// It is in the list of those with something to do.
    is_listed: bool,
}

/// All instances with a pose.
pub(crate) struct Deforms {
    posed: HashMap<u32, Posed>,
    /// Slots with something to do.
    busy: Vec<u32>,
    /// Some have no mesh of their own yet.
    is_waiting: bool,
    /// Whether the last jobs kept where things were.
    keeps: bool,
    bytes: u64,
    bytes_max: u64,
    jobs: Table<Job>,
    poses: Table<u32>,
    dispatches: Vec<Dispatch>,
    pipeline: Pipeline,
    /// Room for what is uploaded.
    words: Vec<u32>,
    records: Vec<Job>,
}

impl Deforms {
    pub(crate) fn new(gpu: &Gpu) -> Result<Self> {
        let device: &Arc<Device> = gpu.device();
        Ok(Self {
            posed: HashMap::new(),
            busy: Vec::new(),
            is_waiting: false,
            keeps: false,
            bytes: 0,
            bytes_max: BYTES_MAX_AT_FIRST,
            jobs: Table::new(device, "deform jobs", 64)?,
            poses: Table::new(device, "poses", 1024)?,
            dispatches: Vec::new(),
            pipeline: gpu.with_bindless(|bindless| {
                Pipeline::compute(device, bindless, shaders::DEFORM_COMP)
            })?,
            words: Vec::new(),
            records: Vec::new(),
        })
    }

    /// Whether any instance has a pose.
    pub(crate) fn is_empty(&self) -> bool {
        self.posed.is_empty()
    }

    /// Whether an instance has a pose.
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.posed.contains_key(&slot)
    }

    fn list(busy: &mut Vec<u32>, slot: u32, posed: &mut Posed) {
        if !posed.is_listed {
            posed.is_listed = true;
            busy.push(slot);
        }
    }

    /// Gives a pose to an instance of a mesh; whether it is another than it has.
    fn set(&mut self, slot: u32, source: u32, pose: &Arc<Kept>) -> bool {
        let posed = self.posed.entry(slot).or_insert_with(|| Posed {
            pose: Arc::clone(pose),
            source,
            own: None,
            is_dirty: true,
            is_fresh: true,
            is_kept: false,
            has_moved: false,
            is_listed: false,
        });
        if posed.own.is_some() && !posed.is_dirty && posed.pose == *pose {
            return false;
        }
        posed.pose = Arc::clone(pose);
        posed.is_dirty = true;
        self.is_waiting |= posed.own.is_none();
        Self::list(&mut self.busy, slot, posed);
        true
    }

    /// Takes an instance's own mesh away, and the pose unless it is to stay.
    fn release(
        &mut self,
        slot: u32,
        geometry: &mut Geometry,
        instances: &mut Instances,
        stays: bool,
    ) -> bool {
        let Some(posed) = self.posed.get_mut(&slot) else {
            return false;
        };
        let own = posed.own.take();
        if let Some((mesh, _)) = own {
            self.bytes -= geometry.entry(mesh).bytes();
            geometry.remove_deformed(mesh);
            instances.set_deformed(slot, None);
        }
        if stays {
            posed.is_dirty = true;
            posed.is_fresh = true;
            posed.is_kept = false;
            posed.has_moved = false;
            self.is_waiting = true;
            Self::list(&mut self.busy, slot, posed);
        } else {
            self.posed.remove(&slot);
        }
        own.is_some()
    }

    /// Makes a mesh of its own for an instance that has none; `false` where the mesh that it is made from is not there or cannot be deformed.
    fn realise(
        &mut self,
        slot: u32,
        uploads: &mut Uploads,
        geometry: &mut Geometry,
        instances: &mut Instances,
    ) -> Result<bool> {
        let Some(posed) = self.posed.get_mut(&slot) else {
            return Ok(false);
        };
        if posed.own.is_some() {
            return Ok(false);
        }
        let Some(source) = geometry.source(posed.source) else {
            return Ok(false);
        };
        let needed = self.bytes + Geometry::deformed_words(source) * 4;
        if needed > self.bytes_max {
            return Err(RenderError::OutOfSpace {
                what: "vertices of deformed instances",
                needed,
                limit: self.bytes_max,
            });
        }
        posed.own = geometry.add_deformed(uploads, posed.source)?;
        self.bytes = needed;
        if let Some((mesh, _)) = posed.own {
            instances.set_deformed(slot, Some((mesh, posed.pose.mirrors)));
        }
        Ok(true)
    }

    /// Makes the jobs of what is to be done, and uploads them. `frame` says that this is for a frame that asks where things were.
    fn prepare(
        &mut self,
        uploads: &mut Uploads,
        geometry: &Geometry,
        keeps: bool,
        frame: bool,
    ) -> Result<()> {
        self.dispatches.clear();
        if keeps && !self.keeps {
            // Where things were was not kept: it is where they are.
            for (&slot, posed) in &mut self.posed {
                posed.is_kept = false;
                posed.is_fresh |= posed.is_dirty;
                posed.has_moved = !posed.is_dirty;
                Self::list(&mut self.busy, slot, posed);
            }
        }
        self.keeps = keeps;
        if self.busy.is_empty() {
            return Ok(());
        }
        // By the mesh that they are made from, so that one dispatch does them.
        let posed = &self.posed;
        self.busy.retain(|slot| posed.contains_key(slot));
        self.busy
            .sort_unstable_by_key(|slot| (posed[slot].source, *slot));
        self.busy.dedup();
        self.words.clear();
        self.records.clear();
        let (mut palettes, mut any_dirty) = (HashMap::new(), false);
        for &slot in &self.busy {
            let Some(posed) = self.posed.get_mut(&slot) else {
                continue;
            };
            let Some((_, place)) = posed.own else {
                continue;
            };
            let Some(source) = geometry.source(posed.source) else {
                continue;
            };
            let mut flags = 0;
            if posed.is_dirty {
                any_dirty = true;
                flags |= DEFORM;
                posed.is_dirty = false;
                if keeps && posed.is_fresh {
                    flags |= RESET;
                    // Until a frame shows it.
                    posed.is_fresh = !frame;
                    posed.has_moved = false;
                } else if keeps {
                    if !posed.is_kept {
                        flags |= KEEP;
                        posed.is_kept = true;
                    }
                    posed.has_moved = true;
                }
            } else if frame && posed.has_moved && !posed.is_kept {
                flags |= KEEP;
                posed.has_moved = false;
            }
            if flags == 0 {
                continue;
            }
            let (mut joints, mut weights) = ((0, 0), (0, 0));
            if flags & DEFORM != 0 {
                let key = Arc::as_ptr(&posed.pose) as usize;
                (joints, weights) = *palettes
                    .entry((key, source.target_count))
                    .or_insert_with(|| append(&mut self.words, &posed.pose, source.target_count));
            }
            self.records.push(Job {
                positions: source.info.positions,
                normals: source.info.normals,
                tangents: source.info.tangents,
                influences: source.influences,
                sets: source.sets,
                targets: source.targets,
                out_positions: place.positions,
                out_previous: place.previous,
                out_normals: place.normals,
                out_tangents: place.tangents,
                vertices: source.vertices,
                joints: joints.0,
                joint_count: joints.1,
                weights: weights.0,
                weight_count: weights.1,
                flags,
            });
            let index = self.records.len() as u32 - 1;
            match self.dispatches.last_mut() {
                Some(last)
                    if self.records[last.first as usize].influences == source.influences
                        && last.jobs < GROUPS_MAX =>
                {
                    last.jobs += 1;
                }
                _ => self.dispatches.push(Dispatch {
                    first: index,
                    jobs: 1,
                    vertices: source.vertices,
                }),
            }
        }
        // What has moved in this frame has work to do in the next, also if it stands still then.
        let posed = &mut self.posed;
        self.busy.retain(|slot| {
            let Some(posed) = posed.get_mut(slot) else {
                return false;
            };
            if frame {
                posed.is_kept = false;
                posed.is_fresh &= posed.is_dirty;
            }
            let shown_anew = posed.is_fresh && keeps;
            let stays = posed.is_dirty || posed.has_moved || posed.is_kept || shown_anew;
            posed.is_listed = stays;
            stays
        });
        if self.records.is_empty() {
            return Ok(());
        }
        let (jobs, poses) = (&mut self.jobs, &mut self.poses);
        let (records, words) = (&self.records, &self.words);
        let mut write = |uploads: &mut Uploads| {
            if !words.is_empty() {
                poses.write(uploads, 0, words)?;
            }
            jobs.write(uploads, 0, records)
        };
        if any_dirty {
            write(uploads)
        } else {
            // Nothing looks different: only where things were.
            uploads.beside_the_scene(write)
        }
    }

    /// Does the jobs, after uploads.
    pub(crate) fn record(&mut self, recorder: &mut Recorder, bindless: &Bindless, arena: &Buffer) {
        if self.dispatches.is_empty() {
            return;
        }
        recorder.bind_pipeline(&self.pipeline);
        for dispatch in self.dispatches.drain(..) {
            let push = Push {
                arena: arena.address,
                jobs: self.jobs.buffer().address,
                poses: self.poses.buffer().address,
                first: dispatch.first,
                padding: 0,
            };
            recorder.push_constants(bindless, &push);
            let groups = dispatch.vertices.div_ceil(GROUP).clamp(1, GROUPS_MAX);
            recorder.dispatch(groups, dispatch.jobs, 1);
        }
    }
}

/// Appends a pose: first word and count of its joints, and of its weights that are not 0.
fn append(words: &mut Vec<u32>, pose: &Kept, targets: u32) -> ((u32, u32), (u32, u32)) {
    let joints = words.len() as u32;
    for joint in &pose.joints {
        let rows = joint.transpose();
        for row in [rows.x_axis, rows.y_axis, rows.z_axis] {
            words.extend(row.to_array().map(f32::to_bits));
        }
    }
    let weights = words.len() as u32;
    for (target, weight) in (0..targets).zip(&pose.weights) {
        if *weight != 0.0 {
            words.extend([target, weight.to_bits()]);
        }
    }
    let count = (words.len() as u32 - weights) / 2;
    ((joints, pose.joints.len() as u32), (weights, count))
}

impl Scene {
    /// Gives instances a shape: joints and morph weights displace the vertices of their meshes, from the next frame on, until another pose comes or it is taken
    /// away. The same as `Mesh::posed`, on the GPU: within a millionth of the reach of the mesh and its joints for positions, and a tenth of a degree for normals. Meshes
    /// without joints and morph targets stay as they are. An instance moves by its transform as before.
    ///
    /// Cost: joints and weights are copied, and uploaded in one piece with those of others; the work on the GPU is O(vertices × (influences + weights that are not 0)). A
    /// pose that an instance has already costs a comparison.
    ///
    /// # Errors
    /// When a slot has no instance: nothing changes then. When there is no room for the vertices ([`Scene::set_deform_limit`]): the instance stays at rest.
    pub fn set_pose(&mut self, pose: &Pose<'_>) -> Result<()> {
        match self.set_poses(std::slice::from_ref(pose))? {
            0 => Ok(()),
            _ => Err(RenderError::OutOfSpace {
                what: "vertices of deformed instances",
                needed: self.deforms.bytes + 1,
                limit: self.deforms.bytes_max,
            }),
        }
    }

    /// As [`Scene::set_pose`], for many: boxes around them are made on all cores (feature `rayon`). Gives how many instances stay at rest because there is no
    /// room for their vertices.
    ///
    /// # Errors
    /// When a slot has no instance: nothing changes then.
    pub fn set_poses(&mut self, poses: &[Pose<'_>]) -> Result<u64> {
        self.instances
            .check(poses.iter().flat_map(|pose| pose.slots).map(|slot| slot.0))?;
        let (instances, geometry) = (&self.instances, &self.geometry);
        let make = |pose: &Pose<'_>| {
            let kept = Kept {
                joints: pose.joints.to_vec(),
                weights: pose.weights.to_vec(),
                mirrors: pose.joints.first().is_some_and(|m| m.determinant() < 0.0),
            };
            let bounds = |slot: &RenderSlot| {
                let source = geometry.source(instances.get(slot.0)?.mesh)?;
                Some(source.bounds.posed(pose.weights, pose.joints))
            };
            let bounds: Vec<Option<Option<Bounds>>> = pose.slots.iter().map(bounds).collect();
            (Arc::new(kept), bounds)
        };
        #[cfg(feature = "rayon")]
        let made: Vec<_> = {
            use rayon::prelude::*;
            poses.par_iter().with_min_len(16).map(make).collect()
        };
        #[cfg(not(feature = "rayon"))]
        let made: Vec<_> = poses.iter().map(make).collect();
        let (mut left_out, mut boxes) = (0, Vec::new());
        for (pose, (kept, bounds)) in poses.iter().zip(made) {
            for (&RenderSlot(slot), bounds) in pose.slots.iter().zip(bounds) {
                let Some(record) = self.instances.get(slot).copied() else {
                    continue;
                };
                if !self.deforms.set(slot, record.mesh, &kept) {
                    continue;
                }
                match self.deforms.realise(
                    slot,
                    &mut self.uploads,
                    &mut self.geometry,
                    &mut self.instances,
                ) {
                    Ok(made) => self.draws_changed |= made,
                    Err(RenderError::OutOfSpace { .. }) => {
                        left_out += 1;
                        self.deforms.posed.remove(&slot);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                let own = self.deforms.posed.get(&slot).and_then(|posed| posed.own);
                if let (Some((mesh, _)), Some(bounds)) = (own, bounds) {
                    boxes.push((mesh, record.mesh, bounds));
                    self.draws_changed |= self
                        .instances
                        .set_deformed(slot, Some((mesh, kept.mirrors)));
                }
                self.instances.reshaped(slot);
            }
        }
        self.geometry.set_boxes(&mut self.uploads, &mut boxes)?;
        Ok(left_out)
    }

    /// Shows an instance at rest again.
    ///
    /// # Errors
    /// When there is none in this slot.
    pub fn clear_pose(&mut self, slot: RenderSlot) -> Result<()> {
        self.instances.check([slot.0])?;
        self.forget_pose(slot.0);
        self.instances.reshaped(slot.0);
        Ok(())
    }

    /// Whether an instance has a pose.
    #[must_use]
    pub fn has_pose(&self, slot: RenderSlot) -> bool {
        self.deforms.has(slot.0)
    }

    /// Says that an instance has not moved to the place and the pose that it has now, or is given before the next frame: it was put there. Nothing trails behind it.
    ///
    /// # Errors
    /// When there is none in this slot.
    pub fn jump(&mut self, slot: RenderSlot) -> Result<()> {
        self.instances.check([slot.0])?;
        self.instances.jumped(slot.0);
        if let Some(posed) = self.deforms.posed.get_mut(&slot.0) {
            posed.is_fresh = true;
            Deforms::list(&mut self.deforms.busy, slot.0, posed);
        }
        Ok(())
    }

    /// Bytes of the vertices of deformed instances (32 a vertex with normals and tangents) that there may be, from now on: 512 MiB at first. What is there stays.
    pub fn set_deform_limit(&mut self, bytes: u64) {
        self.deforms.bytes_max = bytes;
    }

    /// Bytes of the vertices of deformed instances.
    #[must_use]
    pub fn deformed_bytes(&self) -> u64 {
        self.deforms.bytes
    }

    pub(super) fn forget_pose(&mut self, slot: u32) {
        self.draws_changed |=
            self.deforms
                .release(slot, &mut self.geometry, &mut self.instances, false);
    }

    /// Has instances of a mesh that is another now, or is gone, deformed anew.
    pub(super) fn mesh_changed(&mut self, mesh: u32) {
        let slots: Vec<u32> = self
            .deforms
            .posed
            .iter()
            .filter(|(_, posed)| posed.source == mesh)
            .map(|(slot, _)| *slot)
            .collect();
        for slot in slots {
            self.deforms
                .release(slot, &mut self.geometry, &mut self.instances, true);
        }
    }

    /// Has an instance deformed anew if it is of another mesh now.
    pub(super) fn source_changed(&mut self, slot: u32, mesh: u32) {
        if self
            .deforms
            .posed
            .get(&slot)
            .is_some_and(|posed| posed.source != mesh)
        {
            self.deforms
                .release(slot, &mut self.geometry, &mut self.instances, true);
            if let Some(posed) = self.deforms.posed.get_mut(&slot) {
                posed.source = mesh;
            }
        }
    }

    /// Makes meshes for instances whose pose came before their mesh.
    pub(super) fn realise_deformed(&mut self) -> Result<()> {
        if !std::mem::take(&mut self.deforms.is_waiting) {
            return Ok(());
        }
        let mut boxes = Vec::new();
        for slot in self.deforms.busy.clone() {
            match self.deforms.realise(
                slot,
                &mut self.uploads,
                &mut self.geometry,
                &mut self.instances,
            ) {
                Ok(false) => {}
                Ok(true) => {
                    self.draws_changed = true;
                    let posed = self.deforms.posed.get(&slot);
                    if let Some(posed) = posed
                        && let (Some((mesh, _)), Some(source)) =
                            (posed.own, self.geometry.source(posed.source))
                    {
                        let bounds = source.bounds.posed(&posed.pose.weights, &posed.pose.joints);
                        boxes.push((mesh, posed.source, bounds));
                    }
                }
                Err(error @ RenderError::OutOfSpace { .. }) => {
                    tracing::warn!(%error, slot, "an instance stays at rest");
                    self.deforms.posed.remove(&slot);
                }
                Err(error) => return Err(error),
            }
        }
        self.geometry.set_boxes(&mut self.uploads, &mut boxes)
    }

    /// Makes the jobs of poses that changed. `frame` says that this is for a frame that asks where things were. After `prepare` and `prepare_motion`.
    pub(crate) fn prepare_deform(&mut self, frame: bool) -> Result<()> {
        if self.deforms.is_empty() {
            self.deforms.busy.clear();
            self.deforms.dispatches.clear();
            return Ok(());
        }
        let keeps = self.instances.keeps_motion();
        self.deforms
            .prepare(&mut self.uploads, &self.geometry, keeps, frame)
    }

    /// Whether frames have to deform anything.
    pub(crate) fn deforms(&self) -> bool {
        !self.deforms.is_empty()
    }

    /// Deforms what `prepare_deform` found, after uploads.
    pub(crate) fn record_deform(&mut self, recorder: &mut Recorder, bindless: &Bindless) {
        self.deforms
            .record(recorder, bindless, self.geometry.vertices());
    }

    /// Deforms right after uploads, where no graph says what waits for what.
    pub(crate) fn record_deform_after_uploads(
        &mut self,
        recorder: &mut Recorder,
        bindless: &Bindless,
    ) {
        if !self.deforms.dispatches.is_empty() {
            let written = Access::COPY_WRITE.and(Access::COMPUTE_WRITE);
            recorder.memory_barrier(written, Access::COMPUTE_READ.and(Access::COMPUTE_WRITE));
            self.record_deform(recorder, bindless);
        }
    }
}

#[cfg(test)]
#[path = "deform_tests.rs"]
mod tests;
