#version 460
// Ambient occlusion, of depths of one sample a pixel.
#extension GL_GOOGLE_include_directive : require
#include "occlusion.glsl"
