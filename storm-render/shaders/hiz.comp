#version 460
// Levels of the hierarchical depth buffer from the level before.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "hiz.glsl"

float source(uvec2 at) {
    uvec2 size = hiz_size(extent, level);
    if (any(greaterThanEqual(at, size))) {
        return 1.0;
    }
    return hiz.at[hiz_start(extent, level) + at.y * size.x + at.x];
}
