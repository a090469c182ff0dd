#version 460
// Shading of a blended surface whose textures are looked up with more than two UV sets, for weighted sums.
#extension GL_GOOGLE_include_directive : require
#define WIDE
#define WEIGHTED
#include "scene_fragment.glsl"
