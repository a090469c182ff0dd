#version 460
// One vertex of a masked instance in a shadow map.
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

#define PLACE(relative) (views.at[view].clip_from_relative * vec4(relative, 1.0))
#include "scene_vertex.glsl"
