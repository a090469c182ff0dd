// One vertex of an instance, pulled by address, with all its attributes. `PLACE` puts it on the screen or into a map.
// Needs common.glsl and vertex.glsl, `globals` and `visible`.

layout(location = 0) out vec3 out_relative; // metres from the camera, world axes
layout(location = 1) out vec3 out_normal;
layout(location = 2) out vec4 out_tangent;
layout(location = 3) out vec4 out_uv;
layout(location = 4) out vec4 out_color;
layout(location = 5) flat out uvec2 out_material_and_flags;

invariant gl_Position;

#ifdef WIDE
// UVs beyond the two that all materials have.
layout(location = 9) out vec4 out_uv_2;
layout(location = 10) out vec4 out_uv_4;
layout(location = 11) out vec4 out_uv_6;
#endif

// A UV set of a mesh that has more than two: they lie one behind the other.
vec2 uv_at(MeshInfo mesh, Words words, uint set) {
    if (set >= mesh.flags >> 8) {
        return vec2(0.0);
    }
    uint at = mesh.uv0 + set * (mesh.uv1 - mesh.uv0) + 2u * uint(gl_VertexIndex);
    return uintBitsToFloat(uvec2(words.at[at], words.at[at + 1u]));
}

vec3 unpack_direction(uint word) {
    return octahedral(unpackSnorm2x16(word));
}

void main() {
    Vertex vertex = pull_vertex(globals, visible);
    InstanceTransform t = vertex.transform;
    InstanceMeta meta = vertex.meta;
    MeshInfo mesh = vertex.mesh;
    Words words = globals.vertices;
    uint v = uint(gl_VertexIndex);
    vec3 relative = vertex.relative;
    gl_Position = PLACE(relative);
    gl_PointSize = 1.0;
    out_relative = relative;
#ifdef WITH_SLOT
    out_slot = visible.at[gl_InstanceIndex];
#endif
#ifdef WITHOUT_MOTION
    out_now = vec3(0.0, 0.0, 1.0);
    out_before = out_now;
#endif
#ifdef WITH_MOTION
    out_now = (motion.clip_from_relative * vec4(relative, 1.0)).xyw;
    out_before = previous_clip(globals, motion, visible, mesh);
#endif

    // Columns of the linear part; normals go by its cofactors, turned round when it mirrors.
    vec3 x = vec3(t.rows[0].x, t.rows[1].x, t.rows[2].x);
    vec3 y = vec3(t.rows[0].y, t.rows[1].y, t.rows[2].y);
    vec3 z = vec3(t.rows[0].z, t.rows[1].z, t.rows[2].z);
    vec3 yz = cross(y, z);
    float mirror = dot(x, yz) < 0.0 ? -1.0 : 1.0;
    out_normal = vec3(0.0);
    out_tangent = vec4(0.0);
    if (mesh.normals != NONE) {
        vec3 n = unpack_direction(words.at[mesh.normals + v]);
        vec3 world = n.x * yz + n.y * cross(z, x) + n.z * cross(x, y);
        out_normal = mirror * world * inversesqrt(max(dot(world, world), 1e-30));
    }
    if (mesh.tangents != NONE) {
        uint word = words.at[mesh.tangents + v];
        vec3 tangent = unpack_direction(word & ~1u);
        vec3 world = tangent.x * x + tangent.y * y + tangent.z * z;
        float side = (word & 1u) == 0u ? 1.0 : -1.0;
        out_tangent = vec4(world * inversesqrt(max(dot(world, world), 1e-30)), side * mirror);
    }
    out_uv = vec4(0.0);
    if (mesh.uv0 != NONE) {
        out_uv.xy = uintBitsToFloat(uvec2(words.at[mesh.uv0 + 2u * v], words.at[mesh.uv0 + 2u * v + 1u]));
    }
    if (mesh.uv1 != NONE) {
        out_uv.zw = uintBitsToFloat(uvec2(words.at[mesh.uv1 + 2u * v], words.at[mesh.uv1 + 2u * v + 1u]));
    }
#ifdef WIDE
    out_uv_2 = vec4(0.0);
    out_uv_4 = vec4(0.0);
    out_uv_6 = vec4(0.0);
#endif
    uint layers = mesh.flags >> 8 == 0u ? NONE : globals.materials.at[meta.material].layers;
    if (layers != NONE) {
        // The mesh has more than two sets, and the material says which reach fragments.
        uvec2 sets = globals.layers.at[layers].uv_sets;
        out_uv.xy = uv_at(mesh, words, sets.x & 255u);
        out_uv.zw = uv_at(mesh, words, sets.x >> 8 & 255u);
#ifdef WIDE
        out_uv_2 = vec4(uv_at(mesh, words, sets.x >> 16 & 255u), uv_at(mesh, words, sets.x >> 24));
        out_uv_4 = vec4(uv_at(mesh, words, sets.y & 255u), uv_at(mesh, words, sets.y >> 8 & 255u));
        out_uv_6 = vec4(uv_at(mesh, words, sets.y >> 16 & 255u), uv_at(mesh, words, sets.y >> 24));
#endif
    }
    out_color = vec4(1.0);
    if (mesh.colors != NONE) {
        out_color = vec4(unpackUnorm2x16(words.at[mesh.colors + 2u * v]),
                         unpackUnorm2x16(words.at[mesh.colors + 2u * v + 1u]));
    }
    out_material_and_flags = uvec2(meta.material, mesh.flags);
}
