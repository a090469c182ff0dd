#version 460
// The first levels of the hierarchical depth buffer, from a depth buffer of one sample.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"
#include "cull.glsl"
#include "hiz.glsl"

layout(set = 1, binding = 0) uniform texture2D depth_buffer;

float source(uvec2 at) {
    if (any(greaterThanEqual(at, extent))) {
        return 1.0;
    }
    return texelFetch(depth_buffer, ivec2(at), 0).r;
}
