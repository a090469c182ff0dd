#version 460
// Where the pixels of each kind of shading begin, and how many workgroups shade them.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_shade.glsl"

layout(local_size_x = 64) in;

void main() {
    uint index = gl_LocalInvocationIndex;
    uint start = 0u;
    for (uint i = 0u; i < index; ++i) {
        start += info.bins.counts[i];
    }
    info.bins.starts[index] = start;
    info.bins.ends[index] = start;
    uint groups = (info.bins.counts[index] + SHADED_BY_GROUP - 1u) / SHADED_BY_GROUP;
    // Pictures of many millions of pixels need more groups than there are along one axis.
    info.bins.groups[index] = uvec3(min(groups, 32768u), (groups + 32767u) / 32768u, 1u);
}
