// How much of the sky a place sees past what is near it: ground-truth ambient occlusion (Jimenez et al. 2016), in two
// slices of five steps to each side.
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"

#ifdef MULTISAMPLED
layout(set = 1, binding = 0) uniform texture2DMS depths;
#else
layout(set = 1, binding = 0) uniform texture2D depths;
#endif
layout(push_constant, scalar) uniform Push {
    Globals globals;
    vec2 extent;   // pixels
    float radius;  // metres
    float pixels;  // pixels of a metre at a metre's distance
};
layout(location = 0) out vec2 out_visibility; // and the distance, for the average after this

const int SLICES = 2;
const int STEPS = 5;

float depth_at(vec2 pixel) {
    return texelFetch(depths, ivec2(clamp(pixel, vec2(0.0), extent - 1.0)), 0).r;
}

vec3 place(vec2 pixel, float depth) {
    vec4 p = globals.relative_from_clip * vec4((pixel + 0.5) / extent * 2.0 - 1.0, depth, 1.0);
    return p.xyz / p.w;
}

// Of two differences the one that stays on the surface.
vec3 shorter(vec3 a, vec3 b) {
    return dot(a, a) < dot(b, b) ? a : b;
}

void main() {
    vec2 at = floor(gl_FragCoord.xy);
    float depth = depth_at(at);
    out_visibility = vec2(1.0, 0.0);
    if (depth <= 0.0) {
        return;
    }
    vec3 p = place(at, depth);
    const vec2 dx = vec2(1.0, 0.0), dy = vec2(0.0, 1.0);
    vec3 x = shorter(place(at + dx, depth_at(at + dx)) - p, p - place(at - dx, depth_at(at - dx)));
    vec3 y = shorter(place(at + dy, depth_at(at + dy)) - p, p - place(at - dy, depth_at(at - dy)));
    vec3 view = globals.eye.w == 0.0 ? globals.eye.xyz : normalize(-p);
    vec3 normal = cross(x, y);
    normal *= inversesqrt(max(dot(normal, normal), 1e-30));
    normal = dot(normal, view) < 0.0 ? -normal : normal;
    float away = length(p);
    // A little towards the eye, so that a plane does not hide itself.
    p += view * length(p) * 2e-4;

    float scale = globals.eye.w == 0.0 ? pixels : pixels / max(length(p), 1e-3);
    float reach = clamp(radius * scale, 2.0, 0.25 * extent.y);
    // Interleaved gradient noise (Jimenez 2014), as the blur after this expects.
    float noise = fract(52.9829189 * fract(dot(at, vec2(0.06711056, 0.00583715))));
    float jitter = fract(noise * 7.13);
    float sum = 0.0;
    for (int slice = 0; slice < SLICES; ++slice) {
        float angle = PI * (float(slice) + noise) / float(SLICES);
        vec2 direction = vec2(cos(angle), sin(angle));
        vec3 across = place(at + direction * 8.0, depth) - place(at, depth);
        vec3 axis = cross(across, view);
        axis *= inversesqrt(max(dot(axis, axis), 1e-30));
        vec3 projected = normal - axis * dot(normal, axis);
        float weight = length(projected);
        vec3 tangent = cross(view, axis);
        float n = sign(dot(projected, tangent)) * acos(clamp(dot(projected, view) / max(weight, 1e-6), -1.0, 1.0));
        for (int side = -1; side <= 1; side += 2) {
            float horizon = cos(float(side) * 0.5 * PI + n);
            for (int i = 0; i < STEPS; ++i) {
                float t = (float(i) + 0.3 + 0.7 * jitter) / float(STEPS);
                vec2 sample_at = round(at + float(side) * direction * (1.0 + t * t * reach));
                if (any(lessThan(sample_at, vec2(0.0))) || any(greaterThanEqual(sample_at, extent))) {
                    continue;
                }
                float other = depth_at(sample_at);
                if (other <= 0.0) {
                    continue;
                }
                vec3 d = place(sample_at, other) - p;
                float distance = length(d);
                float cosine = dot(d, view) / max(distance, 1e-6);
                float near = clamp(1.0 - distance * distance / (radius * radius), 0.0, 1.0);
                horizon = max(horizon, mix(cos(float(side) * 0.5 * PI + n), cosine, near));
            }
            float h = float(side) * acos(clamp(horizon, -1.0, 1.0));
            h = n + clamp(h - n, -0.5 * PI, 0.5 * PI);
            sum += weight * 0.25 * (-cos(2.0 * h - n) + cos(n) + 2.0 * h * sin(n));
        }
    }
    out_visibility = vec2(clamp(sum / float(SLICES), 0.0, 1.0), min(away, 6e4));
}
