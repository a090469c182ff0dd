// The bin of each pixel, and places in bins: for counting and for sorting in. Needs cluster_shade.glsl.
#extension GL_EXT_samplerless_texture_functions : require
#extension GL_KHR_shader_subgroup_ballot : require

layout(local_size_x = 16, local_size_y = 16) in;
layout(set = 1, binding = 4) uniform texture2D depth_map;

// The pixel of this invocation is in this bin, or in none: NONE.
uint bin_here(uvec2 at) {
    if (any(greaterThanEqual(at, info.extent))) {
        return NONE;
    }
    uint64_t seen = info.visibility.at[at.y * info.extent.x + at.x];
    // What was drawn in front of it since has won the pixel.
    if (seen == 0ul || uint(seen >> 32) != floatBitsToUint(texelFetch(depth_map, ivec2(at), 0).r)) {
        return NONE;
    }
    uint slot = info.clusters.at[uint(seen) >> 7].slot;
    return bin_of(globals.materials.at[globals.metas.at[slot].material].flags >> 8 & 255u);
}

// Takes a place in a bin for each pixel that has one; one addition a bin and subgroup. Without barriers between
// invocations, which drivers that compute on the CPU are slow at.
#define TAKE_PLACES(mine, counts, place)                                          \
    for (uint left = mine; left != NONE;) {                                       \
        uint bin_now = subgroupBroadcastFirst(left);                              \
        if (left == bin_now) {                                                    \
            uvec4 others = subgroupBallot(true);                                  \
            uint first = 0u;                                                      \
            if (subgroupElect()) {                                                \
                first = atomicAdd(counts[bin_now], subgroupBallotBitCount(others)); \
            }                                                                     \
            place = subgroupBroadcastFirst(first) + subgroupBallotExclusiveBitCount(others); \
            left = NONE;                                                          \
        }                                                                         \
    }
