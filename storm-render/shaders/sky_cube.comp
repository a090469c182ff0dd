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

void main() {
    uvec3 at = gl_GlobalInvocationID;
    if (max(at.x, at.y) >= side) {
        return;
    }
    vec3 radiance = sky_radiance(globals.sky, cube_direction(at, side));
    result.at[(at.z * side + at.y) * side + at.x] = to_halves(radiance);
}
