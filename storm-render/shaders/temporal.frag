#version 460
// Temporal anti-aliasing: this frame, and the last ones where they still fit (Karis 2014; Salvi 2016).
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"
#include "motion.glsl"

layout(set = 1, binding = 0) uniform texture2D scene_color;
layout(set = 1, binding = 1) uniform texture2D depths;
layout(set = 1, binding = 2) uniform texture2D motions;
layout(set = 1, binding = 3) uniform texture2D history;
layout(push_constant, scalar) uniform Push { Globals globals; Motion motion; };
layout(location = 0) in vec2 in_clip;
layout(location = 0) out vec4 out_color;

// Bright colours are squeezed, so that they do not outweigh all others; and back.
vec3 squeeze(vec3 c) {
    c = clamp(mix(c, vec3(0.0), isnan(c)), vec3(0.0), vec3(6e4));
    return c / (1.0 + max(c.r, max(c.g, c.b)));
}

vec3 stretch(vec3 c) {
    return c / max(1.0 - max(c.r, max(c.g, c.b)), 1e-4);
}

vec3 to_ycocg(vec3 c) {
    return vec3(0.25 * c.r + 0.5 * c.g + 0.25 * c.b, 0.5 * (c.r - c.b), -0.25 * c.r + 0.5 * c.g - 0.25 * c.b);
}

vec3 from_ycocg(vec3 c) {
    float t = c.x - c.z;
    return vec3(t + c.y, c.x + c.z, t - c.y);
}

vec3 look_back(vec2 uv) {
    // Catmull-Rom by five bilinear samples: a history that is looked up again and again must not blur.
    vec2 size = vec2(textureSize(history, 0));
    vec2 position = uv * size;
    vec2 middle = floor(position - 0.5) + 0.5;
    vec2 f = position - middle;
    vec2 w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
    vec2 w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
    vec2 w2 = f * (0.5 + f * (2.0 - 1.5 * f));
    vec2 w3 = f * f * (-0.5 + 0.5 * f);
    vec2 w12 = w1 + w2;
    vec2 t0 = (middle - 1.0) / size, t12 = (middle + w2 / w12) / size, t3 = (middle + 2.0) / size;
    vec4 sum = vec4(0.0);
    vec3 at[5] = vec3[5](vec3(t12.x, t0.y, w12.x * w0.y), vec3(t0.x, t12.y, w0.x * w12.y), vec3(t12, w12.x * w12.y),
                         vec3(t3.x, t12.y, w3.x * w12.y), vec3(t12.x, t3.y, w12.x * w3.y));
    for (int i = 0; i < 5; ++i) {
        vec3 c = textureLod(sampler2D(history, samplers[globals.clamp_sampler]), at[i].xy, 0.0).rgb;
        sum += vec4(squeeze(c), 1.0) * at[i].z;
    }
    return max(sum.rgb / sum.a, vec3(0.0));
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    ivec2 last = textureSize(scene_color, 0) - 1;
    vec3 own = squeeze(texelFetch(scene_color, at, 0).rgb);
    vec3 mean = vec3(0.0), squares = vec3(0.0);
    float nearest = -1.0;
    ivec2 front = at;
    for (int y = -1; y <= 1; ++y) {
        for (int x = -1; x <= 1; ++x) {
            ivec2 p = clamp(at + ivec2(x, y), ivec2(0), last);
            vec3 c = to_ycocg(squeeze(texelFetch(scene_color, p, 0).rgb));
            mean += c;
            squares += c * c;
            // What is in front moves its smooth edge with it.
            float depth = texelFetch(depths, p, 0).r;
            if (depth > nearest) {
                nearest = depth;
                front = p;
            }
        }
    }
    vec2 moved;
    if (nearest > 0.0) {
        moved = texelFetch(motions, front, 0).rg;
    } else {
        // The sky is infinitely far: it turns with the camera.
        vec4 low = globals.relative_from_clip * vec4(in_clip, 1.0, 1.0);
        vec4 high = globals.relative_from_clip * vec4(in_clip, 0.0, 1.0);
        vec4 direction = vec4(high.xyz * low.w - low.xyz * high.w, 0.0);
        vec3 now = (motion.clip_from_relative * direction).xyw;
        vec3 before = (motion.previous_clip_from_relative * direction).xyw;
        moved = 0.5 * (now.xy / now.z - before.xy / before.z);
    }
    vec2 uv = in_clip * 0.5 + 0.5 - moved;
    bool known = motion.fresh == 0u && all(greaterThanEqual(uv, vec2(0.0))) && all(lessThanEqual(uv, vec2(1.0)));
    if (!known) {
        out_color = vec4(stretch(own), 1.0);
        return;
    }
    mean /= 9.0;
    vec3 spread = sqrt(max(squares / 9.0 - mean * mean, vec3(0.0))) * 1.25;
    vec3 before = to_ycocg(look_back(uv));
    // What does not fit among the neighbours is drawn to them: it is no longer there.
    vec3 d = (before - mean) / max(spread, vec3(1e-5));
    float most = max(abs(d.x), max(abs(d.y), abs(d.z)));
    before = most > 1.0 ? mean + (before - mean) / most : before;
    vec3 c = mix(from_ycocg(before), own, 0.1);
    out_color = vec4(stretch(max(c, vec3(0.0))), 1.0);
}
