// Layouts and helpers that every shader shares. The structures mirror `src/scene/layout.rs`; a test compares the two.
#ifndef COMMON_GLSL
#define COMMON_GLSL
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_nonuniform_qualifier : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

const float PI = 3.14159265358979;
const uint NONE = 0xffffffffu;
// Metres along a side of a world cell.
const float CELL_SIZE = 1024.0;

// One instance: a 3×4 matrix by rows, metres, relative to the corner of a cell.
struct InstanceTransform {
    vec4 rows[3];
    ivec3 cell;
    uint pad;
};

// What an instance is drawn with.
struct InstanceMeta {
    uint mesh;
    uint material;
};

// Where the attributes of a mesh start, in 32-bit words of the vertex arena; NONE where it has none.
struct MeshInfo {
    uint positions; // 3 floats
    uint normals;   // 2 × snorm16, octahedral
    uint tangents;  // 2 × snorm16, octahedral; the lowest bit is the sign of the bitangent
    uint uv0;       // 2 floats
    uint uv1;       // 2 floats
    uint colors;    // 4 × unorm16
    uint flags;     // MESH_UNLIT; from bit 8 on, the number of UV sets where there are more than two
    uint previous;  // positions in the frame before: those above, where nothing deforms them
};
const uint MESH_UNLIT = 1u;

struct TextureRef {
    uint image; // slot, or NONE
    uint how;   // slot of the sampler in 8 bits, which of the UVs that reach fragments in 4, number of a UvTransform in 20
};

// KHR_texture_transform: rows of an affine matrix. Number 0 is none.
struct UvTransform {
    vec3 rows[2];
};

struct MaterialInfo {
    vec4 base_color;
    vec3 emissive;
    float alpha_cutoff;
    float metallic;
    float roughness;
    float normal_scale;
    float occlusion_strength;
    TextureRef base_color_texture;
    TextureRef metallic_roughness_texture;
    TextureRef normal_texture;
    TextureRef occlusion_texture;
    TextureRef emissive_texture;
    uint flags;  // MATERIAL_UNLIT, MATERIAL_DOUBLE_SIDED; from bit 8 on its layers, as in src/scene/layers.rs
    uint layers; // number of a LayerInfo, or NONE
};
const uint MATERIAL_UNLIT = 1u;
const uint MATERIAL_DOUBLE_SIDED = 2u;

// What the layers of a material need beside: only materials that have some have one.
struct LayerInfo {
    uvec2 uv_sets;       // a byte each: the mesh's UV set that reaches fragments in this place
    uint flags;
    float ior;
    vec3 specular_color;
    float specular;
    vec3 sheen_color;
    float sheen_roughness;
    float clearcoat;
    float clearcoat_roughness;
    float clearcoat_normal_scale;
    float dielectric_f0; // of the IOR alone
    vec3 absorption;     // 1 / metres
    float thickness;     // metres in the space of the mesh
    float transmission;
    float dispersion;
    float anisotropy;
    float iridescence;
    vec2 anisotropy_rotation; // cosine and sine
    vec2 film_thickness; // nanometres: least and most
    float film_ior;
    uint pad;
    TextureRef textures[12];
};
// The mesh's tangents are not those of the coat's normal texture.
const uint COAT_HAS_OWN_FRAME = 1u;
// Places in LayerInfo::textures.
const uint SPECULAR_TEXTURE = 0u;
const uint SPECULAR_COLOR_TEXTURE = 1u;
const uint CLEARCOAT_TEXTURE = 2u;
const uint CLEARCOAT_ROUGHNESS_TEXTURE = 3u;
const uint CLEARCOAT_NORMAL_TEXTURE = 4u;
const uint SHEEN_COLOR_TEXTURE = 5u;
const uint SHEEN_ROUGHNESS_TEXTURE = 6u;
const uint TRANSMISSION_TEXTURE = 7u;
const uint THICKNESS_TEXTURE = 8u;
const uint ANISOTROPY_TEXTURE = 9u;
const uint IRIDESCENCE_TEXTURE = 10u;
const uint FILM_THICKNESS_TEXTURE = 11u;

