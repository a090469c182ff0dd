#version 460
// Clusters in shadow maps for the rasteriser: an instance a cluster, three vertices a triangle.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "cluster_shadow.glsl"

layout(push_constant, scalar) uniform Push {
    Globals globals;
    ClusterFrame frame;
    uint list; // 0 the sun's, 1 other lights'
};
out float gl_ClipDistance[4];

void main() {
    VisibleCluster seen = frame.shadows.at[list * frame.shadow_room + gl_InstanceIndex];
    Cluster c = seen_cluster(seen);
    uint triangle = uint(gl_VertexIndex) / 3u;
    if (triangle >= cluster_triangle_count(c)) {
        gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
        for (int i = 0; i < 4; ++i) {
            gl_ClipDistance[i] = -1.0;
        }
        return;
    }
    uint vertex = cluster_triangle(Words(seen.page), c, triangle)[gl_VertexIndex % 3];
    ShadowVertex v = shadow_vertex(globals, frame, seen, c, vertex);
    gl_Position = v.position;
    for (int i = 0; i < 4; ++i) {
        gl_ClipDistance[i] = v.inside[i];
    }
}
