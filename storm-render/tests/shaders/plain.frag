#version 460
// A surface that changes nothing.
#extension GL_GOOGLE_include_directive : require
#include "surface.glsl"

void surface(SurfaceInput at, inout SurfaceOutput s) {
}