// A light at a place. Candela for points and spots.
struct PunctualLight {
    vec3 translation; // within its cell
    float range;      // metres; infinite where there is no limit
    ivec3 cell;
    float spot_scale; // 1 / (cos inner − cos outer); 0 for points
    vec3 color;       // linear RGB × candela
    float spot_offset;
    vec3 direction;   // where a spot points
    uint shadow;      // first of its shadow views, or NONE
};

// The sky. Radiance is in the units of the sun's illuminance over π.
struct Sky {
    vec3 sun_direction; // towards the sun
    float sun_cos;      // cosine of the disc's angular radius
    vec3 sun_color;     // linear RGB illuminance on a surface facing the sun
    float haze;         // strength of the glow around the sun
    vec3 zenith;
    float cloud_cover;  // 0 clear to 1 overcast
    vec3 horizon;
    float cloud_scale;
    vec3 ground;
    float fog_density;  // 1 / metres
    vec3 cloud_light;
    float fog_height;   // metres in which fog thins to 1/e
    vec3 cloud_shade;
    uint seed;
    uint64_t atmosphere; // address of what atmosphere.glsl describes
    uint kind;           // where light comes from: SKY_GRADIENT and the rest
    uint picture;        // slot of an equirectangular picture
    uint picture_sampler;
    float picture_light; // what its radiance is multiplied by
    vec2 picture_turn;   // cosine and sine of how far it is turned about +Y
};
const uint SKY_GRADIENT = 0u;
const uint SKY_PICTURE = 1u;
const uint SKY_AIR = 2u;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Words { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Transforms { InstanceTransform at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Metas { InstanceMeta at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Meshes { MeshInfo at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Materials { MaterialInfo at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer LayerInfos { LayerInfo at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer UvTransforms { UvTransform at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Lights { PunctualLight at[]; };
// Nine coefficients of the sky's irradiance, in `irradiance()`'s basis.
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Harmonics { vec3 at[9]; };

// What holds for a whole frame.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer Globals {
    mat4 clip_from_relative; // from camera-relative metres, world axes
    mat4 relative_from_clip;
    vec4 eye;                // w 1: perspective; w 0: orthographic, xyz points back towards the camera
    ivec3 camera_cell;
    float exposure;
    vec3 camera_translation; // within its cell
    uint light_count;
    Sky sky;
    Words vertices;
    Transforms transforms;
    Metas metas;
    Meshes meshes;
    Materials materials;
    Lights lights;
    Harmonics harmonics;
    uint sky_cube;           // prefiltered, roughness over mip levels
    uint sky_levels;
    uint brdf_table;
    uint clamp_sampler;
    uint64_t lighting;       // address of what lighting.glsl describes
    Words parameters;        // named numbers: the scene's, then each material's, PARAMETERS of each
    LayerInfos layers;
    UvTransforms uv_transforms;
};

layout(set = 0, binding = 0) uniform texture2D images[];
layout(set = 0, binding = 1) uniform sampler samplers[];
layout(set = 0, binding = 2) uniform textureCube cubes[];

// Named numbers, by the numbers that `src/scene/parameters.rs` gives them.
const uint PARAMETERS = 8u;
const uint HARMONY = 0u;

// A named number of a material, or else of the scene.
float parameter(Globals globals, uint material, uint number) {
    uint word = globals.parameters.at[(material + 1u) * PARAMETERS + number];
    return uintBitsToFloat(word == NONE ? globals.parameters.at[number] : word);
}

// A unit vector from octahedral coordinates in −1 to 1 (Cigolle et al. 2014).
vec3 octahedral(vec2 e) {
    vec3 v = vec3(e, 1.0 - abs(e.x) - abs(e.y));
    float t = max(-v.z, 0.0);
    v.xy += mix(vec2(t), vec2(-t), greaterThanEqual(v.xy, vec2(0.0)));
    return normalize(v);
}
#endif
