// Clusters: how their meshes lie in memory, and where their vertices are. `docs/clusters.md` has the format; the structures of
// frames mirror `src/clusters/frame.rs`, and a test compares the two. Needs common.glsl.
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

// A cluster in its page.
struct Cluster {
    vec4 sphere;     // around its triangles
    uint cone;       // of normals: axis and cutoff, snorm8
    uint refined;    // group that it was made from, or NONE
    uint counts;     // vertices − 1, triangles − 1 (8 bits each), bits of position x, y, z (5 each)
    ivec3 base;      // of positions, on the grid
    uint positions;  // first words in the page
    uint attributes;
    uint triangles;
    uint uv_bits;    // UV 0 u, v, UV 1 u, v (5 each)
    ivec4 uv_base;
    float edge;      // the longest, metres
    uint level;
};

struct ClusterGroup {
    vec4 sphere;     // for its error
    float error;     // metres, once it has been replaced by its simplification
    uint page;
    uint clusters;   // first in the page, number from bit 16 on
    uint level;
};

struct NodeChild {
    vec4 around;     // sphere that holds all triangles below
    vec4 sphere;     // for the error
    float error;
    uint what;       // number of a node, or of a group with bit 31
};
const uint CHILD_GROUP = 1u << 31u;

struct ClusterNode {
    uint count;
    NodeChild children[8];
};

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer ClusterNodes { ClusterNode at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer ClusterGroups { ClusterGroup at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer PageAddresses { uint64_t at[]; };

// A mesh: what is always resident.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer ClusterMesh {
    vec4 sphere;           // around all of it
    vec3 origin;           // position = origin + step · q
    float step;
    vec2 uv_origin[2];     // uv = uv_origin + uv_step · q, of each set
    vec2 uv_step;
    uint flags;            // CLUSTER_NORMALS and the rest
    uint group_count;
    ClusterNodes nodes;
    ClusterGroups groups;
    PageAddresses pages;   // by page; 0 where it is not there
    Words used;            // by page: the last frame that asked for it; written through cluster_select.glsl
    uint page_count;
    uint number;           // of the mesh
};
const uint CLUSTER_NORMALS = 1u;
const uint CLUSTER_TANGENTS = 2u;
const uint CLUSTER_UV0 = 4u;
const uint CLUSTER_UV1 = 8u;
const uint CLUSTER_COLORS = 16u;
const uint CLUSTER_UNLIT = 32u;

// A page. Its third and fourth word are 0 in the file, and have the address of the mesh once it is on the GPU.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer ClusterPage {
    uint count;
    uint words;
    ClusterMesh mesh;
    Cluster clusters[];
};

// A cluster that a view sees: what shading is made from.
struct VisibleCluster {
    uint64_t page;
    uint slot;
    uint cluster; // within the page in 16 bits, then VISIBLE_BOTH_SIDES and VISIBLE_MIRRORED; of shadows the view from bit 24 on
};
const uint VISIBLE_CLUSTER_MASK = 0xffffu;
const uint VISIBLE_BOTH_SIDES = 1u << 16u;
const uint VISIBLE_MIRRORED = 1u << 17u;
const uint VISIBLE_SMALL = 1u << 18u; // drawn by compute
const uint VISIBLE_VIEW_SHIFT = 24u;

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer VisibleClusters { VisibleCluster at[]; };
// One a pixel: depth << 32 | visible cluster << 7 | triangle. 0 where there is nothing.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer ClusterPixels { uint64_t at[]; };

uint cluster_vertices(Cluster c) {
    return (c.counts & 0xffu) + 1u;
}

uint cluster_triangles(Cluster c) {
    return (c.counts >> 8u & 0xffu) + 1u;
}

// Some of the bits of a stream, at most 32 of them. Streams are followed by words of zeros.
uint stream_bits(Words words, uint first, uint bit, uint count) {
    uint word = first + bit / 32u;
    uint shift = bit % 32u;
    uint low = words.at[word] >> shift;
    uint high = shift == 0u ? 0u : words.at[word + 1u] << (32u - shift);
    return bitfieldExtract(low | high, 0, int(count));
}

// The three vertices of a triangle within its cluster.
uvec3 cluster_corners(uint64_t page, Cluster c, uint triangle) {
    Words words = Words(page);
    uint byte = 3u * triangle;
    uint word = c.triangles + byte / 4u;
    uint shift = byte % 4u * 8u;
    uint low = words.at[word] >> shift;
    uint high = shift > 8u ? words.at[word + 1u] << (32u - shift) : 0u;
    uint bits = low | high;
    return uvec3(bits & 0xffu, bits >> 8u & 0xffu, bits >> 16u & 0xffu);
}

// Where a vertex is in the mesh, metres. The same bits in every cluster that has it.
vec3 cluster_position(uint64_t page, Cluster c, uint vertex) {
    ClusterMesh mesh = ClusterPage(page).mesh;
    uint x = c.counts >> 16u & 31u;
    uint y = c.counts >> 21u & 31u;
    uint z = c.counts >> 26u & 31u;
    uint bit = vertex * (x + y + z);
    Words words = Words(page);
    ivec3 q = c.base + ivec3(stream_bits(words, c.positions, bit, x), stream_bits(words, c.positions, bit + x, y),
                             stream_bits(words, c.positions, bit + x + y, z));
    precise vec3 position = mesh.origin + mesh.step * vec3(q);
    return position;
}

// Metres from the camera, world axes: as vertex.glsl has it.
vec3 cluster_relative(Globals globals, InstanceTransform t, vec3 at) {
    precise vec4 position = vec4(at, 1.0);
    precise vec3 origin = vec3(t.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
    precise vec3 relative = vec3(dot(t.rows[0], position), dot(t.rows[1], position), dot(t.rows[2], position)) + origin;
    return relative;
}

vec4 cluster_clip(mat4 clip_from_relative, vec3 relative) {
    precise vec4 clip = clip_from_relative * vec4(relative, 1.0);
    return clip;
}
