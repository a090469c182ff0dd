// What docs/clusters.md lays out of a vertex beside its place. Needs common.glsl and cluster_data.glsl.

// In the space of the mesh.
struct ClusterVertex {
    vec3 normal;
    vec4 tangent; // w 0: there is none
    vec4 uv;
    vec4 color;
};

// 24 bits as two signed fractions of 2047.
vec3 cluster_normal(uint bits) {
    ivec2 e = ivec2(bitfieldExtract(int(bits), 0, 12), bitfieldExtract(int(bits), 12, 12));
    return octahedral(max(vec2(e) / 2047.0, vec2(-1.0)));
}

// Ten bits of the angle about the normal in the frame of Duff et al. 2017, one of the side of the bitangent.
vec4 cluster_tangent(uint bits, vec3 n) {
    float side = n.z >= 0.0 ? 1.0 : -1.0;
    float a = -1.0 / (side + n.z), b = n.x * n.y * a;
    vec3 x = vec3(1.0 + side * n.x * n.x * a, side * b, -side * n.x);
    vec3 y = vec3(b, side + n.y * n.y * a, -n.y);
    float angle = float(bits & 1023u) * (2.0 * PI / 1024.0);
    return vec4(cos(angle) * x + sin(angle) * y, (bits & 1024u) == 0u ? 1.0 : -1.0);
}

ClusterVertex cluster_vertex(Words page, ClusterMesh mesh, Cluster cluster, uint vertex) {
    uvec4 bits = uvec4(cluster.uv_bits & 31u, cluster.uv_bits >> 5 & 31u, cluster.uv_bits >> 10 & 31u,
                       cluster.uv_bits >> 15 & 31u);
    bool normals = (mesh.flags & CLUSTER_NORMALS) != 0u, tangents = (mesh.flags & CLUSTER_TANGENTS) != 0u;
    bool colors = (mesh.flags & CLUSTER_COLORS) != 0u;
    uint stride = (normals ? 24u : 0u) + (tangents ? 11u : 0u) + bits.x + bits.y + bits.z + bits.w + (colors ? 32u : 0u);
    uint at = vertex * stride;
    ClusterVertex v;
    v.normal = vec3(0.0);
    v.tangent = vec4(0.0);
    v.uv = vec4(0.0);
    v.color = vec4(1.0);
    if (normals) {
        v.normal = cluster_normal(stream_bits(page, cluster.attributes, at, 24u));
        at += 24u;
    }
    if (tangents) {
        v.tangent = cluster_tangent(stream_bits(page, cluster.attributes, at, 11u), v.normal);
        at += 11u;
    }
    for (uint i = 0u; i < 4u; ++i) {
        if ((mesh.flags & (i < 2u ? CLUSTER_UV0 : CLUSTER_UV1)) != 0u) {
            int q = cluster.uv_base[i] + int(stream_bits(page, cluster.attributes, at, bits[i]));
            v.uv[i] = mesh.uv_origins[i >> 1][i & 1u] + mesh.uv_steps[i >> 1] * float(q);
            at += bits[i];
        }
    }
    if (colors) {
        vec4 c = unpackUnorm4x8(stream_bits(page, cluster.attributes, at, 32u));
        v.color = vec4(c.rgb * c.rgb, c.a);
    }
    return v;
}
