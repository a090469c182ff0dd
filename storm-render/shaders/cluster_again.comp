#version 460
// Clusters that the first phase has hidden: those that this frame's depths do not hide are drawn.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "cluster_select.glsl"

layout(local_size_x = 64) in;

void main() {
    uint index = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64u + gl_LocalInvocationID.x;
    if (index >= queued(HIDDEN, frame.cluster_room)) {
        return;
    }
    VisibleCluster seen = frame.hidden.at[index];
    Cluster c = seen_cluster(seen);
    Placed p = place(seen.slot);
    vec3 at = put(p, c.sphere.xyz);
    float radius = p.scale * c.sphere.w;
    if (!hidden(0u, at, radius)) {
        draw(seen, frame.views.at[0], p, c, at, radius);
    }
}
