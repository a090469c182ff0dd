#version 460
// Half the size of a level of bloom, by thirteen samples (Jimenez 2014).
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(set = 1, binding = 0) uniform texture2D source;
layout(push_constant, scalar) uniform Push { Globals globals; };
layout(location = 0) in vec2 in_clip;
layout(location = 0) out vec4 out_color;

vec3 look(vec2 uv) {
    return textureLod(sampler2D(source, samplers[globals.clamp_sampler]), uv, 0.0).rgb;
}

void main() {
    vec2 uv = in_clip * 0.5 + 0.5;
    vec2 texel = 1.0 / vec2(textureSize(sampler2D(source, samplers[globals.clamp_sampler]), 0));
    vec3 middle = look(uv);
    vec3 inner = vec3(0.0), edges = vec3(0.0), corners = vec3(0.0);
    for (int i = 0; i < 4; ++i) {
        vec2 diagonal = vec2((i & 1) * 2 - 1, (i >> 1) * 2 - 1);
        vec2 straight = i < 2 ? vec2(float(i * 2 - 1), 0.0) : vec2(0.0, float(i * 2 - 5));
        inner += look(uv + diagonal * texel);
        edges += look(uv + straight * 2.0 * texel);
        corners += look(uv + diagonal * 2.0 * texel);
    }
    out_color = vec4(middle * 0.125 + inner * 0.125 + edges * 0.0625 + corners * 0.03125, 1.0);
}
