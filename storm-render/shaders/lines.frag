#version 460
// The colour of a line, as it is to be seen.

layout(location = 0) in vec4 in_color;
layout(location = 0) out vec4 out_color;

void main() {
    out_color = vec4(in_color.rgb * in_color.a, in_color.a);
}
