#version 460
// Shading of a blended surface whose order does not matter.
#extension GL_GOOGLE_include_directive : require
#define WEIGHTED
#include "scene_fragment.glsl"
