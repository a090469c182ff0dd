#version 460
// How urgent the pages are that a frame has use for, once all have asked.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "cluster_select.glsl"

layout(local_size_x = 64) in;

void main() {
    uint index = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 64u + gl_LocalInvocationID.x;
    if (index >= queued(ASKED, frame.asked_room)) {
        return;
    }
    AskedPage asked = frame.asked.at[index];
    ClusterMesh mesh = frame.meshes.at[asked.mesh];
    // From 0 again: other renderers of the scene count frames of their own, and counts begin again.
    uint word = atomicExchange(WordsOut(mesh.asked).at[asked.page], 0u);
    frame.asked.at[index].urgency = word & ((1u << ASKED_URGENCY) - 1u);
}
