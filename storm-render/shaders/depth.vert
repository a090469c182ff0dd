#version 460
// The depth pass of opaque surfaces: positions alone.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "vertex.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; Words visible; };

void main() {
    gl_Position = clip_position(globals, pull_vertex(globals, visible).relative);
    gl_PointSize = 1.0;
}
