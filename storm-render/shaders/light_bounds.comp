#version 460
// The tiles and slices of the view that each light reaches.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "lighting.glsl"

layout(local_size_x = 64) in;
layout(push_constant, scalar) uniform Push { Globals globals; Lighting lighting; };

// First and last tile along an axis of what reaches `r` around `at`, in clip units, at a depth of w_low to w_high.
uvec2 tiles(float at, float r, float w_low, float w_high, uint count) {
    float low = (at - r) / (at - r < 0.0 ? w_low : w_high);
    float high = (at + r) / (at + r > 0.0 ? w_low : w_high);
    // A little more, for rounding.
    float a = (low * 0.5 + 0.5) * float(count) - 0.01;
    float b = (high * 0.5 + 0.5) * float(count) + 0.01;
    if (b < 0.0 || a >= float(count)) {
        return uvec2(1u, 0u);
    }
    return uvec2(clamp(a, 0.0, float(count - 1u)), clamp(b, 0.0, float(count - 1u)));
}

void main() {
    uint i = gl_GlobalInvocationID.x;
    if (i >= globals.light_count) {
        return;
    }
    PunctualLight light = globals.lights.at[i];
    vec3 at = vec3(light.cell - globals.camera_cell) * CELL_SIZE + light.translation - globals.camera_translation;
    float range = light.range * 1.001;
    float depth = dot(at, lighting.forward);
    uvec2 x = uvec2(0u, CLUSTERS.x - 1u), y = uvec2(0u, CLUSTERS.y - 1u), z = uvec2(0u, CLUSTERS.z - 1u);
    if (range < 1e6) {
        z = uvec2(cluster_slice(depth - range), cluster_slice(depth + range));
        mat4 rows = transpose(globals.clip_from_relative);
        float w = dot(rows[3], vec4(at, 1.0));
        float w_reach = length(rows[3].xyz) * range;
        if (w - w_reach > 1e-3) {
            x = tiles(dot(rows[0], vec4(at, 1.0)), length(rows[0].xyz) * range, w - w_reach, w + w_reach, CLUSTERS.x);
            y = tiles(dot(rows[1], vec4(at, 1.0)), length(rows[1].xyz) * range, w - w_reach, w + w_reach, CLUSTERS.y);
        } else if (w + w_reach < 0.0) {
            x = uvec2(1u, 0u);
        }
    }
    lighting.cluster_bounds.at[i] = uvec2(x.x | x.y << 8 | y.x << 16 | y.y << 24, z.x | z.y << 8);
}
