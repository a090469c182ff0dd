#version 460
// Puts what is blended over the picture, of four samples a pixel.
#extension GL_GOOGLE_include_directive : require
#define MULTISAMPLED
#include "weighted.glsl"
