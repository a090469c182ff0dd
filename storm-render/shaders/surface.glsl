// Surfaces of one's own. A fragment shader includes this file after its `#version 460` and
// `#extension GL_GOOGLE_include_directive : require`, and defines one function:
//
//     void surface(SurfaceInput at, inout SurfaceOutput s)
//
// It finds in `s` what the material of the instance is at this place (factors times textures, as glTF has it) and changes
// what it likes. Lighting, shadows, fog, culling and blending are the renderer's. Masked materials are drawn where
// `s.base_color.a` is at least the material's cutoff, blended ones with this alpha.
//
//     glslangValidator -V --target-env vulkan1.3 -g0 -I<folder of this file> -o mine.frag.spv mine.frag
#define SURFACE
#extension GL_EXT_samplerless_texture_functions : require
#include "common.glsl"

struct SurfaceInput {
    vec3 relative;        // metres from the camera, along world axes
    ivec3 cell;           // of the camera; a cell is CELL_SIZE metres
    vec3 translation;     // metres from the corner of that cell, along world axes
    vec3 normal;          // unit, world axes, towards the eye, with the material's normal map
    vec3 view;            // unit, towards the eye
    vec2 uv;              // the first set; V runs down
    vec2 uv1;             // the second
    vec4 color;           // of the vertices, linear; white where there is none
    uint slot;            // of the instance
    float parameters[16]; // in the order in which SurfaceShader names them
};

struct SurfaceOutput {
    vec4 base_color; // linear, with alpha, not premultiplied
    vec3 normal;     // world axes; of any length but 0
    float metallic;  // 0 to 1
    float roughness; // 0 to 1
    vec3 emissive;   // radiance, linear
    float occlusion; // part of the sky that is seen: 0 to 1
};

struct SurfaceInfo {
    TextureRef textures[4];
    float parameters[16];
};
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer SurfaceInfos { SurfaceInfo at[]; };

// One of the surface's own four textures, in linear colours; white where there is none.
vec4 surface_texture(uint number, vec2 uv);

// What the user defines.
void surface(SurfaceInput at, inout SurfaceOutput s);

#include "scene_fragment.glsl"
