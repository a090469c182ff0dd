#version 460
// Shading of a surface whose textures are looked up with more than two UV sets.
#extension GL_GOOGLE_include_directive : require
#define WIDE
#include "scene_fragment.glsl"
