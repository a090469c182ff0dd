#version 460
// Colours of clusters in place of their shading: by cluster, or by what drew them.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(set = 1, binding = 4) uniform texture2D depths;
layout(set = 1, binding = 8, rgba16f) uniform writeonly image2D colors;
layout(push_constant, scalar) uniform Push { Globals globals; ClusterFrame frame; uint paths; };

uint scrambled(uint v) {
    v = (v ^ 61u) ^ (v >> 16u);
    v *= 9u;
    v ^= v >> 4u;
    v *= 0x27d4eb2du;
    return v ^ (v >> 15u);
}

vec3 hue(uint number) {
    uint bits = scrambled(number);
    return vec3(bits & 255u, bits >> 8u & 255u, bits >> 16u & 255u) / 255.0 * 0.8 + 0.1;
}

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    uvec2 extent = uvec2(frame.views.at[0].extent);
    if (any(greaterThanEqual(at, extent))) {
        return;
    }
    uvec2 parts = unpackUint2x32(frame.pixels.at[at.y * extent.x + at.x]);
    if (parts == uvec2(0u) || floatBitsToUint(texelFetch(depths, ivec2(at), 0).r) != parts.y) {
        return;
    }
    VisibleCluster seen = frame.visible.at[parts.x >> 7u];
    uint cluster = seen.cluster & VISIBLE_CLUSTER;
    vec3 color;
    if (paths != 0u) {
        color = (seen.cluster & VISIBLE_SMALL) != 0u ? vec3(0.1, 0.6, 0.1) : vec3(0.7, 0.2, 0.1);
    } else {
        // Not by place in the list, which changes from frame to frame.
        color = hue(cluster ^ scrambled(uint(seen.page >> 4u) ^ scrambled(seen.slot)));
    }
    imageStore(colors, ivec2(at), vec4(color * (0.6 + 0.4 * float(scrambled(parts.x & 127u) & 255u) / 255.0), 1.0));
}
