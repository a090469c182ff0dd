#version 460
// One level of the hierarchies: of each queued node the children that could be drawn are queued.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "cluster_select.glsl"

layout(local_size_x = 64) in;

void main() {
    // Eight invocations a node.
    uint index = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 8u + gl_LocalInvocationID.x / 8u;
    uint base = second == 0u ? NODES_FIRST : NODES_SECOND;
    if (index >= queued(base + stage, frame.node_room)) {
        return;
    }
    // The second phase begins with what the first has hidden.
    uint queue = second != 0u && stage == 0u ? 2u : stage % 2u;
    uvec2 item = frame.nodes.at[queue * frame.node_room + index];
    uint number = item.y >> 25u;
    ClusterInstance drawn = frame.instances.at[item.x];
    ClusterMesh mesh = frame.meshes.at[drawn.mesh & INSTANCE_MESH_MASK];
    ClusterNodes nodes = mesh.nodes;
    uint node = item.y & ((1u << 25u) - 1u);
    uint child_number = gl_LocalInvocationID.x % 8u;
    if (child_number >= nodes.at[node].count) {
        return;
    }
    NodeChild child = nodes.at[node].children[child_number];
    ClusterView view = frame.views.at[number];
    Placed p = place(drawn.slot);
    // Groups are asked again, exactly.
    if (!too_coarse(view, p, child.sphere, child.error, 1.0001)) {
        return;
    }
    vec3 at = put(p, child.around.xyz);
    float radius = p.scale * child.around.w;
    if (outside(view, at, radius)) {
        return;
    }
    uvec2 next = uvec2(item.x, number << 25u | child.what & (CHILD_GROUP - 1u));
    bool is_group = (child.what & CHILD_GROUP) != 0u;
    if (hidden(number, at, radius)) {
        if (second != 0u) {
            return;
        }
        if (is_group) {
            uint place = take(GROUPS_SECOND, 2u, frame.group_room);
            if (place != NONE) {
                frame.groups.at[frame.group_room + place] = next;
            } else {
                left_out(number, drawn.slot);
            }
        } else {
            uint place = take(NODES_SECOND, 8u, frame.node_room);
            if (place != NONE) {
                frame.nodes.at[2u * frame.node_room + place] = next;
            } else {
                left_out(number, drawn.slot);
            }
        }
    } else if (is_group) {
        uint place = take(GROUPS_FIRST + second, 2u, frame.group_room);
        if (place != NONE) {
            frame.groups.at[second * frame.group_room + place] = next;
        } else {
            left_out(number, drawn.slot);
        }
    } else {
        uint place = take(base + stage + 1u, 8u, frame.node_room);
        if (place != NONE) {
            frame.nodes.at[(stage + 1u) % 2u * frame.node_room + place] = next;
        } else {
            left_out(number, drawn.slot);
        }
    }
}
