// The user interface: what is drawn, in points, and with what.
#include "common.glsl"

struct UiVertex {
    vec2 position; // points from the left top corner
    vec2 uv;
    uint color;    // unorm8 RGBA, sRGB, premultiplied
};
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer UiVertices { UiVertex at[]; };

layout(push_constant, scalar) uniform Push {
    UiVertices vertices;
    vec2 size; // of the picture, points
    uint image;
    uint sampler_slot;
    uint coverage; // whether the texture says only how much is covered
};
