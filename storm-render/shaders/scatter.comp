#version 460
// Brings transforms to their slots, wherever these are: a quarter of a row an invocation, so that neighbours read and write
// neighbouring bytes.
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x = 256) in;

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Rows { uvec4 at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Slots { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) writeonly buffer Table { uvec4 at[]; };

layout(push_constant, scalar) uniform Push {
    Rows rows;
    Slots slots;
    Table table;
    uint count;
};

void main() {
    uint quarter = gl_GlobalInvocationID.x;
    uint row = quarter / 4u;
    if (row < count) {
        table.at[slots.at[row] * 4u + quarter % 4u] = rows.at[quarter];
    }
}
