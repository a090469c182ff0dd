#version 460
// Of each cluster, one a workgroup: a bit for each light that reaches it, and a bit for each word that has one.
// Bits keep the order of the lights, so that sums do not depend on how lights were found.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "lighting.glsl"

layout(local_size_x = 64) in;
layout(push_constant, scalar) uniform Push { Globals globals; Lighting lighting; };

shared uint summary[16];

void main() {
    uint i = gl_LocalInvocationID.x;
    uint cluster = gl_WorkGroupID.x;
    uvec3 at = uvec3(cluster % CLUSTERS.x, cluster / CLUSTERS.x % CLUSTERS.y, cluster / (CLUSTERS.x * CLUSTERS.y));
    if (i < 16u) {
        summary[i] = 0u;
    }
    barrier();
    uint start = cluster * cluster_stride(lighting);
    for (uint word = i; word < lighting.light_words; word += 64u) {
        uint bits = 0u;
        uint last = min(globals.light_count, word * 32u + 32u);
        for (uint light = word * 32u; light < last; ++light) {
            uvec2 b = lighting.cluster_bounds.at[light];
            bool reaches = at.x >= (b.x & 255u) && at.x <= (b.x >> 8 & 255u)
                && at.y >= (b.x >> 16 & 255u) && at.y <= b.x >> 24
                && at.z >= (b.y & 255u) && at.z <= (b.y >> 8 & 255u);
            bits |= uint(reaches) << (light % 32u);
        }
        lighting.clusters.at[start + lighting.summary_words + word] = bits;
        if (bits != 0u) {
            atomicOr(summary[word / 32u], 1u << (word % 32u));
        }
    }
    barrier();
    if (i < lighting.summary_words) {
        lighting.clusters.at[start + i] = summary[i];
    }
}
