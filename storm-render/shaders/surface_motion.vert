#version 460
// The depth pass of masked surfaces of the user's, and how they have moved on the screen.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "vertex.glsl"
#include "motion.glsl"
#include "motion_vertex.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; Words visible; Motion motion; };
layout(location = 6) out vec3 out_now;
layout(location = 7) out vec3 out_before;
layout(location = 8) flat out uint out_slot;

#define PLACE(relative) clip_position(globals, relative)
#define WITH_SLOT
#define WITH_MOTION
#include "scene_vertex.glsl"
