#version 460
// The radiance of the sky where the camera is, without the sun's disc, and of the ground far below.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "atmosphere.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant, scalar) uniform Push { Atmosphere air; };

const int STEPS = 48;

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    if (any(greaterThanEqual(at, AIR_VIEW_SIZE))) {
        return;
    }
    float radius = air.ground_radius + air.altitude;
    float level = acos(horizon(air, radius));
    bool below = at.y >= AIR_VIEW_ABOVE;
    uint rows = below ? AIR_VIEW_SIZE.y - AIR_VIEW_ABOVE : AIR_VIEW_ABOVE;
    float down = float(below ? at.y - AIR_VIEW_ABOVE : at.y) / float(rows - 1u);
    float angle = below ? level + down * down * (PI - level) : level * (1.0 - down * down);
    float across = float(at.x) / float(AIR_VIEW_SIZE.x - 1u);
    float phi = across * across * PI;
    float mu_sun = air.sun_direction.y;
    vec3 sun = vec3(sqrt(max(1.0 - mu_sun * mu_sun, 0.0)), mu_sun, 0.0);
    vec3 direction = vec3(sin(angle) * cos(phi), cos(angle), sin(angle) * sin(phi));
    float mu = direction.y, cosine = dot(direction, sun);
    float ground = below ? max(to_ground(air, radius, min(mu, horizon(air, radius))), 0.0) : -1.0;
    float whole = below ? ground : to_outer(radius, mu, air.top_radius);
    vec3 through = vec3(1.0), light = vec3(0.0);
    for (int i = 0; i < STEPS; ++i) {
        float from = float(i) / float(STEPS), to = float(i + 1) / float(STEPS);
        float d = whole * (from * from + to * to) * 0.5, along = whole * (to * to - from * from);
        float here = sqrt(radius * radius + d * d + 2.0 * radius * d * mu);
        float mu_here = (radius * mu_sun + d * cosine) / here;
        Medium m = medium(air, here - air.ground_radius);
        vec3 kept = exp(-m.extinction * along);
        light += through * source(air, m, here, mu_here, cosine) * (1.0 - kept) / max(m.extinction, vec3(1e-9));
        through *= kept;
    }
    if (below) {
        float mu_ground = (radius * mu_sun + ground * cosine) / air.ground_radius;
        vec3 lit = sun_transmittance(air, air.ground_radius, mu_ground) * max(mu_ground, 0.0)
            + PI * scattered(air, air.ground_radius, mu_ground);
        light += through * lit * air.ground_albedo / PI;
    }
    air.view.at[at.y * AIR_VIEW_SIZE.x + at.x] = air.sun_illuminance * light;
}
