#version 460
// Ambient occlusion, of depths of four samples a pixel.
#extension GL_GOOGLE_include_directive : require
#define MULTISAMPLED
#include "occlusion.glsl"
