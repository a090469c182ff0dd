#version 460
// The sky behind everything.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "sky.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; };
layout(location = 0) in vec2 in_clip;
layout(location = 0) out vec4 out_color;

void main() {
    vec4 near = globals.relative_from_clip * vec4(in_clip, 1.0, 1.0);
    vec4 far = globals.relative_from_clip * vec4(in_clip, 0.0, 1.0);
    // The far point may lie at infinity (w 0).
    vec3 direction = normalize(far.xyz * near.w - near.xyz * far.w);
    out_color = vec4(sky_radiance(globals.sky, direction) + sun_disc(globals.sky, direction), 1.0);
}
