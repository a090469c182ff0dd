#version 460
// The sky's irradiance over π as nine spherical harmonics (Ramamoorthi and Hanrahan 2001), basis constants folded in.
#extension GL_GOOGLE_include_directive : require
#include "environment.glsl"

layout(local_size_x = 64) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Coefficients { vec3 at[9]; };

layout(push_constant, scalar) uniform Push {
    Globals globals;
    Coefficients result;
    uint side;   // texels along a face at `level`
    uint source; // slot of the unfiltered cube
    float level;
};

shared vec3 sums[64][9];

void main() {
    uint me = gl_LocalInvocationIndex;
    vec3 sum[9];
    for (int k = 0; k < 9; ++k) {
        sum[k] = vec3(0.0);
    }
    uint texels = 6u * side * side;
    for (uint i = me; i < texels; i += 64u) {
        uvec3 at = uvec3(i % side, i / side % side, i / (side * side));
        vec3 d = cube_direction(at, side);
        vec2 p = (vec2(at.xy) + 0.5) / float(side) * 2.0 - 1.0;
        // The solid angle of a texel: the area over the cube of its distance.
        float solid_angle = 4.0 / float(side * side) * cube_weight(p);
        vec4 seen = textureLod(samplerCube(cubes[source], samplers[globals.clamp_sampler]), d, level);
        vec3 light = of_weighted(seen) * solid_angle;
        sum[0] += light;
        sum[1] += light * d.y;
        sum[2] += light * d.z;
        sum[3] += light * d.x;
        sum[4] += light * (d.x * d.y);
        sum[5] += light * (d.y * d.z);
        sum[6] += light * (3.0 * d.z * d.z - 1.0);
        sum[7] += light * (d.x * d.z);
        sum[8] += light * (d.x * d.x - d.y * d.y);
    }
    for (int k = 0; k < 9; ++k) {
        sums[me][k] = sum[k];
    }
    barrier();
    if (me < 9u) {
        vec3 total = vec3(0.0);
        for (int i = 0; i < 64; ++i) {
            total += sums[i][me];
        }
        // Squared basis constant × the cosine lobe's factor (π, 2π/3, π/4) / π.
        const float band[9] = float[9](
            1.0 / (4.0 * PI),
            1.0 / (2.0 * PI), 1.0 / (2.0 * PI), 1.0 / (2.0 * PI),
            15.0 / (16.0 * PI), 15.0 / (16.0 * PI), 5.0 / (64.0 * PI), 15.0 / (16.0 * PI), 15.0 / (64.0 * PI));
        result.at[me] = total * band[me];
    }
}
