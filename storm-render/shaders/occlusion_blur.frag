#version 460
// Averages what 4 × 4 neighbours found: each has looked in another direction.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"

layout(set = 1, binding = 0) uniform texture2D visibility;
layout(location = 0) out float out_visibility;

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    ivec2 last = textureSize(visibility, 0) - 1;
    float sum = 0.0;
    for (int y = -2; y < 2; ++y) {
        for (int x = -2; x < 2; ++x) {
            sum += texelFetch(visibility, clamp(at + ivec2(x, y), ivec2(0), last), 0).r;
        }
    }
    out_visibility = sum / 16.0;
}
