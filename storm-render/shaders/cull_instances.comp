#version 460
// The slots that are left, in the order of the candidates.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    Globals globals;
    CullInfo info;
    uint first_list;
};

void main() {
    uint candidate = gl_GlobalInvocationID.x;
    uint list = first_list + gl_WorkGroupID.y;
    if (candidate >= info.candidate_count) {
        return;
    }
    uint word = info.bits.at[bits_start(info, list) + candidate / 32u];
    if ((word & (1u << (candidate % 32u))) != 0u) {
        info.slots.at[list * info.candidate_stride + rank(info, list, candidate)] = info.candidates.at[candidate] & SLOT_MASK;
    }
}
