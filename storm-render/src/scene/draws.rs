//! From instances to draw commands: one indirect command for each mesh of a kind, one multi-draw for each kind.
//!
//! The lists are made anew only when an instance comes or goes or changes what it is drawn with; blended instances are
//! sorted when the camera or one of them moves.

use std::{collections::HashMap, sync::Arc};

use ash::vk;
use glam::Vec3;
use storm_assets::Topology;

use super::{
    arena::Table,
    geometry::{Geometry, MeshEntry},
    instances::Instances,
    layers::{self, Layers},
    layout::CANDIDATE_LEVEL_SHIFT,
    surfaces::{AlphaClass, Surfaces},
    upload::Uploads,
};
use crate::{
    clusters::{
        meshes::{ClusterInstance, ClusterMeshes, INSTANCE_BOTH_SIDES, INSTANCE_MIRRORED},
        shade::bin_of,
    },
    error::Result,
    gpu::{buffer::Buffer, device::Device},
    view::View,
};

/// What decides the state in which something is drawn. Sorted in the order of drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DrawKind {
    pub(crate) class: AlphaClass,
    pub(crate) topology: Topology,
    pub(crate) double_sided: bool,
    pub(crate) mirrored: bool,
    /// The shader of the user's; 0 for none.
    pub(crate) surface: u64,
    /// What the material has beyond the core.
    pub(crate) layers: Layers,
    /// Of its mesh: the finest is 0.
    pub(crate) level: u8,
}

/// Commands of one kind, in the command buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DrawRange {
    pub(crate) kind: DrawKind,
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// `VkDrawIndexedIndirectCommand`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Command {
    index_count: u32,
    instance_count: u32,
    first_index: u32,
    vertex_offset: i32,
    first_instance: u32,
}

const _: () = assert!(size_of::<Command>() == size_of::<vk::DrawIndexedIndirectCommand>());

/// The draw lists, on the CPU as they are being made and on the GPU.
pub(crate) struct Draws {
    /// Slots by instance index: solid ones by kind and mesh, then blended ones from far to near.
    visible: Table<u32>,
    commands: Table<Command>,
    /// First command and number of commands of each range, for culling.
    ranges: Table<[u32; 2]>,
    ranges_written: Vec<[u32; 2]>,
    solid: Vec<DrawRange>,
    blended: Vec<DrawRange>,
    solid_commands: u32,
    solid_instances: u32,
    blended_slots: Vec<u32>,
    sorted_for: Option<View>,
    triangles: u64,
    /// Instances of meshes of clusters.
    clusters: Table<ClusterInstance>,
    cluster_count: u32,
    /// Clusters of the coarsest kind of all of them.
    cluster_roots: u32,
    /// What kinds of shading they need, a bit each.
    cluster_bins: u64,
}

impl Draws {
    pub(crate) fn new(device: &Arc<Device>) -> Result<Self> {
        Ok(Self {
            visible: Table::new(device, "visible instances", 1024)?,
            commands: Table::new(device, "draw commands", 256)?,
            ranges: Table::new(device, "draw ranges", 64)?,
            ranges_written: Vec::new(),
            solid: Vec::new(),
            blended: Vec::new(),
            solid_commands: 0,
            solid_instances: 0,
            blended_slots: Vec::new(),
            sorted_for: None,
            triangles: 0,
            clusters: Table::new(device, "cluster instances", 64)?,
            cluster_count: 0,
            cluster_roots: 0,
            cluster_bins: 0,
        })
    }

