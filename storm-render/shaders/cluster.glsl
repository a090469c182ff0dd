// Clusters that views see, and where their vertices are on the screen. Needs common.glsl and cluster_data.glsl.

// A cluster that a view sees: what shading is made from.
struct VisibleCluster {
    uint64_t page;
    uint slot;
    uint cluster; // within the page in 16 bits, then VISIBLE_BOTH_SIDES and the rest; of shadows the view from bit 24 on
};
const uint VISIBLE_CLUSTER = 0xffffu;
const uint VISIBLE_BOTH_SIDES = 1u << 16u;
const uint VISIBLE_MIRRORED = 1u << 17u;
const uint VISIBLE_SMALL = 1u << 18u; // drawn by compute
const uint VISIBLE_VIEW_SHIFT = 24u;

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer VisibleClusters { VisibleCluster at[]; };
// One a pixel: depth << 32 | visible cluster << 7 | triangle. 0 where there is nothing.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer ClusterPixels { uint64_t at[]; };

Cluster seen_cluster(VisibleCluster seen) {
    return cluster_of_page(seen.page, seen.cluster & VISIBLE_CLUSTER);
}

// A vertex in metres from the camera, world axes: as vertex.glsl has it.
vec3 cluster_relative(Globals globals, VisibleCluster seen, Cluster c, uint vertex) {
    InstanceTransform t = globals.transforms.at[seen.slot];
    ClusterMesh mesh = ClusterPage(seen.page).mesh;
    precise vec4 position = vec4(cluster_position(Words(seen.page), mesh, c, vertex), 1.0);
    precise vec3 origin = vec3(t.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
    precise vec3 relative = vec3(dot(t.rows[0], position), dot(t.rows[1], position), dot(t.rows[2], position)) + origin;
    return relative;
}

vec4 cluster_clip(mat4 clip_from_relative, vec3 relative) {
    precise vec4 clip = clip_from_relative * vec4(relative, 1.0);
    return clip;
}
