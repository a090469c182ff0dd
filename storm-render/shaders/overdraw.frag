#version 460
// A little light for each surface of a pixel, seen or hidden.

layout(location = 0) out vec4 out_color;

void main() {
    out_color = vec4(0.12, 0.05, 0.02, 1.0);
}
