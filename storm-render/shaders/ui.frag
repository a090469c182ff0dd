#version 460
// A pixel of the user interface. Nothing here is radiance: colours are those of a screen.
#extension GL_GOOGLE_include_directive : require
#include "ui.glsl"

layout(location = 0) in vec2 in_uv;
layout(location = 1) in vec4 in_color;
layout(location = 0) out vec4 out_color;

void main() {
    vec4 texel = texture(sampler2D(images[image], samplers[sampler_slot]), in_uv);
    out_color = in_color * (coverage != 0u ? texel.rrrr : texel);
}
