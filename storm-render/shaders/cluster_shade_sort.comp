#version 460
// Lists the pixels of each kind of shading, tile by tile.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_shade.glsl"
#include "cluster_bins.glsl"

shared uint tile_starts[BINS];

void main() {
    uint index = gl_LocalInvocationIndex;
    if (index < BINS) {
        in_tile[index] = 0u;
    }
    barrier();
    uvec2 at = gl_GlobalInvocationID.xy;
    uint mine = bin_here(at);
    uint rank = mine != NONE ? atomicAdd(in_tile[mine], 1u) : 0u;
    barrier();
    if (index < BINS && in_tile[index] > 0u) {
        tile_starts[index] = atomicAdd(info.bins.ends[index], in_tile[index]);
    }
    barrier();
    if (mine != NONE) {
        info.pixels.at[tile_starts[mine] + rank] = at.y << 16 | at.x;
    }
}
