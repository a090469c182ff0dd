//! What a frame has for clusters: the structures of `shaders/cluster_frame.glsl`, the sizes of queues and lists, and where they lie in
//! their buffer.

use ash::vk;
use bytemuck::{Pod, Zeroable};
use glam::{DVec3, Mat4, Vec3, Vec4};

use crate::{
    frame::level,
    gpu::buffer::Buffer,
    scene::Scene,
    shadow::ShadowView,
    view::{CELL_SIZE, Projection, View},
};

/// Entries of [`ClusterFrame::work`], as `shaders/cluster_frame.glsl` has them.
pub(crate) mod work {
    pub(crate) const NODES_FIRST: u32 = 0;
    pub(crate) const NODES_SECOND: u32 = 18;
    pub(crate) const GROUPS_FIRST: u32 = 36;
    pub(crate) const HIDDEN: u32 = 38;
    pub(crate) const VISIBLE: u32 = 39;
    pub(crate) const LARGE_FIRST: u32 = 40;
    pub(crate) const SMALL_FIRST: u32 = 41;
    pub(crate) const SUN: u32 = 44;
    pub(crate) const LIGHTS: u32 = 45;
    pub(crate) const TRIANGLES: u32 = 46;
    /// How many there are.
    pub(crate) const INCOMPLETE: u32 = 47;
    pub(crate) const ROOTS: u32 = 48;
    pub(crate) const ASKED: u32 = 49;
    pub(crate) const COUNT: u32 = 50;
    /// Bytes of one, and where the command that draws begins in it.
    pub(crate) const BYTES: u64 = 32;
    pub(crate) const DRAW: u64 = 16;
    /// Where there is a 1 if there is anything, in bytes: the groups along z.
    pub(crate) const ANY: u64 = 8;
    /// Words of one, and where its count is.
    pub(crate) const WORDS: usize = 8;
    pub(crate) const COUNTED: usize = 3;
    pub(crate) const VERTICES: usize = 4;
}

/// [`ClusterFrame::flags`].
pub(crate) const FRUSTUM: u32 = 1;
pub(crate) const OCCLUSION: u32 = 2;
pub(crate) const BEFORE: u32 = 4;
pub(crate) const CUT: u32 = 8;

/// The longest edge of triangles that compute draws, pixels: its arithmetic has 32 bits.
pub(crate) const SPLIT_MAX: f32 = 32.0;

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct ClusterView {
    pub(crate) clip_from_relative: [[f32; 4]; 4],
    pub(crate) planes: [[f32; 4]; 6],
    pub(crate) eye: [f32; 3],
    pub(crate) near: f32,
    pub(crate) extent: [f32; 2],
    pub(crate) scale: f32,
    pub(crate) threshold: f32,
    pub(crate) rect: [f32; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct ClusterFrame {
    pub(crate) views: u64,
    pub(crate) instances: u64,
    pub(crate) meshes: u64,
    pub(crate) work: u64,
    pub(crate) nodes: u64,
    pub(crate) groups: u64,
    pub(crate) hidden: u64,
    pub(crate) visible: u64,
    pub(crate) lists: u64,
    pub(crate) shadows: u64,
    pub(crate) incomplete: u64,
    pub(crate) asked: u64,
    pub(crate) hiz: u64,
    pub(crate) pixels: u64,
    pub(crate) instance_count: u32,
    pub(crate) view_count: u32,
    pub(crate) flags: u32,
    pub(crate) cascades: u32,
    pub(crate) node_room: u32,
    pub(crate) group_room: u32,
    pub(crate) cluster_room: u32,
    pub(crate) shadow_room: u32,
    pub(crate) root_room: u32,
    pub(crate) asked_room: u32,
    pub(crate) split: f32,
    pub(crate) frame: u32,
}

/// Room in queues and lists. What does not fit is counted, and there is more room in the next frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) nodes: u32,
    pub(crate) groups: u32,
    pub(crate) clusters: u32,
    pub(crate) shadows: u32,
    /// For instances that find no room in the others: known before.
    pub(crate) roots: u32,
    /// Slots that there are.
    pub(crate) slots: u32,
}

/// Pages that a frame can ask for.
pub(crate) const ASKED_ROOM: u32 = 1 << 14;
/// Bytes of a page that is asked for.
pub(crate) const ASKED_BYTES: u64 = 16;

/// Numbers in the visibility buffer have 25 bits, and mesh shaders run as many groups everywhere.
const CLUSTERS_MAX: u32 = 1 << 22;
const QUEUE_MAX: u32 = 1 << 24;

impl Sizes {
    pub(crate) const FIRST: Self = Self {
        nodes: 1 << 15,
        groups: 1 << 15,
        clusters: 1 << 16,
        shadows: 1 << 16,
        roots: 64,
        slots: 1024,
    };

    /// With room for the coarsest clusters of all instances, and a word for each slot.
    pub(crate) fn with(self, roots: u32, slots: u32) -> Self {
        Self {
            roots: roots.clamp(64, CLUSTERS_MAX).next_power_of_two(),
            slots: slots.max(1024).next_power_of_two(),
            ..self
        }
    }

    /// With room for what a frame has counted.
    pub(crate) fn grown(self, needed: Self) -> Self {
        let grow = |room: u32, needed: u32, most: u32| {
            if needed > room {
                // What was left out would have led to more.
                needed
                    .saturating_add(needed / 2)
                    .min(most)
                    .next_power_of_two()
            } else {
                room
            }
        };
        Self {
            nodes: grow(self.nodes, needed.nodes, QUEUE_MAX),
            groups: grow(self.groups, needed.groups, QUEUE_MAX),
            clusters: grow(self.clusters, needed.clusters, CLUSTERS_MAX),
            shadows: grow(self.shadows, needed.shadows, CLUSTERS_MAX),
            ..self
        }
    }

    /// Where the parts lie in the buffer, in bytes, and how large it is.
    pub(crate) fn parts(&self) -> Parts {
        let mut end = 0_u64;
        let mut part = |bytes: u64, count: u32| {
            let start = end;
            end += (bytes * u64::from(count)).next_multiple_of(256);
            start
        };
        Parts {
            work: part(work::BYTES, work::COUNT),
            nodes: part(3 * 8, self.nodes),
            groups: part(2 * 8, self.groups),
            hidden: part(16, self.clusters),
            visible: part(16, self.clusters + self.roots),
            lists: part(4, 4 * self.clusters + self.roots),
            shadows: part(2 * 16, self.shadows),
            incomplete: part(4, self.slots),
            asked: part(ASKED_BYTES, ASKED_ROOM),
            bytes: end,
        }
    }
}

/// Parts of the buffer of queues and lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) work: u64,
    pub(crate) nodes: u64,
    pub(crate) groups: u64,
    pub(crate) hidden: u64,
    pub(crate) visible: u64,
    pub(crate) lists: u64,
    pub(crate) shadows: u64,
    pub(crate) incomplete: u64,
    pub(crate) asked: u64,
    pub(crate) bytes: u64,
}

