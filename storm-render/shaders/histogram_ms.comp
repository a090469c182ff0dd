#version 460
// How many pixels are how bright: the first sample of each.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"
#include "exposure.glsl"

layout(local_size_x = 16, local_size_y = 16) in;
layout(set = 1, binding = 0) uniform texture2DMS scene_color;
layout(push_constant, scalar) uniform Push { Exposure exposure; };

shared uint counts[BINS];

void main() {
    uint i = gl_LocalInvocationIndex;
    counts[i] = 0u;
    barrier();
    ivec2 at = ivec2(gl_GlobalInvocationID.xy);
    if (all(lessThan(at, textureSize(scene_color)))) {
        vec3 c = texelFetch(scene_color, at, 0).rgb;
        float luminance = dot(c, vec3(0.2126, 0.7152, 0.0722));
        // What is no number or black counts as darkest.
        float level = luminance > 0.0 ? (log2(luminance) - DARKEST) / (BRIGHTEST - DARKEST) : 0.0;
        atomicAdd(counts[uint(clamp(level * float(BINS), 0.0, float(BINS - 1u)))], 1u);
    }
    barrier();
    if (counts[i] != 0u) {
        atomicAdd(exposure.bins[i], counts[i]);
    }
}
