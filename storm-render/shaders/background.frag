#version 460
// The sky behind everything.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "sky.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; };
layout(location = 0) in vec2 in_clip;
layout(location = 0) out vec4 out_color;

vec3 sun_disc(Sky sky, vec3 direction) {
    if (sky.kind != SKY_GRADIENT) {
        float across = length(direction - sky.sun_direction), radius = max(acos(sky.sun_cos), 1e-4);
        // As wide as a pixel.
        float soft = max(length(fwidth(direction)), 1e-6);
        vec3 illuminance = sky.sun_color;
        if (sky.kind == SKY_AIR) {
            Atmosphere air = Atmosphere(sky.atmosphere);
            float from = air.ground_radius + air.altitude;
            radius = air.sun_radius;
            // A disc on the horizon is cut off by it, and redder below than above.
            illuminance = direction.y < horizon(air, from)
                ? vec3(0.0)
                : air.sun_illuminance * transmittance(air, from, direction.y);
        }
        return disc_radiance(illuminance, radius, across, soft, sky.kind == SKY_AIR);
    }
    float cosine = dot(direction, sky.sun_direction);
    float soft = smoothstep(sky.sun_cos, mix(sky.sun_cos, 1.0, 0.3), cosine);
    return soft * (1.0 - 0.85 * sky.cloud_cover) * sky.sun_color * 40.0;
}

void main() {
    vec4 near = globals.relative_from_clip * vec4(in_clip, 1.0, 1.0);
    vec4 far = globals.relative_from_clip * vec4(in_clip, 0.0, 1.0);
    // The far point may lie at infinity (w 0).
    vec3 direction = normalize(far.xyz * near.w - near.xyz * far.w);
    vec3 radiance;
    if (globals.sky.kind == SKY_PICTURE) {
        // Behind the camera the picture's two ends meet: there it is moved by half of it (Tarini 2012).
        vec2 at = picture_place(globals.sky, direction);
        vec2 moved = vec2(fract(at.x + 0.5), at.y);
        vec2 across = dFdx(at), down = dFdy(at), across_moved = dFdx(moved), down_moved = dFdy(moved);
        bool seam = abs(across.x) + abs(down.x) > abs(across_moved.x) + abs(down_moved.x);
        radiance = globals.sky.picture_light
            * textureGrad(sampler2D(images[globals.sky.picture], samplers[globals.sky.picture_sampler]), at,
                          seam ? across_moved : across, seam ? down_moved : down).rgb;
    } else {
        radiance = sky_radiance(globals.sky, direction);
    }
    out_color = vec4(min(radiance + sun_disc(globals.sky, direction), vec3(6.5e4)), 1.0);
}
