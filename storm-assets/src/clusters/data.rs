//! The records of a cluster mesh as they lie in memory, in a file and on a GPU: plain words, all public.
//!
//! Their meaning and order are those of `docs/clusters.md`; the sizes are asserted below.

use bytemuck::{Pod, Zeroable};

/// A ball: centre and radius, metres, in the mesh's space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Sphere {
    /// Its middle.
    pub center: [f32; 3],
    /// At least 0.
    pub radius: f32,
}

impl Sphere {
    /// Whether all four numbers are finite and the radius is at least 0.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.center.iter().all(|c| c.is_finite()) && is_length(self.radius)
    }
}

/// Whether a number is finite and at least 0.
pub(crate) fn is_length(v: f32) -> bool {
    v >= 0.0 && v.is_finite()
}

/// Which attributes the vertices have: bits of [`ClusterInfo::flags`].
pub mod flags {
    /// Normals.
    pub const NORMALS: u32 = 1;
    /// Tangents; only with normals.
    pub const TANGENTS: u32 = 1 << 1;
    /// UV set 0.
    pub const UV0: u32 = 1 << 2;
    /// UV set 1; only with set 0.
    pub const UV1: u32 = 1 << 3;
    /// Colours.
    pub const COLORS: u32 = 1 << 4;
    /// Drawn without light.
    pub const UNLIT: u32 = 1 << 5;
    /// Every bit that means something.
    pub const ALL: u32 = (1 << 6) - 1;
}

/// What holds for the whole mesh; 32 words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct ClusterInfo {
    /// Where grid point (0, 0, 0) is, metres.
    pub origin: [f32; 3],
    /// Between grid points, metres; a power of two.
    pub step: f32,
    /// UV of grid point (0, 0), of both sets.
    pub uv_origin: [[f32; 2]; 2],
    /// Between UV grid points, of both sets; a power of two.
    pub uv_step: [f32; 2],
    /// Bits of [`flags`].
    pub flags: u32,
    /// Smallest corner of the box around all positions, metres.
    pub min: [f32; 3],
    /// Largest corner.
    pub max: [f32; 3],
    /// Records of the hierarchy.
    pub nodes: u32,
    /// Groups.
    pub groups: u32,
    /// Pages.
    pub pages: u32,
    /// Pages that are always resident, the first ones.
    pub root_pages: u32,
    /// Clusters of all levels.
    pub clusters: u32,
    /// Levels: one more than the largest of a cluster.
    pub levels: u32,
    /// Triangles of level 0, low and high word.
    pub source_triangles: [u32; 2],
    /// Triangles of all levels, low and high word.
    pub triangles: [u32; 2],
    /// 0.
    pub reserved: [u32; 5],
}

impl ClusterInfo {
    /// Triangles of level 0.
    #[must_use]
    pub const fn source_triangle_count(&self) -> u64 {
        self.source_triangles[0] as u64 | (self.source_triangles[1] as u64) << 32
    }

    /// Triangles of all levels.
    #[must_use]
    pub const fn triangle_count(&self) -> u64 {
        self.triangles[0] as u64 | (self.triangles[1] as u64) << 32
    }

    /// Whether the vertices have all of `bits`.
    #[must_use]
    pub const fn has(&self, bits: u32) -> bool {
        self.flags & bits == bits
    }
}

/// A child of a [`Node`]; 10 words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct NodeChild {
    /// Holds all triangles below.
    pub cull: Sphere,
    /// Holds the spheres below; of a group exactly the group's.
    pub sphere: Sphere,
    /// The largest below; of a group exactly the group's. Metres.
    pub error: f32,
    /// The number of a node, or of a group with bit 31.
    pub target: u32,
}

impl NodeChild {
    /// In [`NodeChild::target`]: a group.
    pub const GROUP: u32 = 1 << 31;
}

/// A node of the hierarchy; 81 words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Node {
    /// How many of `children` there are.
    pub count: u32,
    /// The first `count` hold something.
    pub children: [NodeChild; 8],
}

impl Node {
    /// The children that there are.
    #[must_use]
    pub fn children(&self) -> &[NodeChild] {
        &self.children[..(self.count as usize).min(8)]
    }
}

/// A group; 8 words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Group {
    /// Holds the spheres of the refined groups of its clusters, and its triangles.
    pub sphere: Sphere,
    /// How far the surface is off once the group has been replaced by its simplification, metres; `f32::MAX` where it is not.
    pub error: f32,
    /// Where its clusters are.
    pub page: u32,
    /// The first cluster within the page in the lower 16 bits, the count in the upper.
    pub clusters: u32,
    /// The largest level of its clusters.
    pub level: u32,
}

impl Group {
    /// The first cluster within the page.
    #[must_use]
    pub const fn first_cluster(&self) -> u32 {
        self.clusters & 0xffff
    }

