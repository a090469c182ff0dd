#version 460
// Twice the size of a level of bloom, by a tent of nine samples; blended with the level that is there.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(set = 1, binding = 0) uniform texture2D source;
layout(push_constant, scalar) uniform Push { Globals globals; };
layout(location = 0) in vec2 in_clip;
layout(location = 0) out vec4 out_color;

void main() {
    vec2 uv = in_clip * 0.5 + 0.5;
    vec2 texel = 1.0 / vec2(textureSize(sampler2D(source, samplers[globals.clamp_sampler]), 0));
    vec3 sum = vec3(0.0);
    for (int y = -1; y <= 1; ++y) {
        for (int x = -1; x <= 1; ++x) {
            float weight = float((2 - abs(x)) * (2 - abs(y))) / 16.0;
            vec2 at = uv + vec2(x, y) * texel;
            sum += weight * textureLod(sampler2D(source, samplers[globals.clamp_sampler]), at, 0.0).rgb;
        }
    }
    // Half of this, half of the level itself.
    out_color = vec4(sum * 0.5, 0.5);
}