/// What of clusters decides the passes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClusterKey {
    pub(crate) sizes: Sizes,
    /// Whether large triangles go through mesh shaders.
    pub(crate) mesh: bool,
}

impl ClusterFrame {
    /// For the instances of a scene, with queues and lists in a buffer.
    pub(crate) fn of(scene: &Scene, sizes: &Sizes, lists: &Buffer, views: u64) -> Self {
        let parts = sizes.parts();
        let lists = lists.address;
        Self {
            views,
            instances: scene.draws.clusters().address,
            meshes: scene.clusters.table().address,
            work: lists + parts.work,
            nodes: lists + parts.nodes,
            groups: lists + parts.groups,
            hidden: lists + parts.hidden,
            visible: lists + parts.visible,
            lists: lists + parts.lists,
            shadows: lists + parts.shadows,
            incomplete: lists + parts.incomplete,
            asked: lists + parts.asked,
            instance_count: scene.draws.cluster_count(),
            node_room: sizes.nodes,
            group_room: sizes.groups,
            cluster_room: sizes.clusters,
            shadow_room: sizes.shadows,
            root_room: sizes.roots,
            asked_room: ASKED_ROOM,
            ..Self::zeroed()
        }
    }
}

/// Bytes of the visibility buffer.
pub(crate) fn pixel_bytes(extent: vk::Extent2D) -> u64 {
    u64::from(extent.width) * u64::from(extent.height) * 8
}

/// The planes around what a matrix shows, with unit normals towards the inside; what has no far end has a plane that nothing is beyond.
fn planes(m: &Mat4) -> [[f32; 4]; 6] {
    let (x, y, z, w) = (m.row(0), m.row(1), m.row(2), m.row(3));
    [w + x, w - x, w + y, w - y, w - z, z].map(|plane: Vec4| {
        let length = plane.truncate().length();
        if length > 1e-30 {
            (plane / length).into()
        } else {
            [0.0, 0.0, 0.0, f32::MAX]
        }
    })
}

/// The larger of the scales of both axes: pixels of a metre at distance 1.
fn scale(m: &Mat4, extent: [f32; 2]) -> f32 {
    level::scale(m, extent, 1.0).sqrt()
}

impl ClusterView {
    /// The camera's. Levels do not follow the jitter of samples.
    pub(crate) fn camera(
        view: &View,
        jittered: &Mat4,
        still: &Mat4,
        extent: [f32; 2],
        threshold: f32,
    ) -> Self {
        let (eye, near) = match view.projection {
            Projection::Perspective { near, .. } => (Vec3::ZERO, near),
            Projection::Orthographic { .. } => (view.rotation * Vec3::Z, 0.0),
        };
        Self {
            clip_from_relative: jittered.to_cols_array_2d(),
            planes: planes(jittered),
            eye: eye.into(),
            near,
            extent,
            scale: scale(still, extent),
            threshold,
            rect: [1.0, 1.0, 0.0, 0.0],
        }
    }

