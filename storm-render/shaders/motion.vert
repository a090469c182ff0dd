#version 460
// The depth pass of opaque surfaces, and how they have moved on the screen.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "vertex.glsl"
#include "motion.glsl"
#include "motion_vertex.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; Words visible; Motion motion; };
layout(location = 6) out vec3 out_now;
layout(location = 7) out vec3 out_before;

void main() {
    Vertex vertex = pull_vertex(globals, visible);
    gl_Position = clip_position(globals, vertex.relative);
    gl_PointSize = 1.0;
    out_now = (motion.clip_from_relative * vec4(vertex.relative, 1.0)).xyw;
    out_before = previous_clip(globals, motion, visible, vertex.mesh);
}
