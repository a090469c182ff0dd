#version 460
// The slot of the instance that is seen. Masked surfaces leave their holes out.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(constant_id = 0) const uint MASKED = 0u;

layout(push_constant, scalar) uniform Push { Globals globals; };
layout(location = 3) in vec4 in_uv;
layout(location = 4) in vec4 in_color;
layout(location = 5) flat in uvec2 in_material_and_flags;
layout(location = 8) flat in uint in_slot;
layout(location = 0) out uint out_slot;

#include "texture.glsl"

void main() {
    if (MASKED == 1u) {
        MaterialInfo m = globals.materials.at[in_material_and_flags.x];
        if (m.base_color.a * in_color.a * look_up(m.base_color_texture, vec4(1.0)).a < m.alpha_cutoff) {
            discard;
        }
    }
    out_slot = in_slot;
}