    /// Makes the lists of everything. Cost: O(instances).
    pub(crate) fn rebuild(
        &mut self,
        uploads: &mut Uploads,
        instances: &Instances,
        geometry: &Geometry,
        surfaces: &Surfaces,
        cluster_meshes: &ClusterMeshes,
    ) -> Result<()> {
        // Kinds of the materials, looked up once each rather than once an instance.
        let mut groups: HashMap<(DrawKind, u32), Vec<u32>> = HashMap::new();
        self.blended_slots.clear();
        self.triangles = 0;
        let mut clusters = Vec::new();
        self.cluster_roots = 0;
        self.cluster_bins = 0;
        for (slot, instance) in instances.iter() {
            let drawn = instances.drawn_mesh(slot, instance);
            let mesh = geometry.entry(drawn);
            if let Some(number) = mesh.clusters {
                let kind = kind_of(
                    instance.material,
                    instances.is_mirrored(slot),
                    mesh,
                    surfaces,
                );
                if let Some(what) = refused_of_clusters(kind.class, kind.layers, kind.surface != 0)
                {
                    tracing::warn!(slot, what, "a mesh of clusters is not drawn");
                    continue;
                }
                self.triangles += cluster_meshes.triangles(number);
                self.cluster_roots =
                    (self.cluster_roots).saturating_add(cluster_meshes.roots(number));
                self.cluster_bins |= 1 << bin_of(kind.layers);
                let flag = |on: bool, bit: u32| if on { bit } else { 0 };
                clusters.push(ClusterInstance {
                    slot,
                    mesh: number
                        | flag(kind.double_sided, INSTANCE_BOTH_SIDES)
                        | flag(kind.mirrored, INSTANCE_MIRRORED),
                });
                continue;
            }
            if mesh.index_count == 0 {
                continue;
            }
            if mesh.topology == Topology::Triangles {
                self.triangles += u64::from(mesh.index_count / 3);
            }
            let kind = kind_of(
                instance.material,
                instances.is_mirrored(slot),
                mesh,
                surfaces,
            );
            if kind.class == AlphaClass::Blend {
                self.blended_slots.push(slot);
                continue;
            }
            // A candidate a level: culling keeps the one that a view sees.
            for level in 0..=mesh.level_count {
                let kind = DrawKind { level, ..kind };
                let candidate = slot | u32::from(level) << CANDIDATE_LEVEL_SHIFT;
                let group = groups.entry((kind, drawn)).or_default();
                group.push(candidate);
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_unstable_by_key(|(key, _)| *key);

        let mut commands = Vec::with_capacity(groups.len());
        let mut visible = Vec::new();
        self.solid.clear();
        for ((kind, mesh), slots) in &groups {
            extend(&mut self.solid, *kind, commands.len() as u32);
            let (first_index, index_count) = geometry.entry(*mesh).level(kind.level);
            commands.push(Command {
                index_count,
                instance_count: slots.len() as u32,
                first_index,
                vertex_offset: 0,
                first_instance: visible.len() as u32,
            });
            visible.extend_from_slice(slots);
        }
        self.solid_commands = commands.len() as u32;
        self.solid_instances = visible.len() as u32;
        self.cluster_count = clusters.len() as u32;
        if !clusters.is_empty() {
            self.clusters.write(uploads, 0, &clusters)?;
        }
        self.sorted_for = None;
        self.blended.clear();
        if !commands.is_empty() {
            self.commands.write(uploads, 0, &commands)?;
            self.visible.write(uploads, 0, &visible)?;
        }
        Ok(())
    }

    /// Sorts what is blended from far to near, where the camera or one of them has moved.
    pub(crate) fn sort(
        &mut self,
        uploads: &mut Uploads,
        view: &View,
        instances: &mut Instances,
        geometry: &Geometry,
        surfaces: &Surfaces,
    ) -> Result<()> {
        let moved = instances.take_blended_moved();
        self.sort_blended(uploads, view, moved, instances, geometry, surfaces)?;
        self.write_ranges(uploads)
    }

    fn write_ranges(&mut self, uploads: &mut Uploads) -> Result<()> {
        let ranges: Vec<_> = self
            .solid
            .iter()
            .chain(&self.blended)
            .map(|range| [range.first, range.count])
            .collect();
        if ranges != self.ranges_written {
            // Empty until all of it is written, so that a failure is tried again.
            self.ranges_written.clear();
            if !ranges.is_empty() {
                self.ranges.write(uploads, 0, &ranges)?;
            }
            self.ranges_written = ranges;
        }
        Ok(())
    }

    fn sort_blended(
        &mut self,
        uploads: &mut Uploads,
        view: &View,
        moved: bool,
        instances: &Instances,
        geometry: &Geometry,
        surfaces: &Surfaces,
    ) -> Result<()> {
        if self.blended_slots.is_empty() || (!moved && self.sorted_for == Some(*view)) {
            return Ok(());
        }
        // Until all of it is written, so that a failure is tried again.
        self.sorted_for = None;
        let mut order: Vec<(f32, u32)> = self
            .blended_slots
            .iter()
            .map(|&slot| (distance(view, slot, instances, geometry), slot))
            .collect();
        // Equally far ones by slot, so that the picture does not depend on history.
        order.sort_unstable_by(|(a, slot_a), (b, slot_b)| b.total_cmp(a).then(slot_a.cmp(slot_b)));

        let mut commands = Vec::with_capacity(order.len());
        let mut visible = Vec::with_capacity(order.len());
        self.blended.clear();
        for (_, slot) in order {
            let Some(instance) = instances.get(slot) else {
                continue;
            };
            let mesh = geometry.entry(instances.drawn_mesh(slot, instance));
            let kind = kind_of(
                instance.material,
                instances.is_mirrored(slot),
                mesh,
                surfaces,
            );
            extend(
                &mut self.blended,
                kind,
                self.solid_commands + commands.len() as u32,
            );
            commands.push(Command {
                index_count: mesh.index_count,
                instance_count: 1,
                first_index: mesh.first_index,
                vertex_offset: 0,
                first_instance: self.solid_instances + visible.len() as u32,
            });
            visible.push(slot);
        }
        self.commands
            .write(uploads, self.solid_commands, &commands)?;
        self.visible
            .write(uploads, self.solid_instances, &visible)?;
        self.sorted_for = Some(*view);
        Ok(())
    }

    pub(crate) fn solid(&self) -> &[DrawRange] {
        &self.solid
    }

    pub(crate) fn blended(&self) -> &[DrawRange] {
        &self.blended
    }

    pub(crate) fn commands(&self) -> &Buffer {
        self.commands.buffer()
    }

    pub(crate) fn visible(&self) -> &Buffer {
        self.visible.buffer()
    }

    pub(crate) fn ranges(&self) -> &Buffer {
        self.ranges.buffer()
    }

    /// Instances in the lists, and how many of them are solid.
    pub(crate) fn candidates(&self) -> (u32, u32) {
        (
            self.solid_instances + self.blended_slots.len() as u32,
            self.solid_instances,
        )
    }

    /// Whether a mesh in the lists has levels to choose from.
    pub(crate) fn has_levels(&self) -> bool {
        self.solid.iter().any(|range| range.kind.level > 0)
    }

    /// Whether something in the lists is seen through by refraction.
    pub(crate) fn has_transmission(&self) -> bool {
        let all = self.solid.iter().chain(&self.blended);
        all.into_iter()
            .any(|range| range.kind.layers.has(layers::TRANSMISSION))
    }

    /// Commands in the lists.
    pub(crate) fn command_count(&self) -> u32 {
        self.solid_commands + self.blended_slots.len() as u32
    }

    /// Instances of meshes of clusters, and how many there are.
    pub(crate) fn clusters(&self) -> &Buffer {
        self.clusters.buffer()
    }

    /// What kinds of shading instances of meshes of clusters need, a bit each: see `clusters::shade`.
    pub(crate) fn cluster_bins(&self) -> u64 {
        self.cluster_bins
    }

    pub(crate) fn cluster_count(&self) -> u32 {
        self.cluster_count
    }

    /// Clusters of the coarsest kind of all of them.
    pub(crate) fn cluster_roots(&self) -> u32 {
        self.cluster_roots
    }

    /// Triangles of all instances.
    pub(crate) fn triangles(&self) -> u64 {
        self.triangles
    }
}

/// What a material of a mesh of clusters must not be, where it is that.
pub(super) fn refused_of_clusters(
    class: AlphaClass,
    layers: Layers,
    own_surface: bool,
) -> Option<&'static str> {
    match class {
        AlphaClass::Mask => Some("masked"),
        AlphaClass::Blend => Some("blended"),
        AlphaClass::Opaque if own_surface => Some("drawn with a surface of one's own"),
        AlphaClass::Opaque if layers.has(layers::TRANSMISSION) => Some("transmissive"),
        AlphaClass::Opaque => None,
    }
}

/// Adds one command to the last range, or begins a range where the kind is another.
fn extend(ranges: &mut Vec<DrawRange>, kind: DrawKind, command: u32) {
    match ranges.last_mut() {
        Some(last) if last.kind == kind => last.count += 1,
        _ => ranges.push(DrawRange {
            kind,
            first: command,
            count: 1,
        }),
    }
}

fn kind_of(material: u32, mirrored: bool, mesh: &MeshEntry, surfaces: &Surfaces) -> DrawKind {
    let (class, double_sided) = surfaces.class(material);
    DrawKind {
        class,
        topology: mesh.topology,
        double_sided,
        mirrored,
        level: 0,
        layers: surfaces.layers(material),
        surface: surfaces
            .surface_of(material)
            .map_or(0, |shader| shader.id()),
    }
}

/// From the camera to the middle of what is drawn, metres.
fn distance(view: &View, slot: u32, instances: &Instances, geometry: &Geometry) -> f32 {
    let (Some(instance), Some(transform)) =
        (instances.get(slot), instances.blended_transform(slot))
    else {
        return f32::MAX;
    };
    let bounds = geometry.entry(instances.drawn_mesh(slot, instance)).bounds;
    let middle = if bounds.is_empty() {
        Vec3::ZERO
    } else {
        bounds.center()
    }
    .extend(1.0);
    let place = Vec3::from(transform.rows.map(|row| glam::Vec4::from(row).dot(middle)));
    view.relative(transform.cell, place).length()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_kind_are_drawn_together() {
        let kind = |class, mirrored| DrawKind {
            class,
            topology: Topology::Triangles,
            double_sided: false,
            mirrored,
            level: 0,
            surface: 0,
            layers: Layers::default(),
        };
        let (a, b) = (
            kind(AlphaClass::Opaque, false),
            kind(AlphaClass::Opaque, true),
        );
        let mut ranges = Vec::new();
        for (command, kind) in [a, a, b, a].into_iter().enumerate() {
            extend(&mut ranges, kind, command as u32);
        }
        let range = |kind, first, count| DrawRange { kind, first, count };
        assert_eq!(ranges, [range(a, 0, 2), range(b, 2, 1), range(a, 3, 1)]);
    }
}
