#version 460
// Depth, and how surfaces have moved, from the visibility buffer. The depth test keeps what is nearer already.
#extension GL_GOOGLE_include_directive : require
#include "common.glsl"
#include "cull.glsl"
#include "cluster_data.glsl"
#include "cluster.glsl"
#include "cluster_frame.glsl"
#include "motion.glsl"

layout(constant_id = 0) const uint MOTION = 0u;

layout(push_constant, scalar) uniform Push { Globals globals; ClusterFrame frame; Motion motion; };
layout(location = 0) out vec2 out_motion;

vec3 along(InstanceTransform t, vec3 origin, vec3 v) {
    vec4 p = vec4(v, 1.0);
    return vec3(dot(t.rows[0], p), dot(t.rows[1], p), dot(t.rows[2], p)) + origin;
}

void main() {
    vec2 extent = frame.views.at[0].extent;
    uint64_t value = frame.pixels.at[uint(gl_FragCoord.y) * uint(extent.x) + uint(gl_FragCoord.x)];
    if (value == 0ul) {
        discard;
    }
    uvec2 parts = unpackUint2x32(value);
    float depth = uintBitsToFloat(parts.y);
    gl_FragDepth = depth;
    out_motion = vec2(0.0);
    if (MOTION != 0u) {
        uint slot = frame.visible.at[parts.x >> 7u].slot;
        vec4 p = globals.relative_from_clip * vec4(gl_FragCoord.xy / extent * 2.0 - 1.0, depth, 1.0);
        vec3 relative = p.xyz / p.w;
        InstanceTransform t = globals.transforms.at[slot];
        InstanceTransform before = motion.previous_transforms.at[slot];
        vec3 origin = vec3(t.cell - globals.camera_cell) * CELL_SIZE - globals.camera_translation;
        vec3 origin_before = vec3(before.cell - motion.previous_cell) * CELL_SIZE - motion.previous_translation;
        // To the space of the mesh and back: where the same place of the surface was.
        mat3 m = transpose(mat3(t.rows[0].xyz, t.rows[1].xyz, t.rows[2].xyz));
        vec3 local = inverse(m) * (relative - origin - vec3(t.rows[0].w, t.rows[1].w, t.rows[2].w));
        vec3 clip = (motion.clip_from_relative * vec4(relative, 1.0)).xyw;
        vec3 clip_before = (motion.previous_clip_from_relative * vec4(along(before, origin_before, local), 1.0)).xyw;
        out_motion = 0.5 * (clip.xy / clip.z - clip_before.xy / clip_before.z);
    }
}
