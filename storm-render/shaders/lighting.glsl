// Shadows and light lists of a frame. Needs common.glsl.

// A view of a light: where its map lies in the atlas, and how wide a texel is.
struct ShadowView {
    mat4 clip_from_relative;
    vec4 rect;        // scale and offset from −1…1 to coordinates of the atlas
    float texel;      // metres a texel: at the light's range for perspective, everywhere for the sun
    float size;       // texels along a side
    float perspective; // 1 where a texel grows with distance
    float range;       // metres
};

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer ShadowViews { ShadowView at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer ClusterWords { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer ClusterBounds { uvec2 at[]; };

const uvec3 CLUSTERS = uvec3(16u, 9u, 24u);
const float CLUSTER_NEAR = 0.5;
const float CLUSTER_FAR = 1000.0;

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Lighting {
    ShadowViews shadows;
    ClusterWords clusters;       // of each cluster: summary words, then a bit a light
    ClusterBounds cluster_bounds; // of each light: the tiles and slices that it reaches
    vec3 forward;
    uint cascades;
    vec2 extent;                 // pixels
    uint light_words;            // words of a bit a light
    uint summary_words;          // words of a bit a word
};

uint cluster_stride(Lighting lighting) {
    return lighting.light_words + lighting.summary_words;
}

uint cluster_slice(float depth) {
    if (depth < CLUSTER_NEAR) {
        return 0u;
    }
    float steps = float(CLUSTERS.z - 1u);
    return min(1u + uint(log2(depth / CLUSTER_NEAR) * steps / log2(CLUSTER_FAR / CLUSTER_NEAR)), CLUSTERS.z - 1u);
}

uint cluster_of(Lighting lighting, vec2 pixel, float depth) {
    uvec2 tile = min(uvec2(pixel * vec2(CLUSTERS.xy) / lighting.extent), CLUSTERS.xy - 1u);
    return (cluster_slice(depth) * CLUSTERS.y + tile.y) * CLUSTERS.x + tile.x;
}
