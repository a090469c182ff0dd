#version 460
// The sky on the faces of a cube, as half floats, for image-based light.
#extension GL_GOOGLE_include_directive : require
#include "environment.glsl"
#include "sky.glsl"

layout(local_size_x = 8, local_size_y = 8) in;

layout(push_constant, scalar) uniform Push {
    Globals globals;
    Halves result;
    uint side;
};

// Along a side of a texel, of a picture.
const uint SAMPLES = 4u;

void main() {
    uvec3 at = gl_GlobalInvocationID;
    if (max(at.x, at.y) >= side) {
        return;
    }
    vec3 radiance = vec3(0.0);
    if (globals.sky.kind == SKY_PICTURE) {
        // The mean over the texel, of the level whose pixels are as wide as what lies between two samples.
        float columns = float(textureSize(sampler2D(images[globals.sky.picture], samplers[globals.sky.picture_sampler]), 0).x);
        float level = max(log2(columns / float(4u * side * SAMPLES)), 0.0);
        for (uint i = 0u; i < SAMPLES * SAMPLES; ++i) {
            vec2 within = (vec2(i % SAMPLES, i / SAMPLES) + 0.5) / float(SAMPLES);
            vec2 p = (vec2(at.xy) + within) / float(side) * 2.0 - 1.0;
            radiance += picture_radiance(globals.sky, cube_direction(p, at.z), level);
        }
        radiance /= float(SAMPLES * SAMPLES);
    } else {
        radiance = sky_radiance(globals.sky, cube_direction(at, side));
    }
    result.at[(at.z * side + at.y) * side + at.x] = to_weighted_halves(radiance, cube_weight((vec2(at.xy) + 0.5) / float(side) * 2.0 - 1.0));
}
