#version 460
// One vertex of an opaque instance in a shadow map: its position alone.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "vertex.glsl"
#include "lighting.glsl"

layout(push_constant, scalar) uniform Push {
    Globals globals;
    Words visible;
    ShadowViews views;
    uint view;
};

void main() {
    gl_Position = views.at[view].clip_from_relative * vec4(pull_vertex(globals, visible).relative, 1.0);
}
