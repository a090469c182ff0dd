#version 460
// How many pixels there are of each kind of shading.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_shade.glsl"
#include "cluster_bins.glsl"

void main() {
    uint place;
    TAKE_PLACES(bin_here(gl_GlobalInvocationID.xy), info.bins.counts, place)
}
