#version 460
// How many pixels there are of each kind of shading.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_shade.glsl"
#include "cluster_bins.glsl"

void main() {
    uint index = gl_LocalInvocationIndex;
    if (index < BINS) {
        in_tile[index] = 0u;
    }
    barrier();
    uint mine = bin_here(gl_GlobalInvocationID.xy);
    if (mine != NONE) {
        atomicAdd(in_tile[mine], 1u);
    }
    barrier();
    if (index < BINS && in_tile[index] > 0u) {
        atomicAdd(info.bins.counts[index], in_tile[index]);
    }
}
