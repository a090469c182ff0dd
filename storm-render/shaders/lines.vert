#version 460
// One end of a line that is drawn over the picture.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

struct Line {
    vec3 from; // within the cell
    uint color; // unorm8 RGBA, linear
    vec3 to;
    uint pad;
    ivec3 cell;
    uint pad2;
};
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Lines { Line at[]; };

layout(push_constant, scalar) uniform Push { Globals globals; Lines lines; };
layout(location = 0) out vec4 out_color;

void main() {
    Line line = lines.at[gl_VertexIndex / 2];
    vec3 end = (gl_VertexIndex & 1) == 0 ? line.from : line.to;
    vec3 relative = vec3(line.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation + end;
    gl_Position = globals.clip_from_relative * vec4(relative, 1.0);
    out_color = unpackUnorm4x8(line.color);
}
