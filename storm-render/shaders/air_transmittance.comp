#version 460
// What is left of light that crosses the air, by altitude and direction.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "atmosphere.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant, scalar) uniform Push { Atmosphere air; };

const int STEPS = 64;

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    if (any(greaterThanEqual(at, TRANSMITTANCE_SIZE))) {
        return;
    }
    vec2 place = transmittance_of(air, vec2(at) / vec2(TRANSMITTANCE_SIZE - 1u));
    float radius = place.x, mu = place.y;
    float whole = to_outer(radius, mu, air.top_radius);
    vec3 depth = vec3(0.0);
    for (int i = 0; i < STEPS; ++i) {
        // Steps grow with the square: the air is thickest at one end.
        float from = float(i) / float(STEPS), to = float(i + 1) / float(STEPS);
        float d = whole * (from * from + to * to) * 0.5;
        float here = sqrt(radius * radius + d * d + 2.0 * radius * d * mu);
        depth += medium(air, here - air.ground_radius).extinction * (to * to - from * from) * whole;
    }
    air.transmittance.at[at.y * TRANSMITTANCE_SIZE.x + at.x] = exp(-depth);
}
