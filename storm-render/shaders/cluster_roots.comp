#version 460
// The coarsest clusters of instances that did not find room in a queue or list: so they have no holes.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "cluster_select.glsl"

layout(local_size_x = 64) in;

void main() {
    uint instance = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64u + gl_LocalInvocationID.x;
    if (instance >= frame.instance_count) {
        return;
    }
    ClusterInstance drawn = frame.instances.at[instance];
    if (frame.incomplete.at[drawn.slot] == 0u) {
        return;
    }
    ClusterMesh mesh = frame.meshes.at[drawn.mesh & INSTANCE_MESH_MASK];
    for (uint i = 0u; i < mesh.root_pages; ++i) {
        uint64_t page = mesh.pages.at[i];
        if (page == 0ul) {
            continue;
        }
        uint count = ClusterPage(page).count;
        for (uint cluster = 0u; cluster < count; ++cluster) {
            uint place = take(ROOTS, 1u, frame.root_room);
            if (place != NONE) {
                uint index = frame.cluster_room + place;
                VisibleCluster seen;
                seen.page = page;
                seen.slot = drawn.slot;
                seen.cluster = cluster | (drawn.mesh >> 24u & 3u) << 16u;
                frame.visible.at[index] = seen;
                frame.lists.at[4u * frame.cluster_room + place] = index;
            }
        }
    }
}
