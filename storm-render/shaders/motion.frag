#version 460
// How far a surface has moved on the screen since the frame before, in widths and heights of the picture.

layout(location = 6) in vec3 in_now;
layout(location = 7) in vec3 in_before;
layout(location = 0) out vec2 out_motion;

void main() {
    out_motion = 0.5 * (in_now.xy / in_now.z - in_before.xy / in_before.z);
}
