#version 460
// Averages what those of 4 × 4 neighbours found that are as far away: each has looked in another direction.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"

layout(set = 1, binding = 0) uniform texture2D visibility;
layout(location = 0) out float out_visibility;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    ivec2 last = textureSize(visibility, 0) - 1;
    vec2 own = texelFetch(visibility, at, 0).rg;
    // A little of its own, so that there is always something.
    vec2 sum = vec2(own.r, 1.0) * 1e-3;
    for (int y = -2; y < 2; ++y) {
        for (int x = -2; x < 2; ++x) {
            vec2 other = texelFetch(visibility, clamp(at + ivec2(x, y), ivec2(0), last), 0).rg;
            float weight = clamp(1.0 - 12.0 * abs(other.g - own.g) / max(own.g, 1e-3), 0.0, 1.0);
            sum += vec2(other.r, 1.0) * weight;
        }
    }
    out_visibility = sum.r / sum.g;
}
