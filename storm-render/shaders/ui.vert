#version 460
// One corner of a triangle of the user interface.
#extension GL_GOOGLE_include_directive : require
#include "ui.glsl"

layout(location = 0) out vec2 out_uv;
layout(location = 1) out vec4 out_color;

void main() {
    UiVertex vertex = vertices.at[gl_VertexIndex];
    out_uv = vertex.uv;
    out_color = unpackUnorm4x8(vertex.color);
    gl_Position = vec4(vertex.position / size * 2.0 - 1.0, 0.0, 1.0);
}
