// Culling on the GPU. Candidates are instances in the order in which they would be drawn; each list keeps that order, so
// that a picture does not depend on what was culled. Needs common.glsl.
//
// Four dispatches: `cull_test` gives a bit a candidate and a sum a block of 256, `cull_scan` sums the sums,
// `cull_instances` writes the slots that are left and `cull_commands` the commands that are left.

const uint BLOCK = 256u;

// A view that is culled for. Camera-relative, as everything.
struct CullView {
    mat4 clip_from_relative;
    vec2 extent;      // pixels
    float small;      // pixels below which an instance is dropped; 0 keeps all that could be seen
    uint sample_grid; // samples lie on lines this many to a pixel; 0 where that is not known
    float level_scale; // square of how many times the allowed error a metre at distance 1 is
    uvec3 pad;
};

// VkDrawIndexedIndirectCommand.
struct Command {
    uint index_count;
    uint instance_count;
    uint first_index;
    int vertex_offset;
    uint first_instance;
};

// A box around a mesh, metres, in its own space.
struct MeshBox {
    vec3 low;
    uint flags;
    vec3 high;
    uint errors; // of coarser levels, metres: where in the vertex arena
};
const uint BOX_LEVELS_SHIFT = 8u; // from this bit on: how many coarser levels there are
// A candidate is a slot, and from this bit on a level of its mesh.
const uint LEVEL_SHIFT = 28u;
const uint SLOT_MASK = (1u << LEVEL_SHIFT) - 1u;
const uint BOX_THIN = 1u; // lines and points: as wide as a pixel, whatever their size

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer CullViews { CullView at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Commands { Command at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer CommandsOut { Command at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Ranges { uvec2 at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Boxes { MeshBox at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer WordsOut { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats { float at[]; };

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer CullInfo {
    CullViews views;
    Words candidates;     // slots, each as often as its mesh has levels
    Commands commands;
    Ranges ranges;        // first command and number of commands
    Boxes boxes;          // by mesh
    WordsOut bits;        // of a list: a bit a candidate
    WordsOut sums;        // of a list: candidates left before each block, and in all
    WordsOut slots;       // of a list: the slots left
    CommandsOut commands_left;
    WordsOut counts;      // of a list: commands left of each range
    Floats hiz;
    WordsOut seen;        // by slot: whether it was seen in the frame before
    WordsOut report;      // counters that the CPU reads
    uint candidate_count;
    uint solid_count;     // candidates before the blended ones
    uint range_count;
    uint candidate_stride; // words of a list, for each kind
    uint command_stride;
    uint range_stride;
    uint solid_ranges;     // ranges before the blended ones
    uint pad;
};

uint blocks(CullInfo info) {
    return (info.candidate_count + BLOCK - 1u) / BLOCK;
}

uint bits_start(CullInfo info, uint list) {
    return list * (info.candidate_stride / 32u);
}

uint sums_start(CullInfo info, uint list) {
    return list * (info.candidate_stride / BLOCK + 1u);
}

// How many candidates of a list are left before this one.
uint rank(CullInfo info, uint list, uint candidate) {
    uint block = candidate / BLOCK;
    uint sum = info.sums.at[sums_start(info, list) + block];
    uint word = block * (BLOCK / 32u);
    uint bits = bits_start(info, list);
    for (; word < candidate / 32u; ++word) {
        sum += bitCount(info.bits.at[bits + word]);
    }
    uint rest = candidate % 32u;
    if (rest != 0u) {
        sum += bitCount(info.bits.at[bits + word] & ((1u << rest) - 1u));
    }
    return sum;
}

// The hierarchical depth buffer: level k holds, for each 2^k × 2^k pixels, the farthest depth there. From level 1 on.
uvec2 hiz_size(uvec2 extent, uint level) {
    return (extent + (1u << level) - 1u) >> level;
}

uint hiz_start(uvec2 extent, uint level) {
    uint start = 0u;
    for (uint k = 1u; k < level; ++k) {
        uvec2 size = hiz_size(extent, k);
        start += size.x * size.y;
    }
    return start;
}