    /// The camera's of another frame, from places relative to the camera of this one.
    pub(crate) fn earlier(view: &View, before: &View, jittered: &Mat4, extent: [f32; 2]) -> Self {
        let cells = [0, 1, 2].map(|i| f64::from(view.cell[i]) - f64::from(before.cell[i]));
        let moved = DVec3::from_array(cells) * f64::from(CELL_SIZE)
            + (view.translation.as_dvec3() - before.translation.as_dvec3());
        let matrix = *jittered * Mat4::from_translation(moved.as_vec3());
        Self::camera(before, &matrix, &matrix, extent, 1.0)
    }

    /// A shadow map's.
    pub(crate) fn shadow(shadow: &ShadowView, threshold: f32) -> Self {
        let matrix = Mat4::from_cols_array_2d(&shadow.clip_from_relative);
        let extent = [shadow.size; 2];
        let (eye, near) = if shadow.perspective > 0.0 {
            // Where x, y and w are 0.
            let eye = matrix.inverse() * Vec4::Z;
            (eye.truncate() / eye.w, crate::shadow::LIGHT_NEAR)
        } else {
            (matrix.row(2).truncate().normalize_or_zero(), 0.0)
        };
        let [sx, sy, x, y] = shadow.rect;
        Self {
            clip_from_relative: shadow.clip_from_relative,
            planes: planes(&matrix),
            eye: eye.into(),
            near,
            extent,
            scale: scale(&matrix, extent),
            threshold,
            rect: [2.0 * sx, 2.0 * sy, 2.0 * x - 1.0, 2.0 * y - 1.0],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_overlap() {
        let sizes = Sizes {
            nodes: 1000,
            groups: 3000,
            clusters: 5000,
            shadows: 7000,
            roots: 100,
            slots: 900,
        };
        let parts = sizes.parts();
        assert!(parts.work + work::BYTES * u64::from(work::COUNT) <= parts.nodes);
        assert!(parts.nodes + 3 * 8 * 1000 <= parts.groups);
        assert!(parts.groups + 2 * 8 * 3000 <= parts.hidden);
        assert!(parts.hidden + 16 * 5000 <= parts.visible);
        assert!(parts.visible + 16 * 5100 <= parts.lists);
        assert!(parts.lists + 16 * 5000 + 4 * 100 <= parts.shadows);
        assert!(parts.shadows + 32 * 7000 <= parts.incomplete);
        assert!(parts.incomplete + 4 * 900 <= parts.asked);
        assert!(parts.asked + ASKED_BYTES * u64::from(ASKED_ROOM) <= parts.bytes);
    }

    #[test]
    fn room_grows_where_it_was_too_little_and_stays_elsewhere() {
        let first = Sizes::FIRST;
        let grown = first.grown(Sizes {
            nodes: first.nodes,
            groups: first.groups + 1,
            clusters: u32::MAX,
            shadows: 0,
            ..first
        });
        assert_eq!(grown.nodes, first.nodes);
        assert_eq!(grown.groups, 2 * first.groups);
        assert_eq!(grown.clusters, CLUSTERS_MAX);
        assert_eq!(grown.shadows, first.shadows);
    }

    #[test]
    fn the_eye_of_a_light_is_where_it_is() {
        let shadow = ShadowView {
            clip_from_relative: (Mat4::from_cols(
                Vec4::X * 1.2,
                Vec4::Y * 1.2,
                Vec4::new(0.0, 0.0, 0.0, -1.0),
                Vec4::new(0.0, 0.0, crate::shadow::LIGHT_NEAR, 0.0),
            ) * Mat4::from_rotation_y(0.7)
                * Mat4::from_translation(-Vec3::new(3.0, 4.0, -5.0)))
            .to_cols_array_2d(),
            rect: [0.25, 0.25, 0.75, 0.25],
            texel: 1.0,
            size: 256.0,
            perspective: 1.0,
            range: 10.0,
        };
        let view = ClusterView::shadow(&shadow, 1.0);
        assert!(Vec3::from(view.eye).distance(Vec3::new(3.0, 4.0, -5.0)) < 1e-4);
        assert_eq!(view.rect, [0.5, 0.5, 0.5, -0.5]);
    }

    #[test]
    fn planes_point_inwards() {
        let view = View::default();
        let matrix = view.clip_from_relative(1.5);
        let inside = Vec3::new(0.1, -0.2, -3.0);
        for plane in planes(&matrix) {
            let plane = Vec4::from(plane);
            assert!(plane.dot(inside.extend(1.0)) > 0.0);
        }
        let behind = planes(&matrix)
            .iter()
            .any(|&plane| Vec4::from(plane).dot(Vec3::new(0.0, 0.0, 1.0).extend(1.0)) < 0.0);
        assert!(behind);
    }
}
