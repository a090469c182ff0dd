// Where a vertex was in the frame before. Needs common.glsl, vertex.glsl and motion.glsl.

// Clip coordinates (x, y, w) of a vertex in the frame before.
vec3 previous_clip(Globals globals, Motion motion, Words visible, MeshInfo mesh) {
    InstanceTransform t = motion.previous_transforms.at[visible.at[gl_InstanceIndex]];
    Words words = globals.vertices;
    uint p = mesh.previous + 3u * uint(gl_VertexIndex);
    vec4 position = vec4(uintBitsToFloat(uvec3(words.at[p], words.at[p + 1u], words.at[p + 2u])), 1.0);
    vec3 origin = vec3(t.cell - motion.previous_cell) * CELL_SIZE - motion.previous_translation;
    vec3 relative = vec3(dot(t.rows[0], position), dot(t.rows[1], position), dot(t.rows[2], position)) + origin;
    return (motion.previous_clip_from_relative * vec4(relative, 1.0)).xyw;
}
