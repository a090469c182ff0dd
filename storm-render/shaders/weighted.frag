#version 460
// Puts what is blended over the picture, of one sample a pixel.
#extension GL_GOOGLE_include_directive : require
#include "weighted.glsl"
