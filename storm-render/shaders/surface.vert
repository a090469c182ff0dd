#version 460
// One vertex of an instance with a surface of the user's on the screen.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "vertex.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; Words visible; };

layout(location = 6) out vec3 out_now;
layout(location = 7) out vec3 out_before;
layout(location = 8) flat out uint out_slot;

#define PLACE(relative) clip_position(globals, relative)
#define WITH_SLOT
#define WITHOUT_MOTION
#include "scene_vertex.glsl"
