#version 460
// Instances that views see: the roots of their hierarchies are queued.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "cluster_select.glsl"

layout(local_size_x = 64) in;

void main() {
    uint instance = gl_GlobalInvocationID.x;
    uint number = first_view + gl_WorkGroupID.y;
    if (instance >= frame.instance_count) {
        return;
    }
    ClusterInstance drawn = frame.instances.at[instance];
    ClusterMesh mesh = frame.meshes.at[drawn.mesh & INSTANCE_MESH_MASK];
    Placed p = place(drawn.slot);
    vec3 at = put(p, mesh.sphere.xyz);
    float radius = p.scale * mesh.sphere.w;
    if (outside(frame.views.at[number], at, radius)) {
        return;
    }
    uvec2 item = uvec2(instance, number << 25u);
    if (hidden(number, at, radius)) {
        uint index = take(NODES_SECOND, 8u, frame.node_room);
        if (index != NONE) {
            frame.nodes.at[2u * frame.node_room + index] = item;
        } else {
            left_out(number, drawn.slot);
        }
    } else {
        uint index = take(NODES_FIRST, 8u, frame.node_room);
        if (index != NONE) {
            frame.nodes.at[index] = item;
        } else {
            left_out(number, drawn.slot);
        }
    }
}
