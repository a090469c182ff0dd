#version 460
// Lists the pixels of each kind of shading, tile by tile.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_shade.glsl"
#include "cluster_bins.glsl"

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    uint mine = bin_here(at);
    uint place;
    if (bin == ONLY_ONE) {
        // Nothing has to be counted before: it begins at 0.
        TAKE_PLACES(mine, info.bins.counts, place)
    } else {
        TAKE_PLACES(mine, info.bins.ends, place)
    }
    if (mine != NONE) {
        info.pixels.at[place] = at.y << 16 | at.x;
    }
}
