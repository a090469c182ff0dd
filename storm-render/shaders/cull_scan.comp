#version 460
// From sums of blocks to sums of all blocks before, of one list a workgroup.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    Globals globals;
    CullInfo info;
    uint first_list;
};

shared uint part[256];

void main() {
    uint i = gl_LocalInvocationID.x;
    uint start = sums_start(info, first_list + gl_WorkGroupID.x);
    uint count = blocks(info);
    uint before = 0u;
    for (uint base = 0u; base < count; base += 256u) {
        uint own = base + i < count ? info.sums.at[start + base + i] : 0u;
        part[i] = own;
        barrier();
        for (uint reach = 1u; reach < 256u; reach *= 2u) {
            uint other = i >= reach ? part[i - reach] : 0u;
            barrier();
            part[i] += other;
            barrier();
        }
        if (base + i < count) {
            info.sums.at[start + base + i] = before + part[i] - own;
        }
        before += part[255];
        barrier();
    }
    if (i == 0u) {
        info.sums.at[start + count] = before;
    }
}
