// What a frame has for clusters: views, queues, and lists of what is drawn. Mirrors `src/clusters/frame.rs`. Needs common.glsl,
// cull.glsl, cluster_data.glsl and cluster.glsl.

// A view that clusters are chosen for.
struct ClusterView {
    mat4 clip_from_relative;
    vec4 planes[6];     // unit normals towards the inside
    vec3 eye;           // relative to the camera; where there is none, the direction back towards it
    float near;         // metres; 0 where the view is orthographic
    vec2 extent;        // pixels
    float scale;        // pixels of a metre at distance 1
    float threshold;    // pixels that surfaces may be off by
    vec4 rect;          // of shadow maps: scale and offset from −1…1 to −1…1 of the atlas
};

struct ClusterInstance {
    uint slot;
    uint mesh;  // number in `meshes`, from bit 24 on INSTANCE_BOTH_SIDES and INSTANCE_MIRRORED
};
const uint INSTANCE_MESH_MASK = 0xffffffu;
const uint INSTANCE_BOTH_SIDES = 1u << 24u;
const uint INSTANCE_MIRRORED = 1u << 25u;

// A queue or list: the groups that work through it, how many there are (more than there is room for where some were left out), and
// the command that draws it.
struct ClusterWork {
    uvec3 groups;
    uint count;
    uint vertices;
    uint instances;
    uint first_vertex;
    uint first_instance;
};

// Entries of `work`.
const uint NODES_FIRST = 0u;    // by level of the hierarchy, 18 of them
const uint NODES_SECOND = 18u;  // the same of the second phase; the first of these are those that were hidden
const uint GROUPS_FIRST = 36u;
const uint GROUPS_SECOND = 37u;
const uint HIDDEN = 38u;        // clusters that were hidden in the first phase
const uint VISIBLE = 39u;
const uint LARGE_FIRST = 40u;   // what is drawn, by phase: by the rasteriser or mesh shaders, and by compute
const uint SMALL_FIRST = 41u;
const uint LARGE_SECOND = 42u;
const uint SMALL_SECOND = 43u;
const uint SUN = 44u;           // into shadow maps
const uint LIGHTS = 45u;
const uint TRIANGLES = 46u;     // `count`: of the camera; `vertices`: of shadow maps
const uint INCOMPLETE = 47u;    // all instances, where some of them did not find room
const uint ROOTS = 48u;         // what is drawn of those
const uint ASKED = 49u;         // pages
const uint WORK = 50u;

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer ClusterViews { ClusterView at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer ClusterInstances { ClusterInstance at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly buffer ClusterMeshes { ClusterMesh at[]; }; // addresses
layout(buffer_reference, scalar, buffer_reference_align = 16) buffer ClusterWorks { ClusterWork at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer ClusterItems { uvec2 at[]; };

// A page that a frame has use for, whether it is there or not.
struct AskedPage {
    uint mesh;
    uint page;
    uint urgency; // ASKED_URGENCY bits
    uint pad;
};
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer AskedPages { AskedPage at[]; };
// How many times the allowed error would be seen without it, as a logarithm to base 2 in steps of 1/64.
const uint ASKED_URGENCY = 12u;

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer ClusterFrame {
    ClusterViews views;        // the camera's, each shadow map's, and the camera's of the frame before
    ClusterInstances instances;
    ClusterMeshes meshes;
    ClusterWorks work;
    ClusterItems nodes;        // three queues of `node_room`: by parity of the level, and what was hidden
    ClusterItems groups;       // two of `group_room`: by phase
    VisibleClusters hidden;    // `cluster_room`
    VisibleClusters visible;   // `cluster_room`, and `root_room` for instances that did not find room
    WordsOut lists;            // four of `cluster_room`, numbers in `visible`: as LARGE_FIRST and the next; and `root_room`
    VisibleClusters shadows;   // two of `shadow_room`
    WordsOut incomplete;       // by slot: whether something of an instance found no room
    AskedPages asked;          // `asked_room`
    Floats hiz;
    ClusterPixels pixels;
    uint instance_count;
    uint view_count;           // that are chosen for
    uint flags;                // CLUSTERS_FRUSTUM and CLUSTERS_OCCLUSION
    uint cascades;
    uint node_room;
    uint group_room;
    uint cluster_room;
    uint shadow_room;
    uint root_room;
    uint asked_room;
    float split;               // pixels: clusters with longer edges are drawn as large
    uint frame;                // counts up, 20 bits
};
// What is out of view is left out; what is hidden too.
const uint CLUSTERS_FRUSTUM = 1u;
const uint CLUSTERS_OCCLUSION = 2u;
// The hierarchical depth buffer has what the frame before left.
const uint CLUSTERS_BEFORE = 4u;
// The rasteriser cuts triangles at the edges of the picture: an edge that crosses them is drawn by it on both sides, so that no crack opens.
const uint CLUSTERS_CUT = 8u;

// Groups along x: what every device runs.
const uint ROW = 32768u;
