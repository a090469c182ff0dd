#version 460
// Shading of the pixels of the visibility buffer that are of one kind: what scene.frag does, once a pixel.
#extension GL_GOOGLE_include_directive : require
#define COMPUTE
#include "common.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_shade.glsl"
#include "cluster_attributes.glsl"

layout(local_size_x = 64) in;
layout(set = 1, binding = 8, rgba16f) uniform writeonly image2D color_image;

#include "scene_fragment.glsl"

// How much of each corner there is `away` from the middle of a pixel, in clip units: homogeneous edge functions (Olano and
// Greer 1997). `corners` are x, y and w about that middle, so that little cancels. Also right where a triangle
// reaches behind the camera. Negative sums belong to triangles that are seen from behind.
vec3 edges(vec3 corners[3], vec2 away) {
    vec2 a = corners[0].xy - away * corners[0].z, b = corners[1].xy - away * corners[1].z;
    vec2 c = corners[2].xy - away * corners[2].z;
    return vec3(b.x * c.y - b.y * c.x, c.x * a.y - c.y * a.x, a.x * b.y - a.y * b.x);
}

vec3 weights(vec3 edges) {
    float sum = edges.x + edges.y + edges.z;
    return edges / (abs(sum) > 1e-37 ? sum : 1e-37);
}

void main() {
    uint index = gl_WorkGroupID.y * gl_NumWorkGroups.x * SHADED_BY_GROUP + gl_GlobalInvocationID.x;
    if (index >= info.bins.counts[bin]) {
        return;
    }
    uint packed = info.pixels.at[info.bins.starts[bin] + index];
    uvec2 at = uvec2(packed & 0xffffu, packed >> 16);
    uint seen = uint(info.visibility.at[at.y * info.extent.x + at.x]);
    VisibleCluster drawn = info.clusters.at[seen >> 7];
    InstanceTransform t = globals.transforms.at[drawn.slot];
    InstanceMeta meta = globals.metas.at[drawn.slot];
    ClusterMesh mesh = ClusterPage(drawn.page).mesh;
    Words page = Words(drawn.page);
    Cluster cluster = cluster_of_page(drawn.page, drawn.cluster & VISIBLE_CLUSTER);
    uvec3 corners = cluster_triangle(page, cluster, seen & 127u);

    vec3 origin = vec3(t.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
    vec2 middle = (vec2(at) + 0.5) / vec2(info.extent) * 2.0 - 1.0, pixel = 2.0 / vec2(info.extent);
    vec3 relative[3], about[3];
    for (uint i = 0u; i < 3u; ++i) {
        vec4 p = vec4(cluster_position(page, mesh, cluster, corners[i]), 1.0);
        relative[i] = vec3(dot(t.rows[0], p), dot(t.rows[1], p), dot(t.rows[2], p)) + origin;
        vec4 clip = globals.clip_from_relative * vec4(relative[i], 1.0);
        about[i] = vec3(clip.xy - middle * clip.w, clip.w);
    }
    vec3 here = edges(about, vec2(0.0));
    // Drawn with corners on a grid, a triangle reaches a little further than it does: there it ends as at its edge.
    vec3 w = clamp(weights(here), 0.0, 1.0);
    w /= w.x + w.y + w.z;
    // As derivatives of the hardware: how much differs in the neighbours, on the plane of this triangle.
    vec3 right = weights(edges(about, vec2(pixel.x, 0.0))) - weights(here);
    vec3 below = weights(edges(about, vec2(0.0, pixel.y))) - weights(here);

    vec3 x = vec3(t.rows[0].x, t.rows[1].x, t.rows[2].x);
    vec3 y = vec3(t.rows[0].y, t.rows[1].y, t.rows[2].y);
    vec3 z = vec3(t.rows[0].z, t.rows[1].z, t.rows[2].z);
    vec3 yz = cross(y, z);
    float mirror = dot(x, yz) < 0.0 ? -1.0 : 1.0;
    in_relative = vec3(0.0);
    in_normal = vec3(0.0);
    in_tangent = vec4(0.0);
    in_uv = vec4(0.0);
    in_color = vec4(0.0);
    relative_right = vec3(0.0);
    relative_below = vec3(0.0);
    uv_right = vec4(0.0);
    uv_below = vec4(0.0);
    for (uint i = 0u; i < 3u; ++i) {
        ClusterVertex v = cluster_vertex(page, mesh, cluster, corners[i]);
        in_relative += w[i] * relative[i];
        relative_right += right[i] * relative[i];
        relative_below += below[i] * relative[i];
        in_uv += w[i] * v.uv;
        uv_right += right[i] * v.uv;
        uv_below += below[i] * v.uv;
        in_color += w[i] * v.color;
        vec3 n = v.normal.x * yz + v.normal.y * cross(z, x) + v.normal.z * cross(x, y);
        in_normal += w[i] * mirror * n * inversesqrt(max(dot(n, n), 1e-30));
        vec3 along = v.tangent.x * x + v.tangent.y * y + v.tangent.z * z;
        in_tangent += w[i] * vec4(along * inversesqrt(max(dot(along, along), 1e-30)), v.tangent.w * mirror);
    }
    if ((mesh.flags & CLUSTER_TANGENTS) == 0u) {
        in_tangent = vec4(0.0);
    }
    // Fronts are counter-clockwise, and clip space is upside down.
    is_front = mirror * (here.x + here.y + here.z) < 0.0;
    in_material_and_flags = uvec2(meta.material, (mesh.flags & CLUSTER_UNLIT) != 0u ? MESH_UNLIT : 0u);
    in_slot = drawn.slot;
    level = cluster.level & 255u;
    pixel_at = vec2(at) + 0.5;
    shade();
    imageStore(color_image, ivec2(at), out_color);
}
