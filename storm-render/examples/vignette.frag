#version 460
// Darkens the corners of a picture: an example of a pass of one's own.
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_samplerless_texture_functions : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(set = 1, binding = 0) uniform texture2D picture;
layout(push_constant, scalar) uniform Push {
    uint64_t globals;
    float parameters[16]; // 0: how dark corners are, 0 to 1
};
layout(location = 0) in vec2 in_clip;
layout(location = 0) out vec4 out_color;

void main() {
    vec4 color = texelFetch(picture, ivec2(gl_FragCoord.xy), 0);
    out_color = vec4(color.rgb * (1.0 - parameters[0] * 0.5 * dot(in_clip, in_clip)), 1.0);
}
