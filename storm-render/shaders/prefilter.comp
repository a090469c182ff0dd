#version 460
// One level of the prefiltered sky: what a surface of one roughness reflects (Karis 2013), each sample from the mip
// level that its solid angle covers (Křivánek and Colbert 2008).
#extension GL_GOOGLE_include_directive : require
#include "environment.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant, scalar) uniform Push {
    Globals globals;
    Halves result;
    uint side;
    uint source;      // slot of the unfiltered cube
    uint source_side;
    float roughness;
};

const uint SAMPLES = 64u;

void main() {
    uvec3 at = gl_GlobalInvocationID;
    if (max(at.x, at.y) >= side) {
        return;
    }
    vec3 n = cube_direction(at, side);
    vec3 up = abs(n.y) < 0.99 ? vec3(0.0, 1.0, 0.0) : vec3(1.0, 0.0, 0.0);
    vec3 t = normalize(cross(up, n));
    vec3 b = cross(n, t);
    float alpha = roughness * roughness;
    float texel = 4.0 * PI / (6.0 * float(source_side * source_side));
    vec3 sum = vec3(0.0);
    float weight = 0.0;
    for (uint i = 0u; i < SAMPLES; ++i) {
        vec3 h = sample_half(hammersley(i, SAMPLES), alpha);
        // With the eye along the normal, the light is the normal mirrored at the half vector.
        vec3 l = vec3(2.0 * h.z * h.xy, 2.0 * h.z * h.z - 1.0);
        if (l.z <= 0.0) {
            continue;
        }
        float f = h.z * h.z * (alpha * alpha - 1.0) + 1.0;
        float density = alpha * alpha / (PI * f * f) * 0.25;
        float solid_angle = 1.0 / (float(SAMPLES) * max(density, 1e-6));
        float level = roughness == 0.0 ? 0.0 : 0.5 * log2(solid_angle / texel) + 1.0;
        vec3 direction = t * l.x + b * l.y + n * l.z;
        vec4 seen = textureLod(samplerCube(cubes[source], samplers[globals.clamp_sampler]), direction, max(level, 0.0));
        sum += of_weighted(seen) * l.z;
        weight += l.z;
    }
    result.at[(at.z * side + at.y) * side + at.x] = to_halves(sum / max(weight, 1e-6));
}
