#version 460
// One vertex of an instance on the screen, of a material that looks textures up with more than two UV sets.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "vertex.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; Words visible; };

layout(location = 8) flat out uint out_slot;

#define PLACE(relative) clip_position(globals, relative)
#define WITH_SLOT
#define WIDE
#include "scene_vertex.glsl"
