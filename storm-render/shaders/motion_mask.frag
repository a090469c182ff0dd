#version 460
// The depth pass of masked surfaces, with how they have moved: leaves the holes out.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; };
layout(location = 3) in vec4 in_uv;
layout(location = 4) in vec4 in_color;
layout(location = 5) flat in uvec2 in_material_and_flags;
layout(location = 6) in vec3 in_now;
layout(location = 7) in vec3 in_before;
layout(location = 0) out vec2 out_motion;

#include "texture.glsl"

void main() {
    MaterialInfo m = globals.materials.at[in_material_and_flags.x];
    if (m.base_color.a * in_color.a * look_up(m.base_color_texture, vec4(1.0)).a < m.alpha_cutoff) {
        discard;
    }
    out_motion = 0.5 * (in_now.xy / in_now.z - in_before.xy / in_before.z);
}
