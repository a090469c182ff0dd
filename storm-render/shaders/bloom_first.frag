#version 460
// The first level of bloom, of a picture of one sample a pixel.
#extension GL_GOOGLE_include_directive : require
#include "bloom_first.glsl"
