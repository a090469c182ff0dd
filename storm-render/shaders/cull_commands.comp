#version 460
// The commands that are left, those of one range a workgroup, in order; and how many they are.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"

layout(local_size_x = 64) in;

layout(push_constant, scalar) uniform Push {
    Globals globals;
    CullInfo info;
    uint first_list;
};

shared uint part[64];

void main() {
    uint i = gl_LocalInvocationID.x;
    uint range = gl_WorkGroupID.x;
    uint list = first_list + gl_WorkGroupID.y;
    uvec2 commands = info.ranges.at[range];
    uint out_start = list * info.command_stride + commands.x;
    uint left = 0u;
    for (uint base = 0u; base < commands.y; base += 64u) {
        Command command = Command(0u, 0u, 0u, 0, 0u);
        if (base + i < commands.y) {
            command = info.commands.at[commands.x + base + i];
            uint first = rank(info, list, command.first_instance);
            uint last = rank(info, list, command.first_instance + command.instance_count);
            command.first_instance = first;
            command.instance_count = last - first;
        }
        uint own = uint(command.instance_count != 0u);
        part[i] = own;
        barrier();
        for (uint reach = 1u; reach < 64u; reach *= 2u) {
            uint other = i >= reach ? part[i - reach] : 0u;
            barrier();
            part[i] += other;
            barrier();
        }
        if (own != 0u) {
            info.commands_left.at[out_start + left + part[i] - 1u] = command;
        }
        left += part[63];
        barrier();
    }
    // Devices that draw few commands at once are not told how many there are: the rest draw nothing.
    for (uint index = left + i; index < commands.y; index += 64u) {
        info.commands_left.at[out_start + index] = Command(0u, 0u, 0u, 0, 0u);
    }
    if (i == 0u) {
        info.counts.at[list * info.range_stride + range] = left;
    }
}
