// From radiance to the colours of a screen, sample by sample, so that bright edges stay smooth.
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"

layout(push_constant, scalar) uniform Push {
    Globals globals;
    uint operator; // 0 none, 1 Khronos PBR Neutral
};
#ifdef MULTISAMPLED
const int SAMPLES = 4;
layout(set = 1, binding = 0) uniform texture2DMS scene_color;
#else
const int SAMPLES = 1;
layout(set = 1, binding = 0) uniform texture2D scene_color;
#endif
layout(location = 0) out vec4 out_color;

// Khronos PBR Neutral (Khronos 2024): base colours up to 0.8 come out as they are, highlights roll off to white.
vec3 pbr_neutral(vec3 c) {
    const float start = 0.8 - 0.04;
    const float desaturation = 0.15;
    float x = min(c.r, min(c.g, c.b));
    float offset = x < 0.08 ? x - 6.25 * x * x : 0.04;
    c -= offset;
    float peak = max(c.r, max(c.g, c.b));
    if (peak < start) {
        return c;
    }
    float d = 1.0 - start;
    float new_peak = 1.0 - d * d / (peak + d - start);
    c *= new_peak / peak;
    float g = 1.0 - 1.0 / (desaturation * (peak - new_peak) + 1.0);
    return mix(c, vec3(new_peak), g);
}

vec3 map(vec3 radiance) {
    vec3 c = max(radiance, vec3(0.0)) * globals.exposure;
    // Not a number anywhere must not spread.
    c = mix(c, vec3(0.0), isnan(c));
    c = min(c, vec3(1e4));
    return operator == 1u ? pbr_neutral(c) : c;
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec3 sum = vec3(0.0);
    for (int i = 0; i < SAMPLES; ++i) {
#ifdef MULTISAMPLED
        sum += map(texelFetch(scene_color, at, i).rgb);
#else
        sum += map(texelFetch(scene_color, at, 0).rgb);
#endif
    }
    sum /= float(SAMPLES);
    // The attachment encodes to sRGB.
    out_color = vec4(clamp(sum, 0.0, 1.0), 1.0);
}
