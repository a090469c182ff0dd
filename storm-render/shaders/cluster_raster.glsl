// A pixel of a cluster into the visibility buffer: the nearest stays. Needs ID, how the triangle's number comes in.
#extension GL_EXT_shader_atomic_int64 : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"

layout(push_constant, scalar) uniform Push { Globals globals; ClusterFrame frame; };
layout(location = 0) ID flat in uvec2 in_id; // and whether the triangle has both sides

void main() {
    if (in_id.y == 0u && !gl_FrontFacing) {
        return;
    }
    uint pixel = uint(gl_FragCoord.y) * uint(frame.views.at[0].extent.x) + uint(gl_FragCoord.x);
    uint64_t value = packUint2x32(uvec2(in_id.x, floatBitsToUint(gl_FragCoord.z)));
    if (frame.pixels.at[pixel] < value) {
        atomicMax(frame.pixels.at[pixel], value);
    }
}
