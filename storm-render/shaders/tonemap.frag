#version 460
// Tone mapping of a picture of one sample a pixel.
#extension GL_GOOGLE_include_directive : require
#include "tonemap.glsl"
