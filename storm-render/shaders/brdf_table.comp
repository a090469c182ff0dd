#version 460
// What a surface reflects of a white sky: scale and bias of its F0, by n·v across and roughness down (Karis 2013); and what
// a white sheen does.
#extension GL_GOOGLE_include_directive : require
#include "environment.glsl"
#include "sheen.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant, scalar) uniform Push {
    Globals globals;
    Halves result;
    uint side;
};

const uint SAMPLES = 128u;
const uint SHEEN_SAMPLES = 256u;

// A fibre sends light far from any one direction: the whole hemisphere is sampled evenly.
float sheen(vec3 v, float roughness) {
    float alpha = max(roughness, SHEEN_ROUGHNESS_MIN) * max(roughness, SHEEN_ROUGHNESS_MIN);
    float sum = 0.0;
    for (uint i = 0u; i < SHEEN_SAMPLES; ++i) {
        vec2 u = hammersley(i, SHEEN_SAMPLES);
        float n_l = u.y + 0.5 / float(SHEEN_SAMPLES);
        float across = sqrt(max(1.0 - n_l * n_l, 0.0));
        float phi = 2.0 * PI * u.x;
        vec3 h = normalize(v + vec3(across * cos(phi), across * sin(phi), n_l));
        sum += sheen_distribution(h.z, alpha) * sheen_visibility(n_l, v.z, alpha) * n_l;
    }
    return min(2.0 * PI * sum / float(SHEEN_SAMPLES), 1.0);
}

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    if (max(at.x, at.y) >= side) {
        return;
    }
    // Texel centres reach from edge to edge of a table that is sampled with clamping.
    float n_v = max((float(at.x) + 0.5) / float(side), 1e-3);
    float roughness = (float(at.y) + 0.5) / float(side);
    float alpha = max(roughness * roughness, 1e-4);
    vec3 v = vec3(sqrt(1.0 - n_v * n_v), 0.0, n_v);
    vec2 sum = vec2(0.0);
    for (uint i = 0u; i < SAMPLES; ++i) {
        vec3 h = sample_half(hammersley(i, SAMPLES), alpha);
        float v_h = max(dot(v, h), 0.0);
        float n_l = 2.0 * v_h * h.z - v.z;
        if (n_l <= 0.0) {
            continue;
        }
        float a2 = alpha * alpha;
        float masking = 0.5 / (n_v * sqrt(n_l * n_l * (1.0 - a2) + a2) + n_l * sqrt(n_v * n_v * (1.0 - a2) + a2));
        float weight = 4.0 * masking * n_l * v_h / max(h.z, 1e-6);
        float fresnel = pow(1.0 - v_h, 5.0);
        sum += weight * vec2(1.0 - fresnel, fresnel);
    }
    sum /= float(SAMPLES);
    result.at[at.y * side + at.x] = to_halves(vec3(sum, sheen(v, roughness)));
}
