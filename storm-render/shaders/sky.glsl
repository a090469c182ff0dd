// The sky: a gradient with a glow around the sun, one layer of clouds and a ground; or a picture; or lit air. Needs
// common.glsl.
#include "atmosphere.glsl"

uint hash(uint x) {
    // PCG output permutation (Jarzynski and Olano 2020).
    uint state = x * 747796405u + 2891336453u;
    uint word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
    return (word >> 22u) ^ word;
}

float lattice(ivec2 p, uint seed) {
    return float(hash(uint(p.x) + hash(uint(p.y) + seed))) * (1.0 / 4294967295.0);
}

// Value noise in 0 to 1.
float noise(vec2 p, uint seed) {
    ivec2 i = ivec2(floor(p));
    vec2 f = p - vec2(i);
    f = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    float a = mix(lattice(i, seed), lattice(i + ivec2(1, 0), seed), f.x);
    float b = mix(lattice(i + ivec2(0, 1), seed), lattice(i + ivec2(1, 1), seed), f.x);
    return mix(a, b, f.y);
}

float fractal(vec2 p, uint seed, int octaves) {
    float sum = 0.0, amplitude = 0.5;
    for (int i = 0; i < octaves; ++i) {
        sum += amplitude * noise(p, seed + uint(i));
        // Turned each time, so that the lattice does not show.
        p = mat2(1.6, 1.2, -1.2, 1.6) * p;
        amplitude *= 0.5;
    }
    return sum;
}

// Air without clouds.
vec3 sky_air(Sky sky, vec3 direction) {
    float height = max(direction.y, 0.0);
    vec3 air = mix(sky.zenith, sky.horizon, pow(1.0 - height, 5.0));
    float towards_sun = max(dot(direction, sky.sun_direction), 0.0);
    vec3 glow = sky.sun_color * (0.06 * pow(towards_sun, 8.0) + 0.25 * pow(towards_sun, 64.0));
    return air + sky.haze * glow;
}

// Where a direction is in the picture: -Z in the middle, +X to its right.
vec2 picture_place(Sky sky, vec3 direction) {
    vec2 t = sky.picture_turn;
    vec3 d = vec3(t.x * direction.x - t.y * direction.z, direction.y, t.y * direction.x + t.x * direction.z);
    return vec2(0.5 + atan(d.x, -d.z) / (2.0 * PI), acos(clamp(d.y, -1.0, 1.0)) / PI);
}

vec3 picture_radiance(Sky sky, vec3 direction, float level) {
    vec2 at = picture_place(sky, direction);
    return sky.picture_light * textureLod(sampler2D(images[sky.picture], samplers[sky.picture_sampler]), at, level).rgb;
}

// Radiance from a direction of the gradient, without the sun's disc.
vec3 gradient_radiance(Sky sky, vec3 direction) {
    vec3 air = sky_air(sky, direction);
    if (direction.y > 0.0 && sky.cloud_cover > 0.0) {
        // Clouds lie on a plane that is bent down a little towards the horizon.
        vec2 p = direction.xz / (direction.y + 0.12) * sky.cloud_scale;
        uint seed = sky.seed;
        vec2 drift = vec2(fractal(p * 0.7, seed + 17u, 3), fractal(p * 0.7 + 31.7, seed + 29u, 3)) - 0.44;
        float density = fractal(p + drift * 0.7, seed, 6);
        float cover = smoothstep(0.62 - 0.5 * sky.cloud_cover, 0.80 - 0.32 * sky.cloud_cover, density);
        // Thick middles are dark, thin edges and the side of the sun are light.
        float towards_sun = max(dot(direction, sky.sun_direction), 0.0);
        float thickness = smoothstep(0.35, 0.75, fractal(p * 1.7 + drift * 1.1 + 7.3, seed + 5u, 5));
        vec3 cloud = mix(sky.cloud_light, sky.cloud_shade, thickness);
        cloud += sky.haze * sky.sun_color * 0.18 * pow(towards_sun, 6.0) * (1.0 - thickness);
        float reach = smoothstep(0.0, 0.18, direction.y);
        air = mix(air, mix(sky.horizon, cloud, reach), cover * smoothstep(0.0, 0.06, direction.y));
    }
    return mix(air, sky.ground, smoothstep(0.0, -0.08, direction.y));
}

// Radiance from a direction, without the sun's disc.
vec3 sky_radiance(Sky sky, vec3 direction) {
    if (sky.kind == SKY_AIR) {
        return air_radiance(Atmosphere(sky.atmosphere), direction);
    }
    return sky.kind == SKY_PICTURE ? picture_radiance(sky, direction, 0.0) : gradient_radiance(sky, direction);
}
