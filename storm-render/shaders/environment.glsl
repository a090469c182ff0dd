// Helpers of the shaders that filter the sky. They write half floats to buffers, which are then copied into images.
#include "common.glsl"

layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer Halves { uvec2 at[]; };

uvec2 to_halves(vec3 c) {
    // 65504 is the largest half.
    c = clamp(c, vec3(0.0), vec3(65504.0));
    return uvec2(packHalf2x16(c.rg), packHalf2x16(vec2(c.b, 1.0)));
}

// The solid angle of a place on a face, −1 to 1 across and down, in that of the face's middle.
float cube_weight(vec2 p) {
    float q = 1.0 + dot(p, p);
    return inversesqrt(q) / q;
}

// The unfiltered sky holds radiance times solid angle, and solid angle in alpha: so its levels are means over the sphere,
// though texels in the corners of a cube are smaller than in the middles of its faces.
uvec2 to_weighted_halves(vec3 c, float weight) {
    c = clamp(c, vec3(0.0), vec3(65504.0)) * weight;
    return uvec2(packHalf2x16(c.rg), packHalf2x16(vec2(c.b, weight)));
}

vec3 of_weighted(vec4 c) {
    return c.rgb / c.a;
}

// The direction of a place on a face of a cube map, −1 to 1 across and down (Vulkan 1.3, 16.5.4).
vec3 cube_direction(vec2 p, uint face) {
    vec3 d;
    switch (face) {
        case 0u: d = vec3(1.0, -p.y, -p.x); break;
        case 1u: d = vec3(-1.0, -p.y, p.x); break;
        case 2u: d = vec3(p.x, 1.0, p.y); break;
        case 3u: d = vec3(p.x, -1.0, -p.y); break;
        case 4u: d = vec3(p.x, -p.y, 1.0); break;
        default: d = vec3(-p.x, -p.y, -1.0); break;
    }
    return normalize(d);
}

// The direction of the middle of a texel; z is the face.
vec3 cube_direction(uvec3 texel, uint side) {
    return cube_direction((vec2(texel.xy) + 0.5) / float(side) * 2.0 - 1.0, texel.z);
}

// Point i of n of the Hammersley set.
vec2 hammersley(uint i, uint n) {
    return vec2(float(i) / float(n), float(bitfieldReverse(i)) * 2.3283064365386963e-10);
}

// A half vector around +Z, distributed as Trowbridge-Reitz.
vec3 sample_half(vec2 u, float alpha) {
    float cosine = sqrt((1.0 - u.y) / (1.0 + (alpha * alpha - 1.0) * u.y));
    float sine = sqrt(max(1.0 - cosine * cosine, 0.0));
    float phi = 2.0 * PI * u.x;
    return vec3(sine * cos(phi), sine * sin(phi), cosine);
}
