#version 460
// Tone mapping of a picture of four samples a pixel.
#extension GL_GOOGLE_include_directive : require
#define MULTISAMPLED
#include "tonemap.glsl"
