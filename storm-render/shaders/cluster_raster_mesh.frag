#version 460
// After the mesh shader.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_mesh_shader : require
#define ID perprimitiveEXT
#include "cluster_raster.glsl"