    /// How many clusters.
    #[must_use]
    pub const fn cluster_count(&self) -> u32 {
        self.clusters >> 16
    }

    /// Whether nothing coarser stands for it.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.error == f32::MAX
    }
}

/// No refined group: of clusters of level 0.
pub const NO_GROUP: u32 = u32::MAX;

/// A cluster; 20 words, in its page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct ClusterRecord {
    /// Around its triangles.
    pub sphere: Sphere,
    /// Axis x, y, z and cutoff, a signed byte each, x lowest.
    pub cone: u32,
    /// The group that it was made from by simplification, or [`NO_GROUP`].
    pub refined: u32,
    /// Vertices − 1 (bits 0–7), triangles − 1 (8–15), bits of positions x, y, z (5 each, 16–30).
    pub counts: u32,
    /// Added to positions, on the grid.
    pub position_base: [i32; 3],
    /// First word of the positions in the page.
    pub positions: u32,
    /// First word of the attributes in the page.
    pub attributes: u32,
    /// First word of the triangles in the page.
    pub triangles: u32,
    /// Bits of UV 0 u, v, UV 1 u, v (5 each).
    pub uv_bits: u32,
    /// Added to UVs, on the grid: UV 0 u, v, UV 1 u, v.
    pub uv_base: [i32; 4],
    /// The longest edge, metres.
    pub longest_edge: f32,
    /// The level (bits 0–7).
    pub level: u32,
}

impl ClusterRecord {
    /// How many vertices: 1–256 as stored, at most 128 in a page that was checked.
    #[must_use]
    pub const fn vertex_count(&self) -> u32 {
        (self.counts & 0xff) + 1
    }

    /// How many triangles: 1–256 as stored, at most 128 in a page that was checked.
    #[must_use]
    pub const fn triangle_count(&self) -> u32 {
        (self.counts >> 8 & 0xff) + 1
    }

    /// Bits of a position's x, y and z.
    #[must_use]
    pub const fn position_bits(&self) -> [u32; 3] {
        [
            self.counts >> 16 & 31,
            self.counts >> 21 & 31,
            self.counts >> 26 & 31,
        ]
    }

    /// Bits of UV 0 u, v and UV 1 u, v; of a set that is absent 0.
    #[must_use]
    pub const fn uv_widths(&self) -> [u32; 4] {
        [
            self.uv_bits & 31,
            self.uv_bits >> 5 & 31,
            self.uv_bits >> 10 & 31,
            self.uv_bits >> 15 & 31,
        ]
    }

    /// Bits of one vertex in the stream of attributes.
    #[must_use]
    pub const fn attribute_bits(&self, flags: u32) -> u32 {
        let uv = self.uv_widths();
        let mut bits = 0;
        if flags & flags::NORMALS != 0 {
            bits += 24;
        }
        if flags & flags::TANGENTS != 0 {
            bits += 11;
        }
        if flags & flags::UV0 != 0 {
            bits += uv[0] + uv[1];
        }
        if flags & flags::UV1 != 0 {
            bits += uv[2] + uv[3];
        }
        if flags & flags::COLORS != 0 {
            bits += 32;
        }
        bits
    }

    /// Its cone: the axis of its normals, about unit length, and the cutoff. For an eye at `e` that is to see fronts only, the cluster is
    /// hidden where `dot(center − e, axis) ≥ cutoff · |center − e| + radius`; never when the cutoff is 1.
    #[must_use]
    pub fn cone_axis_cutoff(&self) -> ([f32; 3], f32) {
        let byte = |i: u32| f32::from((self.cone >> (8 * i)) as u8 as i8) / 127.0;
        ([byte(0), byte(1), byte(2)], byte(3))
    }
}

/// The most triangles of a cluster.
pub const CLUSTER_TRIANGLES_MAX: usize = 128;
/// The most vertices of a cluster.
pub const CLUSTER_VERTICES_MAX: usize = 128;
/// The most bytes of a page.
pub const PAGE_BYTES_MAX: usize = 128 << 10;
/// The most nodes on a way from the root of the hierarchy to a group.
pub const DEPTH_MAX: usize = 16;
/// Words before the records of a page.
pub const PAGE_HEADER_WORDS: usize = 4;
/// Words of zeros at the end of a page.
pub const PAGE_TAIL_WORDS: usize = 2;
/// The most bits of a coordinate on the grid.
pub const GRID_BITS_MAX: u32 = 24;

const _: () = {
    assert!(size_of::<ClusterInfo>() == 32 * 4);
    assert!(size_of::<NodeChild>() == 10 * 4);
    assert!(size_of::<Node>() == 81 * 4);
    assert!(size_of::<Group>() == 8 * 4);
    assert!(size_of::<ClusterRecord>() == 20 * 4);
};
