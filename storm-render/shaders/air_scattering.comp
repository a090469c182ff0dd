#version 460
// Light of the second order and up, by altitude and height of the sun (Hillaire 2020, 5.5): the second order over 64
// directions, the rest as a geometric series.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "atmosphere.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant, scalar) uniform Push { Atmosphere air; };

const int SIDE = 8;
const int STEPS = 20;

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    if (any(greaterThanEqual(at, SCATTERING_SIZE))) {
        return;
    }
    vec2 place = vec2(at) / vec2(SCATTERING_SIZE - 1u);
    float mu_sun = 2.0 * place.x - 1.0;
    float radius = mix(air.ground_radius, air.top_radius, place.y * place.y);
    // A ray along the ground would not know whether it meets it.
    radius = clamp(radius, air.ground_radius + 1e-3, air.top_radius - 1e-3);
    vec3 sun = vec3(sqrt(max(1.0 - mu_sun * mu_sun, 0.0)), mu_sun, 0.0);
    vec3 second = vec3(0.0), again = vec3(0.0);
    for (int k = 0; k < SIDE * SIDE; ++k) {
        // Even over the sphere.
        float mu = 1.0 - 2.0 * (float(k / SIDE) + 0.5) / float(SIDE);
        float phi = 2.0 * PI * (float(k % SIDE) + 0.5) / float(SIDE);
        float across = sqrt(1.0 - mu * mu);
        vec3 direction = vec3(across * cos(phi), mu, across * sin(phi));
        float ground = to_ground(air, radius, mu);
        float whole = ground >= 0.0 ? ground : to_outer(radius, mu, air.top_radius);
        vec3 through = vec3(1.0), light = vec3(0.0), share = vec3(0.0);
        for (int i = 0; i < STEPS; ++i) {
            float d = whole * (float(i) + 0.5) / float(STEPS), along = whole / float(STEPS);
            float here = sqrt(radius * radius + d * d + 2.0 * radius * d * mu);
            float mu_here = (radius * mu_sun + d * dot(direction, sun)) / here;
            Medium m = medium(air, here - air.ground_radius);
            vec3 kept = exp(-m.extinction * along);
            vec3 scatters = m.rayleigh + m.mie;
            vec3 sum = through * (1.0 - kept) / max(m.extinction, vec3(1e-9));
            light += sum * scatters * sun_transmittance(air, here, mu_here) / (4.0 * PI);
            share += sum * scatters;
            through *= kept;
        }
        if (ground >= 0.0) {
            float mu_ground = (radius * mu_sun + ground * dot(direction, sun)) / air.ground_radius;
            light += through * sun_transmittance(air, air.ground_radius, mu_ground) * max(mu_ground, 0.0)
                * air.ground_albedo / PI;
        }
        second += light;
        again += share;
    }
    // Means over the sphere: times 4π / n, over 4π.
    second /= float(SIDE * SIDE);
    again /= float(SIDE * SIDE);
    air.scattering.at[at.y * SCATTERING_SIZE.x + at.x] = second / max(1.0 - again, vec3(1e-3));
}
