// Pulling a vertex by address. The depth pass and the colour pass both place vertices by these functions alone, so that
// they agree to the last bit. Needs common.glsl.

invariant gl_Position;

struct Vertex {
    InstanceTransform transform;
    InstanceMeta meta;
    MeshInfo mesh;
    vec3 relative; // metres from the camera, world axes
};

// `visible` holds slots by instance index.
Vertex pull_vertex(Globals globals, Words visible) {
    Vertex vertex;
    uint slot = visible.at[gl_InstanceIndex];
    vertex.transform = globals.transforms.at[slot];
    vertex.meta = globals.metas.at[slot];
    vertex.mesh = globals.meshes.at[vertex.meta.mesh];
    InstanceTransform t = vertex.transform;
    Words words = globals.vertices;
    uint p = vertex.mesh.positions + 3u * uint(gl_VertexIndex);
    precise vec4 position = vec4(uintBitsToFloat(uvec3(words.at[p], words.at[p + 1u], words.at[p + 2u])), 1.0);
    // Cells subtract exactly in integers: what is left is small wherever the camera is.
    precise vec3 origin = vec3(t.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
    precise vec3 relative = vec3(dot(t.rows[0], position), dot(t.rows[1], position), dot(t.rows[2], position)) + origin;
    vertex.relative = relative;
    return vertex;
}

vec4 clip_position(Globals globals, vec3 relative) {
    precise vec4 clip = globals.clip_from_relative * vec4(relative, 1.0);
    return clip;
}
