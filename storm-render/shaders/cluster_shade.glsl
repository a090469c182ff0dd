// Shading of the visibility buffer: what its passes share. Needs common.glsl, cluster_data.glsl and cluster.glsl.
// `src/clusters/shade.rs` lays the buffers out.

// Kinds of shading: combinations of six layers.
const uint BINS = 64u;

// Pixels by bin. `starts` are those of what is sorted; `ends` are moved while pixels are sorted in.
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Bins {
    uint counts[BINS];
    uint starts[BINS];
    uint ends[BINS];
    uvec3 groups[BINS]; // VkDispatchIndirectCommand
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Pixels { uint at[]; }; // y << 16 | x

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer ShadeInfo {
    ClusterPixels visibility;
    VisibleClusters clusters;
    Bins bins;
    Pixels pixels;
    uvec2 extent;
};

layout(push_constant, scalar) uniform Push {
    Globals globals;
    ShadeInfo info;
    uint bin; // of what is shaded; for listing, whether there is one alone
};
const uint ONLY_ONE = 1u;

// Pixels that a workgroup of `cluster_shade.comp` shades.
const uint SHADED_BY_GROUP = 64u;

// Layers without those that no pixel of the visibility buffer has (more UV sets, transmission), as a number of BINS.
uint bin_of(uint layers) {
    return (layers & 1u) | (layers >> 1 & 62u);
}
