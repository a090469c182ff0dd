#version 460
// Small triangles of clusters, a cluster a workgroup: where the rasteriser would put them, by the same rules.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_shader_atomic_int64 : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"

layout(local_size_x = 128) in;

layout(push_constant, scalar) uniform Push {
    Globals globals;
    ClusterFrame frame;
    uint list; // of four
    uint work; // its entry
};

// Places on the screen in 1/256 of a pixel, and depths.
shared ivec2 places[128];
shared float depths[128];

int cross2(ivec2 a, ivec2 b) {
    return a.x * b.y - a.y * b.x;
}

// What an edge adds so that a sample on it belongs to one triangle alone: top and left edges have theirs.
int rule(ivec2 edge) {
    return edge.y < 0 || (edge.y == 0 && edge.x > 0) ? 0 : -1;
}

void main() {
    uint number = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x);
    if (number >= frame.work.at[work].instances) {
        return;
    }
    uint index = frame.lists.at[list * frame.cluster_room + number];
    VisibleCluster seen = frame.visible.at[index];
    Cluster c = seen_cluster(seen);
    uint i = gl_LocalInvocationID.x;
    vec2 extent = frame.views.at[0].extent;
    if (i < cluster_vertex_count(c)) {
        vec3 relative = cluster_relative(globals, seen, c, i);
        vec4 clip = cluster_clip(globals.clip_from_relative, relative);
        vec3 ndc = clip.xyz / clip.w;
        vec2 at = ndc.xy * (0.5 * extent) + 0.5 * extent;
        // Sample places are pixels' middles.
        places[i] = ivec2(roundEven(clamp((at - 0.5) * 256.0, -8e6, 8e6)));
        depths[i] = ndc.z;
    }
    barrier();
    if (i >= cluster_triangle_count(c)) {
        return;
    }
    uvec3 corners = cluster_triangle(Words(seen.page), c, i);
    if ((seen.cluster & VISIBLE_MIRRORED) != 0u) {
        corners = corners.xzy;
    }
    ivec2 p0 = places[corners.x], p1 = places[corners.y], p2 = places[corners.z];
    float z0 = depths[corners.x], z1 = depths[corners.y], z2 = depths[corners.z];
    int area = cross2(p1 - p0, p2 - p0);
    // Fronts are counter-clockwise on the screen, whose y points down.
    if (area == 0 || (area > 0 && (seen.cluster & VISIBLE_BOTH_SIDES) == 0u)) {
        return;
    }
    if (area < 0) {
        ivec2 p = p1;
        p1 = p2;
        p2 = p;
        float z = z1;
        z1 = z2;
        z2 = z;
        area = -area;
    }
    ivec2 low = max((min(min(p0, p1), p2) + 255) >> 8, ivec2(0));
    ivec2 high = min(max(max(p0, p1), p2) >> 8, ivec2(extent) - 1);
    // What was chosen for here is at most half as large; a mesh that states shorter edges than it has is not to hold up the device.
    if (any(greaterThan(low, high)) || any(greaterThan(high - low, ivec2(64)))) {
        return;
    }
    ivec2 e0 = p2 - p1, e1 = p0 - p2, e2 = p1 - p0;
    ivec2 first = low << 8;
    int row0 = cross2(e0, first - p1) + rule(e0);
    int row1 = cross2(e1, first - p2) + rule(e1);
    int row2 = cross2(e2, first - p0) + rule(e2);
    float scale = 1.0 / float(area);
    float dz1 = (z1 - z0) * scale, dz2 = (z2 - z0) * scale;
    uint id = index << 7u | i;
    int width = int(extent.x);
    for (int y = low.y; y <= high.y; ++y) {
        int w0 = row0, w1 = row1, w2 = row2;
        for (int x = low.x; x <= high.x; ++x) {
            if ((w0 | w1 | w2) >= 0) {
                float z = z0 + float(w1 - rule(e1)) * dz1 + float(w2 - rule(e2)) * dz2;
                if (z >= 0.0 && z <= 1.0) {
                    uint64_t value = packUint2x32(uvec2(id, floatBitsToUint(z)));
                    uint pixel = uint(y * width + x);
                    if (frame.pixels.at[pixel] < value) {
                        atomicMax(frame.pixels.at[pixel], value);
                    }
                }
            }
            w0 -= e0.y << 8;
            w1 -= e1.y << 8;
            w2 -= e2.y << 8;
        }
        row0 += e0.x << 8;
        row1 += e1.x << 8;
        row2 += e2.x << 8;
    }
}
