#version 460
// Triangles of clusters for picking: an instance a cluster, three vertices a triangle.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"

layout(push_constant, scalar) uniform Push {
    Globals globals;
    ClusterFrame frame;
    uint list; // of four; 4 is that of instances that found no room
};
layout(location = 0) flat out uvec2 out_id; // the slot, and whether the triangle has both sides

void main() {
    VisibleCluster seen = frame.visible.at[frame.lists.at[list * frame.cluster_room + gl_InstanceIndex]];
    Cluster c = seen_cluster(seen);
    uint triangle = uint(gl_VertexIndex) / 3u;
    out_id = uvec2(seen.slot, seen.cluster & VISIBLE_BOTH_SIDES);
    if (triangle >= cluster_triangle_count(c)) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
        return;
    }
    uint corner = uint(gl_VertexIndex) % 3u;
    if ((seen.cluster & VISIBLE_MIRRORED) != 0u && corner != 0u) {
        corner = 3u - corner;
    }
    uint vertex = cluster_triangle(Words(seen.page), c, triangle)[corner];
    gl_Position = cluster_clip(globals.clip_from_relative, cluster_relative(globals, seen, c, vertex));
}
