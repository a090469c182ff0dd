// Clusters as they lie in their pages: docs/clusters.md. Needs common.glsl.

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

// What holds for all clusters of a mesh, and is always resident. Mirrors `src/clusters/meshes.rs`.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer ClusterMesh {
    vec4 sphere;         // around all of it
    vec3 origin;         // position = origin + step · q
    float step;          // metres
    vec2 uv_origins[2];
    vec2 uv_steps;       // of set 0 and of set 1
    uint flags;          // CLUSTER_NORMALS and the rest
    uint group_count;
    ClusterNodes nodes;
    ClusterGroups groups;
    PageAddresses pages; // by page; 0 where it is not there
    uint64_t asked;      // address: by page, the last frame that asked for it and how urgently
    uint root_pages;     // the first ones, always there
    uint number;         // of the mesh
};
const uint CLUSTER_NORMALS = 1u;
const uint CLUSTER_TANGENTS = 2u;
const uint CLUSTER_UV0 = 4u;
const uint CLUSTER_UV1 = 8u;
const uint CLUSTER_COLORS = 16u;
const uint CLUSTER_UNLIT = 32u;

// The record of a cluster: 20 words.
struct Cluster {
    vec4 sphere;
    uint cone;      // axis as 3 × snorm8, cutoff as snorm8
    uint refined;   // the group it was made from, or NONE
    uint counts;    // vertices − 1, triangles − 1 (8 bits each), bits of a position (3 × 5)
    ivec3 base;     // of positions, on the mesh's grid
    uint positions; // where they begin in the page, in words
    uint attributes;
    uint triangles;
    uint uv_bits;   // 4 × 5
    ivec4 uv_base;
    float longest;  // edge, metres
    uint level;     // 8 bits
};
const uint CLUSTER_RECORDS = 4u; // words of a page before them
const uint CLUSTER_RECORD = 20u;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer ClusterRecord { Cluster cluster; };

// The words before the records. The last two are 0 in a file, and have the address of the mesh once the page is on the GPU.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer ClusterPage {
    uint count;
    uint words;
    ClusterMesh mesh;
};

uint cluster_vertex_count(Cluster cluster) {
    return (cluster.counts & 255u) + 1u;
}

uint cluster_triangle_count(Cluster cluster) {
    return (cluster.counts >> 8 & 255u) + 1u;
}

Cluster cluster_of_page(uint64_t page, uint number) {
    return ClusterRecord(page + 4ul * (CLUSTER_RECORDS + CLUSTER_RECORD * number)).cluster;
}

// Up to 32 bits of a stream that begins at a word. Pages end with words of zeros, so the word after may be read.
uint stream_bits(Words page, uint start, uint bit, uint count) {
    uint word = start + (bit >> 5), shift = bit & 31u;
    uint value = page.at[word] >> shift;
    if (shift + count > 32u) {
        value |= page.at[word + 1u] << (32u - shift);
    }
    return count == 32u ? value : value & ((1u << count) - 1u);
}

// Which three vertices of its cluster a triangle has.
uvec3 cluster_triangle(Words page, Cluster cluster, uint triangle) {
    uint corners = stream_bits(page, cluster.triangles, 24u * triangle, 24u);
    return uvec3(corners & 255u, corners >> 8 & 255u, corners >> 16);
}

// Where a vertex is, in the space of its mesh: the same bits in every cluster that has it.
vec3 cluster_position(Words page, ClusterMesh mesh, Cluster cluster, uint vertex) {
    uvec3 bits = uvec3(cluster.counts >> 16 & 31u, cluster.counts >> 21 & 31u, cluster.counts >> 26 & 31u);
    uint at = vertex * (bits.x + bits.y + bits.z);
    uvec3 q = uvec3(stream_bits(page, cluster.positions, at, bits.x),
                    stream_bits(page, cluster.positions, at + bits.x, bits.y),
                    stream_bits(page, cluster.positions, at + bits.x + bits.y, bits.z));
    precise vec3 position = mesh.origin + mesh.step * vec3(cluster.base + ivec3(q));
    return position;
}
