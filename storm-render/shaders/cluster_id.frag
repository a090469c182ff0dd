#version 460
// The slot of the instance whose cluster is seen.

layout(location = 0) flat in uvec2 in_id; // the slot, and whether the triangle has both sides
layout(location = 0) out uint out_slot;

void main() {
    if (in_id.y == 0u && !gl_FrontFacing) {
        discard;
    }
    out_slot = in_id.x;
}
