#version 460
// Clusters of the queued groups: those that are drawn.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "cluster_select.glsl"

layout(local_size_x = 64) in;

void main() {
    // 32 invocations a group.
    uint index = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 2u + gl_LocalInvocationID.x / 32u;
    if (index >= queued(GROUPS_FIRST + second, frame.group_room)) {
        return;
    }
    uvec2 item = frame.groups.at[second * frame.group_room + index];
    uint number = item.y >> 25u;
    ClusterInstance drawn = frame.instances.at[item.x];
    ClusterMesh mesh = frame.meshes.at[drawn.mesh & INSTANCE_MESH_MASK];
    ClusterGroups groups = mesh.groups;
    ClusterGroup group = groups.at[item.y & ((1u << 25u) - 1u)];
    uint64_t page = mesh.pages.at[group.page];
    ClusterView view = frame.views.at[number];
    Placed p = place(drawn.slot);
    if (!too_coarse(view, p, group.sphere, group.error, 1.0)) {
        return;
    }
    if (gl_LocalInvocationID.x % 32u == 0u) {
        ask(mesh, group.page, times_allowed(view, p, group.sphere, group.error));
    }
    if (page == 0ul) {
        return;
    }
    uint count = group.clusters >> 16u;
    for (uint i = gl_LocalInvocationID.x % 32u; i < count; i += 32u) {
        uint cluster = (group.clusters & 0xffffu) + i;
        Cluster c = cluster_of_page(page, cluster);
        if (c.refined != NONE) {
            ClusterGroup refined = groups.at[c.refined];
            if (mesh.pages.at[refined.page] != 0ul && too_coarse(view, p, refined.sphere, refined.error, 1.0)) {
                continue;
            }
        }
        vec3 at = put(p, c.sphere.xyz);
        float radius = p.scale * c.sphere.w;
        if (outside(view, at, radius)) {
            continue;
        }
        VisibleCluster seen;
        seen.page = page;
        seen.slot = drawn.slot;
        seen.cluster = cluster | (drawn.mesh >> 24u & 3u) << 16u;
        if (number != 0u) {
            seen.cluster |= number << VISIBLE_VIEW_SHIFT;
            if (number <= frame.cascades) {
                uint place = take(SUN, 1u, frame.shadow_room);
                if (place != NONE) {
                    frame.shadows.at[place] = seen;
                    atomicAdd(frame.work.at[TRIANGLES].vertices, cluster_triangle_count(c));
                }
            } else {
                uint place = take(LIGHTS, 1u, frame.shadow_room);
                if (place != NONE) {
                    frame.shadows.at[frame.shadow_room + place] = seen;
                    atomicAdd(frame.work.at[TRIANGLES].vertices, cluster_triangle_count(c));
                }
            }
            continue;
        }
        if ((drawn.mesh & INSTANCE_BOTH_SIDES) == 0u && turned_away(view, p, c)) {
            continue;
        }
        if (hidden(number, at, radius)) {
            if (second == 0u) {
                uint place = take(HIDDEN, 64u, frame.cluster_room);
                if (place != NONE) {
                    frame.hidden.at[place] = seen;
                } else {
                    left_out(number, drawn.slot);
                }
            }
            continue;
        }
        draw(seen, view, p, c, at, radius);
    }
}
