#version 460
// Shading of a surface.
#extension GL_GOOGLE_include_directive : require
#include "scene_fragment.glsl"
