#version 460
// One vertex of a masked instance with a surface of the user's in a shadow map.
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
layout(location = 6) out vec3 out_now;
layout(location = 7) out vec3 out_before;
layout(location = 8) flat out uint out_slot;

#define PLACE(relative) (views.at[view].clip_from_relative * vec4(relative, 1.0))
#define WITH_SLOT
#define WITHOUT_MOTION
#include "scene_vertex.glsl"
