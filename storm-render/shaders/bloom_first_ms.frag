#version 460
// The first level of bloom, of a picture of four samples a pixel.
#extension GL_GOOGLE_include_directive : require
#define MULTISAMPLED
#include "bloom_first.glsl"
