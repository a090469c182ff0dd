#version 460
// Puts the user interface over the picture, as a screen takes colours.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_samplerless_texture_functions : require

layout(set = 1, binding = 0) uniform texture2D picture;
layout(set = 1, binding = 1) uniform texture2D ui;
layout(location = 0) in vec2 in_clip;
layout(location = 0) out vec4 out_color;

vec3 encode(vec3 c) {
    return mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, greaterThan(c, vec3(0.0031308)));
}

vec3 decode(vec3 c) {
    return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), greaterThan(c, vec3(0.04045)));
}

void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    vec4 over = texelFetch(ui, at, 0);
    vec3 below = texelFetch(picture, at, 0).rgb;
    // Where there is no interface, not a bit of the picture changes.
    if (over != vec4(0.0)) {
        below = decode(clamp(over.rgb + (1.0 - over.a) * encode(below), 0.0, 1.0));
    }
    out_color = vec4(below, 1.0);
}
