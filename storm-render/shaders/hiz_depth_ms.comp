#version 460
// The first levels of the hierarchical depth buffer, from a depth buffer of four samples: the farthest counts.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"
#include "cull.glsl"
#include "hiz.glsl"

layout(set = 1, binding = 0) uniform texture2DMS depth_buffer;

float source(uvec2 at) {
    if (any(greaterThanEqual(at, extent))) {
        return 1.0;
    }
    float depth = 1.0;
    for (int i = 0; i < 4; ++i) {
        depth = min(depth, texelFetch(depth_buffer, ivec2(at), i).r);
    }
    return depth;
}
