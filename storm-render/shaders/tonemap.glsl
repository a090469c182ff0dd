// From radiance to the colours of a screen, sample by sample, so that bright edges stay smooth.
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"
#include "exposure.glsl"

layout(push_constant, scalar) uniform Push {
    Globals globals;
    Exposure exposure;
    uint operator; // 0 none, 1 Khronos PBR Neutral, 2 AgX, 3 ACES, 4 radiance as it is
    float bloom;   // how much of what is bright around a pixel shines into it
};
#ifdef MULTISAMPLED
const int SAMPLES = 4;
layout(set = 1, binding = 0) uniform texture2DMS scene_color;
#else
const int SAMPLES = 1;
layout(set = 1, binding = 0) uniform texture2D scene_color;
#endif
layout(set = 1, binding = 1) uniform texture2D bloom_color;
layout(location = 0) in vec2 in_clip;
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

// AgX (Sobotka 2022) without a look, by the polynomial of Wrensch (2023): mean error of the curve below 1e-5.
vec3 agx(vec3 c) {
    const mat3 inset = mat3(0.842479062253094, 0.0423282422610123, 0.0423756549057051,
                            0.0784335999999992, 0.878468636469772, 0.0784336,
                            0.0792237451477643, 0.0791661274605434, 0.879142973793104);
    const mat3 outset = mat3(1.19687900512017, -0.0528968517574562, -0.0529716355144438,
                             -0.0980208811401368, 1.15190312990417, -0.0980434501171241,
                             -0.0990297440797205, -0.0989611768448433, 1.15107367264116);
    const float low = -12.47393, high = 4.026069;
    vec3 x = (clamp(log2(max(inset * c, vec3(1e-10))), low, high) - low) / (high - low);
    vec3 x2 = x * x, x4 = x2 * x2;
    vec3 curve = 15.5 * x4 * x2 - 40.14 * x4 * x + 31.96 * x4 - 6.868 * x2 * x + 0.4298 * x2 + 0.1191 * x - 0.00232;
    // The curve gives colours as a screen takes them; the attachment encodes them again.
    return pow(max(outset * curve, vec3(0.0)), vec3(2.2));
}

// ACES: the fit of Hill (2016) to the reference rendering and output transforms.
vec3 aces(vec3 c) {
    const mat3 input_matrix = mat3(0.59719, 0.07600, 0.02840, 0.35458, 0.90834, 0.13383, 0.04823, 0.01566, 0.83777);
    const mat3 output_matrix = mat3(1.60475, -0.10208, -0.00327, -0.53108, 1.10813, -0.07276, -0.07367, -0.00605, 1.07602);
    vec3 v = input_matrix * c;
    v = (v * (v + 0.0245786) - 0.000090537) / (v * (0.983729 * v + 0.4329510) + 0.238081);
    return output_matrix * v;
}

vec3 map(vec3 radiance, vec3 glow, float scale) {
    vec3 c = max(radiance, vec3(0.0));
    if (bloom > 0.0) {
        c = mix(c, glow, bloom);
    }
    if (operator == 4u) {
        // The largest half float stands for what is larger.
        return min(mix(c, vec3(0.0), isnan(c)), vec3(65504.0));
    }
    c *= scale;
    // Not a number anywhere must not spread.
    c = mix(c, vec3(0.0), isnan(c));
    c = min(c, vec3(1e4));
    switch (operator) {
        case 1u: return pbr_neutral(c);
        case 2u: return agx(c);
        case 3u: return aces(c);
        default: return c;
    }
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec3 glow = vec3(0.0);
    if (bloom > 0.0) {
        vec2 uv = in_clip * 0.5 + 0.5;
        glow = textureLod(sampler2D(bloom_color, samplers[globals.clamp_sampler]), uv, 0.0).rgb;
    }
    float scale = globals.exposure;
    if (uint64_t(exposure) != 0ul) {
        scale *= exposure.value;
    }
    vec3 sum = vec3(0.0);
    for (int i = 0; i < SAMPLES; ++i) {
#ifdef MULTISAMPLED
        sum += map(texelFetch(scene_color, at, i).rgb, glow, scale);
#else
        sum += map(texelFetch(scene_color, at, 0).rgb, glow, scale);
#endif
    }
    sum /= float(SAMPLES);
    if (operator == 4u) {
        out_color = vec4(sum, 1.0);
        return;
    }
    // The attachment encodes to sRGB.
    out_color = vec4(clamp(sum, 0.0, 1.0), 1.0);
}
