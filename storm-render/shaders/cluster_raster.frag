#version 460
// After the vertex shader.
#extension GL_GOOGLE_include_directive : require
#define ID
#include "cluster_raster.glsl"
