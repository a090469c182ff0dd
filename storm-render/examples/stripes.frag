#version 460
// A surface of one's own: stripes that glow, holes between them, and a texture on what is left.
#extension GL_GOOGLE_include_directive : require
#include "surface.glsl"

const uint STRIPES = 0u; // around the thing
const uint GLOW = 1u;
const uint HOLES = 2u;   // part of each stripe that is cut out

void surface(SurfaceInput at, inout SurfaceOutput s) {
    float stripe = fract(at.uv.y * at.parameters[STRIPES] + at.uv.x * 2.0);
    bool bright = stripe < 0.35;
    s.base_color.rgb *= surface_texture(0u, at.uv * vec2(8.0, 4.0)).rgb;
    if (bright) {
        s.base_color.rgb = vec3(0.02);
        s.emissive = at.parameters[GLOW] * mix(vec3(1.0, 0.25, 0.02), vec3(0.05, 0.4, 1.0), at.uv.y);
        s.roughness = 0.2;
    }
    if (stripe > 1.0 - at.parameters[HOLES]) {
        s.base_color.a = 0.0;
    }
    // Bumps across the stripes.
    s.normal += 0.25 * sin(stripe * 6.2832) * vec3(0.0, 1.0, 0.0);
}
